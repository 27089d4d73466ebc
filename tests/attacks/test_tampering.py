"""Blob, metadata, CID and signature are changed, by a storage node, a stranger, or somebody who knows the data key.

tests/integration/clients/test_clients_faults.py does the same with a whole chain and clients; here each wall is taken
down in turn to show that the next one stands, and that without all of them other bytes would be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.property.scene import DOMAIN, Scene, source
from tpre_offchain.clients.errors import DigestMismatch, SignatureMismatch
from tpre_offchain.clients.facts.signatures import require_signer, sign_digest
from tpre_offchain.clients.stored import blobs
from tpre_offchain.clients.stored.blobs import decrypt_from, encrypt_into
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import record_id_of
from tpre_offchain.crypto.dem import DataError
from tpre_offchain.crypto.kem import DecryptionFailed
from tpre_offchain.crypto.metadata import Metadata, signing_hash
from tpre_offchain.storage.cid import Cid, compute_cid
from tpre_offchain.storage.errors import BlobTampered, BlobTooLarge
from tpre_offchain.storage.local import LocalStore
from tpre_offchain.storage.store import BlobStore, BlockRef
from tpre_offchain.types import Address

DEK = bytes(range(32))
DATA = b"what was recorded " * 90_000  # two chunks
OTHER_DATA = DATA[:-1] + b"!"


class LyingStore(LocalStore):
    """A store that answers every question for a block with what ``lie`` makes of it."""

    def __init__(self, root: Path, lie: Callable[[BlockRef, bytes], bytes]) -> None:
        super().__init__(root)
        self._lie = lie

    def _read_block(self, ref: BlockRef) -> bytes:
        return self._lie(ref, super()._read_block(ref))


@dataclass(frozen=True)
class Stored:
    """A blob and the metadata that was signed for it."""

    folder: Path
    metadata: Metadata

    def read(self, store: BlobStore, metadata: Metadata | None = None) -> bytes:
        """As a user reads it; nothing is left where reading fails."""
        out = self.folder / "out"
        try:
            decrypt_from(
                store, metadata or self.metadata, out, overwrite=True, on_progress=nothing, is_stopped=lambda: False
            )
            return out.read_bytes()
        finally:
            out.unlink(missing_ok=True)


def nothing(*_: object) -> None:
    return None


def encrypted(data: bytes, dek: bytes = DEK, seed: int = 1) -> tuple[list[bytes], blobs.EncryptedBlob]:
    pieces: list[bytes] = []

    def put(given: Iterator[bytes]) -> Cid:
        pieces.extend(given)
        return compute_cid(iter(pieces))

    blob = encrypt_into(
        put, BytesIO(data), dek, source(seed), total=None, on_progress=nothing, is_stopped=lambda: False
    )
    return pieces, blob


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    pieces, blob = encrypted(DATA)
    assert LocalStore(tmp_path / "blobs").put(iter(pieces)) == blob.cid
    signed_for = Metadata(
        DEK,
        blob.cid.to_bytes(),
        blob.encrypted_sha256,
        blob.encrypted_length,
        blob.plain_length,
        1,
        "text/plain",
        "data",
    )
    return Stored(tmp_path, signed_for)


def honest(stored: Stored) -> LocalStore:
    return LocalStore(stored.folder / "blobs")


# --- the blob ---------------------------------------------------------------------------------------------------------

LIES: dict[str, Callable[[bytes], bytes]] = {
    "one bit": lambda block: block[:-1] + bytes([block[-1] ^ 1]),
    "fewer bytes": lambda block: block[:-1],
    "more bytes": lambda block: block + b"\0",
    "no bytes": lambda _block: b"",
    "another blob": lambda _block: encrypted(OTHER_DATA)[0][0],
}


@pytest.mark.parametrize("which", ["root", "leaf"])
@pytest.mark.parametrize("lie", sorted(LIES))
def test_blob__changed_by_the_node_that_keeps_it__is_found_by_its_cid(stored: Stored, lie: str, which: str) -> None:
    def answer(ref: BlockRef, block: bytes) -> bytes:
        return LIES[lie](block) if (ref.cid == ref.root) == (which == "root") else block

    assert stored.read(honest(stored)) == DATA
    with pytest.raises(BlobTampered) as caught:
        stored.read(LyingStore(stored.folder / "blobs", answer))
    assert caught.value.culprit is not None


def unverified(_self: BlobStore, read: Callable[[BlockRef], bytes], ref: BlockRef) -> bytes:
    return read(ref)


def test_blob__changed_and_cid_unchecked__is_found_by_its_tags(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second wall, for whoever does not know the data key."""

    def answer(ref: BlockRef, block: bytes) -> bytes:
        return block if ref.cid == ref.root else block[:-1] + bytes([block[-1] ^ 1])

    monkeypatch.setattr(BlobStore, "_verified", unverified)
    with pytest.raises(DataError):
        stored.read(LyingStore(stored.folder / "blobs", answer))


