"""Publishes that are under way: what a crash, a store or a chain that is away must not lose or double.

One SQLite file (mode 0600) with a row for each unfinished publish, and a folder of encrypted blobs that no store has
taken yet. The data keys in it are sealed under a key of the account, so the file alone opens nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tpre_offchain.chain.abi.structs import Proof, RecordInput
from tpre_offchain.clients.results import PendingPublish
from tpre_offchain.clients.stored.files import PRIVATE_FILE, make_private_folder
from tpre_offchain.crypto.hashing import Random, hkdf
from tpre_offchain.errors import StorageError
from tpre_offchain.types import Epoch, StreamId
from tpre_offchain.unfinished import open_database, unfinished_in

if sys.platform != "win32":
    import fcntl

_NONCE_BYTES: Final = 12
_LOCK_POLL_S: Final = 0.05
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, stream INTEGER NOT NULL, source TEXT NOT NULL, queued_at REAL NOT NULL,
    body TEXT NOT NULL, dek BLOB NOT NULL, sealed TEXT, spooled INTEGER NOT NULL, error TEXT NOT NULL DEFAULT '')
"""


class QueueDamaged(StorageError):
    """An entry of the publish queue cannot be read, or was written by another account."""

    default_hint = "open the keystore of the account that queued it"


@dataclass(frozen=True)
class SealedRecord:
    """A record as it was, or will be, sent: it is sent again unchanged, so that a repeat is recognised."""

    epoch: Epoch
    sequence: int
    record: RecordInput
    record_hash: bytes


@dataclass(frozen=True)
class Job:
    """One unfinished publish. ``source``: what tells that the same file is published again, or empty.

    ``is_spooled``: the blob is in our folder, and in no store.
    """

    number: int
    stream_id: StreamId
    source: str
    dek: bytes
    cid: bytes
    encrypted_sha256: bytes
    encrypted_length: int
    plain_sha256: bytes
    plain_length: int
    created_at_s: int
    name: str
    media_type: str
    tags: str
    is_spooled: bool
    sealed: SealedRecord | None = None

    def __repr__(self) -> str:
        return f"Job({self.number}, stream {self.stream_id}, {self.name!r})"


