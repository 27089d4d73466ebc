"""What the chain says happened: read with nothing but its logs, and held against what may happen once at most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.integration.nets.told import events_told
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    CfragChallenged,
    CfragsSubmitted,
    Event,
    FeeClaimed,
    FragmentComplaint,
    LeaderProposed,
    RecordExcluded,
    RecordPublished,
    RoundClosed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.ids import grant_of_round
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import RoundId

EventT = TypeVar("EventT", bound=Event)


@dataclass(frozen=True)
class Ledger:
    """All events of a deployment up to the block with the hash ``head``."""

    head: bytes
    events: tuple[Event, ...]
    fee_per_cfrag_wei: int

    def of(self, kind: type[EventT], round_id: RoundId | int | None = None) -> list[EventT]:
        """Those of one kind, of one round if that is named."""
        found = [event for event in self.events if isinstance(event, kind)]
        return [one for one in found if round_id is None or getattr(one, "round_id", None) == round_id]

    def repeated(self) -> list[str]:
        """What is on the chain twice and may be there once. Empty, whatever was killed."""
        return [f"{what} x{count}" for what, count in Counter(self._once_at_most()).items() if count > 1]

    def overpaid(self) -> list[str]:
        """Fees that are not those of a slot's cfrags in its round."""
        wrong = []
        for claim in self.of(FeeClaimed):
            records = len(self.of(RoundOpened, claim.round_id)[0].record_ids)
            if claim.amount > records * self.fee_per_cfrag_wei:
                wrong.append(f"{claim.proxy} took {claim.amount} in {claim.round_id:#x}")
            if claim.proxy not in accounts_of(self.of(CfragsSubmitted, claim.round_id)) | self._vouched(claim.round_id):
                wrong.append(f"{claim.proxy} was paid for nothing in {claim.round_id:#x}")
        return wrong

    def _vouched(self, round_id: RoundId) -> set[str]:
        """Contributors of a finalized round: where votes were signed, their cfrags are not on the chain."""
        granted = [one for one in self.of(AccessGranted) if one.grant_id == grant_of_round(round_id)]
        return {
            member.account
            for final in self.of(RoundFinalized, round_id)
            for i, member in enumerate(granted[-1].committee)
            if final.contributors >> i & 1
        }

    def _once_at_most(self) -> Iterator[tuple[Any, ...]]:
        for event in self.events:
            match event:
                case CfragsSubmitted():
                    yield "submission", hex(event.round_id), event.slot
                case VoteCast():
                    yield "vote", hex(event.round_id), event.slot, event.result_hash.hex()
                case LeaderProposed():
                    yield "proposal", hex(event.round_id), event.slot, event.result_hash.hex(), event.excluded
                case RoundFinalized() | RoundClosed():
                    yield "end", hex(event.round_id)
                case FeeClaimed():
                    yield "fee", hex(event.round_id), event.proxy
                case CfragChallenged():
                    yield "challenge", hex(event.round_id), event.slot
                case RecordExcluded():
                    yield "exclusion", hex(event.round_id), event.record_id
                case FragmentComplaint() if event.upheld:
                    yield "complaint", event.grant_id
                case RecordPublished():
                    yield "record", event.stream_id, event.record.cid_hash.hex()
                case _:
                    pass


async def read_ledger(connection: Connection, deployment: Deployment, known: Ledger | None = None) -> Ledger:
    """Everything the contracts logged; ``known``, where that is up to the newest block."""
    head = await connection.latest()
    if known is not None and known.head == head.hash:
        return known
    events = await events_told(connection, deployment, head.number)
    return Ledger(head.hash, events, deployment.settings.rounds.fee_per_cfrag_wei)


async def require_solvent(connection: Connection, deployment: Deployment) -> None:
    """The treasury holds what it owes, to the wei."""
    contracts = Contracts.of(connection, deployment)
    claims = await contracts.treasury.total_claims()
    balance = await connection.balance(contracts.treasury.address)
    assert claims == balance, f"the treasury owes {claims} and holds {balance}"


def accounts_of(events: Iterable[CfragsSubmitted]) -> set[str]:
    """Who submitted."""
    return {event.proxy for event in events}
