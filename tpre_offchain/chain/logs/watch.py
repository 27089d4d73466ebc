"""Watching contracts: their logs from a cursor on, as they come, with reorganisations told.

A WebSocket subscription only wakes the reader; what is new is always read by ``eth_getLogs``. So subscription and
polling give the same items, and a push that is lost costs time, not a log.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Self

from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.rpc.connection import Block, Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, StalePeer
from tpre_offchain.chain.rpc.transport_errors import TransportFailed
from tpre_offchain.chain.rpc.websocket import WebSocketTransport
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

BLOCKS_AT_ONCE = 50_000
REMEMBERED_CURSORS = 256
SUBSCRIBE_TIMEOUT_S = 5.0
RESUBSCRIBE_AFTER_S = 10.0


@dataclass(frozen=True)
class Cursor:
    """The last block that was read whole: its number and 32-byte hash, empty where the hash is not known."""

    number: int
    hash: bytes = b""


@dataclass(frozen=True)
class Read:
    """All logs up to the cursor's block have been given: the cursor may be saved. ``last``: there were no more.

    A reader's first look gives one even where nothing is new.
    """

    cursor: Cursor
    last: bool = True


@dataclass(frozen=True)
class Rewound:
    """The chain was reorganised: what was given of blocks above the cursor's no longer stands."""

    cursor: Cursor


WatchItem = Log | Read | Rewound


@dataclass(frozen=True)
class WatchSettings:
    """``confirmations``: blocks that a log's block must be under the head. ``poll_s``: between questions without a
    subscription; with one, ``busy_s`` after news and twice as long each time, up to ``idle_s``. ``reorg_limit``: blocks
    to go back where no common ancestor is remembered, as after a restart. ``endpoint_rest_s``: after one failed.
    """

    confirmations: int = 0
    poll_s: float = 1.0
    busy_s: float = 15.0
    idle_s: float = 240.0
    reorg_limit: int = 64
    endpoint_rest_s: float = 1.0


class Lull:
    """How long to wait for a push before the chain is read all the same: soon after news, then less and less often.

    A push may have been lost, and what undid the newest blocks is told by none.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._last_s = 0.0

    def next_s(self) -> float:
        """Seconds of the wait that begins now."""
        self._last_s = min(self._settings.idle_s, max(self._settings.busy_s, 2 * self._last_s))
        return self._last_s

    def end(self) -> None:
        """There was news."""
        self._last_s = 0.0


async def watch(
    connection: Connection,
    addresses: Sequence[Address],
    start: Cursor,
    settings: WatchSettings | None = None,
    *,
    on_trouble: Callable[[ChainError], None] | None = None,
) -> AsyncGenerator[WatchItem, None]:
    """The logs of some contracts above ``start``, without end, in the order of the chain.

    Endpoints that are down or stale are waited for; each time, ``on_trouble`` is told. Where one of the connection's
    endpoints is a WebSocket, its pushes save the wait between polls. Close the iterator (``aclose``) when done.
    """
    chosen = settings or WatchSettings()
    reader = LogReader(connection, addresses, start, chosen)
    async with _Waker(connection.websocket_urls, addresses, chosen) as waker:
        while True:
            try:
                async for item in reader.read():
                    yield item
            except (EndpointDown, StalePeer) as trouble:
                if on_trouble is not None:
                    on_trouble(trouble)
                await asyncio.sleep(chosen.endpoint_rest_s)
                continue
            await waker.wait()


class LogReader:
    """Reads what is new since its cursor, one ``read`` at a time."""

    cursor: Cursor

    def __init__(
        self, connection: Connection, addresses: Sequence[Address], start: Cursor, settings: WatchSettings | None = None
    ) -> None:
        self.cursor = start
        self._connection = connection
        self._addresses = tuple(addresses)
        self._settings = settings or WatchSettings()
        self._looked = False
        self._behind: deque[Cursor] = deque([start] if start.hash else [], maxlen=REMEMBERED_CURSORS)

    async def read(self) -> AsyncIterator[WatchItem]:
        """Everything from the cursor to the present head, less the confirmations.

        Raises ``EndpointDown``, ``StalePeer``, ``RpcRefused``; a later call goes on where this one stopped.
        """
        head = await self._connection.latest()
        if not await self._stands(head):
            self._move(await self._common_ancestor(head))
            yield Rewound(self.cursor)
        target = head.number - self._settings.confirmations
        if self.cursor.number >= target and not self._looked:
            yield Read(self.cursor)
        self._looked = True
        while self.cursor.number < target:
            last = min(target, self.cursor.number + BLOCKS_AT_ONCE)
            # the header first: a reorganisation in between leaves a hash behind that the next read finds to be wrong
            end = head if last == head.number else await self._connection.block(last)
            if end is None:
                return
            for log in await self._connection.get_logs(self._addresses, self.cursor.number + 1, last):
                yield log
            self._move(Cursor(end.number, end.hash))
            yield Read(self.cursor, last=last == target)

    def _move(self, cursor: Cursor) -> None:
        self.cursor = cursor
        while self._behind and self._behind[-1].number >= cursor.number:
            self._behind.pop()
        self._behind.append(cursor)

    async def _stands(self, head: Block) -> bool:
        """Whether the cursor's block is still part of the chain."""
        cursor = self.cursor
        if not cursor.hash:
            return True
        if head.number == cursor.number:
            return head.hash == cursor.hash
        if head.number == cursor.number + 1:
            return head.parent_hash == cursor.hash
        return await self._is_on_chain(cursor)

    async def _is_on_chain(self, cursor: Cursor) -> bool:
        block = await self._connection.block(cursor.number)
        return block is not None and block.hash == cursor.hash

    async def _common_ancestor(self, head: Block) -> Cursor:
        for cursor in reversed(self._behind):
            if cursor.number <= head.number and await self._is_on_chain(cursor):
                return cursor
        oldest = self._behind[0] if self._behind else self.cursor
        number = max(0, min(oldest.number, head.number) - self._settings.reorg_limit)
        block = await self._connection.block(number)
        return Cursor(number, block.hash if block else b"")


class _Waker:
    """Waits until there may be something new: by subscription where there is one, else by the clock."""

    def __init__(self, urls: Sequence[str], addresses: Sequence[Address], settings: WatchSettings) -> None:
        self._socket = WebSocketTransport(urls[0]) if urls else None
        self._addresses = list(addresses)
        self._settings = settings
        self._lull = Lull(settings)
        self._subscribed = False
        self._try_again_at = float("-inf")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def wait(self) -> None:
        if self._socket is None or not await self._listening(self._socket):
            await asyncio.sleep(self._settings.poll_s)
            return
        try:
            async with asyncio.timeout(self._lull.next_s()):
                await self._socket.notified.wait()
            self._lull.end()
        except TimeoutError:
            return
        finally:
            self._socket.notified.clear()

    async def _listening(self, socket: WebSocketTransport) -> bool:
        if self._subscribed and not socket.broken.is_set():
            return True
        self._subscribed = False
        now = asyncio.get_running_loop().time()
        if now < self._try_again_at:
            return False
        try:
            response = await socket.request("eth_subscribe", self._subscription(), SUBSCRIBE_TIMEOUT_S)
            self._subscribed = "result" in response
        except TransportFailed:
            self._subscribed = False
        if not self._subscribed:
            self._try_again_at = now + RESUBSCRIBE_AFTER_S
            return False
        # what came between the last read and the subscription was not pushed: look at once
        socket.notified.set()
        return True

    def _subscription(self) -> list[object]:
        if self._settings.confirmations:
            return ["newHeads"]
        return ["logs", {"address": self._addresses}]
