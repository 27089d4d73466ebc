"""A round as its events tell it: a pure fold, so that a reorganised chain is answered by folding again.

Nothing here asks the chain or the clock; what events do not say (when a vote ends) comes from elsewhere.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    Event,
    FeeClaimed,
    LeaderProposed,
    ProposalRejected,
    RecordExcluded,
    RoundClosed,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.abi.structs import Member
from tpre_offchain.crypto.hashing import rank
from tpre_offchain.errors import ProtocolError
from tpre_offchain.types import Address, RecordId, RoundId, Slot

ROUND_EVENTS = (
    RoundOpened,
    CfragsSubmitted,
    LeaderProposed,
    VoteCast,
    ProposalRejected,
    RoundFinalized,
    RoundClosed,
    CfragChallenged,
    RecordExcluded,
    FeeClaimed,
)
RoundEvent = (
    RoundOpened
    | CfragsSubmitted
    | LeaderProposed
    | VoteCast
    | ProposalRejected
    | RoundFinalized
    | RoundClosed
    | CfragChallenged
    | RecordExcluded
    | FeeClaimed
)


class BrokenHistory(ProtocolError):
    """Events of a round do not begin with its opening: the node left some out, or pruned them."""

    default_retryable = True
    default_hint = "ask a node that keeps the logs since the deployment's block"


@dataclass(frozen=True)
class RoundFacts:
    """What the events of a round say so far."""

    opened: RoundOpened
    submissions: tuple[CfragsSubmitted, ...] = ()
    """In the order of the round's hash chain, the challenged ones among them."""
    proposal: LeaderProposed | None = None
    """Live or final; None once it was voted down, or its round closed without a result."""
    votes: Mapping[Slot, bool] = field(default_factory=dict)
    """On that proposal; the leader's own among them."""
    rejected_leaders: frozenset[Slot] = frozenset()
    challenged: frozenset[Slot] = frozenset()
    excluded: frozenset[int] = frozenset()
    """Positions of records that left."""
    finalized: bool = False
    settled: bool = False
    claimants: frozenset[Address] = frozenset()
    vouched: frozenset[Slot] = frozenset()
    """Contributors of a result that was finalized by signed votes, whose cfrags are not on the chain."""

    @property
    def round_id(self) -> RoundId:
        """Of the round."""
        return self.opened.round_id

    @property
    def submitted(self) -> frozenset[Slot]:
        """Slots whose cfrags stand."""
        return (frozenset(submission.slot for submission in self.submissions) | self.vouched) - self.challenged

    def submission_of(self, slot: Slot) -> CfragsSubmitted:
        """What a slot submitted. Raises ``ProtocolError`` if it did not."""
        for submission in self.submissions:
            if submission.slot == slot:
                return submission
        raise ProtocolError(f"slot {slot} submitted nothing in round {self.round_id:#x}")

    @property
    def records_in(self) -> tuple[tuple[int, RecordId, bytes], ...]:
        """Position, id and c1 (128 bytes) of each record still in the round."""
        everything = zip(self.opened.record_ids, self.opened.capsules, strict=True)
        return tuple(
            (position, record_id, c1)
            for position, (record_id, c1) in enumerate(everything)
            if position not in self.excluded
        )


def fold(events: Sequence[RoundEvent]) -> RoundFacts:
    """The facts after all these events, in chain order. Raises ``BrokenHistory`` if the first is not the opening."""
    if not events or not isinstance(events[0], RoundOpened):
        raise BrokenHistory("a round's events do not begin with RoundOpened")
    facts = RoundFacts(events[0])
    for event in events[1:]:
        facts = after(facts, event)
    return facts


