"""The Kubo back-end against a real Kubo node that talks to nobody."""

from __future__ import annotations

import io
import random
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.nets.kubo_nodes import KuboNode, kubo_node, needs_kubo
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec, compute_cid
from tpre_offchain.storage.errors import (
    BlobMalformed,
    BlobNotFound,
    BlobPinned,
    BlobTampered,
    BlobTooLarge,
    StoreReadOnly,
    StoreUnavailable,
)
from tpre_offchain.storage.fallback import FallbackStore, Fault
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.kubo import KuboStore
from tpre_offchain.storage.local import LocalStore

pytestmark = [pytest.mark.kubo, needs_kubo]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KuboNode]:
    with kubo_node(tmp_path_factory.mktemp("kubo")) as started:
        yield started


@pytest.fixture
def store(node: KuboNode) -> Iterator[KuboStore]:
    kubo = KuboStore(node.api, timeout_s=2)
    yield kubo
    kubo.close()


@pytest.mark.parametrize(
    "size",
    [0, 1, 2**18 - 1, 2**18, 2**18 + 1, 2**20 - 1, 2**20, 2**20 + 1, 50 * 2**20, 174 * 2**20, 174 * 2**20 + 1],
)
def test_put__any_size__all_agree_on_the_cid(
    node: KuboNode, store: KuboStore, tmp_path: Path, seeded: random.Random, size: int
) -> None:
    data = seeded.randbytes(size)
    arguments = ("--cid-version=1", "--raw-leaves", "--chunker=size-1048576")
    by_command = node.run("add", "-Q", "--only-hash", *arguments, given=data)
    assert str(compute_cid([data])) == by_command
    assert str(store.put(io.BytesIO(data))) == by_command
    assert str(LocalStore(tmp_path).put([data])) == by_command
    assert b"".join(store.get(Cid.parse(by_command))) == data


def test_put__then_pin_unpin_delete__follow(node: KuboNode, store: KuboStore, seeded: random.Random) -> None:
    cid = store.put([seeded.randbytes(3 * LEAF_BYTES)])
    assert store.has(cid)
    assert cid in set(store.pins())
    assert str(cid) in node.run("pin", "ls", "--type=recursive", "-q")
    with pytest.raises(BlobPinned):
        store.delete(cid)
    store.unpin(cid)
    store.unpin(cid)
    assert cid not in set(store.pins())
    assert store.has(cid)
    store.pin(cid)
    assert cid in set(store.pins())
    store.unpin(cid)
    store.delete(cid)
    store.delete(cid)
    assert not store.has(cid)
    with pytest.raises(BlobNotFound):
        store.get(cid)


def test_pin__nobody_has_it__raises_not_found_in_time(store: KuboStore, seeded: random.Random) -> None:
    absent = Cid.of_block(Codec.RAW, seeded.randbytes(32))
    started_s = time.monotonic()
    with pytest.raises(BlobNotFound) as caught:
        store.pin(absent)
    assert caught.value.retryable
    with pytest.raises(BlobNotFound):
        store.get(absent)
    assert time.monotonic() - started_s < 10
    assert not store.has(absent)


def test_put__source_that_fails__passes_its_error_on(store: KuboStore) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(LEAF_BYTES)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.put(broken())
    assert store.put([b"still works"]) == compute_cid([b"still works"])


def test_put_and_get__100_mib__memory_stays_flat(store: KuboStore, seeded: random.Random) -> None:
    block = seeded.randbytes(LEAF_BYTES)
    tracemalloc.start()
    try:
        cid = store.put(block for _ in range(100))
        total = store.check(cid)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 100 * LEAF_BYTES
    assert peak < 16 * LEAF_BYTES


def test_get__larger_than_allowed__raises(store: KuboStore) -> None:
    cid = store.put([bytes(3 * LEAF_BYTES)])
    with pytest.raises(BlobTooLarge):
        store.get(cid, max_bytes=3 * LEAF_BYTES - 1)


def test_get__file_added_with_other_settings__is_read_or_refused(node: KuboNode, store: KuboStore) -> None:
    data = random.Random(7).randbytes(3 * LEAF_BYTES)
    small = Cid.parse(node.run("add", "-Q", "--cid-version=1", "--raw-leaves", "--chunker=size-65536", given=data))
    assert b"".join(store.get(small)) == data
    wrapped = node.run("add", "-Q", "--cid-version=1", "--raw-leaves=false", "--chunker=size-65536", given=data)
    with pytest.raises(BlobMalformed):
        list(store.get(Cid.parse(wrapped)))


def test_get__block_damaged_in_the_repository__raises_tampered(node: KuboNode, store: KuboStore) -> None:
    """Kubo does not hash what it reads from its own disk; we do."""
    data = b"a record that someone with access to the disk will change"
    cid = store.put([data])
    (file,) = [path for path in (node.repo / "blocks").rglob("*.data") if path.read_bytes() == data]
    file.write_bytes(data.replace(b"change", b"forge!"))
    with pytest.raises(BlobTampered) as caught:
        list(store.get(cid))
    assert caught.value.culprit == store.name


def test_gateway__of_the_node__gives_the_blob_and_refuses_writes(
    node: KuboNode, store: KuboStore, seeded: random.Random
) -> None:
    data = seeded.randbytes(2 * LEAF_BYTES + 3)
    cid = store.put([data])
    gateway = GatewayStore(node.gateway, timeout_s=5)
    assert b"".join(gateway.get(cid)) == data
    assert gateway.has(cid)
    with pytest.raises(StoreReadOnly):
        gateway.put([b""])
    gateway.close()


def test_fallback__gateway_lies__node_serves(node: KuboNode, store: KuboStore, seeded: random.Random) -> None:
    data = seeded.randbytes(2 * LEAF_BYTES + 3)
    cid = store.put([data])
    liar = GatewayStore(
        "http://gateway.invalid", transport=httpx.MockTransport(lambda _: httpx.Response(200, content=iter([b"no"])))
    )
    faults: list[Fault] = []
    assert b"".join(FallbackStore([liar, store], faults.append).get(cid)) == data
    assert [(fault.store, type(fault.error)) for fault in faults] == [(liar.name, BlobTampered)]


def test_put__no_node__raises_unavailable_without_the_password() -> None:
    nobody = KuboStore("http://name:secretword@127.0.0.1:9", timeout_s=1)
    for attempt in (lambda: nobody.put([b"x"]), lambda: nobody.has(compute_cid([b"x"])), lambda: list(nobody.pins())):
        with pytest.raises(StoreUnavailable) as caught:
            attempt()
        assert caught.value.retryable
        assert caught.value.culprit == "kubo:http://127.0.0.1:9"
        assert "secretword" not in str(caught.value)
