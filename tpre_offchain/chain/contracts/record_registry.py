"""RecordRegistry: streams and their records (SPEC §6)."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.structs import RecordInput, Stream, Terms
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Address, Epoch, Label, RecordId, StreamId


class RecordRegistry(Contract):
    """Streams with owners, publishers and epochs; records that never change."""

    NAME = "RecordRegistry"

    async def stream_of(self, stream_id: StreamId) -> Stream:
        """A stream as it is now."""
        stream: Stream = await self.view("streamOf", stream_id)
        return stream

    async def stream_count(self) -> int:
        """Streams created; ids count from 1."""
        return int(await self.view("streamCount"))

    async def publisher_of(self, stream_id: StreamId, publisher: Address) -> tuple[bool, int]:
        """Whether an account may publish to a stream, and its next sequence number."""
        allowed, next_sequence = await self.view("publisherOf", stream_id, publisher)
        return bool(allowed), int(next_sequence)

    async def label_of(self, stream_id: StreamId, epoch: Epoch) -> tuple[Label, Address, int]:
        """Label (32 bytes) of an epoch, with the owner and owner's key version that it names."""
        label, owner, key_version = await self.view("labelOf", stream_id, epoch)
        return Label(label), Address(owner), int(key_version)

    async def record_hash(self, record_id: RecordId) -> bytes:
        """The record's hash; 32 zero bytes if there is no such record."""
        return bytes(await self.view("recordHash", record_id))

    def create_stream(self, name_hash: bytes, summary: str, terms: Terms) -> Call:
        """Creates a stream with the sender as owner and first publisher."""
        return self.transaction("createStream", name_hash, summary, terms, description="create the stream")

    def set_terms(self, stream_id: StreamId, terms: Terms) -> Call:
        """Changes what the stream asks of requests."""
        return self.transaction("setTerms", stream_id, terms, description=f"change the terms of stream {stream_id}")

    def set_publisher(self, stream_id: StreamId, publisher: Address, *, allowed: bool) -> Call:
        """Names an account a publisher of the stream, or no longer."""
        return self.transaction(
            "setPublisher", stream_id, publisher, allowed, description=f"set a publisher of stream {stream_id}"
        )

    def advance_epoch(self, stream_id: StreamId) -> Call:
        """Starts the stream's next epoch: a new label for all that follows."""
        return self.transaction("advanceEpoch", stream_id, description=f"start the next epoch of stream {stream_id}")

    def publish(self, stream_id: StreamId, epoch: Epoch, sequence: int, record: RecordInput) -> Call:
        """Publishes the sender's record number ``sequence`` of the stream."""
        return self.transaction(
            "publish",
            stream_id,
            epoch,
            sequence,
            record,
            description=f"publish record {sequence} of stream {stream_id}",
        )

    def publish_batch(
        self, stream_id: StreamId, epoch: Epoch, first_sequence: int, records: Sequence[RecordInput]
    ) -> Call:
        """Publishes several records in a row, all or none."""
        return self.transaction(
            "publishBatch",
            stream_id,
            epoch,
            first_sequence,
            records,
            description=f"publish {len(records)} records of stream {stream_id}",
        )
