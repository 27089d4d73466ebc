"""Actions before their checks, and the names under which the outbox knows them."""

from __future__ import annotations

import secrets
from typing import cast

import pytest

from tests.unit.proxy.test_proxy_rounds import STORY, opened, seat
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.rounds.actions import SUBMIT_GAS, NotChecked, Workbench, prepare
from tpre_offchain.proxy.rounds.checks import Findings
from tpre_offchain.proxy.rounds.decide import (
    Challenge,
    Complain,
    FinalizeByProof,
    FinalizeSigned,
    Propose,
    ReportCapsules,
    Submit,
    Transaction,
    Vote,
)
from tpre_offchain.proxy.rounds.rounds import fold
from tpre_offchain.types import Slot


def bench(events: int = len(STORY)) -> Workbench:
    """Nothing was checked yet; the contracts must not be reached."""
    key = ProxyKey.of_secret(5, 1)
    nowhere = cast("ProxyContracts", None)
    return Workbench(nowhere, seat(), fold(STORY[:events]), Findings(), secrets.token_bytes, key)


@pytest.mark.parametrize("action", [Propose(frozenset({Slot(1)})), Challenge(Slot(1)), Complain()])
def test_prepare__grant_was_not_read__raises(action: Transaction) -> None:
    with pytest.raises(NotChecked, match="not read yet"):
        prepare(action, bench())


def test_prepare__signed_result_without_one_that_was_combined__raises() -> None:
    with pytest.raises(NotChecked, match="no result"):
        prepare(FinalizeSigned(frozenset({Slot(1)})), bench())


@pytest.mark.parametrize("action", [Vote(approve=True), FinalizeByProof()])
def test_prepare__vote_or_proof_without_a_proposal__raises(action: Transaction) -> None:
    with pytest.raises(NotChecked, match="no proposal"):
        prepare(action, bench(events=4))


def test_key_of__other_step_or_subject__other_key() -> None:
    actions: list[Transaction] = [
        Submit(),
        Complain(),
        Challenge(Slot(1)),
        Challenge(Slot(2)),
        ReportCapsules(frozenset({1})),
        ReportCapsules(frozenset({2})),
        Propose(frozenset({Slot(1)})),
        Propose(frozenset({Slot(2)})),
        Vote(approve=True),
        FinalizeByProof(),
    ]
    keys = [bench().key_of(action) for action in actions]
    assert len(set(keys)) == len(actions)
    assert keys == [bench().key_of(action) for action in actions]


def test_gas__more_records_and_members__higher_limit() -> None:
    base, record, member = SUBMIT_GAS
    assert bench().gas(SUBMIT_GAS) == base + len(opened().record_ids) * record + 5 * member
