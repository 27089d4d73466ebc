"""One proxy as a process: builds everything around the worker, serves until a signal, takes everything down again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account.signers.local import LocalAccount

from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.signing import signer
from tpre_offchain.proxy.daemon.cursor import IN_MEMORY, Cursor
from tpre_offchain.proxy.daemon.health import HealthServer
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.daemon.telemetry import Metrics
from tpre_offchain.proxy.daemon.worker import ProxyWorker
from tpre_offchain.proxy.exchange.listening import Listening, listen, url_of
from tpre_offchain.proxy.node_keys import NodeKeys

CURSOR_FILE = "cursor.db"
OUTBOX_FILE = "outbox.db"


@dataclass(frozen=True)
class ProcessSettings:
    """``state_dir``: where cursor and outbox live, None to keep them in memory. ``health_port``: None for no server, 0
    for a free port. ``exchange``: HOST:PORT to hear other members on, None to go by way of the chain alone.
    ``exchange_url``: what the registry is to name where that is another address, such as a reverse proxy's.
    """

    state_dir: Path | None = None
    health_host: str = "127.0.0.1"
    health_port: int | None = 0
    exchange: str | None = None
    exchange_url: str | None = None
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)


async def serve(
    rpc_urls: Sequence[str],
    deployment: Deployment,
    account: LocalAccount,
    node_keys: NodeKeys,
    settings: ProcessSettings,
    on_listening: Callable[[int | None], None] = lambda _: None,
) -> None:
    """Run one proxy until SIGTERM or SIGINT. ``on_listening``: told the health server's port.

    Raises ``EndpointDown`` or ``WrongChain`` if there is no chain to serve to begin with, ``BadExchange``.
    """
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        listening = None
        if settings.exchange is not None:
            hears = stack.enter_context(listen(settings.exchange))
            listening = Listening(hears, settings.exchange_url or url_of(hears), signer(account))
        connection = await Connection.open(rpc_urls, deployment.chain_id, on_call=metrics.count_rpc)
        stack.push_async_callback(connection.close)
        outbox = await Outbox.open(connection, account, _state_file(settings, OUTBOX_FILE), settings.outbox)
        stack.push_async_callback(outbox.close)
        chain = f"{deployment.chain_id}/{deployment.address_of('ConversionRounds')}"
        cursor = Cursor(_state_file(settings, CURSOR_FILE), chain)
        stack.callback(cursor.close)
        worker = ProxyWorker(
            connection, deployment, outbox, node_keys, settings.worker, cursor, metrics=metrics, listening=listening
        )
        port = None
        if settings.health_port is not None:
            health = _health_of(worker, metrics)
            port = await health.start(settings.health_host, settings.health_port)
            stack.push_async_callback(health.stop)
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, worker.stop)
            stack.callback(loop.remove_signal_handler, signal_number)
        on_listening(port)
        await worker.run()


def _health_of(worker: ProxyWorker, metrics: Metrics) -> HealthServer:
    def alive() -> dict[str, Any] | None:
        return None  # that it answers is the proof: it shares the worker's event loop

    def ready() -> dict[str, Any] | None:
        return None if worker.ready else {"reason": "reading the chain"}

    return HealthServer(metrics, alive, ready, worker.status)


def _state_file(settings: ProcessSettings, name: str) -> Path | str:
    if settings.state_dir is None:
        return IN_MEMORY
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings.state_dir / name
