"""Publishing when things go wrong: the store or the chain is away, the program dies, somebody else comes first."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.clients_world import ClientsWorld, clients_world
from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chunking import Source
from tpre_offchain.clients import Device, Item, Keys, Owner, Session
from tpre_offchain.clients.errors import PublishQueued, SourceUnreadable
from tpre_offchain.clients.publishing.publishing import MAX_BATCH
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.errors import StoreFull, StoreUnavailable
from tpre_offchain.storage.local import LocalStore


class MoodyStore(LocalStore):
    """A local store that can be switched off, as one behind a network can."""

    refuses: Exception | None = None
    after_bytes = 0

    def put(self, source: Source) -> Cid:
        if self.refuses is not None:
            if self.after_bytes and not hasattr(source, "read"):
                for piece in source:  # it fails in the middle
                    self.after_bytes -= len(piece)
                    if self.after_bytes <= 0:
                        break
            raise self.refuses
        return super().put(source)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientsWorld]:
    with clients_world(tmp_path_factory.mktemp("world"), proxies=0) as made:
        yield made


@pytest.fixture
def keys(world: ClientsWorld) -> Keys:
    return world.new_keys()


@pytest.fixture
def store(tmp_path: Path) -> MoodyStore:
    return MoodyStore(tmp_path / "blobs")


def published(owner: Owner) -> list[int]:
    """Sequence numbers of all records of the account's streams, as the chain has them."""
    return [event.record_id & 0xFFFFFFFF for event in owner.run(_published(owner))]


async def _published(owner: Owner) -> list[Any]:
    streams = await owner.session.records.streams(owner.address)
    return await owner.session.records.published(one.stream_id for one in streams)


# --- the store is away ----------------------------------------------------------------------------


