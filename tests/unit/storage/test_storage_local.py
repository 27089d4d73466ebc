"""The embedded store: blobs on a disk that may be full, read-only or damaged."""

from __future__ import annotations

import errno
import io
import os
import random
import stat
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tpre_offchain.storage.cid import LEAF_BYTES, Cid, Codec, compute_cid
from tpre_offchain.storage.errors import (
    BlobNotFound,
    BlobPinned,
    BlobTampered,
    BlobTooLarge,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from tpre_offchain.storage.local import LocalStore

SIZES = [0, 1, LEAF_BYTES - 1, LEAF_BYTES, LEAF_BYTES + 1, 5 * LEAF_BYTES + 9]


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def files_under(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", SIZES)
def test_get__any_size__gives_the_blob_back(store: LocalStore, seeded: random.Random, size: int) -> None:
    data = seeded.randbytes(size)
    cid = store.put(io.BytesIO(data))
    assert cid == compute_cid([data])
    assert b"".join(store.get(cid)) == data
    assert store.check(cid) == size
    assert store.has(cid)
    assert store.replicas(cid) == (store.name,)


def test_get__more_than_a_node_of_leaves__gives_the_blob_back(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, seeded: random.Random
) -> None:
    monkeypatch.setattr("tpre_offchain.storage.cid.MAX_LINKS", 2)
    data = seeded.randbytes(4 * LEAF_BYTES + 1)
    cid = store.put([data])
    assert b"".join(store.get(cid)) == data


def test_put__twice__keeps_one_copy(store: LocalStore, tmp_path: Path) -> None:
    first = store.put([b"same"])
    before = files_under(tmp_path)
    assert store.put([b"sa", b"me"]) == first
    assert files_under(tmp_path) == before


def test_put__new_store__is_readable_by_its_owner_alone(store: LocalStore, tmp_path: Path) -> None:
    store.put([b"x"])
    for path in [tmp_path / "store", *(p for p in (tmp_path / "store").rglob("*") if p.is_dir())]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_put__source_that_fails__passes_its_error_on_and_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(LEAF_BYTES + 1)
        raise OSError(errno.ENOSPC, "the source's own disk")

    with pytest.raises(OSError, match="the source's own disk"):
        store.put(broken())
    assert files_under(tmp_path) == set()
    assert list((tmp_path / "store" / "incoming").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "error", "retryable"),
    [
        (errno.ENOSPC, StoreFull, False),
        (errno.EDQUOT, StoreFull, False),
        (errno.EROFS, StoreReadOnly, False),
        (errno.EACCES, StoreReadOnly, False),
        (errno.EIO, StoreUnavailable, True),
    ],
)
def test_put__disk_fails__raises_the_fitting_error_and_leaves_nothing(
    store: LocalStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[StoreFull | StoreReadOnly | StoreUnavailable],
    retryable: bool,
) -> None:
    def fail(_handle: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(error) as caught:
        store.put([b"data"])
    assert caught.value.culprit == store.name
    assert caught.value.retryable is retryable
    assert files_under(tmp_path) == set()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("size", [1, LEAF_BYTES])  # kept in a buffer first, or written at once
def test_put__really_full_disk__raises_store_full(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """The device that is always full stands for the file."""
    real_open = Path.open

    def open_full(path: Path, mode: str = "r") -> object:
        return real_open(Path("/dev/full") if path.name == "data" else path, mode)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(StoreFull):
        store.put([bytes(size)])


def test_get__absent__raises_not_found(store: LocalStore) -> None:
    cid = Cid.of_block(Codec.RAW, b"never stored")
    with pytest.raises(BlobNotFound) as caught:
        store.get(cid)
    assert caught.value.culprit == store.name
    assert not store.has(cid)
    assert store.replicas(cid) == ()
    with pytest.raises(BlobNotFound):
        store.pin(cid)


@pytest.mark.parametrize("size", [1, 3 * LEAF_BYTES + 5])
@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "grow"])
def test_get__damaged_file__raises_before_releasing_the_damage(
    store: LocalStore, tmp_path: Path, seeded: random.Random, size: int, damage: str
) -> None:
    data = seeded.randbytes(size)
    cid = store.put([data])
    (path,) = tmp_path.rglob("data")
    body = bytearray(data)
    if damage == "flip":
        body[-1] ^= 1
    path.write_bytes({"flip": bytes(body), "cut": data[:-1], "empty": b"", "grow": data + b"x"}[damage])
    if damage == "grow" and size > 1:  # what follows the last leaf is never read
        assert b"".join(store.get(cid)) == data
        return
    released: list[bytes] = []
    with pytest.raises(BlobTampered) as caught:
        released.extend(store.get(cid))
    assert caught.value.culprit == store.name
    assert b"".join(released) == (b"" if damage == "empty" else data[: size // LEAF_BYTES * LEAF_BYTES])


def test_get__damaged_node__releases_nothing(store: LocalStore, tmp_path: Path) -> None:
    cid = store.put([bytes(2 * LEAF_BYTES)])
    (node,) = tmp_path.rglob(f"{cid}/{cid}")
    node.write_bytes(node.read_bytes()[:-1])
    with pytest.raises(BlobTampered):
        store.get(cid)


def test_get__file_vanishes_midway__raises_not_found(store: LocalStore) -> None:
    cid = store.put([bytes(2 * LEAF_BYTES)])
    pieces = store.get(cid)
    next(pieces)
    store.unpin(cid)
    store.delete(cid)
    with pytest.raises(BlobNotFound):
        next(pieces)


@pytest.mark.parametrize("size", [10, 3 * LEAF_BYTES])
def test_get__larger_than_allowed__raises_before_reading_on(store: LocalStore, size: int) -> None:
    cid = store.put([bytes(size)])
    assert sum(map(len, store.get(cid, max_bytes=size))) == size
    with pytest.raises(BlobTooLarge):
        store.get(cid, max_bytes=size - 1)


def test_pins__put_pin_unpin__survive_a_new_process(store: LocalStore, tmp_path: Path) -> None:
    one, two = store.put([b"one"]), store.put([b"two"])
    store.unpin(one)
    store.unpin(one)
    again = LocalStore(tmp_path / "store")
    assert set(again.pins()) == {two}
    again.pin(one)
    again.pin(one)
    (tmp_path / "store" / "pins" / "notes.txt").write_text("not a pin")
    assert set(store.pins()) == {one, two}


def test_pins__new_store__has_none(store: LocalStore) -> None:
    assert list(store.pins()) == []


def test_delete__pinned__raises_then_unpinned__removes(store: LocalStore, tmp_path: Path) -> None:
    cid = store.put([b"x"])
    with pytest.raises(BlobPinned):
        store.delete(cid)
    store.unpin(cid)
    store.delete(cid)
    store.delete(cid)
    assert not store.has(cid)
    assert files_under(tmp_path) == set()


def test_sweep__leftovers_of_a_killed_writer__go_when_old(store: LocalStore, tmp_path: Path) -> None:
    cid = store.put([b"x"])
    left = tmp_path / "store" / "incoming" / "left"
    left.mkdir()
    (left / "data").write_bytes(b"half")
    written_s = left.stat().st_mtime
    assert store.sweep(now_s=written_s + 10, older_than_s=60) == 0
    assert store.sweep(now_s=written_s + 61, older_than_s=60) == 1
    assert not left.exists()
    assert store.has(cid)


def test_put_and_get__200_mib__memory_stays_flat(store: LocalStore, seeded: random.Random) -> None:
    block = seeded.randbytes(LEAF_BYTES)
    tracemalloc.start()
    try:
        cid = store.put(block for _ in range(200))
        total = store.check(cid)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 200 * LEAF_BYTES
    assert peak < 10 * LEAF_BYTES
