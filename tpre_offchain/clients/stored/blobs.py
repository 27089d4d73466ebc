"""Data in and out of the store: encrypted on its way in, verified and decrypted on its way out, in constant memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tpre_offchain.clients.errors import DigestMismatch, OutputExists, OutputUnwritable
from tpre_offchain.clients.stopwatch import OnProgress
from tpre_offchain.clients.stored.files import new_sibling, sync, sync_folder
from tpre_offchain.crypto.dem import decrypt_stream, encrypt_stream
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.failpoints import failpoint
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.store import BlobStore

READ_BYTES = 1 << 20


class Stopped(Exception):
    """The caller does not wait for the work any more."""


@dataclass(frozen=True)
class EncryptedBlob:
    """What encryption learned of a blob on its way into a store. Digests are SHA-256, lengths in bytes."""

    cid: Cid
    encrypted_sha256: bytes
    encrypted_length: int
    plain_sha256: bytes
    plain_length: int


class Meter:
    """Counts, digests and reports what flows through it, and ends the flow once the caller has gone."""

    def __init__(self, stage: str, total: int | None, on_progress: OnProgress, is_stopped: Callable[[], bool]) -> None:
        self.length = 0
        self._digest = hashlib.sha256()
        self._stage = stage
        self._total = total
        self._on_progress = on_progress
        self._is_stopped = is_stopped

    @property
    def sha256(self) -> bytes:
        """Of all that came through so far."""
        return self._digest.digest()

    def count(self, piece: bytes) -> None:
        """Take note of one piece. Raises ``Stopped``."""
        if self._is_stopped():
            raise Stopped
        self.length += len(piece)
        self._digest.update(piece)
        self._on_progress(self._stage, self.length, self._total)

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, noted."""
        for piece in pieces:
            self.count(piece)
            yield piece


def encrypt_into(
    put: Callable[[Iterator[bytes]], Cid],
    source: BinaryIO,
    dek: bytes,
    random: Random,
    *,
    total: int | None,
    on_progress: OnProgress,
    is_stopped: Callable[[], bool],
) -> EncryptedBlob:
    """Encrypt ``source`` under ``dek`` into whatever ``put`` writes to (SCHEME §8). Raises what ``put`` raises."""
    plain = Meter("encrypt", total, on_progress, is_stopped)
    sealed = Meter("store", None, lambda *_: None, is_stopped)
    pieces = iter(lambda: source.read(READ_BYTES), b"")
    cid = put(sealed.through(encrypt_stream(dek, plain.through(pieces), random)))
    return EncryptedBlob(cid, sealed.sha256, sealed.length, plain.sha256, plain.length)


def decrypt_from(
    store: BlobStore,
    metadata: Metadata,
    output: Path,
    *,
    overwrite: bool,
    on_progress: OnProgress,
    is_stopped: Callable[[], bool],
) -> bytes:
    """Fetch a record's data, verify, decrypt and write it; returns the SHA-256 of the data.

    Written next to ``output`` and moved there once everything has been checked: length and digest of the encrypted
    data, every chunk's tag, the end. A failure leaves nothing behind. Raises ``DigestMismatch``, ``OutputExists``,
    ``OutputUnwritable``, and what store and ``decrypt_stream`` raise.
    """
    if output.exists() and not overwrite:
        raise OutputExists(f"{output} exists")
    sealed = Meter("fetch", metadata.encrypted_length, on_progress, is_stopped)
    plain = Meter("decrypt", metadata.plain_length, on_progress, is_stopped)
    cid = Cid.from_bytes(metadata.cid)
    encrypted = sealed.through(store.get(cid, max_bytes=metadata.encrypted_length))
    try:
        with new_sibling(output) as (file, part):
            for piece in plain.through(decrypt_stream(metadata.dek, encrypted)):
                file.write(piece)
            _require_signed_for(metadata, sealed, plain)
            sync(file)
            failpoint("user.output.written")
            _move(part, output, overwrite=overwrite)
    except OSError as error:
        raise OutputUnwritable(f"cannot write {output}: {error.strerror}") from None
    sync_folder(output.parent)
    return plain.sha256


def _require_signed_for(metadata: Metadata, sealed: Meter, plain: Meter) -> None:
    if sealed.length != metadata.encrypted_length or plain.length != metadata.plain_length:
        raise DigestMismatch(
            f"{sealed.length} bytes encrypted and {plain.length} in clear, not the "
            f"{metadata.encrypted_length} and {metadata.plain_length} that the publisher signed for"
        )
    if sealed.sha256 != metadata.encrypted_sha256:
        raise DigestMismatch("the encrypted data has another digest than the publisher signed for")


def _move(part: Path, output: Path, *, overwrite: bool) -> None:
    if overwrite:
        part.replace(output)
        return
    try:
        os.link(part, output)  # unlike a rename, a link refuses to replace what came in the meantime
    except FileExistsError:
        raise OutputExists(f"{output} exists") from None
