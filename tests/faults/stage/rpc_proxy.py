"""An RPC endpoint in front of the node that misbehaves on demand: HTTP and WebSocket on one port of 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import WSMsgType, web

from tests.integration.nets.local_nodes import LocalNode
from tpre_offchain.chain.rpc.errors import StalePeer

Behaviour = Callable[[dict[str, Any], Callable[[], Awaitable[dict[str, Any]]]], Awaitable[dict[str, Any] | None]]
"""From a request and the way to the node's answer, the answer to give; None drops the connection."""


async def honest(_: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    return await ask()


async def drop(_: dict[str, Any], __: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    return None


async def drop_after_doing(_: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    """The cruel kind: the transaction is in, and nobody says so."""
    await ask()
    return None


async def stall(_: dict[str, Any], __: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    await asyncio.sleep(3600)
    return None


def late(seconds: float) -> Behaviour:
    async def behave(_: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
        await asyncio.sleep(seconds)
        return await ask()

    return behave


STALE = StalePeer


class TooMany(Exception):
    """Answered with 429."""


async def limited(_: dict[str, Any], __: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    raise TooMany


def stale(node: LocalNode, blocks: int) -> Behaviour:
    """Its head stands still where it was, ``blocks`` behind the node's."""
    head = max(0, int(node.ask("eth_blockNumber"), 16) - blocks)

    async def behave(request: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
        if request["method"] == "eth_blockNumber":
            return {"jsonrpc": "2.0", "id": request["id"], "result": hex(head)}
        if request["params"] and request["params"][0] == "latest":
            request["params"][0] = hex(head)
        return await ask()

    return behave


async def hides_logs(request: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
    """Disagrees with every other endpoint about what was logged."""
    if request["method"] == "eth_getLogs":
        return {"jsonrpc": "2.0", "id": request["id"], "result": []}
    return await ask()


TROUBLES: Mapping[str, Callable[[LocalNode], Behaviour]] = {
    "drops": lambda _: drop,
    "drops_after_doing": lambda _: drop_after_doing,
    "late": lambda _: late(0.3),
    "limits": lambda _: limited,
    "stale": lambda node: stale(node, 40),
}


@dataclass
class RpcProxy:
    """``with`` it. ``behaviour`` may be changed at any time; ``calls`` counts what was asked."""

    node: LocalNode
    behaviour: Behaviour = honest
    calls: Counter[str] = field(default_factory=Counter)
    cut_sockets_after: int | None = None
    """Pushes that a WebSocket delivers before it is cut, in the middle of the next."""
    cuts: int = 0
    port: int = 0
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._in_loop(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Cut every WebSocket now."""
        self._in_loop(self._cut())

    def _in_loop(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        await self._cut()
        await self._runner.cleanup()
        await self._session.close()

    async def _cut(self) -> None:
        for socket in self._sockets:
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()
        self._sockets.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_socket(request)
        asked = json.loads(await request.text())
        self.calls[asked["method"]] += 1
        try:
            answer = await self.behaviour(asked, lambda: self._ask(asked))
        except TooMany:
            return web.Response(status=429, text="slow down")
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.json_response(answer)

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(self.node.url, json=asked) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 26)
        await socket.prepare(request)
        self._sockets.append(socket)
        async with self._session.ws_connect(self.node.ws_url, max_msg_size=1 << 26) as node:
            down = asyncio.create_task(self._pump(node, socket))
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                asked = json.loads(message.data)
                self.calls[asked["method"]] += 1
                if self.behaviour is drop or self.behaviour is limited:
                    break
                if self.behaviour is not stall:
                    await node.send_str(message.data)
            down.cancel()
        return socket

    async def _pump(self, node: aiohttp.ClientWebSocketResponse, socket: web.WebSocketResponse) -> None:
        pushed = 0
        async for message in node:
            if message.type is not WSMsgType.TEXT:
                continue
            if '"eth_subscription"' in message.data:
                pushed += 1
                if self.cut_sockets_after is not None and pushed > self.cut_sockets_after:
                    self.cut_sockets_after = None
                    self.cuts += 1
                    await self._cut()
                    return
            with suppress(ConnectionError, RuntimeError):
                await socket.send_str(message.data)
