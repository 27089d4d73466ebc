"""Data in and out of a store: whole or not at all."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tpre_offchain.clients.errors import DigestMismatch, OutputExists, OutputUnwritable
from tpre_offchain.clients.stored.blobs import EncryptedBlob, Stopped, decrypt_from, encrypt_into
from tpre_offchain.crypto.dem import DamagedChunk, DataError, encrypted_size
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.storage.cid import Cid, compute_cid
from tpre_offchain.storage.errors import BlobTooLarge, StoreFull
from tpre_offchain.storage.local import LocalStore

MIB = 1 << 20
DEK = bytes(range(32))


def never() -> bool:
    return False


def ignore(*_: object) -> None:
    return None


def put(
    store_put: Callable[[Iterator[bytes]], Cid], data: bytes, is_stopped: Callable[[], bool] = never
) -> EncryptedBlob:
    return encrypt_into(
        store_put,
        io.BytesIO(data),
        DEK,
        secrets.token_bytes,
        total=len(data),
        on_progress=ignore,
        is_stopped=is_stopped,
    )


def metadata_of(blob: EncryptedBlob, *, dek: bytes = DEK) -> Metadata:
    return Metadata(
        dek=dek,
        cid=blob.cid.to_bytes(),
        encrypted_sha256=blob.encrypted_sha256,
        encrypted_length=blob.encrypted_length,
        plain_length=blob.plain_length,
        created_at_s=0,
        media_type="",
        name="",
    )


def get(
    store: LocalStore,
    metadata: Metadata,
    output: Path,
    *,
    overwrite: bool = False,
    is_stopped: Callable[[], bool] = never,
) -> bytes:
    return decrypt_from(store, metadata, output, overwrite=overwrite, on_progress=ignore, is_stopped=is_stopped)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "blobs")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB])
def test_encrypt_into__any_size__is_read_back(store: LocalStore, out: Path, seeded: Random, size: int) -> None:
    data = seeded.randbytes(size)
    blob = put(store.put, data)
    assert (blob.plain_length, blob.encrypted_length) == (size, encrypted_size(size))
    assert blob.plain_sha256 == hashlib.sha256(data).digest()
    assert blob.encrypted_sha256 == hashlib.sha256(b"".join(store.get(blob.cid))).digest()
    assert get(store, metadata_of(blob), out / "f") == blob.plain_sha256
    assert (out / "f").read_bytes() == data


def test_encrypt_into__progress__counts_plain_bytes(store: LocalStore) -> None:
    seen: list[tuple[str, int, int | None]] = []
    encrypt_into(
        store.put,
        io.BytesIO(bytes(2 * MIB + 1)),
        DEK,
        secrets.token_bytes,
        total=2 * MIB + 1,
        on_progress=lambda *step: seen.append(step),
        is_stopped=never,
    )
    assert seen == [("encrypt", done, 2 * MIB + 1) for done in (MIB, 2 * MIB, 2 * MIB + 1)]


def test_encrypt_into__store_fails__passes_its_error(store: LocalStore) -> None:
    def full(_pieces: Iterator[bytes]) -> Cid:
        raise StoreFull("no space")

    with pytest.raises(StoreFull):
        put(full, b"data")


def test_encrypt_into__stopped_half_way__leaves_no_blob(store: LocalStore, tmp_path: Path) -> None:
    calls = iter([False] * 4 + [True] * 100)
    with pytest.raises(Stopped):
        put(store.put, bytes(5 * MIB), lambda: next(calls))
    assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


def test_decrypt_from__stopped_half_way__leaves_nothing(store: LocalStore, out: Path) -> None:
    blob = put(store.put, bytes(5 * MIB))
    calls = iter([False] * 4 + [True] * 100)
    with pytest.raises(Stopped):
        get(store, metadata_of(blob), out / "f", is_stopped=lambda: next(calls))
    assert list(out.iterdir()) == []


def test_decrypt_from__wrong_key__leaves_nothing(store: LocalStore, out: Path) -> None:
    blob = put(store.put, bytes(3 * MIB))
    with pytest.raises(DamagedChunk):
        get(store, metadata_of(blob, dek=bytes(32)), out / "f")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("keep", [MIB, 2 * MIB + 100, 3 * MIB])
def test_decrypt_from__publisher_stored_a_part__leaves_nothing(store: LocalStore, out: Path, keep: int) -> None:
    whole = put(store.put, bytes(3 * MIB))
    part = b"".join(store.get(whole.cid))[:keep]
    cut = EncryptedBlob(store.put([part]), hashlib.sha256(part).digest(), len(part), b"", 3 * MIB)
    with pytest.raises(DataError):
        get(store, metadata_of(cut), out / "f")
    assert list(out.iterdir()) == []


def test_decrypt_from__more_data_than_signed_for__is_refused_before_reading(store: LocalStore, out: Path) -> None:
    blob = put(store.put, bytes(3 * MIB))
    short = EncryptedBlob(blob.cid, blob.encrypted_sha256, blob.encrypted_length - 1, b"", blob.plain_length)
    with pytest.raises(BlobTooLarge):
        get(store, metadata_of(short), out / "f")
    assert list(out.iterdir()) == []


def test_decrypt_from__other_digest__leaves_nothing(store: LocalStore, out: Path) -> None:
    blob = put(store.put, b"data")
    other = EncryptedBlob(blob.cid, bytes(32), blob.encrypted_length, b"", blob.plain_length)
    with pytest.raises(DigestMismatch):
        get(store, metadata_of(other), out / "f")
    assert list(out.iterdir()) == []


def test_decrypt_from__output_exists__is_left_alone(store: LocalStore, out: Path) -> None:
    blob = put(store.put, b"data")
    (out / "f").write_bytes(b"mine")
    with pytest.raises(OutputExists):
        get(store, metadata_of(blob), out / "f")
    assert (out / "f").read_bytes() == b"mine"
    get(store, metadata_of(blob), out / "f", overwrite=True)
    assert (out / "f").read_bytes() == b"data"


def test_decrypt_from__output_appears_meanwhile__is_left_alone(store: LocalStore, out: Path) -> None:
    blob = put(store.put, b"data")

    def somebody_writes(*_: object) -> None:
        (out / "f").write_bytes(b"theirs")

    with pytest.raises(OutputExists):
        decrypt_from(
            store, metadata_of(blob), out / "f", overwrite=False, on_progress=somebody_writes, is_stopped=never
        )
    assert (out / "f").read_bytes() == b"theirs"
    assert [path.name for path in out.iterdir()] == ["f"]


def test_decrypt_from__no_such_folder__says_so(store: LocalStore, out: Path) -> None:
    blob = put(store.put, b"data")
    with pytest.raises(OutputUnwritable):
        get(store, metadata_of(blob), out / "none" / "f")


def test_encrypt_into__spool__has_the_stores_cid(store: LocalStore) -> None:
    pieces: list[bytes] = []

    def spool(source: Iterator[bytes]) -> Cid:
        pieces.extend(source)
        return compute_cid(pieces)

    blob = put(spool, bytes(2 * MIB))
    assert store.put(pieces) == blob.cid
