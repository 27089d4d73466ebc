"""What happens on the chain, as it happens: batches of events with the place after which they are complete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

import structlog

from tpre_offchain.chain.abi.codec import UndecodableData
from tpre_offchain.chain.abi.decoding import decode_log
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.logs.watch import Cursor, LogReader, Lull, Read, Rewound, WatchItem, WatchSettings, watch
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, StalePeer
from tpre_offchain.chain.rpc.transport_errors import TransportFailed
from tpre_offchain.chain.rpc.websocket import WebSocketTransport
from tpre_offchain.errors import ChainError
from tpre_offchain.proxy.daemon.cursor import Place
from tpre_offchain.types import Address

SETTLE_S = 0.25
"""After a push, until the chain is read: a round's other events come meanwhile, and are read with it."""
SUBSCRIBE_TIMEOUT_S = 5.0


class ChainTime:
    """Unix time as contracts see it: the clock's, or ahead of it where a node's blocks run ahead."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead_s = 0.0
        self._noted = 0

    def note(self, block_timestamp: int) -> None:
        """Take notice of a block's timestamp. The same one again tells nothing: time passes between blocks too."""
        if block_timestamp != self._noted:
            self._noted = block_timestamp
            self._ahead_s = max(0.0, block_timestamp - self._clock())

    def note_events(self, events: Sequence[Event]) -> None:
        """Take notice of the newest event's block, where the node told its time."""
        if events and events[-1].at.timestamp is not None:
            self.note(events[-1].at.timestamp)

    def now(self) -> float:
        """Seconds."""
        return self._clock() + self._ahead_s


@dataclass(frozen=True)
class News:
    """``rewound_to``: the last block of before that is still on the chain, if others are not. ``retracted``: events
    that were reported early and turned out not to be on the chain. ``place``: all events up to there were reported.
    ``caught_up``: there were no more when this was made.
    """

    events: tuple[Event, ...] = ()
    rewound_to: int | None = None
    retracted: tuple[Event, ...] = ()
    place: Place | None = None
    caught_up: bool = True


class Feed:
    """Events of some contracts, from a place on and without end.

    What counts is read by ``eth_getLogs``. Where the endpoint pushes logs and no confirmations are asked for, events
    are reported as soon as they are pushed, and again when they are read: pushes may get lost, and tell no place.
    """

    def __init__(self, connection: Connection, addresses: Sequence[Address], settings: WatchSettings) -> None:
        self._connection = connection
        self._addresses = addresses
        self._settings = settings
        self._read_to = -1
        self._early: dict[tuple[bytes, int], Event] = {}

    def note_early(self, events: Iterable[Event]) -> None:
        """Remember events that were acted upon before they were read, to retract those that never are."""
        for event in events:
            # a receipt holds other contracts' events too, which are never read here
            if event.at.block_number > self._read_to and event.at.address in self._addresses:
                self._early[event.at.block_hash, event.at.log_index] = event

    async def follow(
        self, place: Place | None, first_block: int, on_trouble: Callable[[ChainError], None]
    ) -> AsyncIterator[News]:
        """What came after a place, or since a block; then what comes. ``on_trouble``: told when the chain is away."""
        start = Cursor(first_block - 1) if place is None else Cursor(place.block_number, place.block_hash)
        urls = self._connection.websocket_urls
        if not urls or self._settings.confirmations:
            items = watch(self._connection, self._addresses, start, self._settings, on_trouble=on_trouble)
            async with aclosing(items):
                async for news in self._read(items):
                    yield news
            return
        reader = LogReader(self._connection, self._addresses, start, self._settings)
        async with Pushes(urls[0], self._addresses, self._settings) as pushes:
            while True:
                try:
                    async for news in self._read(reader.read()):
                        yield news
                except (EndpointDown, StalePeer) as trouble:
                    on_trouble(trouble)
                    await asyncio.sleep(self._settings.endpoint_rest_s)
                    continue
                async for logs in pushes.until_due():
                    events = tuple(_decoded(logs))
                    self.note_early(events)
                    yield News(events)

    async def _read(self, items: AsyncIterator[WatchItem]) -> AsyncIterator[News]:
        logs: list[Log] = []
        async for item in items:
            match item:
                case Log():
                    logs.append(item)
                case Rewound(cursor):
                    # logs of a range that was not read whole come again
                    logs.clear()
                    self._read_to = cursor.number
                    yield News(rewound_to=cursor.number, caught_up=False)
                case Read(cursor, last):
                    events = tuple(_decoded(logs))
                    logs.clear()
                    yield News(
                        events=events,
                        retracted=self._never_read(events, cursor.number),
                        place=Place(cursor.number, cursor.hash) if cursor.hash else None,
                        caught_up=last,
                    )

    def _never_read(self, events: Iterable[Event], block_number: int) -> tuple[Event, ...]:
        self._read_to = block_number
        due = {key: event for key, event in self._early.items() if event.at.block_number <= block_number}
        self._early = {key: event for key, event in self._early.items() if key not in due}
        for event in events:
            due.pop((event.at.block_hash, event.at.log_index), None)
        return tuple(due.values())


class Pushes:
    """Logs as a WebSocket endpoint pushes them."""

    def __init__(self, url: str, addresses: Sequence[Address], settings: WatchSettings) -> None:
        self._settings = settings
        self._socket = WebSocketTransport(url)
        self._addresses = list(addresses)
        self._subscribed = False
        self._lull = Lull(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def until_due(self) -> AsyncIterator[list[Log]]:
        """Logs as they come, until the chain should be read: shortly after some came, now and then if none do."""
        if not self._subscribed or self._socket.broken.is_set():
            # what came between the last read and the subscription was not pushed: it is due at once
            if not await self._subscribe():
                await asyncio.sleep(self._settings.poll_s)
            return
        clock = asyncio.get_running_loop().time
        due_at = clock() + self._lull.next_s()
        heard = False
        while (left_s := due_at - clock()) > 0:
            try:
                async with asyncio.timeout(left_s):
                    await self._socket.notified.wait()
            except TimeoutError:
                return
            self._socket.notified.clear()
            notices = list(self._socket.notices)
            self._socket.notices.clear()
            if self._socket.broken.is_set() or any(notice.get("removed") for notice in notices):
                return
            if not notices:
                continue
            if not heard:
                self._lull.end()
                heard, due_at = True, clock() + SETTLE_S
            yield [Log.from_rpc(notice) for notice in notices]

    async def _subscribe(self) -> bool:
        question = ["logs", {"address": self._addresses}]
        try:
            response = await self._socket.request("eth_subscribe", question, SUBSCRIBE_TIMEOUT_S)
        except TransportFailed:
            response = {}
        self._subscribed = "result" in response
        return self._subscribed


def _decoded(logs: Sequence[Log]) -> Iterator[Event]:
    for log in logs:
        try:
            event = decode_log(log)
        except UndecodableData as problem:
            # one log that cannot be read must not keep us from the next
            structlog.get_logger().error("undecodable_log", block=log.block_number, **problem.to_dict())
            continue
        if event is not None:
            yield event