def after(facts: RoundFacts, event: RoundEvent) -> RoundFacts:
    """The facts after one more event."""
    match event:
        case CfragsSubmitted():
            return replace(facts, submissions=(*facts.submissions, event))
        case LeaderProposed():
            return replace(facts, proposal=event, votes={event.slot: True})
        case VoteCast():
            return replace(facts, votes={**facts.votes, event.slot: event.approve})
        case ProposalRejected():
            rejected = facts.rejected_leaders
            if facts.proposal is not None:
                rejected = rejected | {facts.proposal.slot}
            return replace(facts, proposal=None, votes={}, rejected_leaders=rejected)
        case CfragChallenged():
            return replace(facts, challenged=facts.challenged | {event.slot})
        case RecordExcluded():
            # a live proposal converts the record too, and falls with it; its leader may propose again
            excluded = facts.excluded | {facts.opened.record_ids.index(event.record_id)}
            return replace(facts, excluded=excluded, proposal=None, votes={})
        case RoundFinalized():
            return _finalized(facts, event)
        case RoundClosed():
            # a proposal that was still voted on when time was up falls with the round
            return replace(facts, settled=True, proposal=None, votes={})
        case FeeClaimed():
            return replace(facts, claimants=facts.claimants | {event.proxy})
        case RoundOpened():
            return facts


def _finalized(facts: RoundFacts, event: RoundFinalized) -> RoundFacts:
    """By votes that were cast one by one, by proof, or by signed votes: these come with the contributors' shares."""
    posted = frozenset(submission.slot for submission in facts.submissions)
    vouched = slots_of(event.contributors) - posted
    votes = {**dict.fromkeys(slots_of(event.approvals), True), **facts.votes}
    return replace(facts, finalized=True, vouched=vouched, votes=votes)


@dataclass
class RoundLog:
    """The events of one round in chain order, whatever order they arrive in.

    One's own receipt comes before the logs of the blocks it follows, and a node may report a log twice.
    """

    events: list[RoundEvent] = field(default_factory=list)

    def add(self, event: RoundEvent) -> bool:
        """Take an event in; False if it was known."""
        if any(_place(known) == _place(event) and known.at.block_hash == event.at.block_hash for known in self.events):
            return False
        insort(self.events, event, key=_place)
        return True

    def remove(self, event: Event) -> bool:
        """Forget an event; False if it was not known."""
        kept = [known for known in self.events if known.at != event.at]
        forgot = len(kept) < len(self.events)
        self.events = kept
        return forgot

    def rewind(self, last_good_block: int) -> bool:
        """Forget what came after a block; False if nothing did."""
        kept = [event for event in self.events if event.at.block_number <= last_good_block]
        forgot = len(kept) < len(self.events)
        self.events = kept
        return forgot


def _place(event: Event) -> tuple[int, int]:
    return event.at.block_number, event.at.log_index


def bitmap_of_slots(slots: Iterable[Slot]) -> int:
    """The contract's bitmap of some slots."""
    return sum(1 << (slot - 1) for slot in slots)


def bitmap_of_positions(positions: Iterable[int]) -> int:
    """The contract's bitmap of some records: bit j is position j."""
    return sum(1 << position for position in positions)


def ranking(round_id: RoundId, committee: Sequence[Member]) -> tuple[Slot, ...]:
    """The slots of a committee in rank order (SPEC §9)."""
    return tuple(sorted(map(Slot, range(1, len(committee) + 1)), key=lambda slot: rank(round_id, slot)))


def slot_of(committee: Sequence[Member], account: Address) -> Slot | None:
    """An account's slot, None if it is no member."""
    for number, member in enumerate(committee, start=1):
        if member.account == account:
            return Slot(number)
    return None


def positions_of(bitmap: int) -> frozenset[int]:
    """Positions of a contract's bitmap of records: bit j is position j."""
    return frozenset(bit for bit in range(bitmap.bit_length()) if bitmap >> bit & 1)


def slots_of(bitmap: int) -> frozenset[Slot]:
    """Slots of a contract's bitmap: bit i-1 is slot i."""
    return frozenset(Slot(bit + 1) for bit in positions_of(bitmap))
