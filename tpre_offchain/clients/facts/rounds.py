"""Rounds as the chain has them, and their results, verified by the pairing equation before anyone uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from tpre_offchain.chain.abi.events import (
    CfragsSubmitted,
    Event,
    LeaderProposed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.ids import publisher_of_record
from tpre_offchain.chain.abi.structs import Member, Phase, Round
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients.errors import HistoryMissing, RecordExcludedFromRound, shown_record, shown_round
from tpre_offchain.clients.facts.grants import GrantedLabel
from tpre_offchain.clients.facts.history import History
from tpre_offchain.clients.facts.points import points_from_evm
from tpre_offchain.clients.results import ConversionRecord, Vote
from tpre_offchain.crypto.cfrag import RoundContext, VerifiedResult, verify_result
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.hashing import Domain, proposal_hash, result_hash
from tpre_offchain.types import GrantId, RecordId, RoundId, Slot

EventT = TypeVar("EventT", bound=Event)
LOGS_BEHIND_S: Final = (0.05, 0.2, 0.5, 1.0)
"""Pauses for a node whose logs are behind its storage: it takes a block in just then, or is several behind one name."""


@dataclass(frozen=True)
class FinalizedRound:
    """A round with its result on record, as the events tell it; the result's hash is the contract's."""

    state: Round
    opened: RoundOpened
    proposed: LeaderProposed
    finalized: RoundFinalized

    @property
    def kept(self) -> tuple[int, ...]:
        """Positions of the records that are still in, in order."""
        return kept_positions(len(self.opened.record_ids), self.state.excluded)


class Rounds:
    """Reads rounds."""

    def __init__(self, history: History, connection: Connection, domain: Domain) -> None:
        self._history = history
        self._connection = connection
        self._domain = domain
        self._contract = history.contracts.rounds

    async def opened_for(self, grant_id: GrantId) -> list[RoundOpened]:
        """Every round of a grant, as it was opened."""
        return await self._history.events(RoundOpened, self._contract.address, None, grant_id)

    async def opened(self, round_id: RoundId) -> RoundOpened:
        """How a round was opened. Raises ``HistoryMissing``."""
        return self._one(await self._history.events(RoundOpened, self._contract.address, round_id), round_id)

    async def finalized(self, opened: RoundOpened) -> FinalizedRound | None:
        """A round with its result, or None while it has none. Raises ``HistoryMissing``."""
        for pause_s in LOGS_BEHIND_S:
            with suppress(HistoryMissing):
                return await self._finalized(opened)
            await asyncio.sleep(pause_s)
        return await self._finalized(opened)

    async def _finalized(self, opened: RoundOpened) -> FinalizedRound | None:
        round_id = opened.round_id
        state = await self._contract.round_of(round_id)
        if not state.finalized:
            return None
        since = opened.at.block_number
        proposals = await self._events(LeaderProposed, round_id, since)
        # There may be several, after a rejection or an exclusion: the stored hash names the final one.
        final = [one for one in proposals if proposal_hash(state.key, _hash_of(one)) == state.proposal]
        proposed = self._one(final[-1:], round_id)
        finalized = self._one(await self._events(RoundFinalized, round_id, since), round_id)
        return FinalizedRound(state, opened, proposed, finalized)

    async def conversion_record(self, found: FinalizedRound, committee: Sequence[Member]) -> ConversionRecord:
        """Who led, contributed and voted, and what it cost in gas."""
        opened, proposed, finalized = found.opened, found.proposed, found.finalized
        since = opened.at.block_number
        votes = [
            vote
            for vote in await self._events(VoteCast, opened.round_id, since)
            if vote.result_hash == proposed.result_hash
        ]
        cast = {vote.slot: Vote(vote.slot, vote.proxy, vote.approve) for vote in votes}
        for slot, member in enumerate(committee, 1):
            if finalized.approvals >> (slot - 1) & 1:  # the leader's own, and those that came as signatures
                cast.setdefault(Slot(slot), Vote(Slot(slot), member.account, approve=True))
        submissions = await self._events(CfragsSubmitted, opened.round_id, since)
        ids = opened.record_ids
        return ConversionRecord(
            round_id=opened.round_id,
            grant_id=opened.grant_id,
            record_ids=ids,
            excluded=tuple(ids[j] for j in range(len(ids)) if found.state.excluded >> j & 1),
            leader=proposed.leader,
            leader_slot=proposed.slot,
            contributors=tuple(member.account for i, member in enumerate(committee) if proposed.contributors >> i & 1),
            votes=tuple(cast[slot] for slot in sorted(cast)),
            approvals=finalized.approvals.bit_count(),
            by_proof=finalized.by_proof,
            result_hash="0x" + proposed.result_hash.hex(),
            gas={
                "open": await self._gas([opened]),
                "submit": await self._gas(submissions),
                "propose": await self._gas([proposed]),
                "vote": await self._gas([vote for vote in votes if vote.at.tx_hash != proposed.at.tx_hash]),
            },
            opened_block=opened.at.block_number,
            finalized_block=finalized.at.block_number,
        )

    async def phase(self, round_id: RoundId, *, now_s: float) -> Phase:
        """The phase now. Past the deadline the node is asked for the block to come: its clock may have stood still."""
        phase = await self._contract.phase_of(round_id)
        if phase in {Phase.FINALIZED, Phase.EXPIRED, Phase.ENDED}:
            return phase
        state = await self._contract.round_of(round_id)
        overdue = now_s > max(state.deadline, state.vote_end)
        return await self._contract.phase_of(round_id, block="pending") if overdue else phase

    async def _events(self, kind: type[EventT], round_id: RoundId, since: int) -> list[EventT]:
        return await self._history.events(kind, self._contract.address, round_id, since=since)

    async def _gas(self, events: Iterable[Event]) -> tuple[int, ...]:
        hashes = list(dict.fromkeys(event.at.tx_hash for event in events))
        receipts = [await self._connection.receipt(tx_hash) for tx_hash in hashes]
        return tuple(receipt.gas_used for receipt in receipts if receipt is not None)

    def _one(self, events: Sequence[EventT], round_id: RoundId) -> EventT:
        if len(events) != 1:
            raise HistoryMissing(f"the node has not all events of round {shown_round(round_id)}")
        return events[0]


def verified_conversion(
    domain: Domain, found: FinalizedRound, granted: GrantedLabel, record_id: RecordId, c1: G1
) -> tuple[VerifiedResult, G1]:
    """The round's verified result and the W of one record (SCHEME §6).

    Raises ``WrongResult``, ``RecordExcludedFromRound``, or ``HistoryMissing`` if the events do not fit one another.
    """
    ids = found.opened.record_ids
    kept = found.kept
    if record_id not in ids or len(found.proposed.results) != len(kept):
        raise HistoryMissing(f"record {shown_record(record_id)} is not in round {shown_round(found.opened.round_id)}")
    require_kept(found, record_id)
    position = ids.index(record_id)
    capsules = points_from_evm(found.opened.capsules[j] for j in kept)
    results = points_from_evm(found.proposed.results)
    if capsules[kept.index(position)] != c1:
        raise HistoryMissing(f"round {shown_round(found.opened.round_id)} has another capsule for the record")
    context = RoundContext(domain, found.opened.round_id)
    verified = verify_result(context, granted.verified.rekey.mask, capsules, results)
    return verified, verified.points[kept.index(position)]


def require_kept(found: FinalizedRound, record_id: RecordId) -> None:
    """Raises ``RecordExcludedFromRound`` if the record left the round: no other round would keep it."""
    if found.opened.record_ids.index(record_id) not in found.kept:
        raise RecordExcludedFromRound(
            f"record {shown_record(record_id)} left its round: its capsule proof is bad",
            culprit=publisher_of_record(record_id),
        )


def kept_positions(records: int, excluded: int) -> tuple[int, ...]:
    """Positions of a round's records that did not leave it."""
    return tuple(j for j in range(records) if not excluded >> j & 1)


def _hash_of(proposed: LeaderProposed) -> bytes:
    """resultHash of SPEC §9 from the event's own values."""
    points = points_from_evm(proposed.results)
    return result_hash(proposed.round_id, proposed.contributors, proposed.excluded, points)
