"""What happens on the chain, as it happens: batches of events with the place after which they are complete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from tpre_offchain.chain.connection import Connection
from tpre_offchain.chain.event_decoding import decode_logs
from tpre_offchain.chain.events import Event
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
    """Events of some contracts."""

    def __init__(
        self, connection: Connection, addresses: Sequence[Address], *, confirmations: int, poll_s: float
    ) -> None:
        self._connection = connection
        self._addresses = addresses
        self._confirmations = confirmations
        self._poll_s = poll_s

    async def follow(self, place: Place | None, first_block: int) -> AsyncIterator[News]:
        """Everything since a place, or since a block."""
        next_block = first_block if place is None else place.block_number + 1
        while True:
            head = await self._connection.latest()
            last = head.number - self._confirmations
            if last >= next_block:
                logs = await self._connection.get_logs(self._addresses, next_block, last)
                block = head if last == head.number else await self._connection.block(last)
                assert block is not None
                yield News(decode_logs(logs), place=Place(last, block.hash))
                next_block = last + 1
            else:
                yield News()
            await asyncio.sleep(self._poll_s)
