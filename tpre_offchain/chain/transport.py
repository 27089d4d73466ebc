"""One JSON-RPC endpoint over HTTP (web3's provider) or WebSocket; the seam where tests put another chain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit

import aiohttp

from tpre_offchain.chain.transport_errors import TransportFailed
from tpre_offchain.chain.websocket import WS_SCHEMES, WebSocketTransport

if TYPE_CHECKING:
    from web3 import AsyncHTTPProvider

HTTP_SCHEMES = ("http://", "https://")


class Transport(Protocol):
    """Sends one request and returns the whole JSON-RPC response object, with ``result`` or ``error``."""

    @property
    def url(self) -> str: ...

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """Raises ``TransportFailed`` where no response comes."""
        ...

    async def close(self) -> None: ...


class HttpTransport:
    """JSON-RPC over HTTP with a pooled session; never retries by itself, since ``Connection`` fails over."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: AsyncHTTPProvider | None = None

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """One request. Raises ``TransportFailed``."""
        from web3.exceptions import Web3Exception
        from web3.types import RPCEndpoint

        try:
            async with asyncio.timeout(timeout_s):
                return cast("Mapping[str, Any]", await self._provider.make_request(RPCEndpoint(method), list(params)))
        except (aiohttp.ClientError, TimeoutError, OSError, Web3Exception, ValueError) as problem:
            raise TransportFailed(type(problem).__name__) from problem

    async def close(self) -> None:
        """Closes the pooled session."""
        if self._made is not None:
            await self._made.disconnect()

    @property
    def _provider(self) -> AsyncHTTPProvider:
        """Made on first use: a process that speaks WebSocket alone starts sooner without loading web3."""
        if self._made is None:
            from web3 import AsyncHTTPProvider

            self._made = AsyncHTTPProvider(
                self.url,
                request_kwargs={"timeout": aiohttp.ClientTimeout(total=None)},
                exception_retry_configuration=None,
            )
        return self._made


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
