"""Verbs take an id, or the result that brought it: ``stream = owner.create_stream(…); owner.publish(stream, …)``."""

from __future__ import annotations

from tpre_offchain.clients.results import (
    AccessRequestInfo,
    CatalogRecord,
    CatalogStream,
    CreatedStream,
    GivenGrant,
    GrantInfo,
    OpenedRound,
    PublishedRecord,
    RequestedAccess,
)
from tpre_offchain.types import GrantId, RecordId, RoundId, StreamId

StreamRef = int | CreatedStream | CatalogStream
RecordRefLike = int | PublishedRecord | CatalogRecord
GrantRef = int | RequestedAccess | AccessRequestInfo | GivenGrant | GrantInfo
RoundRef = int | OpenedRound


def stream_id_of(ref: StreamRef) -> StreamId:
    """The stream that is meant."""
    return StreamId(ref) if isinstance(ref, int) else ref.stream_id


def record_id_of(ref: RecordRefLike) -> RecordId:
    """The record that is meant."""
    return RecordId(ref) if isinstance(ref, int) else ref.record_id


def grant_id_of(ref: GrantRef) -> GrantId:
    """The grant that is meant."""
    return GrantId(ref) if isinstance(ref, int) else ref.grant_id


def round_id_of(ref: RoundRef) -> RoundId:
    """The round that is meant."""
    return RoundId(ref) if isinstance(ref, int) else ref.round_id