class PublishQueue:
    """The unfinished publishes of one account. ``folder``: None keeps them in memory, without a spool.

    Every method may raise ``StateUnwritable``.
    """

    def __init__(self, folder: Path | None, account_secret: bytes, random: Random) -> None:
        self.spool = None if folder is None else folder / "spool"
        self._lock_path = None if folder is None else folder / "publish.lock"
        self._turn = asyncio.Lock()
        if self.spool is not None and folder is not None:
            path = folder / "publish.sqlite"
            with unfinished_in(folder):
                make_private_folder(self.spool)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
            self._db = open_database(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
        else:
            self._db = open_database(":memory:", isolation_level=None)
        self._db.execute(_SCHEMA)
        self._cipher = AESGCM(hkdf(account_secret, "TPRE-V1/publish-queue", b"", 32))
        self._random = random

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[None]:
        """Alone with the queue, among all tasks and programs of this account: two of them must not finish one job."""
        async with self._turn:
            if self._lock_path is None:
                yield
                return
            with unfinished_in(self._lock_path):
                lock = self._lock_path.open("ab")
            with lock as file:
                while not _locked(file.fileno()):  # noqa: ASYNC110 - no event tells when another program lets go
                    await asyncio.sleep(_LOCK_POLL_S)
                yield

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what is in it stays."""
        self._db.close()

    def add(self, job: Job, queued_at_s: float) -> Job:
        """Enter a publish whose blob is stored or spooled; returns it with its number."""
        nonce = self._random(_NONCE_BYTES)
        sealed_dek = nonce + self._cipher.encrypt(nonce, job.dek, job.cid)
        cursor = self._db.execute(
            "INSERT INTO jobs (stream, source, queued_at, body, dek, spooled) VALUES (?, ?, ?, ?, ?, ?)",
            (job.stream_id, job.source, queued_at_s, _body(job), sealed_dek, job.is_spooled),
        )
        return replace(job, number=int(cursor.lastrowid or 0))

    def set_stored(self, job: Job) -> Job:
        """The blob is in a store now; its copy in the spool goes."""
        self._db.execute("UPDATE jobs SET spooled = 0 WHERE id = ?", (job.number,))
        self._drop_spooled(job)
        return replace(job, is_spooled=False)

    def set_sealed(self, job: Job, sealed: SealedRecord) -> Job:
        """The record is about to be sent in this form."""
        self._db.execute("UPDATE jobs SET sealed = ? WHERE id = ?", (_sealed_to_json(sealed), job.number))
        return replace(job, sealed=sealed)

    def set_error(self, job: Job, error: str) -> None:
        """Why it could not be finished, for ``pending``."""
        self._db.execute("UPDATE jobs SET error = ? WHERE id = ?", (error, job.number))

    def finish(self, job: Job) -> None:
        """The record is on the chain."""
        self._db.execute("DELETE FROM jobs WHERE id = ?", (job.number,))
        self._drop_spooled(job)

    def unfinished(self, stream_id: StreamId | None = None, source: str | None = None) -> list[Job]:
        """What is not finished, oldest first. Raises ``QueueDamaged``."""
        rows = self._db.execute(
            "SELECT id, stream, source, body, dek, sealed, spooled FROM jobs"
            " WHERE (:stream IS NULL OR stream = :stream) AND (:source IS NULL OR source = :source) ORDER BY id",
            {"stream": stream_id, "source": source},
        )
        return [self._job(row) for row in rows]

    def pending(self) -> list[PendingPublish]:
        """What is not finished, for people; needs no key."""
        rows = self._db.execute("SELECT id, stream, body, sealed, spooled, queued_at, error FROM jobs ORDER BY id")
        return [_pending(row) for row in rows]

    def spooled_path(self, cid: bytes) -> Path:
        """Where the spool keeps a blob. Raises ``StorageError`` for a queue in memory."""
        if self.spool is None:
            raise StorageError("a queue in memory has no spool")
        return self.spool / cid.hex()

    def _drop_spooled(self, job: Job) -> None:
        if self.spool is not None:
            with unfinished_in(self.spool):
                self.spooled_path(job.cid).unlink(missing_ok=True)

    def _job(self, row: tuple[Any, ...]) -> Job:
        number, stream_id, source, body, dek, sealed, spooled = row
        try:
            fields = json.loads(body)
            for name in ("cid", "encrypted_sha256", "plain_sha256"):
                fields[name] = bytes.fromhex(fields[name])
            key = self._cipher.decrypt(dek[:_NONCE_BYTES], dek[_NONCE_BYTES:], fields["cid"])
            return Job(
                number=number,
                stream_id=StreamId(stream_id),
                source=source,
                dek=key,
                is_spooled=bool(spooled),
                sealed=_sealed_from_json(sealed) if sealed else None,
                **fields,
            )
        except Exception as problem:  # noqa: BLE001 - whatever is wrong with the entry, it cannot be used
            raise QueueDamaged(f"job {number} of the publish queue: {type(problem).__name__}") from None


def _locked(descriptor: int) -> bool:
    """Take the lock of an open file, if it is free; it goes with the file."""
    if sys.platform == "win32":
        return True  # no such locks there: programs of one account must take turns themselves
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pending(row: tuple[Any, ...]) -> PendingPublish:
    number, stream_id, body, sealed, spooled, queued_at, error = row
    fields: Mapping[str, Any] = json.loads(body)
    state = "spooled" if spooled else ("sent" if sealed else "stored")
    return PendingPublish(
        number, StreamId(stream_id), fields["name"], state, fields["encrypted_length"], int(queued_at), error
    )


def _body(job: Job) -> str:
    return json.dumps(
        {
            "cid": job.cid.hex(),
            "encrypted_sha256": job.encrypted_sha256.hex(),
            "encrypted_length": job.encrypted_length,
            "plain_sha256": job.plain_sha256.hex(),
            "plain_length": job.plain_length,
            "created_at_s": job.created_at_s,
            "name": job.name,
            "media_type": job.media_type,
            "tags": job.tags,
        }
    )


def _sealed_to_json(sealed: SealedRecord) -> str:
    record = sealed.record
    return json.dumps(
        {
            "epoch": sealed.epoch,
            "sequence": sealed.sequence,
            "record_hash": sealed.record_hash.hex(),
            "c1": record.c1.hex(),
            "c2": record.c2.hex(),
            "c3": record.c3.hex(),
            "proof": record.proof.to_bytes().hex(),
            "cid_hash": record.cid_hash.hex(),
            "tags": record.tags,
        }
    )


def _sealed_from_json(text: str) -> SealedRecord:
    fields = json.loads(text)
    c1, c2, c3, proof, cid_hash, record_hash = (
        bytes.fromhex(fields[name]) for name in ("c1", "c2", "c3", "proof", "cid_hash", "record_hash")
    )
    record = RecordInput(c1, c2, c3, Proof.from_bytes(proof), cid_hash, fields["tags"])
    return SealedRecord(Epoch(fields["epoch"]), fields["sequence"], record, record_hash)
