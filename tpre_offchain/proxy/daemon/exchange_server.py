"""The HTTP service of a proxy for the other members of its committees: POST /rounds/{id}/cfrags and /vote (SPEC §15).

GET /healthz tells who listens, for this is the address that the registry names.

Refusals come in the order of their cost: an unknown round, a sender that is no member of it, one that was heard often
enough, too large a body, a wrong signature. Only then is anything decoded or computed.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web

from tpre_offchain.chain.signing import signer_of
from tpre_offchain.crypto.typed_data import message_digest
from tpre_offchain.errors import TpreError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.daemon.feed import ChainTime
from tpre_offchain.proxy.daemon.telemetry import Metrics
from tpre_offchain.proxy.daemon.watcher import Watcher
from tpre_offchain.proxy.exchange.client import BUSY, NO_ROUND, SIGNATURE_HEADER, SLOT_HEADER
from tpre_offchain.proxy.exchange.exchanging import Exchange, is_open
from tpre_offchain.proxy.exchange.limits import Bucket
from tpre_offchain.proxy.messages import (
    CFRAGS,
    VOTE,
    ExchangeRefused,
    body_limit,
    decode_ballot,
    decode_cfrags,
)
from tpre_offchain.proxy.rounds.grants import GrantBook, Seat
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.types import Address, RoundId, Slot

MESSAGES_PER_MEMBER: Final = 12
"""Of one member about one round: an offer and a few ballots, and again after a lost answer."""
FAILURES: Final = 64
FAILURES_PER_S: Final = 8.0
"""Refused messages of one remote address that are looked at."""
BODIES_AT_ONCE: Final = 64
BODY_TIMEOUT_S: Final = 3.0
LONGEST_BODY: Final = 2 << 20


class ExchangeServer:
    """Listens for messages about the rounds of a watcher."""

    def __init__(
        self,
        contracts: ProxyContracts,
        me: Address,
        watcher: Watcher,
        book: GrantBook,
        exchange: Exchange,
        chain_time: ChainTime,
        metrics: Metrics,
    ) -> None:
        self._contracts = contracts
        self._me = me
        self._watcher = watcher
        self._book = book
        self._exchange = exchange
        self._time = chain_time
        self._metrics = metrics
        self._failures = Bucket(FAILURES, FAILURES_PER_S)
        self._bodies = asyncio.Semaphore(BODIES_AT_ONCE)
        app = web.Application(client_max_size=LONGEST_BODY)
        app.router.add_post(f"/rounds/{{round:[0-9a-f]{{1,24}}}}/{{subject:{CFRAGS}|{VOTE}}}", self._handle)
        app.router.add_get("/healthz", self._healthz)
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=60)
        self._log = structlog.get_logger().bind(proxy=me)

    async def start(self, listening: socket.socket) -> None:
        """Serve on a socket that listens."""
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "proxy": self._me, "chain_id": self._contracts.connection.chain_id})

    async def _handle(self, request: web.Request) -> web.Response:
        subject, source = request.match_info["subject"], request.remote or ""
        try:
            answer = await self._answer(request, subject, source)
        except ExchangeRefused as refused:
            # a round that is not known yet is no offence: the chain tells some of us earlier than others
            if refused.status not in (NO_ROUND, 409, BUSY):
                self._failures.take(source)
            self._metrics.messages.labels(subject, str(refused.status)).inc()
            return web.json_response({"error": refused.message}, status=refused.status)
        except TpreError as problem:
            self._log.warning("message_failed", subject=subject, **problem.to_dict())
            self._metrics.messages.labels(subject, str(BUSY)).inc()
            return web.json_response({"error": "try again"}, status=BUSY)
        self._metrics.messages.labels(subject, "200").inc()
        return web.Response(body=json.dumps(answer), content_type="application/json")

    async def _answer(self, request: web.Request, subject: str, source: str) -> Mapping[str, str]:
        one, seat, slot = await self._addressed(request, source)
        sender = seat.committee[slot - 1].account
        body = await self._body(request, body_limit(len(one.facts.opened.record_ids), seat.access.threshold))
        self._authenticate(request, one, sender, subject, body)
        one.exchange.messages[slot] += 1
        try:
            return await self._attended(one, seat, slot, subject, body)
        except ExchangeRefused as refused:
            if refused.status == 422:
                # checking costs most of all: one lie a round
                one.exchange.liars.add(slot)
                self._log.warning("peer_lied", round=hex(one.round_id), slot=slot, why=refused.message)
            raise

    async def _attended(self, one: OpenRound, seat: Seat, slot: Slot, subject: str, body: bytes) -> Mapping[str, str]:
        """The answer to a member's own words."""
        sender = seat.committee[slot - 1].account
        accounts = {Slot(i): member.account for i, member in enumerate(seat.committee, 1)}
        message = decode_cfrags(body, slot, sender) if subject == CFRAGS else None
        ballot = decode_ballot(body, accounts) if subject == VOTE else None
        grant = await self._book.label_grant(seat, one.facts.opened.data.label)
        if message is not None:
            self._exchange.take_cfrags(one, grant, message)
        if ballot is None:
            return {}
        with self._metrics.timed("sign_vote"):
            return {"signature": self._exchange.answer(one, seat, grant, ballot, self._time.now()).hex()}

    async def _addressed(self, request: web.Request, source: str) -> tuple[OpenRound, Seat, Slot]:
        """The round and the sender's slot as the request has them, before its body is read. Nothing is computed."""
        if self._failures.empty(source):
            raise ExchangeRefused(429, "too many messages were refused")
        one = self._watcher.rounds.get(RoundId(int(request.match_info["round"], 16)))
        if one is None:
            raise ExchangeRefused(NO_ROUND, "no such round is open here")
        seat = await self._watcher.seat(one)
        number = request.headers.get(SLOT_HEADER, "")
        slot = Slot(int(number)) if number.isascii() and number.isdigit() and len(number) < 3 else Slot(0)
        if not 1 <= slot <= len(seat.committee) or slot == seat.slot:
            raise ExchangeRefused(403, "the sender is no other member of the round's committee")
        if not is_open(one, seat, self._time.now()):
            raise ExchangeRefused(409, "the round has no use for it")
        if slot in one.exchange.liars or one.exchange.messages[slot] >= MESSAGES_PER_MEMBER:
            raise ExchangeRefused(429, f"slot {slot} was heard often enough in this round")
        return one, seat, slot

    async def _body(self, request: web.Request, limit: int) -> bytes:
        if request.content_length is None or request.content_length > limit:
            raise ExchangeRefused(413, f"a message about this round has at most {limit} bytes, and says how many")
        if self._bodies.locked():
            raise ExchangeRefused(BUSY, "too many messages at once")
        async with self._bodies:
            try:
                async with asyncio.timeout(BODY_TIMEOUT_S):
                    return await request.read()
            except (TimeoutError, OSError, ValueError):
                raise ExchangeRefused(408, "the message did not come to its end") from None

    def _authenticate(self, request: web.Request, one: OpenRound, sender: Address, subject: str, body: bytes) -> None:
        digest = message_digest(self._contracts.domain, one.round_id, self._me, subject, body)
        try:
            signature = bytes.fromhex(request.headers.get(SIGNATURE_HEADER, ""))
        except ValueError:
            signature = b""
        if signer_of(digest, signature) != sender:
            raise ExchangeRefused(403, "the message is not signed by that member")
