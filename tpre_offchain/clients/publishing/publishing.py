"""Publishing: encrypt, store, seal, put on the chain. Each may be repeated after a crash without doubling a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import BinaryIO, Final

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.events import RecordPublished
from tpre_offchain.chain.abi.ids import make_record_id, publisher_of_record
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Stream
from tpre_offchain.chain.rpc.errors import EndpointDown
from tpre_offchain.clients.errors import HistoryMissing, PublishQueued, shown_record
from tpre_offchain.clients.facts.points import chain_record
from tpre_offchain.clients.facts.records import LabelKey
from tpre_offchain.clients.facts.signatures import sign_digest
from tpre_offchain.clients.results import PublishedRecord, Transaction
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.stopwatch import OnProgress, Stopwatch
from tpre_offchain.clients.stored.blobs import EncryptedBlob, encrypt_into
from tpre_offchain.clients.stored.files import new_sibling, sync
from tpre_offchain.clients.stored.queue import Job, SealedRecord
from tpre_offchain.clients.stored.sources import Item
from tpre_offchain.crypto.capsule import RecordContext
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.metadata import DEK_BYTES, Metadata, signing_hash
from tpre_offchain.crypto.pre import encrypt
from tpre_offchain.failpoints import failpoint
from tpre_offchain.storage.cid import Cid, compute_cid
from tpre_offchain.storage.errors import StoreFull, StoreReadOnly, StoreUnavailable
from tpre_offchain.types import Epoch, RecordId, StreamId
from tpre_offchain.unfinished import unfinished_in

MAX_BATCH: Final = 64
"""Records a transaction: well below the size that nodes take (128 KiB) and the gas that a transaction may use."""

_MOVED_ON: Final = frozenset({"WrongSequence", "StaleEpoch"})
_ATTEMPTS: Final = 5


class Publisher:
    """Publishes records of one account to any stream that allows it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue = session.queue

    async def publish(
        self, stream_id: StreamId, items: Sequence[Item], on_progress: OnProgress
    ) -> list[PublishedRecord]:
        """Publish some items in order. A file that an earlier run left unfinished is finished, not published twice.

        Raises ``PublishQueued`` if store or chain cannot be reached, once everything is kept for later.
        """
        watch = Stopwatch()
        known = self._waiting(stream_id, items)
        fresh = {
            i: await self._encrypted(stream_id, item, watch, on_progress)
            for i, item in enumerate(items)
            if i not in known
        }
        failpoint("publisher.encrypted")
        async with self._queue.exclusive():
            added = {i: self._queue.add(job, self._session.clock()) for i, job in fresh.items()}
            failpoint("publisher.queued")
            jobs = {**known, **self._waiting(stream_id, items), **added}
            return await self._finish([jobs[i] for i in range(len(items))], watch)

    async def publish_pending(self) -> list[PublishedRecord]:
        """Finish what is waiting, stream by stream. Raises ``PublishQueued`` if it cannot be done yet."""
        published: list[PublishedRecord] = []
        async with self._queue.exclusive():
            jobs = self._queue.unfinished()
            for stream_id in dict.fromkeys(job.stream_id for job in jobs):
                published += await self._finish([job for job in jobs if job.stream_id == stream_id], Stopwatch())
        return published

    def _waiting(self, stream_id: StreamId, items: Sequence[Item]) -> dict[int, Job]:
        """Which of the items an earlier run has begun, by their place among them."""
        found: dict[int, Job] = {}
        for i, item in enumerate(items):
            jobs = self._queue.unfinished(stream_id, item.fingerprint) if item.fingerprint else []
            free = [job for job in jobs if job not in found.values()]
            if free:
                found[i] = free[0]
        return found

    # --- the blob ---------------------------------------------------------------------------------

    async def _encrypted(self, stream_id: StreamId, item: Item, watch: Stopwatch, on_progress: OnProgress) -> Job:
        """Encrypt into the store, or into the spool while the store is away."""
        session = self._session
        dek = session.random(DEK_BYTES)
        with watch.stage("encrypt"):
            spooled = False
            try:
                blob = await self._encrypt_into(session.store.put, item, dek, on_progress)
            except StoreUnavailable:
                if self._queue.spool is None or not item.can_reopen:
                    raise
                spooled = True
                blob = await self._encrypt_into(self._spool, item, dek, on_progress)
        return Job(
            number=0,
            stream_id=stream_id,
            source=item.fingerprint,
            dek=dek,
            cid=blob.cid.to_bytes(),
            encrypted_sha256=blob.encrypted_sha256,
            encrypted_length=blob.encrypted_length,
            plain_sha256=blob.plain_sha256,
            plain_length=blob.plain_length,
            created_at_s=int(session.clock()),
            name=item.sealed_name,
            media_type=item.sealed_media_type,
            tags=item.public_tags,
            is_spooled=spooled,
        )

    async def _encrypt_into(
        self, put: Callable[[Iterator[bytes]], Cid], item: Item, dek: bytes, on_progress: OnProgress
    ) -> EncryptedBlob:
        random = self._session.random

        def work(is_stopped: Callable[[], bool]) -> EncryptedBlob:
            source = item.open()
            with closing(source) if item.can_reopen else nullcontext():
                return encrypt_into(
                    put, source, dek, random, total=item.size, on_progress=on_progress, is_stopped=is_stopped
                )

        return await self._session.in_thread(work)

    def _spool(self, pieces: Iterator[bytes]) -> Cid:
        place = self._queue.spooled_path(b"new")
        with new_sibling(place) as (file, part):
            cid = compute_cid(_teed(pieces, file, place.parent))
            with unfinished_in(place.parent):
                sync(file)
                part.replace(self._queue.spooled_path(cid.to_bytes()))
        return cid

    async def _stored(self, job: Job) -> Job:
        """Hand a spooled blob to the store. Raises ``StoreUnavailable``."""
        if not job.is_spooled:
            return job

        def work(_is_stopped: Callable[[], bool]) -> Cid:
            with self._queue.spooled_path(job.cid).open("rb") as file:
                return self._session.store.put(file)

        cid = await self._session.in_thread(work)
        if cid.to_bytes() != job.cid:
            raise StoreUnavailable(f"the store took the blob as {cid}, not as {Cid.from_bytes(job.cid)}")
        return self._queue.set_stored(job)

    # --- the record -------------------------------------------------------------------------------

    async def _finish(self, jobs: Sequence[Job], watch: Stopwatch) -> list[PublishedRecord]:
        try:
            stored = [await self._stored(job) for job in jobs]
            published: list[PublishedRecord] = []
            for start in range(0, len(stored), MAX_BATCH):
                published += await self._sent(stored[start : start + MAX_BATCH], watch)
            return published
        except (StoreUnavailable, EndpointDown) as error:
            if self._queue.spool is None:
                raise  # kept in memory alone: to call that queued would be a promise too much
            for job in jobs:
                self._queue.set_error(job, error.message)
            raise PublishQueued(jobs[0].number, error.message) from error
        except (StoreFull, StoreReadOnly) as error:  # waiting does not help, but what is queued stays queued
            for job in jobs:
                self._queue.set_error(job, error.message)
            raise

    async def _sent(self, jobs: Sequence[Job], watch: Stopwatch) -> list[PublishedRecord]:
        """Put jobs of one stream on the chain in one transaction, each exactly once."""
        done: dict[int, PublishedRecord] = {}
        refused: ContractRevert | None = None
        session, stream_id = self._session, jobs[0].stream_id
        for _ in range(_ATTEMPTS):
            # The place first, then what is there: a record of ours that an earlier run's transaction brings in between
            # would else look like another's, and be published a second time in the place after it.
            stream = await session.records.stream(stream_id)
            _, sequence = await session.contracts.records.publisher_of(stream_id, session.address)
            for job, record_id in await self._on_chain([job for job in jobs if job.number not in done]):
                done[job.number] = await self._found(job, record_id, watch)
            todo = [job for job in jobs if job.number not in done]
            if not todo:
                return [done[job.number] for job in jobs]
            try:
                sealed, receipt = await self._post(todo, stream, sequence, watch)
            except ContractRevert as revert:
                if revert.name not in _MOVED_ON:
                    self._give_up(todo, revert)
                    raise
                # Another run or device of this account came first, or the epoch changed: look again.
                refused = revert
                jobs = [next((j for j in self._queue.unfinished() if j.number == job.number), job) for job in jobs]
                continue
            for job, one in sealed:
                record_id = make_record_id(job.stream_id, self._session.address, one.sequence)
                done[job.number] = self._published(job, record_id, receipt, watch)
            return [done[job.number] for job in jobs]
        raise refused or HistoryMissing("the chain moves faster than we can publish")

    async def _post(
        self, jobs: Sequence[Job], stream: Stream, sequence: int, watch: Stopwatch
    ) -> tuple[list[tuple[Job, SealedRecord]], Receipt]:
        session, stream_id = self._session, jobs[0].stream_id
        label = await session.records.current_label_key(stream_id, stream)
        with watch.stage("encrypt"):
            sealed = [self._sealed(job, label, sequence + i) for i, job in enumerate(jobs)]
        records = [(job, job.sealed) for job in sealed if job.sealed is not None]
        failpoint("publisher.sealed")
        with watch.stage("publish"):
            call = self._call(stream_id, [one for _, one in records])
            receipt = await session.outbox.send(call, key=f"publish/{records[0][1].record_hash.hex()}/{len(records)}")
        failpoint("publisher.mined")
        return records, receipt

    def _sealed(self, job: Job, label: LabelKey, sequence: int) -> Job:
        epoch = label.preimage.epoch
        if job.sealed is not None and (job.sealed.epoch, job.sealed.sequence) == (epoch, sequence):
            return job  # sent again as it was: the chain then takes it once
        return self._queue.set_sealed(job, seal_record(self._session, job, label, sequence))

    def _call(self, stream_id: StreamId, sealed: Sequence[SealedRecord]) -> Call:
        contract, first = self._session.contracts.records, sealed[0]
        if len(sealed) == 1:
            return contract.publish(stream_id, first.epoch, first.sequence, first.record)
        return contract.publish_batch(stream_id, first.epoch, first.sequence, [one.record for one in sealed])

    def _give_up(self, jobs: Sequence[Job], revert: ContractRevert) -> None:
        # What the contract will refuse for ever is not kept: the caller has the error, and the file.
        if not revert.retryable:
            for job in jobs:
                self._queue.finish(job)

    # --- what came of it --------------------------------------------------------------------------

    async def _on_chain(self, jobs: Sequence[Job]) -> list[tuple[Job, RecordId]]:
        """Which of the jobs' records are published already, by an earlier run or another program of this account.

        Asked only where that is possible. The CID tells, for no two blobs have the same: each has a key of its own.
        """
        waiting = {job.number for job in self._queue.unfinished()}
        doubtful = {keccak256(job.cid): job for job in jobs if job.sealed is not None or job.number not in waiting}
        if not doubtful:
            return []
        published = await self._session.records.published([jobs[0].stream_id])
        return [
            (doubtful[event.record.cid_hash], event.record_id)
            for event in published
            if event.record.cid_hash in doubtful and publisher_of_record(event.record_id) == self._session.address
        ]

    async def _found(self, job: Job, record_id: RecordId, watch: Stopwatch) -> PublishedRecord:
        record = await self._session.records.record(record_id)
        receipt = await self._session.connection.receipt(record.event.at.tx_hash)
        if receipt is None:
            raise HistoryMissing(f"the node has not the transaction of record {shown_record(record_id)}")
        return self._published(job, record_id, receipt, watch)

    def _published(self, job: Job, record_id: RecordId, receipt: Receipt, watch: Stopwatch) -> PublishedRecord:
        events = [e for e in receipt.events if isinstance(e, RecordPublished) and e.record_id == record_id]
        if not events:
            raise HistoryMissing(f"the node's receipt lacks record {shown_record(record_id)}")
        self._queue.finish(job)
        return PublishedRecord(
            record_id=record_id,
            stream_id=job.stream_id,
            epoch=events[0].epoch,
            cid=str(Cid.from_bytes(job.cid)),
            name=job.name,
            plain_length=job.plain_length,
            plain_sha256=job.plain_sha256.hex(),
            encrypted_length=job.encrypted_length,
            transaction=Transaction.of(receipt),
            timings_ms=watch.times_ms(),
        )


