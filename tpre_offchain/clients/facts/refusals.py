"""What a contract's refusal means to the one who asked: the revert is the proof, this is only its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Status
from tpre_offchain.clients.errors import (
    AccessRefused,
    DepositUsedUp,
    GrantExpired,
    GrantRevoked,
    NoGrant,
    NotPayer,
    NotYourGrant,
    QuotaUsedUp,
)

_BY_STATUS: Mapping[Status, type[AccessRefused]] = {
    Status.DENIED: GrantRevoked,
    Status.REVOKED: GrantRevoked,
    Status.VOIDED: GrantRevoked,
    Status.SURRENDERED: GrantRevoked,
}


def _of_status(arguments: Mapping[str, Any]) -> type[AccessRefused]:
    return _BY_STATUS.get(Status(arguments["current"]), NoGrant)


_BY_NAME: Mapping[str, Callable[[Mapping[str, Any]], type[AccessRefused]]] = {
    "UnknownGrant": lambda _: NoGrant,
    "RekeyMismatch": lambda _: NoGrant,
    "EpochOutOfScope": lambda _: NoGrant,
    "NotPayer": lambda _: NotPayer,
    "NotDelegatee": lambda _: NotYourGrant,
    "NotDelegator": lambda _: NotYourGrant,
    "WrongStatus": _of_status,
    "StaleGrant": lambda _: GrantExpired,
    "QuotaExceeded": lambda _: QuotaUsedUp,
    "DepositTooSmall": lambda _: DepositUsedUp,
}


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Turn a contract's refusal of a step of a grant into an ``AccessRefused``; other reverts pass through."""
    try:
        yield
    except ContractRevert as revert:
        explained = explain(revert)
        if explained is None:
            raise
        raise explained from revert


def explain(revert: ContractRevert, status: Status = Status.NONE) -> AccessRefused | None:
    """The refusal that a revert stands for, or None if it is about something else.

    ``status``: of the grant, if known. A grant that was revoked and does not cover the record's epoch either is refused
    for the latter, which the contract looks at first; that it was revoked is what the user needs to hear.
    """
    kind = _BY_NAME.get(revert.name)
    if kind is None:
        return None
    meaning = kind(revert.arguments)
    if meaning is NoGrant:
        meaning = _BY_STATUS.get(status, NoGrant)
    refused = meaning(revert.message, culprit=revert.culprit)
    refused.revert = revert.name
    return refused
