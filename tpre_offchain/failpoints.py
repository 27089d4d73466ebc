"""Named steps at which a process can be told to die, for the tests of crashes.

In a normal run ``failpoint`` is a function that does nothing: which one it is, is settled once, when this module is
imported. With ``TPRE_FAILPOINT=NAME`` in the environment the process sends itself SIGKILL as it reaches that step;
``NAME#3`` waits for the third time. ``STEPS`` lists every name.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Final

from tpre_offchain.errors import ConfigError

VARIABLE: Final = "TPRE_FAILPOINT"

_ACTIONS: Final = (
    "Submit", "Propose", "Vote", "Challenge", "ReportCapsules", "Complain", "FinalizeByProof", "FinalizeSigned",
    "Close", "ClaimFee",
)  # fmt: skip

STEPS: Final[Mapping[str, str]] = {
    # any sender of transactions
    "outbox.signed": "signed, not written down: nobody will ever send it",
    "outbox.recorded": "written down, not sent: the next run sends it",
    "outbox.mined": "mined, not noted as such: the next run finds its receipt",
    "outbox.noted": "noted as mined, its caller not told",
    # a proxy
    "proxy.news.taken": "events taken in, the place in the chain not saved",
    "proxy.place.saved": "place saved, what it asks for not done",
    **{f"proxy.computed.{name}": "decided and computed, not sent" for name in _ACTIONS},
    **{f"proxy.mined.{name}": "on the chain, not taken note of" for name in _ACTIONS},
    # whoever changes the node keys of a proxy
    "keystore.written": "the new keystore is written beside the old one",
    "keystore.replaced": "the new keystore is there, the bytes of the old one not overwritten",
    "nodekey.kept": "the new node key is in the keystore, its registration not sent",
    "nodekey.registered": "the new node key is registered, its operator not told",
    # a publisher
    "publisher.encrypted": "the blob is in the store, no job knows of it",
    "publisher.queued": "the job is in the queue, its record not sealed",
    "publisher.sealed": "sealed for its place in the stream, not sent",
    "publisher.mined": "the record is on the chain, the job still in the queue",
    # an owner
    "owner.rekey.made": "the re-key is made, the grant not sent",
    # a user
    "user.request.composed": "about to ask for access",
    "user.round.composed": "about to open a round",
    "user.round.finalized": "the result is on the chain, not read yet",
    "user.metadata.opened": "the metadata is open, the data not fetched",
    "user.output.written": "the data is verified and written beside the output, not moved there",
}


class UnknownFailpoint(ConfigError):
    """``TPRE_FAILPOINT`` names no step."""

    default_hint = f"unset {VARIABLE}; it is for tests of crashes alone"


def _nothing(_step: str, _detail: str = "") -> None:
    """What a normal run has for ``failpoint``."""


def armed(wanted: str) -> Callable[..., None]:
    """The ``failpoint`` that kills its process at the step ``NAME`` or ``NAME#COUNT``. Raises ``UnknownFailpoint``."""
    name, _, count = wanted.partition("#")
    if name not in STEPS or not (count or "1").isdecimal():
        raise UnknownFailpoint(f"{VARIABLE}={wanted} names no step")
    left = int(count or 1)

    def die(step: str, detail: str = "") -> None:
        nonlocal left
        if (f"{step}.{detail}" if detail else step) == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return die


failpoint: Callable[..., None] = armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _nothing
"""``failpoint("proxy.computed", "Vote")``: the step, and where several share its place, which of them."""
