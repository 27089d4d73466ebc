"""One round that this proxy takes part in, from its opening until nothing is left to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tpre_offchain.chain.abi.events import Event, RoundOpened
from tpre_offchain.chain.abi.structs import Phase, Round, RoundSettings
from tpre_offchain.proxy.rounds.checks import Findings
from tpre_offchain.proxy.rounds.exchanged import RoundExchange
from tpre_offchain.proxy.rounds.grants import Seat
from tpre_offchain.proxy.rounds.rounds import (
    RoundEvent,
    RoundFacts,
    RoundLog,
    bitmap_of_positions,
    bitmap_of_slots,
    fold,
    ranking,
    slots_of,
)
from tpre_offchain.proxy.rounds.snapshot import RoundSnapshot
from tpre_offchain.types import RoundId, Slot


@dataclass
class OpenRound:
    """Events, findings and the moments that events do not tell.

    A vote's end is estimated from when its proposal was seen, and set right by ``agree_with`` before anything depends
    on it.
    """

    round_id: RoundId
    seat: Seat
    settings: RoundSettings
    log: RoundLog = field(default_factory=RoundLog)
    findings: Findings = field(default_factory=Findings)
    exchange: RoundExchange = field(default_factory=RoundExchange)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an event came in; whoever acts on it clears it."""
    gone: bool = False
    """The block that opened it is no more."""
    unconfirmed: bool = False
    """The facts are to be held against the contract's storage before the next step."""
    refused: bool = False
    """A transaction of ours was mined and refused: the node is asked before the next, which then costs nothing."""
    heard_at: float = 0.0
    """By the process's own clock: when the newest event came in."""

    crowd: int = 0
    """The most other rounds of this proxy that ran at the same time, whenever that was looked at."""
    phase: Phase = Phase.NONE
    """As it was last looked at."""

    _facts: RoundFacts | None = None
    _since_s: float = 0.0
    _vote_end_s: int = 0

    @property
    def facts(self) -> RoundFacts:
        """What the events say. Raises ``BrokenHistory`` where they lack the beginning."""
        if self._facts is None:
            self._facts = fold(self.log.events)
        return self._facts

    def add(self, events: Iterable[RoundEvent], now_s: float) -> bool:
        """Take events in; False if all were known."""
        new = [event for event in events if self.log.add(event)]
        if not new:
            return False
        self.heard_at = time.perf_counter()
        self._refold(now_s)
        return True

    def age_ms(self) -> float:
        """Milliseconds since the newest event came in."""
        return round((time.perf_counter() - self.heard_at) * 1e3, 2)

    def rewind(self, last_good_block: int, now_s: float) -> bool:
        """Forget events of blocks that are no more, and what was found out of them."""
        return self._forgot(self.log.rewind(last_good_block), now_s)

    def retract(self, event: Event, now_s: float) -> bool:
        """Forget an event that is not on the chain after all."""
        return self._forgot(self.log.remove(event), now_s)

    def _forgot(self, anything: bool, now_s: float) -> bool:
        if not anything:
            return False
        self.findings = Findings()
        self.exchange = RoundExchange()
        # what is left may have lost its beginning for a moment only: the chain tells
        self.unconfirmed = True
        if self.log.events and isinstance(self.log.events[0], RoundOpened):
            self._refold(now_s)
        else:
            self.gone = True
            self.changed.set()
        return True

    def replace_log(self, events: Iterable[RoundEvent], block: int, now_s: float) -> None:
        """Take these events for all there are up to a block."""
        later = [event for event in self.log.events if event.at.block_number > block]
        self.log = RoundLog()
        self.findings.cfrags.clear()
        self.add([*events, *later], now_s)

    def _refold(self, now_s: float) -> None:
        before, self._facts = self._facts, fold(self.log.events)
        facts = self._facts
        if facts.finalized or facts.settled:
            if before is None or not (before.finalized or before.settled):
                self._vote_end_s = self._time_of_newest(now_s) + self.settings.challenge_seconds
        elif facts.proposal is not None and (before is None or facts.proposal != before.proposal):
            self._vote_end_s = (facts.proposal.at.timestamp or int(now_s)) + self.settings.vote_seconds
        self.changed.set()

    def _time_of_newest(self, now_s: float) -> int:
        return self.log.events[-1].at.timestamp or int(now_s)

    def agrees_with(self, stored: Round, block: int) -> bool:
        """Whether the events up to a block tell what the contract stored after it; takes over the time that they do
        not tell.
        """
        by_then = [event for event in self.log.events if event.at.block_number <= block]
        if not by_then or not isinstance(by_then[0], RoundOpened):
            return False
        facts = fold(by_then)
        if len(by_then) == len(self.log.events):
            self._vote_end_s = stored.vote_end
        votes = facts.votes if facts.proposal is not None else {}
        told = (
            bitmap_of_slots(facts.submitted),
            bitmap_of_slots(facts.challenged),
            bitmap_of_slots(slot for slot, approve in votes.items() if approve),
            bitmap_of_slots(slot for slot, approve in votes.items() if not approve),
            bitmap_of_positions(facts.excluded),
            facts.proposal.slot if facts.proposal is not None else 0,
            facts.finalized,
            facts.settled,
        )
        return told == (
            stored.submitted,
            stored.challenged,
            stored.approvals,
            stored.rejections,
            stored.excluded,
            stored.leader,
            stored.finalized,
            stored.closed,
        )

    def snapshot(self, seat: Seat, now_s: float) -> RoundSnapshot:
        """The round now; remembers since when it is in its phase. ``seat``: with the grant's latest status."""
        facts, found = self.facts, self.findings
        proposal = facts.proposal
        accounts = [member.account for member in seat.committee]
        snapshot = RoundSnapshot(
            round_id=self.round_id,
            threshold=seat.access.threshold,
            ranking=ranking(self.round_id, seat.committee),
            records=len(facts.opened.record_ids),
            deadline_s=facts.opened.deadline,
            vote_seconds=self.settings.vote_seconds,
            now_s=now_s,
            since_s=self._since_s,
            submitted=facts.submitted,
            challenged=facts.challenged,
            leader=proposal.slot if proposal is not None else None,
            contributors=slots_of(proposal.contributors) if proposal is not None else frozenset(),
            vote_end_s=self._vote_end_s,
            approvals=frozenset(slot for slot, approve in facts.votes.items() if approve),
            rejections=frozenset(slot for slot, approve in facts.votes.items() if not approve),
            rejected_leaders=facts.rejected_leaders,
            excluded=facts.excluded,
            finalized=facts.finalized,
            settled=facts.settled,
            grant_ended=seat.is_ended,
            claimed=frozenset(Slot(accounts.index(account) + 1) for account in facts.claimants),
            fee_wei=self.settings.fee_per_cfrag_wei * len(facts.records_in),
            fragment=found.fragment,
            bad_capsules=found.bad_capsules,
            cfrags=found.verdicts,
            exchanged=self.exchange.view(seat.slot),
        )
        if snapshot.phase is not self.phase:
            self.phase, self._since_s = snapshot.phase, now_s
            return replace(snapshot, since_s=now_s)
        return snapshot
