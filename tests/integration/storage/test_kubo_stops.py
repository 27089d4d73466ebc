"""A Kubo daemon that dies or stalls in the middle of something: nothing is lost, nothing half is taken for whole."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.nets.clients_world import ClientsWorld, clients_world
from tests.integration.nets.kubo_nodes import KuboNode, kubo_node, needs_kubo
from tests.integration.storage.test_gateway import Answer, cut_off, endless, fewer, nothing, other_bytes, serving
from tpre_offchain.clients import Owner, User
from tpre_offchain.clients.errors import PublishQueued
from tpre_offchain.clients.stopwatch import OnProgress
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, compute_cid
from tpre_offchain.storage.errors import BlobTampered, StoreUnavailable
from tpre_offchain.storage.fallback import FallbackStore
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.local import LocalStore

pytestmark = [pytest.mark.kubo, needs_kubo, pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 16


@pytest.fixture
def node(tmp_path: Path) -> Iterator[KuboNode]:
    with kubo_node(tmp_path / "kubo") as started:
        yield started


@contextmanager
def stalled(node: KuboNode) -> Iterator[None]:
    """The daemon holds its connections and answers nothing."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(node.pid, signal.SIGCONT)


def test_put__daemon_killed_midway__raises_and_the_repeat_is_whole(node: KuboNode, seeded: random.Random) -> None:
    data = seeded.randbytes(MIB << 20)

    def interrupted() -> Iterator[bytes]:
        for at in range(0, len(data), LEAF_BYTES):
            if at == len(data) // 2:
                node.stop(kill=True)
            yield data[at : at + LEAF_BYTES]

    with node.store() as store:
        with pytest.raises(StoreUnavailable):
            store.put(interrupted())
        node.start()
        assert not store.has(compute_cid([data]))
        assert list(store.pins()) == []
        cid = store.put([data])
        assert cid == compute_cid([data])
        assert b"".join(store.get(cid)) == data


def test_put__daemon_stalls__raises_in_time(node: KuboNode, seeded: random.Random) -> None:
    with node.store(timeout_s=1) as store, stalled(node):
        started_s = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.put([seeded.randbytes(100)])
        assert time.monotonic() - started_s < 30


@pytest.mark.parametrize("stall", [False, True])
def test_get__daemon_stops_midway__nothing_more_comes_and_a_second_store_goes_on(
    node: KuboNode, tmp_path: Path, seeded: random.Random, stall: bool
) -> None:
    data = seeded.randbytes(MIB << 20)
    copy = LocalStore(tmp_path / "copy")
    with node.store(timeout_s=1) as store:
        cid = store.put([data])
        copy.put([data])
        alone, together = store.get(cid), FallbackStore([store, copy]).get(cid)
        begun, other = [next(alone)], next(together)
        with _stopped(node, stall):
            with pytest.raises(StoreUnavailable):
                begun += alone
            assert sum(map(len, begun)) < len(data)
            assert data.startswith(b"".join(begun))
            assert other + b"".join(together) == data
        assert b"".join(store.get(cid)) == data


@contextmanager
def _stopped(node: KuboNode, stall: bool) -> Iterator[None]:
    if stall:
        with stalled(node):
            yield
        return
    node.stop(kill=True)
    yield
    node.start()


# --- the same for owners and users ----------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientsWorld]:
    with clients_world(tmp_path_factory.mktemp("world"), proxies=3) as made:
        yield made


def kill_at(node: KuboNode, stage: str, bytes_done: int) -> OnProgress:
    """A progress hook that kills the daemon once a stage has come that far."""

    def on_progress(now: str, done: int, _total: int | None) -> None:
        if now == stage and done >= bytes_done and node._daemon is not None:
            node.stop(kill=True)

    return on_progress


def test_publish_and_fetch__daemon_killed_in_both__complete_once_it_is_back(
    world: ClientsWorld, node: KuboNode, tmp_path: Path, seeded: random.Random
) -> None:
    file, output = tmp_path / "data.bin", tmp_path / "out.bin"
    file.write_bytes(seeded.randbytes(MIB << 20))
    state = tmp_path / "state"
    with node.store() as store, world.session(store=store, state=state) as mine, world.session(store=store) as theirs:
        owner, user = Owner(mine), User(theirs)
        stream = owner.create_stream("machine-7", minimum=(2, 3))
        half = file.stat().st_size // 2
        with pytest.raises(PublishQueued) as queued:
            owner.publish(stream, file, on_progress=kill_at(node, "encrypt", half))
        assert queued.value.retryable
        (waits,) = owner.pending()
        assert (waits.name, waits.state) == ("data.bin", "spooled")
        assert waits.last_error
        with pytest.raises(PublishQueued):
            owner.publish_pending()

        node.start()
        (record,) = owner.publish_pending()
        assert owner.pending() == []
        assert len(list(mine.run(mine.records.published([stream.stream_id])))) == 1
        assert store.check(Cid.parse(record.cid)) == record.encrypted_length

        asked = user.request(stream, threshold=2, committee=3)
        owner.grant(asked)
        with pytest.raises(StoreUnavailable):
            user.fetch(asked, record, output, on_progress=kill_at(node, "fetch", half))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data.bin", "kubo", "state"]

        node.start()
        user.fetch(asked, record, output)
        assert output.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("lie", [other_bytes, fewer, cut_off, endless, nothing])
def test_fetch__gateway_lies__alone_fails_and_with_kubo_behind_it_arrives(
    world: ClientsWorld, node: KuboNode, tmp_path: Path, seeded: random.Random, lie: Answer
) -> None:
    content, output = seeded.randbytes(3 * LEAF_BYTES), tmp_path / "out.bin"
    with node.store() as store, serving({}, lie) as url, world.session(store=store) as mine:
        gateway, keys = GatewayStore(url, timeout_s=2), world.new_keys()
        owner = Owner(mine)
        stream = owner.create_stream("machine-8", minimum=(2, 3))
        record = owner.publish(stream, content)
        with world.session(keys, store=gateway) as theirs:
            asked = User(theirs).request(stream, threshold=2, committee=3)
            owner.grant(asked)
            with pytest.raises((BlobTampered, StoreUnavailable)) as refused:
                User(theirs).fetch(asked, record, output)
            assert refused.value.culprit == gateway.name
            assert not output.exists()
        with world.session(keys, store=FallbackStore([gateway, store])) as theirs:
            User(theirs).fetch(asked, record, output)
        assert output.read_bytes() == content
        gateway.close()
