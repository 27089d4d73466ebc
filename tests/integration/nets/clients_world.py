"""A real chain with contracts and proxies at work in a thread of its own, for tests of owners, users and devices."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tests.integration.nets.local_nodes import LocalNode, start_anvil
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients import Keys, Session
from tpre_offchain.clients.facts.points import chain_proof
from tpre_offchain.clients.session import domain_of
from tpre_offchain.crypto.keys import ProxyKey, prove_key
from tpre_offchain.deployment.deploy import deploy
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.proxy.daemon.cursor import IN_MEMORY, Cursor
from tpre_offchain.proxy.daemon.settings import WorkerSettings
from tpre_offchain.proxy.daemon.worker import ProxyWorker
from tpre_offchain.proxy.node_keys import GivenNodeKeys
from tpre_offchain.storage.local import LocalStore
from tpre_offchain.storage.store import BlobStore

RICH_WEI = 1_000 * 10**18
QUICK = replace(LOCAL, rounds=replace(LOCAL.rounds, round_seconds=4, vote_seconds=2, challenge_seconds=2))
T = TypeVar("T")


@dataclass
class Proxy:
    """One proxy, running or not."""

    keys: Keys
    outbox: Outbox
    node_key: ProxyKey
    worker: ProxyWorker | None = None
    task: asyncio.Task[None] | None = None


@dataclass
class ClientsWorld:
    """The chain, the store and the proxies. ``run`` works on the proxies' loop; sessions have loops of their own."""

    url: str
    connection: Connection
    deployment: Deployment
    store: LocalStore
    folder: Path
    loop: asyncio.AbstractEventLoop
    proxies: list[Proxy] = field(default_factory=list)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def rpc(self, method: str, *params: Any) -> Any:
        return self.run(self.connection.rpc(method, *params))

    def fund(self, address: str, wei: int = RICH_WEI) -> None:
        self.rpc("hardhat_setBalance", address, hex(wei))

    def new_keys(self) -> Keys:
        keys = Keys.generate(secrets.token_bytes)
        self.fund(keys.address)
        return keys

    @contextmanager
    def session(
        self, keys: Keys | None = None, *, store: BlobStore | None = None, state: Path | None = None
    ) -> Iterator[Session]:
        """A session of a funded account, on this chain and, unless told otherwise, this store."""
        with Session.open(
            rpc=self.url,
            deployment=self.deployment,
            store=store or self.store,
            keys=keys or self.new_keys(),
            state=state,
        ) as session:
            yield session

    # --- proxies, on their own loop ---------------------------------------------------------------

    async def join(self) -> Proxy:
        keys = Keys.generate(secrets.token_bytes)
        await self.connection.rpc("hardhat_setBalance", keys.address, hex(RICH_WEI))
        outbox = await Outbox.open(self.connection, keys.account)
        key = ProxyKey.generate(1, secrets.token_bytes)
        proof = chain_proof(prove_key(domain_of(self.deployment), keys.address, key, secrets.token_bytes))
        bond = self.deployment.settings.proxies.bond_wei
        contracts = Contracts.of(self.connection, self.deployment)
        await outbox.send(contracts.proxies.join(key.public.to_evm(), proof, "", bond))
        proxy = Proxy(keys, outbox, key)
        self.proxies.append(proxy)
        return proxy

    async def start(self, proxy: Proxy) -> None:
        settings = WorkerSettings(backoff_s=0.3, retry_s=0.2, poll_s=0.1)
        node_keys = GivenNodeKeys([proxy.node_key])
        cursor = Cursor(IN_MEMORY, "test")
        proxy.worker = ProxyWorker(self.connection, self.deployment, proxy.outbox, node_keys, settings, cursor)
        proxy.task = asyncio.create_task(proxy.worker.run())
        while not proxy.worker.ready:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)

    async def stop(self, proxy: Proxy) -> None:
        if proxy.worker is not None and proxy.task is not None:
            proxy.worker.stop()
            await proxy.task
            proxy.worker = proxy.task = None

    async def close(self) -> None:
        for proxy in self.proxies:
            await self.stop(proxy)
            await proxy.outbox.close()
        await self.connection.close()


@contextmanager
def clients_world(
    folder: Path, proxies: int = 5, start_node: Callable[[], LocalNode] = start_anvil
) -> Iterator[ClientsWorld]:
    """A fresh chain with deployed contracts and running proxies; everything ends with the block."""
    node = start_node()
    try:
        with _loop_in_thread() as loop:
            made = asyncio.run_coroutine_threadsafe(_make(node, folder, loop), loop).result(60)
            try:
                for _ in range(proxies):
                    made.run(made.start(made.run(made.join())))
                yield made
            finally:
                made.run(made.close())
    finally:
        node.stop()


async def _make(node: LocalNode, folder: Path, loop: asyncio.AbstractEventLoop) -> ClientsWorld:
    connection = await Connection.open([node.ws_url])
    deployer = Keys.generate(secrets.token_bytes)
    await connection.rpc("hardhat_setBalance", deployer.address, hex(RICH_WEI))
    deployment = await deploy(connection, deployer.account, QUICK)
    return ClientsWorld(node.url, connection, deployment, LocalStore(folder / "blobs"), folder, loop)


@contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