def seal_record(session: Session, job: Job, label: LabelKey, sequence: int) -> SealedRecord:
    """Sign the metadata of a stored blob and seal it for its place in the stream (SPEC §4-§6)."""
    record_id = make_record_id(job.stream_id, session.address, sequence)
    context = RecordContext(session.domain, label.preimage, record_id)
    unsigned = Metadata(
        dek=job.dek,
        cid=job.cid,
        encrypted_sha256=job.encrypted_sha256,
        encrypted_length=job.encrypted_length,
        plain_length=job.plain_length,
        created_at_s=job.created_at_s,
        media_type=job.media_type,
        name=job.name,
    )
    signature = sign_digest(session.keys.account, signing_hash(label.label, record_id, unsigned))
    secret = session.keys.identity.publisher_secret
    capsule = encrypt(label.key, context, unsigned.signed(signature), secret, session.random)
    cid_hash, tags_hash = keccak256(job.cid), keccak256(job.tags.encode())
    return SealedRecord(
        epoch=Epoch(label.preimage.epoch),
        sequence=sequence,
        record=chain_record(capsule, cid_hash, job.tags),
        record_hash=capsule.record_hash(label.label, cid_hash, tags_hash),
    )


def _teed(pieces: Iterator[bytes], file: BinaryIO, folder: Path) -> Iterator[bytes]:
    for piece in pieces:  # what the source raises is the caller's
        with unfinished_in(folder):
            file.write(piece)
        yield piece
