"""Streams and records as the chain has them, checked; and the labels that they are encrypted under."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from tpre_offchain.chain.abi.events import RecordPublished, StreamCreated
from tpre_offchain.chain.abi.ids import publisher_of_record, stream_of_record
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import RecordRef, Stream
from tpre_offchain.clients.errors import HistoryMissing, RecordUnknown, no_such_stream, shown_record
from tpre_offchain.clients.facts.history import History
from tpre_offchain.clients.facts.points import capsule_of
from tpre_offchain.crypto.capsule import Capsule, RecordContext, verify_capsule
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.hashing import Domain, keccak256
from tpre_offchain.crypto.keys import LabelPreimage, label_key, label_of
from tpre_offchain.types import Address, Epoch, Label, RecordId, StreamId

NO_HASH = bytes(32)


@dataclass(frozen=True)
class LabelKey:
    """A label with its preimage and its public key A_L = A g1^h; ``delegating_key`` is A."""

    preimage: LabelPreimage
    label: Label
    delegating_key: G1
    key: G1


@dataclass(frozen=True)
class ChainRecord:
    """A record whose event hashes to what the contract stores."""

    event: RecordPublished
    context: RecordContext
    capsule: Capsule

    @property
    def record_id(self) -> RecordId:
        """Its place: stream, publisher, sequence."""
        return self.event.record_id

    @property
    def stream_id(self) -> StreamId:
        """The stream that it belongs to."""
        return self.event.stream_id

    @property
    def epoch(self) -> Epoch:
        """The epoch whose label it is encrypted under."""
        return self.event.epoch

    @property
    def publisher(self) -> Address:
        """Who published it, checksummed."""
        return publisher_of_record(self.event.record_id)

    @property
    def ref(self) -> RecordRef:
        """As openRound takes it."""
        record = self.event.record
        seal = self.capsule.seal_hash(record.cid_hash, keccak256(record.tags_bytes))
        return RecordRef(self.record_id, record.c1, seal)


class Records:
    """Reads streams and records."""

    def __init__(self, history: History, domain: Domain) -> None:
        self._history = history
        self._contract = history.contracts.records
        self._domain = domain
        self._labels: dict[tuple[StreamId, Epoch], LabelPreimage] = {}

    async def stream(self, stream_id: StreamId) -> Stream:
        """A stream as it is now. Raises ``StreamUnknown``."""
        try:
            return await self._contract.stream_of(stream_id)
        except ContractRevert as revert:
            if revert.name == "UnknownStream":
                raise no_such_stream(stream_id) from revert
            raise

    async def streams(self, owner: Address | None = None) -> list[StreamCreated]:
        """Streams, or those of one owner, as they were created."""
        return await self._history.events(StreamCreated, self._contract.address, None, owner)

    async def label_key(self, stream_id: StreamId, epoch: Epoch) -> LabelKey:
        """The key that an epoch of a stream is encrypted under. Raises ``HistoryMissing``, ``ContractRevert``."""
        return await self._label_key(await self._preimage(stream_id, epoch))

    async def current_label_key(self, stream_id: StreamId, stream: Stream) -> LabelKey:
        """That of the stream's present epoch; the label is computed, not asked for."""
        return await self._label_key(LabelPreimage(stream.owner, stream.key_version, stream_id, stream.epoch))

    async def _preimage(self, stream_id: StreamId, epoch: Epoch) -> LabelPreimage:
        known = self._labels.get((stream_id, epoch))
        if known is not None:
            return known
        label, owner, key_version = await self._contract.label_of(stream_id, epoch)
        preimage = LabelPreimage(owner, key_version, stream_id, epoch)
        if label != label_of(self._domain, preimage):
            raise HistoryMissing(f"the node gives another label for epoch {epoch} than its preimage hashes to")
        return self._labels.setdefault((stream_id, epoch), preimage)  # an epoch's label never changes

    async def _label_key(self, preimage: LabelPreimage) -> LabelKey:
        label = label_of(self._domain, preimage)
        delegating = await self._history.delegating_key(Address(preimage.owner), preimage.key_version)
        return LabelKey(preimage, label, delegating, label_key(delegating, label))

    async def record(self, record_id: RecordId) -> ChainRecord:
        """One record. Raises ``RecordUnknown``, or ``HistoryMissing`` if the node has not its event."""
        (found,) = await self.records_by_id([record_id])
        return found

    async def records_by_id(self, record_ids: Iterable[RecordId]) -> list[ChainRecord]:
        """Several records, in the order asked for, by one query. Raises what ``record`` raises."""
        wanted = list(record_ids)
        events = await self._history.events(RecordPublished, self._contract.address, wanted)
        by_id = {event.record_id: event for event in events}
        return await asyncio.gather(*(self._checked(record_id, by_id.get(record_id)) for record_id in wanted))

    async def convertible(self, record_ids: Iterable[RecordId]) -> list[ChainRecord]:
        """Records for a round: each once, ascending, of capsules that proxies will convert.

        A record whose capsule proof does not hold would leave its round at the opener's cost. Raises
        ``InvalidCapsuleProof``, which names the publisher, and what ``record`` raises.
        """
        found = await self.records_by_id(sorted(set(record_ids)))
        for record in found:
            label = await self.label_key(record.stream_id, record.epoch)
            verify_capsule(label.key, record.context, record.capsule)
        return found

    async def published(self, streams: Iterable[StreamId]) -> list[RecordPublished]:
        """What the node says was published to some streams, in order. Not yet checked: ``record`` does that."""
        wanted = list(streams)
        if not wanted:
            return []
        return await self._history.events(RecordPublished, self._contract.address, None, wanted)

    async def _checked(self, record_id: RecordId, event: RecordPublished | None) -> ChainRecord:
        expected = await self._contract.record_hash(record_id)
        if expected == NO_HASH:
            raise RecordUnknown(record_id)
        if event is None:
            raise HistoryMissing(f"the node has not the event of record {shown_record(record_id)}")
        capsule = capsule_of(event.record)
        tags_hash = keccak256(event.record.tags_bytes)
        if capsule.record_hash(event.label, event.record.cid_hash, tags_hash) != expected:
            raise HistoryMissing(f"the event of record {shown_record(record_id)} is not what the contract recorded")
        preimage = await self._preimage(stream_of_record(record_id), event.epoch)
        context = RecordContext(self._domain, preimage, record_id)
        if event.label != context.label:
            raise HistoryMissing(f"record {shown_record(record_id)} has another label than its epoch")
        return ChainRecord(event, context, capsule)
