"""An endpoint that answers with anything at all, and the transport that was asked to give up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from tpre_offchain.chain.rpc import jsonrpc
from tpre_offchain.chain.rpc.transport import open_transport
from tpre_offchain.chain.rpc.transport_errors import TransportFailed

CHAIN_ID = '{"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}'
# what py_ecc sets when it is loaded
LIFTED_LIMIT = 100_000


@asynccontextmanager
async def endpoint(answer: Callable[[], str], *, stalls: int = 0) -> AsyncIterator[str]:
    """``host:port`` of a server that gives ``answer()`` to everything, after some stalled ones."""
    left = stalls

    async def serve(request: web.Request) -> web.StreamResponse:
        nonlocal left
        if request.headers.get("Upgrade"):
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await socket.send_str(answer())
            return socket
        if left:
            left -= 1
            await asyncio.sleep(1)
        return web.Response(text=answer(), content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/", serve)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize(
    "answer",
    ["", "not JSON", "[]", '"0x1"', "[" * LIFTED_LIMIT, '{"result": ' + "[" * LIFTED_LIMIT, "[" * 3_000 + "]" * 3_000],
    ids=["empty", "no JSON", "list", "text", "deep list", "deep object", "deep and closed"],
)
async def test_request__answer_that_is_no_response__transport_failed(scheme: str, answer: str) -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(LIFTED_LIMIT)
    try:
        async with endpoint(lambda: answer) as address:
            transport = open_transport(f"{scheme}://{address}")
            try:
                with pytest.raises(TransportFailed):
                    await transport.request("eth_chainId", [], 5)
            finally:
                await transport.close()
        assert sys.getrecursionlimit() == LIFTED_LIMIT
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("scheme", ["http", "ws"])
async def test_request__answer_longer_than_is_read__transport_failed(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonrpc, "MAX_MESSAGE_BYTES", len(CHAIN_ID) - 1)
    async with endpoint(lambda: CHAIN_ID) as address:
        transport = open_transport(f"{scheme}://{address}")
        try:
            with pytest.raises(TransportFailed):
                await transport.request("eth_chainId", [], 5)
        finally:
            await transport.close()


async def test_request__many_given_up_at_every_moment__the_next_is_answered() -> None:
    async with endpoint(lambda: CHAIN_ID, stalls=3) as address:
        for patience_s in (0, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.02):
            transport = open_transport(f"http://{address}")
            await asyncio.gather(
                *(transport.request("eth_chainId", [], patience_s) for _ in range(8)), return_exceptions=True
            )
            await transport.close()
        transport = open_transport(f"http://{address}")
        answers = await asyncio.gather(*(transport.request("eth_chainId", [], 5) for _ in range(8)))
        await transport.close()
    assert {answer["result"] for answer in answers} == {"0x7a69"}
