"""The proxy worker (PROTOCOL §3): events -> snapshot -> decide -> act, for every open round, until told to stop.

All state is the chain's. What is kept here, in the cursor file and in the outbox saves time; none of it is needed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from tpre_offchain.chain.abi.events import Event, FragmentComplaint, GrantRevoked, RekeyPosted
from tpre_offchain.chain.contracts.conversion_rounds import OVER
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.watch import WatchSettings
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.agreement import check_agreement
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.errors import ChainError, ProtocolError, TpreError
from tpre_offchain.failpoints import failpoint
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.daemon.cursor import Cursor, Place
from tpre_offchain.proxy.daemon.exchange_server import ExchangeServer
from tpre_offchain.proxy.daemon.feed import ChainTime, Feed, News
from tpre_offchain.proxy.daemon.key_keeper import KeyKeeper
from tpre_offchain.proxy.daemon.serving import RoundServer
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.daemon.telemetry import Metrics
from tpre_offchain.proxy.daemon.watcher import Watcher
from tpre_offchain.proxy.exchange.client import ExchangeClient
from tpre_offchain.proxy.exchange.endpoints import Endpoints
from tpre_offchain.proxy.exchange.exchanging import Exchange
from tpre_offchain.proxy.exchange.listening import Listening, register_endpoint
from tpre_offchain.proxy.node_keys import NodeKeys
from tpre_offchain.proxy.rounds.grants import GrantBook
from tpre_offchain.proxy.rounds.open_round import OpenRound
from tpre_offchain.types import RoundId


class ProxyWorker:
    """One proxy. ``clock``: unix seconds. ``run`` once; ``stop`` ends it.

    ``listening``: where it hears other members; None for a proxy that goes by way of the chain alone.
    """

    def __init__(
        self,
        connection: Connection,
        deployment: Deployment,
        outbox: Outbox,
        node_keys: NodeKeys,
        settings: WorkerSettings,
        cursor: Cursor,
        *,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.time,
        random: Random = secrets.token_bytes,
        listening: Listening | None = None,
    ) -> None:
        self.metrics = metrics or Metrics()
        self.ready = False
        self._contracts = ProxyContracts.of(connection, deployment)
        self._outbox = outbox
        self._settings = settings
        self._cursor = cursor
        self._time = ChainTime(clock)
        self._book = GrantBook(self._contracts, outbox.address, node_keys)
        self._watcher = Watcher(self._contracts, deployment.settings.rounds, self._book, self._time.now, self._on_aside)
        self._keeper = KeyKeeper(
            self._contracts,
            deployment,
            outbox.address,
            node_keys,
            settings,
            self._time.now,
            self._drop_fragments,
            self._on_key_trouble,
        )
        followed = [self._contracts.grants.address, self._contracts.rounds.address]
        if listening is not None:
            followed.append(self._contracts.proxies.address)  # which tells of endpoints
        self._feed = Feed(
            connection,
            followed,
            WatchSettings(confirmations=settings.confirmations, poll_s=settings.poll_s, busy_s=settings.lull_s),
        )
        self._listening = listening
        self._exchange: Exchange | None = None
        self._hears: ExchangeServer | None = None
        if listening is not None:
            self._exchange, self._hears = self._off_chain(listening)
        self._server = RoundServer(
            self._contracts,
            self._watcher,
            self._book,
            outbox,
            settings,
            self._time,
            self.metrics,
            random,
            self._feed.note_early,
            self._exchange,
        )
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger().bind(proxy=outbox.address)

    def _off_chain(self, listening: Listening) -> tuple[Exchange, ExchangeServer]:
        contracts, outbox = self._contracts, self._outbox
        exchange = Exchange(
            contracts,
            Endpoints(contracts, listening.url),
            ExchangeClient(contracts.domain, listening.sign),
            listening.sign,
            lambda one: self._settings.beside(one).patience_s / 3,
        )
        server = ExchangeServer(
            contracts, outbox.address, self._watcher, self._book, exchange, self._time, self.metrics
        )
        return exchange, server

    def stop(self) -> None:
        """End ``run`` soon; a transaction that was sent is left to the chain and the outbox."""
        self._stopping.set()

    def status(self) -> dict[str, Any]:
        """For the health server: nothing of it is secret."""
        return {
            "proxy": self._outbox.address,
            "chain_id": self._contracts.connection.chain_id,
            "open_rounds": len(self._watcher.rounds),
        }

    async def run(self) -> None:
        """Serve until ``stop``. Raises only what makes serving impossible from the start."""
        self._log.info("starting", chain_id=self._contracts.connection.chain_id)
        if self._hears is not None and self._exchange is not None and self._listening is not None:
            await self._hears.start(self._listening.socket)
            await register_endpoint(self._contracts, self._exchange.endpoints, self._outbox)
        follow = asyncio.create_task(self._follow())
        self._spawn(self._compare_endpoints())
        self._spawn(self._keeper.run())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([follow, stopping], return_when=asyncio.FIRST_COMPLETED)
            if follow.done():
                follow.result()
        finally:
            self.ready = False
            tasks = [follow, stopping, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._hears is not None and self._exchange is not None:
                await self._hears.stop()
                await self._exchange.close()
            self._log.info("stopped")

    # --- following the chain ------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async for news in self._feed.follow(
                    await self._resume(), self._contracts.first_block, self._on_trouble
                ):
                    failures = 0
                    await self._take(news)
            except Exception as problem:  # noqa: BLE001 - whatever broke the feed, the chain can be read again
                failures += 1
                self._caught(problem, "follow")
                await asyncio.sleep(self._pause_s(failures))

    async def _resume(self) -> Place | None:
        """Where to go on from; rounds that were open then are read anew."""
        saved = self._cursor.load()
        if saved is None:
            return None
        place, open_rounds = saved
        for round_id in open_rounds - self._watcher.rounds.keys():
            one = await self._watcher.load(round_id)
            if one is not None:
                self._serve(one)
        return place

    async def _take(self, news: News) -> None:
        if news.rewound_to is not None:
            self.metrics.rewinds.inc()
            self._log.warning("chain_rewound", last_good_block=news.rewound_to)
            for one in await self._watcher.rewind(news.rewound_to):
                self._serve(one)
        if news.retracted:
            self._log.warning("events_retracted", count=len(news.retracted))
            for one in await self._watcher.retract(news.retracted):
                self._serve(one)
        self._note_endpoints(news)
        self._time.note_events(news.events)
        for one in await self._watcher.take(news.events):
            self._serve(one)
        if any(isinstance(event, RekeyPosted) for event in news.events):
            self._spawn(self._warm(news.events))
        if any(isinstance(event, GrantRevoked | FragmentComplaint) for event in news.events):
            self._keeper.poke()
        failpoint("proxy.news.taken")
        if news.place is not None:
            self._cursor.save(news.place, self._watcher.unfinished)
            failpoint("proxy.place.saved")
            self.metrics.last_block.set(news.place.block_number)
            for one in await self._watcher.look_again():
                self._serve(one)
        if news.caught_up and not self.ready:
            self.ready = True
            self._log.info("ready", open_rounds=len(self._watcher.rounds))

    def _note_endpoints(self, news: News) -> None:
        if self._exchange is None:
            return
        if news.rewound_to is not None or news.retracted:
            self._exchange.endpoints.forget()
        self._exchange.endpoints.note(news.events)

    async def _warm(self, events: Sequence[Event]) -> None:
        try:
            await self._watcher.warm(events)
        except TpreError as problem:
            self._caught(problem, "warm")  # only a head start is lost: the check itself comes later

    # --- serving a round ----------------------------------------------------------------------------------------------

    def _serve(self, one: OpenRound) -> None:
        self._log.info("round_seen", round=hex(one.round_id), slot=one.seat.slot)
        self._spawn(self._serve_until_done(one))
        self.metrics.open_rounds.set(len(self._watcher.rounds))

    async def _serve_until_done(self, one: OpenRound) -> None:
        failures = 0
        while not one.gone:
            one.changed.clear()
            try:
                until_s = await self._server.step(one)
                failures = 0
            except Exception as problem:  # noqa: BLE001 - the one catch point: no fault may end the service of a round
                failures += 1
                one.unconfirmed = True
                self._caught(problem, "round", round=hex(one.round_id))
                until_s = self._time.now() + self._pause_s(failures)
            if until_s is None:
                break
            if not await self._changed_before(one, until_s):
                # nothing was heard, so what is to come next depends on time: be sure of the facts first
                one.unconfirmed |= one.phase not in OVER  # what is left after the end is simulated before it is sent
        self._watcher.done_with(one)
        self.metrics.open_rounds.set(len(self._watcher.rounds))
        self._log.info("round_done", round=hex(one.round_id))

    async def _changed_before(self, one: OpenRound, until_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until_s - self._time.now())):
                await one.changed.wait()
                return True
        return False

    # --- odds and ends ------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _pause_s(self, failures: int) -> float:
        return min(self._settings.retry_limit_s, self._settings.retry_s * 2.0 ** (min(failures, 20) - 1))

    async def _compare_endpoints(self) -> None:
        """Report endpoints that show another chain; the connection does not ask them while they do."""
        while len(self._contracts.connection.urls) > 1:
            try:
                found = await check_agreement(self._contracts.connection)
                for disagreement in found:
                    self._caught(disagreement, "endpoints")
                self.metrics.endpoints_aside.set(len(found))
            except Exception as problem:  # noqa: BLE001 - the next look may succeed, and no service depends on it
                self._caught(problem, "endpoints")
            await asyncio.sleep(self._settings.compare_s)

    def _drop_fragments(self, versions: Collection[int]) -> None:
        """What was opened with erased versions goes with them; their rounds have fees and ends left at most."""
        self._book.drop_fragments(versions)
        for one in self._watcher.rounds.values():
            if one.seat.key_version in versions:
                one.findings.grant = None

    def _on_key_trouble(self, trouble: BaseException) -> None:
        self._caught(trouble, "keys")

    def _on_aside(self, round_id: RoundId, problem: ProtocolError) -> None:
        self._caught(problem, "watch", round=hex(round_id))

    def _on_trouble(self, trouble: ChainError) -> None:
        self._caught(trouble, "watch")

    def _caught(self, problem: BaseException, where: str, **context: str) -> None:
        self.metrics.errors.labels(type(problem).__name__).inc()
        if isinstance(problem, TpreError):
            self._log.warning("step_failed", where=where, **context, **problem.to_dict())
        else:
            # a fault of ours: the place is told, the values are not, for they could be secret
            self._log.error("step_crashed", where=where, error=type(problem).__name__, at=_place_of(problem), **context)


def _place_of(problem: BaseException) -> str:
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
