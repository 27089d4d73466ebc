"""What the public sees of streams and records."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.events import RecordPublished, StreamCreated
from tpre_offchain.chain.abi.ids import publisher_of_record
from tpre_offchain.chain.abi.structs import Stream, Terms
from tpre_offchain.clients.results import CatalogRecord, CatalogStream
from tpre_offchain.clients.stored.sources import decode_tags


def catalog_stream(created: StreamCreated, stream: Stream, published: Sequence[RecordPublished]) -> CatalogStream:
    """A stream as the public sees it."""
    return CatalogStream(
        stream_id=created.stream_id,
        owner=created.owner,
        summary=created.summary,
        epoch=stream.epoch,
        terms=Terms(stream.minimum_threshold, stream.minimum_committee, stream.price_wei),
        records=tuple(
            CatalogRecord(
                record_id=event.record_id,
                epoch=event.epoch,
                publisher=publisher_of_record(event.record_id),
                tags=decode_tags(event.record.tags),
                block=event.at.block_number,
                sealed_length=len(event.record.c3),
            )
            for event in published
        ),
    )


def mentions(entry: CatalogStream, text: str) -> bool:
    """Whether its id, owner, summary or tags contain a case-folded text. A predicate of a search, not a check."""
    words = [str(entry.stream_id), entry.owner, entry.summary]
    words += [word for record in entry.records for pair in record.tags.items() for word in pair]
    return any(text in word.casefold() for word in words)