def other_blob_under_the_same_key(stored: Stored) -> LyingStore:
    """Made by another reader of the record, who knows the data key: well encrypted, of the same length."""
    content = b"".join(encrypted(OTHER_DATA, seed=2)[0])

    def answer(ref: BlockRef, block: bytes) -> bytes:
        return block if ref.cid == ref.root else content[ref.offset : ref.offset + len(block)]

    return LyingStore(stored.folder / "blobs", answer)


def test_blob__replaced_by_one_who_knows_the_data_key__is_found_by_cid_and_digest(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = other_blob_under_the_same_key(stored)
    with pytest.raises(BlobTampered):
        stored.read(store)
    monkeypatch.setattr(BlobStore, "_verified", unverified)
    with pytest.raises(DigestMismatch):
        stored.read(store)
    # both walls down: other data is read as the publisher's
    monkeypatch.setattr(blobs, "_require_signed_for", nothing)
    assert stored.read(store) == OTHER_DATA


# --- metadata, and the CID in it --------------------------------------------------------------------------------------


def test_cid__of_other_data_in_the_metadata__is_found_by_digest_or_length(stored: Stored) -> None:
    for data, expected in ((OTHER_DATA, DigestMismatch), (DATA + b"more", BlobTooLarge), (DATA[:-9], DigestMismatch)):
        pieces, blob = encrypted(data, seed=3)
        honest(stored).put(iter(pieces))
        elsewhere = replace(stored.metadata, cid=blob.cid.to_bytes())
        with pytest.raises(expected):
            stored.read(honest(stored), elsewhere)


@pytest.mark.parametrize("field", ["c1", "c2", "c3"])
def test_sealed_metadata__any_part_changed__does_not_open(field: str) -> None:
    scene = Scene(2, 3)
    capsule = scene.capsule()
    result = scene.convert([1, 2], [capsule]).points[0]
    assert scene.open(capsule, result).name == "0.csv"
    sealed = capsule.capsule
    value = getattr(sealed, field)
    changed = value * 2 if field == "c1" else bytes([value[0] ^ 1]) + value[1:]
    for converted in (result, result * 2):  # converted as it was, or as the changed capsule would be
        with pytest.raises(DecryptionFailed):
            scene.open(replace(capsule, capsule=replace(sealed, **{field: changed})), converted)


def test_sealed_metadata__moved_to_another_place__does_not_open() -> None:
    """Everything is bound to the record's place: another sequence number, publisher or epoch is another key."""
    scene = Scene(2, 3)
    capsule = scene.capsule()
    result = scene.convert([1, 2], [capsule]).points[0]
    later = replace(scene.preimage, epoch=1)
    somebody = "0x" + "5b" * 20
    for place in (
        scene.record_context(1),
        pre.RecordContext(DOMAIN, scene.preimage, record_id_of(scene.preimage.stream_id, somebody, 0)),
        pre.RecordContext(DOMAIN, later, capsule.context.record_id),
    ):
        with pytest.raises(DecryptionFailed):
            scene.open(replace(capsule, context=place), result)


# --- the signature ----------------------------------------------------------------------------------------------------


def test_signature__over_anything_else__is_not_the_publishers(stored: Stored) -> None:
    scene = Scene(2, 3)
    place = scene.record_context()
    publisher: LocalAccount = Account.create()
    mallory: LocalAccount = Account.create()
    expected = Address(publisher.address)
    digest = signing_hash(place.label, place.record_id, stored.metadata)
    good = sign_digest(publisher, digest)
    assert require_signer(digest, good, expected) == expected
    other = {
        "CID": replace(stored.metadata, cid=compute_cid([OTHER_DATA]).to_bytes()),
        "data key": replace(stored.metadata, dek=bytes(32)),
        "digest": replace(stored.metadata, encrypted_sha256=bytes(32)),
        "length": replace(stored.metadata, plain_length=1),
        "time": replace(stored.metadata, created_at_s=2),
        "name": replace(stored.metadata, name="other"),
        "media type": replace(stored.metadata, media_type="text/html"),
    }
    for changed in other.values():
        with pytest.raises(SignatureMismatch):
            require_signer(signing_hash(place.label, place.record_id, changed), good, expected)
    elsewhere = signing_hash(place.label, scene.record_context(1).record_id, stored.metadata)
    with pytest.raises(SignatureMismatch):
        require_signer(elsewhere, good, expected)
    for forged in (sign_digest(mallory, digest), bytes(65), good[:-1] + bytes([good[-1] ^ 7]), good[:32] + good[:33]):
        with pytest.raises(SignatureMismatch) as caught:
            require_signer(digest, forged, expected)
        assert caught.value.culprit == expected
