"""Gateways that lie or fail, and the stores behind them; no socket is opened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tpre_offchain.chunking import Source
from tpre_offchain.errors import StorageError
from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec
from tpre_offchain.storage.errors import (
    BlobMalformed,
    BlobNotFound,
    BlobTampered,
    StoreReadOnly,
    StoreUnavailable,
    UnknownStore,
)
from tpre_offchain.storage.fallback import FallbackStore, Fault
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.kubo import KuboStore
from tpre_offchain.storage.local import LocalStore
from tpre_offchain.storage.opening import open_store
from tpre_offchain.storage.store import MAX_BLOCK_BYTES, BlobStore, BlockRef
from tpre_offchain.storage.unixfs import Child, encode_node

ABSENT = Cid.of_block(Codec.RAW, b"nobody has this")


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


class BlockStore(BlobStore):
    """Any blocks at all, whatever their maker intended; ``reads`` counts."""

    def __init__(self, name: str, blocks: dict[Cid, bytes] | None = None) -> None:
        self.name = name
        self.blocks = dict(blocks or {})
        self.reads = 0

    def add(self, codec: Codec, block: bytes) -> Cid:
        cid = Cid.of_block(codec, block)
        self.blocks[cid] = block
        return cid

    def put(self, source: Source) -> Cid:
        raise StoreReadOnly("no", culprit=self.name)

    def has(self, cid: Cid) -> bool:
        return cid in self.blocks

    def pin(self, cid: Cid) -> None: ...

    def unpin(self, cid: Cid) -> None: ...

    def pins(self) -> Iterator[Cid]:
        return iter(())

    def delete(self, cid: Cid) -> None: ...

    def _read_block(self, ref: BlockRef) -> bytes:
        self.reads += 1
        if ref.cid not in self.blocks:
            raise BlobNotFound("not here", culprit=self.name)
        return self.blocks[ref.cid]


def blocks_of(local: LocalStore, cid: Cid, data: bytes) -> dict[Cid, bytes]:
    """The blocks of a small blob: its root and its leaves."""
    leaves = (data[i : i + LEAF_BYTES] for i in range(0, len(data), LEAF_BYTES))
    blocks = {Cid.of_block(Codec.RAW, leaf): leaf for leaf in leaves}
    return blocks | {cid: local.verified_block(BlockRef(cid, cid, 0))}


def gateway(answer: httpx.Response | Exception, **options: float) -> GatewayStore:
    def handle(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return GatewayStore("http://user:secretword@gateway.test:8080", transport=httpx.MockTransport(handle), **options)  # type: ignore[arg-type]


def endless(taken: list[int]) -> Iterator[bytes]:
    while True:
        taken[0] += 1
        yield bytes(65_536)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, BlobNotFound),
        (410, BlobNotFound),
        (500, StoreUnavailable),
        (504, StoreUnavailable),
        (206, StoreUnavailable),
    ],
)
def test_gateway__refuses__raises_the_fitting_error(status: int, error: type[StorageError]) -> None:
    store = gateway(httpx.Response(status, content=iter([b""])))
    with pytest.raises(error) as caught:
        store.get(ABSENT)
    assert caught.value.culprit == "gateway:http://gateway.test:8080"
    assert caught.value.retryable is (error is StoreUnavailable)
    assert "secretword" not in str(caught.value) + store.name


@pytest.mark.parametrize("body", [b"", b"nobody has thi", b"nobody has that", b"nobody has this!"])
def test_gateway__other_bytes__raises_tampered(body: bytes) -> None:
    with pytest.raises(BlobTampered) as caught:
        gateway(httpx.Response(200, content=iter([body]))).get(ABSENT)
    assert caught.value.culprit == "gateway:http://gateway.test:8080"


def test_gateway__endless_body__is_read_for_one_block_only() -> None:
    taken = [0]
    with pytest.raises(BlobTampered):
        gateway(httpx.Response(200, content=endless(taken))).get(ABSENT)
    assert taken[0] <= MAX_BLOCK_BYTES // 65_536 + 1


def test_gateway__body_drips__raises_unavailable_at_the_deadline() -> None:
    now_s = iter(range(0, 1000, 10))
    store = GatewayStore(
        "http://gateway.test",
        deadline_s=60,
        clock=lambda: next(now_s),
        transport=httpx.MockTransport(lambda _: httpx.Response(200, content=(b"x" for _ in range(1000)))),
    )
    with pytest.raises(StoreUnavailable, match="within 60 s"):
        store.get(ABSENT)


def test_gateway__connection_fails__raises_unavailable_without_the_password() -> None:
    with pytest.raises(StoreUnavailable) as caught:
        gateway(httpx.ConnectError("http://user:secretword@gateway.test")).get(ABSENT)
    assert "secretword" not in str(caught.value)


def test_gateway__writes__raise_read_only() -> None:
    store = gateway(httpx.Response(404))
    for write in (store.pin, store.unpin, store.delete):
        with pytest.raises(StoreReadOnly):
            write(ABSENT)
    with pytest.raises(StoreReadOnly):
        store.put([b""])
    assert list(store.pins()) == []
    assert not store.has(ABSENT)


def test_gateway__redirects_for_ever__raises_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        gateway(httpx.Response(302, headers={"Location": "/again"})).get(ABSENT)


def test_fallback__liars_and_absentees_first__reads_and_reports(local: LocalStore, seeded: random.Random) -> None:
    data = seeded.randbytes(3 * LEAF_BYTES)
    cid = local.put([data])
    liar = gateway(httpx.Response(200, content=(b"lie" for _ in range(1))))
    empty = BlockStore("empty")
    faults: list[Fault] = []
    store = FallbackStore([liar, empty, local], faults.append)
    assert b"".join(store.get(cid)) == data
    # Each failed once, for the root, and was not asked again for the leaves.
    assert [(fault.store, type(fault.error)) for fault in faults] == [
        (liar.name, BlobTampered),
        ("empty", BlobNotFound),
    ]
    assert empty.reads == 1


def test_fallback__store_fails_midway__another_goes_on(local: LocalStore, seeded: random.Random) -> None:
    data = seeded.randbytes(3 * LEAF_BYTES)
    cid = local.put([data])
    partial = BlockStore("partial", blocks_of(local, cid, data))
    del partial.blocks[Cid.of_block(Codec.RAW, data[LEAF_BYTES : 2 * LEAF_BYTES])]
    faults: list[Fault] = []
    assert b"".join(FallbackStore([partial, local], faults.append).get(cid)) == data
    assert [(fault.store, fault.block.offset) for fault in faults] == [("partial", LEAF_BYTES)]


def test_fallback__all_fail__says_who_lied(local: LocalStore) -> None:
    liar = BlockStore("liar", {ABSENT: b"lie"})
    down = gateway(httpx.ConnectError("down"))
    with pytest.raises(BlobTampered) as lied:
        FallbackStore([BlockStore("empty"), liar, down]).get(ABSENT)
    assert lied.value.culprit == "liar"
    assert lied.value.retryable
    with pytest.raises(BlobNotFound):
        FallbackStore([BlockStore("empty"), local]).get(ABSENT)
    with pytest.raises(StoreUnavailable):
        FallbackStore([BlockStore("empty"), down]).get(ABSENT)


def test_fallback__writes_pins_and_replicas__concern_the_first(local: LocalStore, tmp_path: Path) -> None:
    second = LocalStore(tmp_path / "second")
    store = FallbackStore([local, second, gateway(httpx.ConnectError("down"))])
    cid = store.put([b"x"])
    assert store.replicas(cid) == (local.name,)
    second.put([b"x"])
    assert store.replicas(cid) == (local.name, second.name)
    store.unpin(cid)
    assert list(store.pins()) == []
    store.delete(cid)
    assert store.has(cid)
    assert not local.has(cid)
    with pytest.raises(BlobNotFound):
        store.pin(cid)
    assert store.check(cid) == 1


def test_fallback__no_store__raises() -> None:
    with pytest.raises(UnknownStore):
        FallbackStore([])


def file_node(store: BlockStore, *children: tuple[Cid, int]) -> Cid:
    return store.add(
        Codec.DAG_PB, encode_node([Child(cid.to_bytes(), size=size, stored=size) for cid, size in children])
    )


def test_get__tree_that_announces_other_sizes__raises_malformed() -> None:
    store = BlockStore("honest")
    leaf = store.add(Codec.RAW, b"four")
    for size in (3, 5):
        with pytest.raises(BlobMalformed):
            list(store.get(file_node(store, (leaf, size))))
        with pytest.raises(BlobMalformed):
            list(store.get(file_node(store, (file_node(store, (leaf, 4)), size))))
    assert b"".join(store.get(file_node(store, (leaf, 4)))) == b"four"


def test_get__tree_that_never_ends__raises_malformed() -> None:
    """A few blocks that mean an endless walk: empty children, and a chain of nodes."""
    store = BlockStore("honest")
    with pytest.raises(BlobMalformed):
        store.get(file_node(store, *[(store.add(Codec.RAW, b""), 0)] * 100))
    chain = store.add(Codec.RAW, b"x")
    for _ in range(10):
        chain = file_node(store, (chain, 1))
    with pytest.raises(BlobMalformed):
        list(store.get(chain))


def test_get__leaf_of_more_than_a_mebibyte_or_foreign_link__raises_malformed() -> None:
    store = BlockStore("honest")
    large = file_node(store, (ABSENT, MAX_BLOCK_BYTES + 1))
    with pytest.raises(BlobMalformed):
        list(store.get(large))
    foreign = store.add(Codec.DAG_PB, encode_node([Child(b"\x01\x71" + bytes(34), size=1, stored=1)]))
    with pytest.raises(BlobMalformed):
        list(store.get(foreign))


def test_open_store__each_kind__opens(tmp_path: Path) -> None:
    assert isinstance(open_store(f"local:{tmp_path}"), LocalStore)
    assert isinstance(open_store("kubo:http://127.0.0.1:5001"), KuboStore)
    assert open_store("kubo:https://name:secretword@host.test").name == "kubo:https://host.test:443"
    assert open_store("kubo:http://[::1]:5001").name == "kubo:http://[::1]:5001"
    assert isinstance(open_store("gateway:https://gateway.test/"), GatewayStore)
    faults: list[Fault] = []
    both = open_store(f"local:{tmp_path}, gateway:https://gateway.test", faults.append)
    assert isinstance(both, FallbackStore)
    assert both.name == f"local:{tmp_path},gateway:https://gateway.test"
    with pytest.raises(StorageError):
        open_store(f"local:{tmp_path},local:{tmp_path}/b", faults.append).get(ABSENT)
    assert len(faults) == 2


@pytest.mark.parametrize(
    "address",
    [
        "",
        "local:",
        "kubo",
        "s3:bucket",
        "local:a,,local:b",
        "kubo:ftp://host",
        "gateway:gateway.test",
        "gateway:http://",
        "kubo:http://h:99999",
        "gateway:http://h:x",
        "gateway:http://[::1",
    ],
)
def test_open_store__unknown_address__raises(address: str) -> None:
    with pytest.raises(UnknownStore):
        open_store(address)
