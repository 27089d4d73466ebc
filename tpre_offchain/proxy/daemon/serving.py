"""Serving one round: check, decide, act, until there is nothing to do but wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext

import structlog

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.events import Event, FeeClaimed
from tpre_offchain.chain.abi.reverts import Reverted
from tpre_offchain.chain.abi.structs import ClaimedRound
from tpre_offchain.chain.contracts.conversion_rounds import OVER
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.failpoints import failpoint
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.daemon.feed import ChainTime
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.daemon.telemetry import Metrics
from tpre_offchain.proxy.daemon.watcher import Watcher
from tpre_offchain.proxy.exchange.exchanging import Exchange
from tpre_offchain.proxy.rounds.actions import Workbench, prepare
from tpre_offchain.proxy.rounds.checks import check_capsules, check_submission, fetch_records
from tpre_offchain.proxy.rounds.decide import (
    AskVotes,
    Challenge,
    CheckCfrags,
    CheckGrant,
    ClaimFee,
    Complain,
    Done,
    FinalizeSigned,
    Me,
    Offer,
    Propose,
    ReportCapsules,
    Submit,
    Transaction,
    Wait,
    decide,
)
from tpre_offchain.proxy.rounds.fees import FeeCollector
from tpre_offchain.proxy.rounds.grants import GrantBook, Seat
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.proxy.rounds.rounds import ROUND_EVENTS
from tpre_offchain.types import Slot

SETTLED_AT_ONCE = 8
"""Rounds that are over that are held against storage at one time: they can wait, and conversions cannot."""
REKEY_NEEDED = (Submit, Propose, FinalizeSigned, Challenge, ReportCapsules, Complain)


class RoundServer:
    """Takes the steps of all rounds of one proxy. ``on_early``: told of events known from a receipt alone."""

    def __init__(
        self,
        contracts: ProxyContracts,
        watcher: Watcher,
        book: GrantBook,
        outbox: Outbox,
        settings: WorkerSettings,
        chain_time: ChainTime,
        metrics: Metrics,
        random: Random,
        on_early: Callable[[Iterable[Event]], None],
        exchange: Exchange | None = None,
    ) -> None:
        self._contracts = contracts
        self._watcher = watcher
        self._book = book
        self._outbox = outbox
        self._settings = settings
        self._time = chain_time
        self._metrics = metrics
        self._random = random
        self._on_early = on_early
        self._exchange = exchange
        self._fees = FeeCollector(contracts.rounds, outbox, settings.gather_s)
        self._settling = asyncio.Semaphore(SETTLED_AT_ONCE)
        self._log = structlog.get_logger().bind(proxy=outbox.address)

    async def step(self, one: OpenRound) -> float | None:
        """Do what is to be done now; until when to wait then, None if nothing is left."""
        if one.unconfirmed:
            async with self._settling if one.phase in OVER else nullcontext():
                await self._refresh(one)
        if self._exchange is not None:
            await self._exchange.look_up(one, await self._watcher.seat(one))
        while True:
            seat = await self._watcher.seat(one)
            snapshot = one.snapshot(seat, self._time.now())
            one.crowd = max(one.crowd, self._watcher.running - 1)
            wait = self._settings.beside(one)
            action = decide(snapshot, Me(seat.slot, wait.backoff_s, wait.patience_s, wait.settle_s))
            match action:
                case Done():
                    return None
                case Wait(until_s):
                    # a push that was lost, or a receipt of a block that is no more, is found out by looking
                    running = snapshot.phase not in OVER
                    return min(until_s, snapshot.now_s + self._settings.recheck_s) if running else until_s
                case CheckGrant():
                    with self._metrics.timed("check_grant"):
                        await self._check_grant(one)
                case CheckCfrags(slots):
                    with self._metrics.timed("check_cfrags"):
                        await self._load_grant(one)
                        self._check_cfrags(one, slots)
                case Offer() | AskVotes():
                    await self._act_off_chain(one, action)
                case _:
                    one.changed.clear()
                    if not await self._act(one, action):
                        one.unconfirmed = True
                        return self._time.now() + self._settings.retry_s

    async def _refresh(self, one: OpenRound) -> None:
        head = await self._contracts.connection.latest()
        self._time.note(head.timestamp)
        await self._watcher.refresh(one, head.number)
        one.unconfirmed = False

    async def _load_grant(self, one: OpenRound) -> None:
        if one.findings.grant is None:
            seat = await self._watcher.seat(one)
            one.findings.grant = await self._book.label_grant(seat, one.facts.opened.data.label)

    async def _check_grant(self, one: OpenRound) -> None:
        await self._load_grant(one)
        grant, facts = one.findings.grant, one.facts
        if grant is None or grant.kfrag is None:
            one.findings.bad_capsules = frozenset()
            return
        one.findings.records = await fetch_records(self._contracts, facts)
        one.findings.capsules = check_capsules(self._contracts, facts, grant, one.findings.records)
        one.findings.bad_capsules = frozenset(one.findings.records) - one.findings.capsules.keys()

    def _check_cfrags(self, one: OpenRound, slots: frozenset[Slot]) -> None:
        grant, facts = one.findings.grant, one.facts
        if grant is None:
            return
        for slot in slots:
            found = check_submission(self._contracts, facts, grant, facts.submission_of(slot))
            one.findings.cfrags[slot] = found
            if found is None:
                self._log.warning("bad_cfrags", round=hex(one.round_id), slot=slot)

    async def _act_off_chain(self, one: OpenRound, action: Offer | AskVotes) -> None:
        if self._exchange is None:
            return
        name = type(action).__name__
        await self._load_grant(one)
        bench = self._bench(one, await self._watcher.seat(one))
        with self._metrics.timed(name):
            if isinstance(action, Offer):
                await self._exchange.offer(one, bench, action, self._time.now())
            else:
                await self._exchange.ask_votes(one, bench, action)
        self._log.info("exchanged", round=hex(one.round_id), action=name, since_event_ms=one.age_ms())

    def _bench(self, one: OpenRound, seat: Seat, key: ProxyKey | None = None) -> Workbench:
        return Workbench(self._contracts, seat, one.facts, one.findings, self._random, key, one.exchange)

    async def _ensure(self, one: OpenRound, call: Call, key: str) -> Receipt | None:
        try:
            return await self._outbox.ensure(call, key=key, simulate=self._settings.simulate or one.refused)
        except Reverted:
            one.refused = True
            raise

    async def _act(self, one: OpenRound, action: Transaction | ClaimFee) -> bool:
        """Do an action; False if it was done already or came too late."""
        name, started = type(action).__name__, time.perf_counter()
        seat = await self._watcher.seat(one)
        if isinstance(action, REKEY_NEEDED):
            await self._load_grant(one)
        bench = self._bench(one, seat, self._book.proxy_key(seat) if isinstance(action, Complain) else None)
        if isinstance(action, ClaimFee):
            sending = self._fees.claim(seat, ClaimedRound(one.round_id, bench.data_hash))
        else:
            sending = self._ensure(one, prepare(action, bench), bench.key_of(action))
        failpoint("proxy.computed", name)
        computed = time.perf_counter()
        receipt = await sending
        failpoint("proxy.mined", name)
        mined = time.perf_counter()
        outcome = "done" if receipt is not None else "too_late"
        self._metrics.actions.labels(name, outcome).inc()
        self._metrics.step_seconds.labels(name).observe(mined - started)
        self._log.info(
            "acted",
            round=hex(one.round_id),
            action=name,
            outcome=outcome,
            gas=_gas_of_one(receipt) if receipt is not None else None,
            since_event_ms=one.age_ms(),
            compute_ms=round((computed - started) * 1e3, 2),
            chain_ms=round((mined - computed) * 1e3, 2),
        )
        if receipt is None:
            return False
        self._metrics.gas.labels(name).inc(_gas_of_one(receipt))
        self._time.note_events(receipt.events)
        self._on_early(receipt.events)
        mine = [e for e in receipt.events if isinstance(e, ROUND_EVENTS) and e.round_id == one.round_id]
        one.add(mine, self._time.now())
        for event in receipt.events:
            self._book.note(event)
        return True


def _gas_of_one(receipt: Receipt) -> int:
    """A round's part in the gas of a transaction; claims of several rounds share it."""
    return receipt.gas_used // max(1, sum(isinstance(event, FeeClaimed) for event in receipt.events))
