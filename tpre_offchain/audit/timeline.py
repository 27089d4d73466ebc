"""Events as a story: who did what, when, to which stream, record, grant or round. Pure: events in, entries out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from tpre_offchain.chain.abi import events as chain
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.ids import grant_of_round, publisher_of_record, stream_of_record

_NOT_DETAILS: Final = frozenset({"at", "record", "rekey", "key", "data", "capsules", "cfrags", "results", "proof"})
"""Points, ciphertexts and proofs: an auditor verifies them, nobody reads them."""


@dataclass(frozen=True)
class Entry:
    """One event. ``actor``: the account that did it, as far as the event says. ids are those it is about, or None."""

    block: int
    log_index: int
    time_s: int | None
    transaction: str
    action: str
    actor: str | None
    stream: int | None
    record: int | None
    grant: int | None
    round: int | None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """What an auditor looks at; None does not matter. A grant's scope includes its rounds."""

    stream: int | None = None
    record: int | None = None
    grant: int | None = None
    round: int | None = None
    account: str | None = None


_ACTIONS: Final[Mapping[type[Event], tuple[str, str | None]]] = {
    # what is said, and the field that names who did it
    chain.DelegatingKeyRegistered: ("registered a delegating key", "account"),
    chain.ReceivingKeyRegistered: ("registered a receiving key", "account"),
    chain.ProxyJoined: ("joined as a proxy", "proxy"),
    chain.ProxyKeyRotated: ("rotated its node key", "proxy"),
    chain.EndpointChanged: ("changed its endpoint", "proxy"),
    chain.ProxyLeaving: ("is leaving the pool", "proxy"),
    chain.BondWithdrawn: ("took its bond back", "proxy"),
    chain.BondToppedUp: ("topped up its bond", "proxy"),
    chain.ProxyPenalized: ("was penalized", "proxy"),
    chain.RoundMissed: ("missed a round", "proxy"),
    chain.StreamCreated: ("created a stream", "owner"),
    chain.TermsChanged: ("changed the terms of a stream", None),
    chain.PublisherSet: ("set a publisher", None),
    chain.EpochAdvanced: ("started an epoch", None),
    chain.RecordPublished: ("published a record", None),
    chain.AccessRequested: ("asked for access", "delegatee"),
    chain.AccessGranted: ("granted access", "delegator"),
    chain.RekeyPosted: ("posted a re-key", None),
    chain.AccessDenied: ("denied access", None),
    chain.RequestWithdrawn: ("withdrew the request", None),
    chain.GrantRevoked: ("revoked the grant", None),
    chain.GrantSurrendered: ("surrendered the grant", None),
    chain.DepositAdded: ("added to the deposit", None),
    chain.DepositReclaimed: ("reclaimed the deposit", None),
    chain.PricePaid: ("was paid for conversions", "owner"),
    chain.FragmentComplaint: ("complained about its fragment", "proxy"),
    chain.RoundOpened: ("opened a round", "opener"),
    chain.CfragsSubmitted: ("submitted cfrags", "proxy"),
    chain.LeaderProposed: ("proposed the result", "leader"),
    chain.VoteCast: ("voted", "proxy"),
    chain.ProposalRejected: ("was voted down", "leader"),
    chain.RoundFinalized: ("finalized the round", "leader"),
    chain.RoundClosed: ("closed the round", None),
    chain.CfragChallenged: ("was challenged for its cfrags", "proxy"),
    chain.RecordExcluded: ("had a record excluded", "reporter"),
    chain.FeeClaimed: ("earned its fee", "proxy"),
    chain.Withdrawn: ("withdrew money", "account"),
}
"""Held and Credited of the Treasury are left out: each is the other half of an event above."""


def timeline(events: Iterable[Event], scope: Scope = Scope()) -> tuple[Entry, ...]:
    """The entries of a scope, in chain order."""
    ordered = sorted(events, key=lambda event: (event.at.block_number, event.at.log_index))
    entries = (_entry(event, *_ACTIONS[type(event)]) for event in ordered if type(event) in _ACTIONS)
    return tuple(entry for entry in entries if _is_in(entry, scope))


def _entry(event: Event, action: str, actor_field: str | None) -> Entry:
    record = getattr(event, "record_id", None)
    round_id = getattr(event, "round_id", None)
    grant = getattr(event, "grant_id", None)
    stream = getattr(event, "stream_id", None)
    actor = None if actor_field is None else getattr(event, actor_field)
    if isinstance(event, chain.RecordPublished):
        actor = publisher_of_record(event.record_id)
    if isinstance(event, chain.AccessRequested) and event.offered:
        action, actor = "offered access", None
    if isinstance(event, chain.VoteCast):
        action = "voted for it" if event.approve else "voted against it"
    return Entry(
        block=event.at.block_number,
        log_index=event.at.log_index,
        time_s=event.at.timestamp,
        transaction="0x" + event.at.tx_hash.hex(),
        action=action,
        actor=actor,
        stream=stream_of_record(record) if stream is None and record is not None else stream,
        record=record,
        grant=grant_of_round(round_id) if grant is None and round_id is not None else grant,
        round=round_id,
        detail=_detail(event, actor_field),
    )


def _detail(event: Event, actor_field: str | None) -> dict[str, Any]:
    shown_elsewhere = _NOT_DETAILS | {"stream_id", "record_id", "grant_id", "round_id", actor_field}
    found = {one.name: getattr(event, one.name) for one in fields(event) if one.name not in shown_elsewhere}
    if isinstance(event, chain.RecordPublished):
        found |= {"tags": event.record.tags, "cid_hash": event.record.cid_hash}
    if isinstance(event, chain.RekeyPosted):
        found |= {"epoch": event.rekey.epoch, "threshold": len(event.rekey.commitments), "slots": len(event.rekey.pads)}
    return {name: _plain(value) for name, value in found.items()}


def _is_in(entry: Entry, scope: Scope) -> bool:
    if scope.account is not None:
        accounts = [str(entry.actor), *map(str, _leaves(entry.detail))]
        if scope.account.lower() not in (account.lower() for account in accounts):
            return False
    about_record = scope.record is None or entry.record == scope.record or scope.record in _ids(entry.detail)
    return (
        about_record
        and scope.stream in (None, entry.stream)
        and scope.grant in (None, entry.grant)
        and scope.round in (None, entry.round)
    )


def _ids(detail: Mapping[str, Any]) -> Iterable[int]:
    found = detail.get("record_ids", ())
    return found if isinstance(found, list) else ()


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _plain(value: Any) -> Any:
    """As JSON has it: bytes in hex, structs as mappings."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    name = getattr(value, "name", None)
    return name.lower() if isinstance(name, str) else value
