"""Table 1 of the paper for this system: each mark with the test that is its evidence."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = ("feature", "paper's mark for its scheme", "here", "evidence")

_TESTS: Final = "tests/"
ROWS: Final = (
    (
        "Confidentiality of data",
        "yes",
        "yes",
        _TESTS + "attacks/test_collusion_without_user.py::test_collusion__t_without_user__read_nothing",
    ),
    (
        "Decentralization",
        "yes",
        "yes",
        _TESTS
        + "integration/proxy/test_proxy_rounds.py::test_round__leader_and_next_die_after_the_proposal__others_finish",
    ),
    (
        "Multiple proxies",
        "yes",
        "yes",
        _TESTS + "integration/proxy/test_proxy_rounds.py::test_round__two_of_five_killed_and_memory_lost__finalized",
    ),
    (
        "Split re-encryption key",
        "yes",
        "yes",
        _TESTS + "property/test_threshold.py::test_convert__fewer_than_t__does_not_open",
    ),
    (
        "Owner's overload",
        "low",
        "low",
        _TESTS + "integration/clients/test_clients_path.py::test_fetch__granted_record__gives_the_published_bytes",
    ),
    (
        "Proxy's overload",
        "low",
        "low",
        _TESTS + "property/test_decide_rounds.py::test_round__nobody_fails_and_chain_is_fast__no_transaction_is_wasted",
    ),
    (
        "Auditable",
        "yes",
        "yes",
        _TESTS + "integration/cli/test_cli_audit.py::test_verify__node_lies__the_right_check_fails",
    ),
)
"""The owner is offline after the grant, which the first of the two overload tests shows; a proxy sends no transaction
that the round does not need, which the second shows."""
