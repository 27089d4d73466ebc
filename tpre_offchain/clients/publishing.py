"""Publishing: encrypt, store, seal, put on the chain. Each may be repeated after a crash without doubling a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from typing import BinaryIO, Final

from tpre_offchain.chain.call import Call, Receipt
from tpre_offchain.chain.events import RecordPublished
from tpre_offchain.chain.reverts import ContractRevert
from tpre_offchain.chain.rpc_errors import EndpointDown
from tpre_offchain.chain.structs import make_record_id
from tpre_offchain.clients.blobs import EncryptedBlob, encrypt_into
from tpre_offchain.clients.errors import HistoryMissing, PublishQueued, shown_record
from tpre_offchain.clients.files import new_sibling, sync
from tpre_offchain.clients.points import chain_record
from tpre_offchain.clients.queue import Job, SealedRecord
from tpre_offchain.clients.records import LabelKey
from tpre_offchain.clients.results import PublishedRecord, Transaction
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.signatures import sign_digest
from tpre_offchain.clients.sources import Item
from tpre_offchain.clients.stopwatch import OnProgress, Stopwatch
from tpre_offchain.crypto.capsule import RecordContext
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.metadata import DEK_BYTES, Metadata, signing_hash
from tpre_offchain.crypto.pre import encrypt
from tpre_offchain.storage.cid import Cid, compute_cid
from tpre_offchain.storage.errors import StoreUnavailable
from tpre_offchain.types import Epoch, RecordId, StreamId

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
        jobs = []
        for item in items:
            waiting = self._queue.unfinished(stream_id, item.fingerprint) if item.fingerprint else []
            jobs.append(waiting[0] if waiting else await self._encrypted(stream_id, item, watch, on_progress))
        return await self._finish(jobs, watch)

    async def publish_pending(self) -> list[PublishedRecord]:
        """Finish what is waiting, stream by stream. Raises ``PublishQueued`` if it cannot be done yet."""
        jobs = self._queue.unfinished()
        published: list[PublishedRecord] = []
        for stream_id in dict.fromkeys(job.stream_id for job in jobs):
            published += await self._finish([job for job in jobs if job.stream_id == stream_id], Stopwatch())
        return published

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
        job = Job(
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
        return self._queue.add(job, session.clock())

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
        with new_sibling(self._queue.spooled_path(b"new")) as (file, part):
            cid = compute_cid(_teed(pieces, file))
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
            for job in jobs:
                self._queue.set_error(job, error.message)
            raise PublishQueued(jobs[0].number, error.message) from error

    async def _sent(self, jobs: Sequence[Job], watch: Stopwatch) -> list[PublishedRecord]:
        """Put jobs of one stream on the chain in one transaction, each exactly once."""
        done: dict[int, PublishedRecord] = {}
        refused: ContractRevert | None = None
        async with self._session.publishing[jobs[0].stream_id]:
            for _ in range(_ATTEMPTS):
                for job in jobs:
                    if job.number not in done and await self._is_on_chain(job):
                        done[job.number] = await self._found(job, watch)
                todo = [job for job in jobs if job.number not in done]
                if not todo:
                    return [done[job.number] for job in jobs]
                try:
                    sealed, receipt = await self._post(todo, watch)
                except ContractRevert as revert:
                    if revert.name not in _MOVED_ON:
                        self._give_up(todo, revert)
                        raise
                    # Another run or device of this account came first, or the epoch changed: look again.
                    refused = revert
                    jobs = [next((j for j in self._queue.unfinished() if j.number == job.number), job) for job in jobs]
                    continue
                for job in sealed:
                    done[job.number] = self._published(job, receipt, watch)
                return [done[job.number] for job in jobs]
        raise refused or HistoryMissing("the chain moves faster than we can publish")

    async def _post(self, jobs: Sequence[Job], watch: Stopwatch) -> tuple[list[Job], Receipt]:
        session, stream_id = self._session, jobs[0].stream_id
        stream = await session.records.stream(stream_id)
        _, sequence = await session.contracts.records.publisher_of(stream_id, session.address)
        with watch.stage("encrypt"):
            label = await session.records.current_label_key(stream_id, stream)
            sealed = [self._sealed(job, label, sequence + i) for i, job in enumerate(jobs)]
        records = [(job, job.sealed) for job in sealed if job.sealed is not None]
        with watch.stage("publish"):
            call = self._call(stream_id, [one for _, one in records])
            receipt = await session.outbox.send(call, key=f"publish/{records[0][1].record_hash.hex()}/{len(records)}")
        return [job for job, _ in records], receipt

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

    def _record_id(self, job: Job) -> RecordId:
        return make_record_id(job.stream_id, self._session.address, job.sealed.sequence if job.sealed else 0)

    async def _is_on_chain(self, job: Job) -> bool:
        if job.sealed is None:
            return False
        stored = await self._session.contracts.records.record_hash(self._record_id(job))
        return stored == job.sealed.record_hash

    async def _found(self, job: Job, watch: Stopwatch) -> PublishedRecord:
        """A record that an earlier run had sent."""
        record = await self._session.records.record(self._record_id(job))
        receipt = await self._session.connection.receipt(record.event.at.tx_hash)
        if receipt is None:
            raise HistoryMissing(f"the node has not the transaction of record {shown_record(record.record_id)}")
        return self._published(job, receipt, watch)

    def _published(self, job: Job, receipt: Receipt, watch: Stopwatch) -> PublishedRecord:
        record_id = self._record_id(job)
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


def _teed(pieces: Iterator[bytes], file: BinaryIO) -> Iterator[bytes]:
    for piece in pieces:
        file.write(piece)
        yield piece
