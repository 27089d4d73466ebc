"""One JSON-RPC endpoint over HTTP or WebSocket; the seam where tests put another chain."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp

from tpre_offchain.chain.rpc import jsonrpc
from tpre_offchain.chain.rpc.transport_errors import TransportFailed
from tpre_offchain.chain.rpc.websocket import WS_SCHEMES, WebSocketTransport

HTTP_SCHEMES = ("http://", "https://")
HEADERS = {"Content-Type": "application/json"}
# less than a server keeps an idle connection: Node's closes it after 5 s
KEEP_ALIVE_S = 2.0
# the time is that of each request
NO_TIMEOUT = aiohttp.ClientTimeout(total=None)


class Transport(Protocol):
    """Sends one request and returns the whole JSON-RPC response object, with ``result`` or ``error``."""

    @property
    def url(self) -> str: ...

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """Raises ``TransportFailed`` where no response comes."""
        ...

    async def close(self) -> None: ...


class HttpTransport:
    """JSON-RPC over HTTP with kept-alive connections; never retries by itself, since ``Connection`` fails over.

    web3's own provider guards its sessions by one lock of the whole process, and a request cancelled while it waits for
    that lock leaves it taken for ever.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._session: aiohttp.ClientSession | None = None
        self._ids = itertools.count(1)

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """One request. Raises ``TransportFailed``, also for a status of 400 or more and for what is not JSON-RPC."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=HEADERS,
                timeout=NO_TIMEOUT,
                raise_for_status=True,
                connector=aiohttp.TCPConnector(keepalive_timeout=KEEP_ALIVE_S),
            )
        body = jsonrpc.encode(next(self._ids), method, params)
        try:
            async with asyncio.timeout(timeout_s), self._session.post(self.url, data=body) as response:
                return jsonrpc.decode(await _read(response.content))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            raise TransportFailed(type(problem).__name__) from problem

    async def close(self) -> None:
        """Closes the kept connections."""
        if self._session is not None:
            await self._session.close()


async def _read(content: aiohttp.StreamReader) -> bytes:
    """The whole body. Raises ``ValueError`` for one above ``jsonrpc.MAX_MESSAGE_BYTES``: an answer need never end."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > jsonrpc.MAX_MESSAGE_BYTES:
            raise ValueError("an answer is too long")
    return bytes(body)


def public_url(url: str) -> str:
    """Scheme and host of an endpoint: path, query and user part of a URL often hold the key of a paid service."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


def open_transport(url: str) -> Transport:
    """The transport for a URL's scheme; nothing is connected yet. Raises ``ValueError`` for another scheme."""
    if url.startswith(HTTP_SCHEMES):
        return HttpTransport(url)
    if url.startswith(WS_SCHEMES):
        return WebSocketTransport(url)
    raise ValueError(f"an RPC URL starts with http, https, ws or wss: {url.split(':', 1)[0]}")
