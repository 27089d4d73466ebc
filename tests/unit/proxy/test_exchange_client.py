"""What a proxy does about members that are busy, slow or away: a real HTTP server on loopback plays them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from eth_account import Account

from tpre_offchain.chain.signing import signer
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.proxy.exchange.client import BUSY, NO_ROUND, ExchangeClient, PeerSilent
from tpre_offchain.types import Address, RoundId, Slot

ADDRESS = Address("0x" + "11" * 20)
Answering = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def peer(answering: Answering) -> AsyncIterator[Callable[[Callable[[], float]], Awaitable[bytes]]]:
    """A member that answers so; what one sends to it, given the limit."""
    app = web.Application()
    app.router.add_post("/rounds/{round}/vote", answering)
    client = ExchangeClient(Domain(31337, *[ADDRESS] * 5), signer(Account.create()))
    async with TestServer(app) as server:
        url = str(server.make_url(""))
        try:
            yield lambda limit_s: client.post(url, ADDRESS, RoundId(1), Slot(2), "vote", b"{}", limit_s)
        finally:
            await client.close()


@pytest.mark.parametrize("status", [BUSY, NO_ROUND])
async def test_post__member_busy_or_without_the_round__asked_again(status: int) -> None:
    answers = iter([status, status, 200])

    async def answering(_: web.Request) -> web.Response:
        return web.Response(status=next(answers), body=b"heard")

    async with peer(answering) as post:
        assert await post(lambda: 5.0) == b"heard"


async def test_post__member_refuses__silent_at_once() -> None:
    async def answering(_: web.Request) -> web.Response:
        return web.Response(status=409)

    async with peer(answering) as post:
        with pytest.raises(PeerSilent, match="409"):
            await post(lambda: 60.0)


async def slow(_: web.Request) -> web.Response:
    await asyncio.sleep(0.6)
    return web.Response(body=b"late")


async def test_post__limit_grows_while_it_waits__late_answer_is_heard() -> None:
    started = time.monotonic()
    async with peer(slow) as post:
        assert await post(lambda: 0.2 if time.monotonic() < started + 0.1 else 60.0) == b"late"


async def test_post__limit_stays__silent_before_the_answer() -> None:
    started = time.monotonic()
    async with peer(slow) as post:
        with pytest.raises(PeerSilent, match="in time"):
            await post(lambda: 0.1)
        assert time.monotonic() < started + 0.6
