"""What happens on the chain, as it happens: batches of events with the place after which they are complete."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from tpre_offchain.chain.abi import UndecodableData
from tpre_offchain.chain.connection import Connection
from tpre_offchain.chain.event_decoding import decode_log
from tpre_offchain.chain.events import Event
from tpre_offchain.chain.logs import Log
from tpre_offchain.chain.watch import Cursor, Read, Rewound, WatchSettings, watch
from tpre_offchain.errors import ChainError
from tpre_offchain.proxy.cursor import Place
from tpre_offchain.types import Address


class ChainTime:
    """Unix time as contracts see it: the clock's, or ahead of it where a node's blocks run ahead."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead_s = 0.0

    def note(self, block_timestamp: int) -> None:
        """Take notice of a block's timestamp."""
        self._ahead_s = max(0.0, block_timestamp - self._clock())

    def now(self) -> float:
        """Seconds."""
        return self._clock() + self._ahead_s


@dataclass(frozen=True)
class News:
    """``rewound_to``: the last block of before that is still on the chain, if others are not. ``place``: all events up
    to there were reported. ``caught_up``: there were no more when this was made.
    """

    events: tuple[Event, ...] = ()
    rewound_to: int | None = None
    place: Place | None = None
    caught_up: bool = True


class Feed:
    """Events of some contracts, from a place on and without end."""

    def __init__(self, connection: Connection, addresses: Sequence[Address], settings: WatchSettings) -> None:
        self._connection = connection
        self._addresses = addresses
        self._settings = settings

    async def follow(
        self, place: Place | None, first_block: int, on_trouble: Callable[[ChainError], None]
    ) -> AsyncIterator[News]:
        """What came after a place, or since a block; then what comes. ``on_trouble``: told when the chain is away."""
        start = Cursor(first_block - 1) if place is None else Cursor(place.block_number, place.block_hash)
        target = (await self._connection.latest()).number - self._settings.confirmations
        if start.number >= target:
            yield News()
        logs: list[Log] = []
        items = watch(self._connection, self._addresses, start, self._settings, on_trouble=on_trouble)
        async with aclosing(items):
            async for item in items:
                match item:
                    case Log():
                        logs.append(item)
                    case Rewound(cursor):
                        # logs of a range that was not read whole come again
                        logs.clear()
                        yield News(rewound_to=cursor.number, caught_up=False)
                    case Read(cursor):
                        events = tuple(self._decoded(logs))
                        logs.clear()
                        yield News(events, None, Place(cursor.number, cursor.hash), cursor.number >= target)

    def _decoded(self, logs: Sequence[Log]) -> Iterator[Event]:
        for log in logs:
            try:
                event = decode_log(log)
            except UndecodableData as problem:
                # one log that cannot be read must not keep us from the next
                structlog.get_logger().error("undecodable_log", block=log.block_number, **problem.to_dict())
                continue
            if event is not None:
                yield event
