"""What the clients' verbs return. Lengths in bytes, times in unix seconds, durations in milliseconds, money in wei."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tpre_offchain.chain.abi.call import Receipt
from tpre_offchain.chain.abi.structs import Phase, Status, Terms
from tpre_offchain.types import Address, Epoch, GrantId, RecordId, RoundId, Slot, StreamId


@dataclass(frozen=True)
class Transaction:
    """A mined transaction."""

    hash: str
    block: int
    gas_used: int
    fee_wei: int

    @classmethod
    def of(cls, receipt: Receipt) -> Transaction:
        """That of a receipt."""
        return cls("0x" + receipt.tx_hash.hex(), receipt.block_number, receipt.gas_used, receipt.fee_wei)


@dataclass(frozen=True)
class RegisteredKey:
    """A key of ours on the chain. ``transaction``: None if it was there before."""

    role: str
    version: int
    transaction: Transaction | None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CreatedStream:
    """A new stream."""

    stream_id: StreamId
    name: str
    transaction: Transaction


@dataclass(frozen=True)
class PublishedRecord:
    """A record that is on the chain. ``transaction`` may carry further records of a batch."""

    record_id: RecordId
    stream_id: StreamId
    epoch: Epoch
    cid: str
    name: str
    plain_length: int
    plain_sha256: str
    encrypted_length: int
    transaction: Transaction
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PendingPublish:
    """A publish that is not finished. ``state``: "spooled" (not in the store), "stored" or "sent"."""

    job: int
    stream_id: StreamId
    name: str
    state: str
    encrypted_length: int
    queued_at_s: int
    last_error: str


@dataclass(frozen=True)
class RequestedAccess:
    """An access request that was sent, by a user or (``offered``) by the owner."""

    grant_id: GrantId
    stream_id: StreamId
    price_wei: int
    deposit_wei: int
    transaction: Transaction


@dataclass(frozen=True)
class AccessRequestInfo:
    """An access request as its owner sees it."""

    grant_id: GrantId
    stream_id: StreamId
    delegatee: Address
    purpose: str
    threshold: int
    committee_size: int
    epoch_from: Epoch
    epoch_to: Epoch
    price_wei: int
    deposit_wei: int
    offered: bool
    status: Status


@dataclass(frozen=True)
class GivenGrant:
    """A grant that was given. ``round_id``: of the first round, if one was opened with it."""

    grant_id: GrantId
    committee: tuple[Address, ...]
    expiry_s: int
    quota: int
    epochs: tuple[Epoch, ...]
    round_id: RoundId | None
    transaction: Transaction
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AdvancedEpoch:
    """A stream's new epoch."""

    stream_id: StreamId
    epoch: Epoch
    transaction: Transaction


@dataclass(frozen=True)
class CatalogRecord:
    """A record as the public sees it."""

    record_id: RecordId
    epoch: Epoch
    publisher: Address
    tags: Mapping[str, str]
    block: int
    sealed_length: int


@dataclass(frozen=True)
class CatalogStream:
    """A stream as the public sees it; its name is known only to those who were told it."""

    stream_id: StreamId
    owner: Address
    summary: str
    epoch: Epoch
    terms: Terms
    records: tuple[CatalogRecord, ...]


@dataclass(frozen=True)
class OpenedRound:
    """A round that was opened."""

    round_id: RoundId
    record_ids: tuple[RecordId, ...]
    transaction: Transaction


@dataclass(frozen=True)
class Vote:
    """One vote on the final proposal."""

    slot: Slot
    proxy: Address
    approve: bool


@dataclass(frozen=True)
class ConversionRecord:
    """What the chain has recorded of a finalized round. ``votes`` holds the leader's own as well."""

    round_id: RoundId
    grant_id: GrantId
    record_ids: tuple[RecordId, ...]
    excluded: tuple[RecordId, ...]
    leader: Address
    leader_slot: Slot
    contributors: tuple[Address, ...]
    votes: tuple[Vote, ...]
    approvals: int
    by_proof: bool
    result_hash: str
    gas: Mapping[str, tuple[int, ...]]
    """Gas of the round's transactions: open, submit, propose, vote."""
    opened_block: int
    finalized_block: int


@dataclass(frozen=True)
class RoundInfo:
    """A round of a grant, as it is now."""

    round_id: RoundId
    phase: Phase
    record_ids: tuple[RecordId, ...]
    deadline_s: int


@dataclass(frozen=True)
class GrantInfo:
    """A request or grant as it is now. ``live``: rounds may run. ``committee``: empty before the grant."""

    grant_id: GrantId
    stream_id: StreamId
    delegator: Address
    delegatee: Address
    status: Status
    live: bool
    threshold: int
    committee_size: int
    committee: tuple[Address, ...]
    epoch_from: Epoch
    epoch_to: Epoch
    expiry_s: int
    quota: int
    used: int
    deposit_wei: int
    rounds: tuple[RoundInfo, ...]


@dataclass(frozen=True)
class FetchReport:
    """A record that was read: verified, decrypted, written. ``round_id``: None if its owner read it."""

    record_id: RecordId
    output: Path
    name: str
    media_type: str
    created_at_s: int
    plain_length: int
    plain_sha256: str
    encrypted_sha256: str
    cid: str
    signer: Address
    round_id: RoundId | None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A forbidden step that was tried, and what refused it. ``transaction``: the reverted one, where it was mined."""

    error: str
    revert: str
    message: str
    transaction: Transaction | None = None
