"""Ids that are made of others (contracts/types/Ids.sol)."""

from __future__ import annotations

from tpre_offchain.types import Address, GrantId, RecordId, RoundId, StreamId

ADDRESS_BITS = 160
U32 = (1 << 32) - 1


def make_record_id(stream_id: StreamId, publisher: Address, sequence: int) -> RecordId:
    """streamId (64 bits) ‖ publisher (160) ‖ sequence (32)."""
    return RecordId((stream_id << 192) | (int(publisher, 16) << 32) | sequence)


def stream_of_record(record_id: RecordId) -> StreamId:
    """The stream that a record belongs to."""
    return StreamId(record_id >> 192)


def publisher_of_record(record_id: RecordId) -> Address:
    """The account that published a record, checksummed."""
    from eth_utils.address import to_checksum_address

    return Address(to_checksum_address(((record_id >> 32) & ((1 << ADDRESS_BITS) - 1)).to_bytes(20, "big")))


def sequence_of_record(record_id: RecordId) -> int:
    """The publisher's number of a record, from 0."""
    return record_id & U32


def make_round_id(grant_id: GrantId, index: int) -> RoundId:
    """grantId (64 bits) ‖ index (32 bits)."""
    return RoundId((grant_id << 32) | index)


def grant_of_round(round_id: RoundId) -> GrantId:
    """The grant that a round belongs to."""
    return GrantId(round_id >> 32)


def index_of_round(round_id: RoundId) -> int:
    """The round's number within its grant, from 0."""
    return round_id & U32
