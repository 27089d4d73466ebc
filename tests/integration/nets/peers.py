"""A member of a committee played by a test: what it says over HTTP, and an endpoint that keeps what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.integration.nets.proxy_world import Party, World
from tpre_offchain.chain.abi.events import EndpointChanged
from tpre_offchain.chain.signing import signer
from tpre_offchain.crypto.typed_data import message_digest
from tpre_offchain.proxy.exchange.client import SIGNATURE_HEADER, SLOT_HEADER
from tpre_offchain.types import GrantId, RoundId


@dataclass
class Heard:
    """One message as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Peer:
    """``heard``: what others sent here; each was answered with 200 and nothing else."""

    world: World
    party: Party
    slot: int
    heard: list[Heard] = field(default_factory=list)

    async def say(
        self,
        recipient: int,
        round_id: RoundId,
        subject: str,
        body: bytes,
        *,
        signed_for: RoundId | None = None,
        by: Party | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """Send a message to proxy number ``recipient``; status and text of the answer."""
        account = self.world.proxies[recipient].address
        digest = message_digest(self.world.domain, signed_for or round_id, account, subject, body)
        signature = signer((by or self.party).account)(digest).hex()
        where = f"{await endpoint_of(self.world, recipient)}/rounds/{round_id:x}/{subject}"
        sent = headers or {SLOT_HEADER: str(self.slot), SIGNATURE_HEADER: signature}
        async with aiohttp.ClientSession() as session, session.post(where, data=body, headers=sent) as response:
            return response.status, await response.text()


async def endpoint_of(w: World, number: int) -> str:
    """As the registry names it."""
    account = w.proxies[number].address
    return [e.endpoint for e in await w.events() if isinstance(e, EndpointChanged) and e.proxy == account][-1]


async def slot_in(w: World, grant_id: GrantId, number: int) -> int:
    """The slot of a proxy in a grant's committee."""
    committee = await w.committee_of(grant_id)
    return next(i for i, member in enumerate(committee, 1) if member.account == w.proxies[number].address)


@asynccontextmanager
async def playing(w: World, number: int, grant_id: GrantId) -> AsyncIterator[Peer]:
    """Proxy ``number``, which is not running, with an endpoint of its own that says yes to everything."""
    peer = Peer(w, w.proxies[number], await slot_in(w, grant_id, number))

    async def listen(request: web.Request) -> web.Response:
        peer.heard.append(Heard(request.path, dict(request.headers), await request.read()))
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/{rest:.*}", listen)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        await peer.party.outbox.send(w.contracts.proxies.set_endpoint(f"http://127.0.0.1:{port}"))
        yield peer
    finally:
        await runner.cleanup()
