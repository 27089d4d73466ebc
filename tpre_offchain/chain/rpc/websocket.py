"""JSON-RPC over one WebSocket: requests in parallel, and the notifications of subscriptions.

web3's own WebSocket provider reports a node's error objects out of band, to whoever reads next; here every answer goes
to the request that asked for it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tpre_offchain.chain.rpc import jsonrpc
from tpre_offchain.chain.rpc.transport_errors import TransportFailed

WS_SCHEMES = ("ws://", "wss://")
KEPT_NOTICES = 4_096


class WebSocketTransport:
    """One socket, connected at the first request and again after it broke.

    ``broken`` is set while there is no live socket; ``notified`` whenever a subscription has something new; ``notices``
    holds what subscriptions pushed, the oldest first, for whoever cares to take it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.notified = asyncio.Event()
        self.broken = asyncio.Event()
        self.broken.set()
        self.notices: deque[Any] = deque(maxlen=KEPT_NOTICES)
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._connecting = asyncio.Lock()

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """One request. Raises ``TransportFailed``."""
        number = next(self._ids)
        try:
            async with asyncio.timeout(timeout_s):
                socket = await self._connected()
                answer = asyncio.get_running_loop().create_future()
                self._waiting[number] = answer
                await socket.send(jsonrpc.encode(number, method, params))
                found: Mapping[str, Any] = await answer
                return found
        except (TimeoutError, OSError, WebSocketException) as problem:
            raise TransportFailed(type(problem).__name__) from problem
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Closes the socket."""
        reader, socket = self._reader, self._socket
        self._reader = self._socket = None
        if socket is not None:
            await socket.close()
        if reader is not None:
            await asyncio.wait([reader])

    async def _connected(self) -> ClientConnection:
        async with self._connecting:
            if self._socket is None or self._reader is None or self._reader.done():
                self._socket = await connect(
                    self.url, max_size=jsonrpc.MAX_MESSAGE_BYTES, open_timeout=None, proxy=None
                )
                self.broken.clear()
                self._reader = asyncio.create_task(self._read(self._socket))
            return self._socket

    async def _read(self, socket: ClientConnection) -> None:
        problem = TransportFailed("ConnectionClosed")
        try:
            async for message in socket:
                self._dispatch(jsonrpc.decode(message))
        except (WebSocketException, OSError, ValueError, LookupError, TypeError) as found:
            problem = TransportFailed(type(found).__name__)
        finally:
            await socket.close()
            self.broken.set()
            self.notified.set()
            waiting, self._waiting = self._waiting, {}
            for answer in waiting.values():
                if not answer.done():
                    answer.set_exception(problem)

    def _dispatch(self, message: Mapping[str, Any]) -> None:
        answer = self._waiting.get(message.get("id", 0))
        if answer is not None and not answer.done():
            answer.set_result(message)
        elif message.get("method") == "eth_subscription":
            self.notices.append(message["params"]["result"])
            self.notified.set()