@pytest.mark.parametrize("after_bytes", [0, 100])
def test_publish__store_away__queues_and_completes_later(
    world: ClientsWorld, keys: Keys, store: MoodyStore, tmp_path: Path, after_bytes: int
) -> None:
    source = tmp_path / "readings.csv"
    source.write_bytes(b"1,2\n" * 1000)
    state = tmp_path / "state"
    with world.session(keys, store=store, state=state) as session:
        owner = Owner(session)
        stream = owner.create_stream("queued")
        store.refuses, store.after_bytes = StoreUnavailable("nobody listens"), after_bytes
        with pytest.raises(PublishQueued) as raised:
            owner.publish(stream, source, tags={"unit": "F"})
        assert raised.value.retryable
        assert "nobody listens" in raised.value.reason
        (waiting,) = owner.pending()
        assert (waiting.job, waiting.state, waiting.name) == (raised.value.job, "spooled", "readings.csv")
        assert "nobody listens" in waiting.last_error
        with pytest.raises(PublishQueued):
            owner.publish_pending()
        assert published(owner) == []
    private = [path for path in state.rglob("*") if path.name != "outbox.sqlite" and not path.match("*-wal")]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in private if path.is_dir()} == {0}
    everything = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"1,2\n1,2\n" not in everything

    source.unlink()  # the queue needs it no more
    store.refuses = None
    with world.session(keys, store=store, state=state) as session:
        owner = Owner(session)
        (record,) = owner.publish_pending()
        assert owner.pending() == []
        owner.fetch(record, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"1,2\n" * 1000
        assert owner.publish_pending() == []
        assert published(owner) == [0]
    assert list((state / f"{world.deployment.chain_id}-{keys.address}" / "spool").iterdir()) == []


def test_publish__store_away_without_state__raises_the_stores_error(
    world: ClientsWorld, keys: Keys, store: MoodyStore
) -> None:
    with world.session(keys, store=store) as session:
        owner = Owner(session)
        stream = owner.create_stream("no queue")
        store.refuses = StoreUnavailable("nobody listens")
        with pytest.raises(StoreUnavailable):
            owner.publish(stream, b"data")
        assert owner.pending() == []


def test_publish__store_full__is_told_and_not_queued(
    world: ClientsWorld, keys: Keys, store: MoodyStore, tmp_path: Path
) -> None:
    with world.session(keys, store=store, state=tmp_path / "state") as session:
        owner = Owner(session)
        stream = owner.create_stream("full")
        store.refuses = StoreFull("no space")
        with pytest.raises(StoreFull):
            owner.publish(stream, b"data")
        assert owner.pending() == []


def test_publish__queued_file_again__is_not_doubled(
    world: ClientsWorld, keys: Keys, store: MoodyStore, tmp_path: Path
) -> None:
    source = tmp_path / "readings.csv"
    source.write_bytes(b"x")
    with world.session(keys, store=store, state=tmp_path / "state") as session:
        owner = Owner(session)
        stream = owner.create_stream("again")
        store.refuses = StoreUnavailable("nobody listens")
        for _ in range(2):
            with pytest.raises(PublishQueued):
                owner.publish(stream, source)
        assert len(owner.pending()) == 1
        store.refuses = None
        owner.publish(stream, source)
        assert (owner.pending(), published(owner)) == ([], [0])
        owner.publish(stream, source)  # on purpose this time: nothing was left unfinished
        assert published(owner) == [0, 1]


# --- the program dies -----------------------------------------------------------------------------

DIES = """
import json, os, signal, sys
from pathlib import Path
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.clients import Keys, Owner, Session
from tpre_offchain.clients.stored.queue import PublishQueue
from tpre_offchain.clients.facts.records import Records

given = json.load(sys.stdin)

def die(*_a, **_k):
    os.kill(os.getpid(), signal.SIGKILL)

send = Outbox.send
async def send_and_die(self, call, **options):
    await send(self, call, **options)
    die()

hooks = {
    "stored": lambda: setattr(Records, "current_label_key", die),
    "sealed": lambda: setattr(Outbox, "send", die),
    "sent": lambda: setattr(Outbox, "send", send_and_die),
    "mined": lambda: setattr(PublishQueue, "finish", die),
}
hooks[given["when"]]()
keys = Keys(bytes.fromhex(given["entropy"]))
with Session.open(rpc=given["rpc"], deployment=Deployment.from_json(given["deployment"]), store=given["store"],
                  keys=keys, state=given["state"]) as session:
    Owner(session).publish(given["stream"], given["source"])
"""


@pytest.mark.parametrize("when", ["stored", "sealed", "sent", "mined"])
def test_publish__killed__is_finished_by_the_next_run_and_not_doubled(
    world: ClientsWorld, keys: Keys, tmp_path: Path, when: str
) -> None:
    source = tmp_path / "readings.csv"
    source.write_bytes(b"1,2\n")
    given: dict[str, Any] = {
        "when": when,
        "entropy": keys.entropy.hex(),
        "rpc": world.url,
        "deployment": world.deployment.to_json(),
        "store": f"local:{world.folder / 'blobs'}",
        "state": str(tmp_path / "state"),
        "source": str(source),
    }
    with world.session(keys) as session:
        stream = Owner(session).create_stream("killed")
    given["stream"] = stream.stream_id
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", DIES]
    died = subprocess.run(command, check=False, input=json.dumps(given), text=True, env=environment, timeout=60)
    assert died.returncode == -signal.SIGKILL

    with world.session(keys, state=tmp_path / "state") as session:
        owner = Owner(session)
        assert [one.name for one in owner.pending()] == ["readings.csv"]
        record = owner.publish(stream, source)
        assert (published(owner), owner.pending()) == ([0], [])
        assert record.record_id & 0xFFFFFFFF == 0
        owner.fetch(record, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"1,2\n"


INTERRUPTED = """
import json, os, signal, sys
from pathlib import Path
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.clients import Keys, Owner, Session

given = json.load(sys.stdin)

def at_half(_stage, done, _total):
    if done == 32 << 20:
        os.kill(os.getpid(), signal.SIGINT)

try:
    with Session.open(rpc=given["rpc"], deployment=Deployment.from_json(given["deployment"]), store=given["store"],
                      keys=Keys(bytes.fromhex(given["entropy"])), state=given["state"]) as session:
        Owner(session).publish(given["stream"], given["source"], on_progress=at_half)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_publish__interrupted__stops_soon_and_leaves_nothing(world: ClientsWorld, keys: Keys, tmp_path: Path) -> None:
    source = tmp_path / "big"
    with source.open("wb") as file:
        file.truncate(4 << 30)  # sparse: far more than is read before the interrupt
    with world.session(keys) as session:
        stream = Owner(session).create_stream("interrupted")
    given: dict[str, Any] = {
        "entropy": keys.entropy.hex(),
        "rpc": world.url,
        "deployment": world.deployment.to_json(),
        "store": f"local:{tmp_path / 'blobs'}",
        "state": str(tmp_path / "state"),
        "source": str(source),
        "stream": stream.stream_id,
    }
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(command, check=False, input=json.dumps(given), text=True, env=environment, timeout=30)
    assert done.returncode == 130
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
    with world.session(keys, state=tmp_path / "state") as session:
        assert Owner(session).pending() == []


# --- somebody else comes first --------------------------------------------------------------------


async def test_publish__sequence_taken_meanwhile__takes_the_next(
    world: ClientsWorld, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await start(world, keys) as session, await start(world, keys) as elsewhere:
        owner, other = Owner(session), Device(elsewhere)
        stream = await owner.create_stream.aio("raced")
        real, raced = session.outbox.send, False

        async def send_after_the_other(call: Call, **options: Any) -> Receipt:
            nonlocal raced
            if not raced:
                raced = True
                await other.publish.aio(stream, b"the other's")
            return await real(call, **options)

        monkeypatch.setattr(session.outbox, "send", send_after_the_other)
        record = await owner.publish.aio(stream, b"mine")
        assert record.record_id & 0xFFFFFFFF == 1
        assert [event.record_id & 0xFFFFFFFF for event in await _published(owner)] == [0, 1]


async def test_publish__epoch_advanced_meanwhile__is_sealed_for_the_new_one(
    world: ClientsWorld, keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with await start(world, keys) as session:
        owner = Owner(session)
        stream = await owner.create_stream.aio("epoch raced")
        real, raced = session.outbox.send, False

        async def send_in_the_next_epoch(call: Call, **options: Any) -> Receipt:
            nonlocal raced
            if not raced:
                raced = True
                await real(session.contracts.records.advance_epoch(stream.stream_id))
            return await real(call, **options)

        monkeypatch.setattr(session.outbox, "send", send_in_the_next_epoch)
        record = await owner.publish.aio(stream, b"mine")
        assert record.epoch == 1
        await owner.fetch.aio(record, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == b"mine"


async def start(world: ClientsWorld, keys: Keys) -> Session:
    return await Session.start(rpc=world.url, deployment=world.deployment, store=world.store, keys=keys)


def test_publish__no_publisher__is_refused_and_not_kept(world: ClientsWorld, keys: Keys, tmp_path: Path) -> None:
    with world.session(keys) as session, world.session(state=tmp_path / "state") as strange:
        owner, device = Owner(session), Device(strange)
        stream = owner.create_stream("mine alone")
        with pytest.raises(ContractRevert) as raised:
            device.publish(stream, b"data")
        assert raised.value.name == "NotPublisher"
        assert device.pending() == []
        owner.set_publisher(stream, device.address)
        device.publish(stream, b"data")
        owner.set_publisher(stream, device.address, allowed=False)
        with pytest.raises(ContractRevert):
            device.publish(stream, b"data")


def test_publish_batch__more_than_a_transaction_takes__is_split(world: ClientsWorld, keys: Keys) -> None:
    with world.session(keys) as session:
        owner = Owner(session)
        stream = owner.create_stream("many")
        records = owner.publish_batch(stream, [Item(str(i).encode(), tags={"i": str(i)}) for i in range(MAX_BATCH + 1)])
        assert len({record.transaction.hash for record in records}) == 2
        assert [record.record_id & 0xFFFFFFFF for record in records] == list(range(MAX_BATCH + 1))
        assert records[0].transaction.gas_used / MAX_BATCH < 90_000


def test_publish__unreadable_source__says_so(world: ClientsWorld, keys: Keys, tmp_path: Path) -> None:
    with world.session(keys) as session:
        owner = Owner(session)
        stream = owner.create_stream("unreadable")
        with pytest.raises(SourceUnreadable):
            owner.publish(stream, tmp_path / "none.csv")
        with pytest.raises(SourceUnreadable):
            owner.publish(stream, tmp_path)


def test_publish__open_file__is_read_once(world: ClientsWorld, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"stream of bytes")
    with world.session(keys) as session, (tmp_path / "in").open("rb") as file:
        owner = Owner(session)
        record = owner.publish(owner.create_stream("open"), file, name="given.bin")
        assert (record.plain_length, record.name) == (15, "given.bin")
        assert not file.closed
