"""A session: one account, one chain with its contracts, one store. Owner, user and device all work over one.

    with Session.open(rpc=rpc_url, deployment="addresses.json", store="local:blobs", keys=keys) as session:
        Owner(session).create_stream("machine-7/temperature")

In async code: ``async with await Session.start(…) as session`` and ``await owner.create_stream.aio(…)``.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.archive import LogArchive
from tpre_offchain.chain.logs.reading import LogReader
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.agreement import open_agreeing
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients.facts.grants import Grants
from tpre_offchain.clients.facts.history import History
from tpre_offchain.clients.facts.records import Records
from tpre_offchain.clients.facts.rounds import Rounds
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.registration import Registration
from tpre_offchain.clients.stored.blobs import Stopped
from tpre_offchain.clients.stored.files import make_private_folder
from tpre_offchain.clients.stored.queue import PublishQueue
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.storage.opening import open_store
from tpre_offchain.storage.store import BlobStore
from tpre_offchain.types import Address
from tpre_offchain.unfinished import unfinished_in

T = TypeVar("T")


class Session:
    """Everything that the clients' verbs work with. Made by ``open`` or ``start``; close it when done.

    ``random`` and ``clock`` are seams for tests. Not for use by several threads at once.
    """

    def __init__(
        self,
        connection: Connection,
        deployment: Deployment,
        outbox: Outbox,
        store: BlobStore,
        keys: Keys,
        *,
        state: Path | None = None,
        archive: LogArchive | None = None,
        random: Random = secrets.token_bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.connection = connection
        self.deployment = deployment
        self.contracts = Contracts.of(connection, deployment)
        self.outbox = outbox
        self.store = store
        self.keys = keys
        self.random = random
        self.clock = clock
        self.domain = domain_of(deployment)
        self.history = History(LogReader(connection, archive), self.contracts, deployment.deploy_block)
        self.records = Records(self.history, self.domain)
        self.grants = Grants(self.history, self.records, connection, self.domain)
        self.rounds = Rounds(self.history, connection, self.domain)
        self.registration = Registration(self.contracts.keys, outbox, keys, self.domain, random)
        self.queue = PublishQueue(state, keys.identity.publisher_secret, random)
        self._runner: asyncio.Runner | None = None

    @classmethod
    def open(
        cls,
        *,
        rpc: str | Sequence[str],
        deployment: Deployment | str | Path,
        store: BlobStore | str,
        keys: Keys,
        state: str | Path | None = None,
        outbox_settings: OutboxSettings | None = None,
        archive: LogArchive | None = None,
    ) -> Session:
        """A session for plain code, which runs its own event loop. Parameters and errors are those of ``start``."""
        runner = asyncio.Runner()
        try:
            session = runner.run(
                cls.start(
                    rpc=rpc,
                    deployment=deployment,
                    store=store,
                    keys=keys,
                    state=state,
                    outbox_settings=outbox_settings,
                    archive=archive,
                )
            )
        except BaseException:
            runner.close()
            raise
        return session.owning(runner)

    @classmethod
    async def start(
        cls,
        *,
        rpc: str | Sequence[str],
        deployment: Deployment | str | Path,
        store: BlobStore | str,
        keys: Keys,
        state: str | Path | None = None,
        outbox_settings: OutboxSettings | None = None,
        archive: LogArchive | None = None,
    ) -> Session:
        """A session inside a running event loop.

        ``rpc``: URL or URLs of the chain. ``deployment``: the addresses, or their file. ``store``: such as
        ``local:PATH``. ``state``: a folder where transactions and publishes under way survive a crash, kept apart by
        chain and account; None keeps them in memory. ``archive``: logs for a node that has pruned its own. Raises
        ``EndpointDown``, ``EndpointsDisagree``, ``WrongChain``, ``BadDeploymentFile``, ``NotDeployed``,
        ``UnknownStore``, ``BadArchive``, ``StateUnwritable``.
        """
        place = deployment if isinstance(deployment, Deployment) else Deployment.load(deployment)
        blobs = store if isinstance(store, BlobStore) else open_store(store)
        folder = None if state is None else Path(state) / f"{place.chain_id}-{keys.address}"
        if folder is not None:
            with unfinished_in(folder):
                make_private_folder(folder)
        connection = await open_agreeing([rpc] if isinstance(rpc, str) else list(rpc), place.chain_id)
        try:
            kept = None if archive is None else archive.require_of(place.chain_id, place.addresses.values())
            path: str | Path = ":memory:" if folder is None else folder / "outbox.sqlite"
            outbox = await Outbox.open(connection, keys.account, path, outbox_settings)
        except BaseException:
            await connection.close()
            raise
        return cls(connection, place, outbox, blobs, keys, state=folder, archive=kept)

    @property
    def address(self) -> Address:
        """The account, checksummed."""
        return self.keys.address

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on this session's own loop. Raises ``RuntimeError`` for a session made by ``start``."""
        if self._runner is None:
            work.close()
            raise RuntimeError("this session lives in an event loop: use `await verb.aio(…)`")
        return self._runner.run(work)

    async def in_thread(self, work: Callable[[Callable[[], bool]], T]) -> T:
        """Run blocking work beside the event loop; it is told by its argument once its caller was cancelled."""
        gone = threading.Event()
        task = asyncio.ensure_future(asyncio.to_thread(work, gone.is_set))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            gone.set()
            # the thread cleans up what it has written before anybody is told that it is over
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Stopped:
            raise asyncio.CancelledError from None

    def owning(self, runner: asyncio.Runner) -> Self:
        """This session, running its verbs on a loop that it closes at the end."""
        self._runner = runner
        return self

    async def aclose(self) -> None:
        """End everything that the session has opened."""
        self.queue.close()
        await self.outbox.close()
        await self.connection.close()

    def close(self) -> None:
        """End everything that the session has opened, from plain code."""
        if self._runner is not None:
            self._runner.run(self.aclose())
            self._runner.close()
            self._runner = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def domain_of(deployment: Deployment) -> Domain:
    """What every transcript of this deployment is bound to."""
    at = deployment.address_of
    return Domain(
        chain_id=deployment.chain_id,
        key_registry=at("KeyRegistry"),
        proxy_registry=at("ProxyRegistry"),
        record_registry=at("RecordRegistry"),
        grant_registry=at("GrantRegistry"),
        rounds=at("ConversionRounds"),
    )
