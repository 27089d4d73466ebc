"""From the chain's events to the rounds that this proxy serves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence

from tpre_offchain.chain.abi.events import AccessGranted, Event, RekeyPosted, RoundOpened
from tpre_offchain.chain.abi.ids import grant_of_round
from tpre_offchain.chain.abi.structs import RoundSettings
from tpre_offchain.chain.contracts.conversion_rounds import OVER
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import MissingHistory, events_of, word_topic
from tpre_offchain.proxy.rounds.grants import GrantBook, Seat
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.proxy.rounds.rounds import ROUND_EVENTS, BrokenHistory, RoundEvent
from tpre_offchain.types import RoundId

REMEMBER_BLOCKS = 4_096
"""For how many blocks a round that is done with is remembered, so that a late event does not bring it back."""
ASIDE_TRIES = 20
"""How often a round is asked for whose history the node does not tell whole; a new event of it begins anew."""

OnAside = Callable[[RoundId, ProtocolError], None]


class Watcher:
    """Holds the rounds that are open for this proxy. ``now``: the chain's time in seconds.

    A round whose history the node does not tell whole is set aside, which ``on_aside`` is told, so that the others are
    served; ``look_again`` asks for it once more.
    """

    def __init__(
        self,
        contracts: ProxyContracts,
        settings: RoundSettings,
        book: GrantBook,
        now: Callable[[], float],
        on_aside: OnAside,
    ) -> None:
        self.rounds: dict[RoundId, OpenRound] = {}
        self._contracts = contracts
        self._settings = settings
        self._book = book
        self._now = now
        self._on_aside = on_aside
        self._aside: dict[RoundId, int] = {}
        """Rounds set aside, and how often they were asked for."""
        self._done: dict[RoundId, int] = {}
        """Rounds done with, and the block of their last event."""

    @property
    def unfinished(self) -> frozenset[RoundId]:
        """Rounds to be read anew after a restart."""
        return frozenset((*self.rounds, *self._aside))

    @property
    def running(self) -> int:
        """How many rounds are not over, as they were last looked at."""
        return sum(one.phase not in OVER for one in self.rounds.values())

    async def take(self, events: Sequence[Event]) -> list[OpenRound]:
        """Take events in, in chain order; the rounds that are new to this proxy."""
        by_round: defaultdict[RoundId, list[RoundEvent]] = defaultdict(list)
        for event in events:
            if isinstance(event, ROUND_EVENTS):
                by_round[event.round_id].append(event)
            elif isinstance(event, AccessGranted):
                await self._book.seat(event.grant_id, event)
            elif (ended := self._book.note(event)) is not None:
                self._wake(one for one in self.rounds.values() if one.seat.grant_id == ended)
        found = [
            await self._or_aside(round_id, self._take_round(round_id, of_round))
            for round_id, of_round in by_round.items()
        ]
        return [new for new in found if new is not None]

    async def _take_round(self, round_id: RoundId, events: list[RoundEvent]) -> OpenRound | None:
        if round_id in self.rounds:
            return await self._add(self.rounds[round_id], events)
        if round_id in self._done:
            return None
        seat = await self._book.seat(grant_of_round(round_id))
        if seat is None:
            return None
        if not isinstance(events[0], RoundOpened):
            return await self._load(round_id)
        return self._open(round_id, seat, events)

    async def _or_aside(self, round_id: RoundId, work: Awaitable[OpenRound | None]) -> OpenRound | None:
        try:
            found = await work
        except (BrokenHistory, MissingHistory) as problem:
            self._on_aside(round_id, problem)
            tries = self._aside.pop(round_id, 0) + 1
            if tries < ASIDE_TRIES:
                self._aside[round_id] = tries
            return None
        self._aside.pop(round_id, None)
        return found

    async def look_again(self) -> list[OpenRound]:
        """Ask once more for rounds set aside; those that were told whole."""
        found = [await self.load(round_id) for round_id in list(self._aside)]
        return [one for one in found if one is not None]

    async def _add(self, one: OpenRound, events: list[RoundEvent]) -> OpenRound | None:
        try:
            one.add(events, self._now())
        except BrokenHistory:
            # left over from blocks that are no more, without their beginning: the chain tells the round whole
            one.gone = True
            one.changed.set()
            del self.rounds[one.round_id]
            return await self._load(one.round_id)
        return None

    def _open(self, round_id: RoundId, seat: Seat, events: Iterable[RoundEvent]) -> OpenRound:
        new = OpenRound(round_id, seat, self._settings)
        new.add(events, self._now())
        self.rounds[round_id] = new
        return new

    async def load(self, round_id: RoundId) -> OpenRound | None:
        """Read a round from the chain; None if this proxy has no part in it, it is gone, or it had to be set aside."""
        return await self._or_aside(round_id, self._load(round_id))

    async def _load(self, round_id: RoundId) -> OpenRound | None:
        seat = await self._book.seat(grant_of_round(round_id))
        if seat is None:
            return None
        events = await self._events_of(round_id, seat.access.request_block)
        if not events:
            return None
        return self._open(round_id, seat, events)

    async def _events_of(self, round_id: RoundId, first_block: int, last_block: int | None = None) -> list[RoundEvent]:
        rounds, topics = self._contracts.rounds.address, [word_topic(round_id)]
        found = await events_of(self._contracts, rounds, ROUND_EVENTS, topics, first_block, last_block)
        return [event for event in found if isinstance(event, ROUND_EVENTS)]

    async def refresh(self, one: OpenRound, block: int) -> None:
        """Hold a round against what the contract stores after a block, and read it anew where the two differ.

        Raises ``BrokenHistory`` if they still differ: the node contradicts itself.
        """
        await self._book.refresh(one.seat.grant_id)
        stored = await self._contracts.rounds.round_of(one.round_id, block)
        if one.agrees_with(stored, block):
            return
        events = await self._events_of(one.round_id, one.facts.opened.at.block_number, block)
        if not events or not isinstance(events[0], RoundOpened):
            # the chain was reorganised, and it was opened in an earlier block
            events = await self._events_of(one.round_id, one.seat.access.request_block, block)
        one.replace_log(events, block, self._now())
        if not one.agrees_with(stored, block):
            raise BrokenHistory(f"logs and state of round {one.round_id:#x} differ")

    async def seat(self, one: OpenRound) -> Seat:
        """The seat in a round's committee, with what is known of the grant by now."""
        return await self._book.seat(one.seat.grant_id) or one.seat

    def done_with(self, one: OpenRound) -> None:
        """Forget a round in which nothing is left to do."""
        if self.rounds.get(one.round_id) is not one:
            return  # the chain was reorganised, and another has taken its place
        del self.rounds[one.round_id]
        last_block = one.log.events[-1].at.block_number if one.log.events else 0
        self._done[one.round_id] = last_block
        for round_id in [known for known, block in self._done.items() if block < last_block - REMEMBER_BLOCKS]:
            del self._done[round_id]

    async def rewind(self, last_good_block: int) -> list[OpenRound]:
        """Undo what came after a block; rounds to be served again."""
        self._book.forget()
        self._aside = dict.fromkeys(self._aside, 0)
        for one in self.rounds.values():
            one.rewind(last_good_block, self._now())
        return await self._revive([round_id for round_id, block in self._done.items() if block > last_good_block])

    async def retract(self, events: Iterable[Event]) -> list[OpenRound]:
        """Undo events that were reported early and are not on the chain; rounds to be served again."""
        revived = []
        for event in events:
            if not isinstance(event, ROUND_EVENTS):
                self._book.forget()
            elif event.round_id in self.rounds:
                self.rounds[event.round_id].retract(event, self._now())
            elif event.round_id in self._done:
                revived.append(event.round_id)
        return await self._revive(revived)

    async def _revive(self, done: Iterable[RoundId]) -> list[OpenRound]:
        for round_id in [round_id for round_id, one in self.rounds.items() if one.gone]:
            del self.rounds[round_id]
        wanted = frozenset(done)
        for round_id in wanted:
            del self._done[round_id]
        found = [await self.load(round_id) for round_id in wanted]
        return [one for one in found if one is not None]

    async def warm(self, events: Iterable[Event]) -> None:
        """Verify re-keys of grants just given, so that a round finds the fragment opened."""
        for event in events:
            if isinstance(event, RekeyPosted):
                seat = await self._book.seat(event.grant_id)
                if seat is not None:
                    await self._book.label_grant(seat, event.label)

    def _wake(self, rounds: Iterable[OpenRound]) -> None:
        for one in rounds:
            one.changed.set()
