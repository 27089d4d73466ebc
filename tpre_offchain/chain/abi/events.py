"""Every event of the contracts as a frozen dataclass, which ``event_decoding`` makes from raw logs.

Fields are the interface's parameters in snake case; ``at`` says where the log stands. Points are EIP-2537 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.chain.abi.log import LogPosition
from tpre_offchain.chain.abi.structs import AccessRequest, Member, Phase, Proof, RecordInput, Rekey, RoundData, Terms
from tpre_offchain.types import Address, Epoch, GrantId, Label, RecordId, RoundId, Slot, StreamId


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events."""

    at: LogPosition


# --- KeyRegistry ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class DelegatingKeyRegistered(Event):
    account: Address
    version: int
    key: bytes


@dataclass(frozen=True, kw_only=True)
class ReceivingKeyRegistered(Event):
    account: Address
    version: int
    key: bytes


# --- ProxyRegistry --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ProxyJoined(Event):
    proxy: Address
    index: int
    key_version: int
    key: bytes
    endpoint: str
    bond: int


@dataclass(frozen=True, kw_only=True)
class ProxyKeyRotated(Event):
    proxy: Address
    key_version: int
    key: bytes


@dataclass(frozen=True, kw_only=True)
class EndpointChanged(Event):
    proxy: Address
    endpoint: str


@dataclass(frozen=True, kw_only=True)
class ProxyLeaving(Event):
    proxy: Address
    exit_block: int
    withdrawable_at: int


@dataclass(frozen=True, kw_only=True)
class BondWithdrawn(Event):
    proxy: Address
    amount: int


@dataclass(frozen=True, kw_only=True)
class BondToppedUp(Event):
    proxy: Address
    bond: int


@dataclass(frozen=True, kw_only=True)
class ProxyPenalized(Event):
    proxy: Address
    beneficiary: Address
    amount: int
    reason: bytes


@dataclass(frozen=True, kw_only=True)
class RoundMissed(Event):
    proxy: Address
    missed: int


# --- RecordRegistry -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StreamCreated(Event):
    stream_id: StreamId
    owner: Address
    name_hash: bytes
    summary: str
    terms: Terms
    key_version: int


@dataclass(frozen=True, kw_only=True)
class TermsChanged(Event):
    stream_id: StreamId
    terms: Terms


@dataclass(frozen=True, kw_only=True)
class PublisherSet(Event):
    stream_id: StreamId
    publisher: Address
    allowed: bool


@dataclass(frozen=True, kw_only=True)
class EpochAdvanced(Event):
    stream_id: StreamId
    epoch: Epoch
    key_version: int
    label: Label


@dataclass(frozen=True, kw_only=True)
class RecordPublished(Event):
    record_id: RecordId
    stream_id: StreamId
    label: Label
    epoch: Epoch
    record: RecordInput


# --- GrantRegistry --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AccessRequested(Event):
    grant_id: GrantId
    stream_id: StreamId
    delegatee: Address
    request: AccessRequest
    pool_size: int
    price: int
    deposit: int
    offered: bool


@dataclass(frozen=True, kw_only=True)
class AccessGranted(Event):
    grant_id: GrantId
    delegator: Address
    delegatee: Address
    expiry: int
    quota: int
    committee: tuple[Member, ...]
    block_hash: bytes
    gamma: bytes


@dataclass(frozen=True, kw_only=True)
class RekeyPosted(Event):
    grant_id: GrantId
    label: Label
    delegator_key_version: int
    delegatee_key_version: int
    rekey: Rekey


@dataclass(frozen=True, kw_only=True)
class AccessDenied(Event):
    grant_id: GrantId
    reason: str


@dataclass(frozen=True, kw_only=True)
class RequestWithdrawn(Event):
    grant_id: GrantId


@dataclass(frozen=True, kw_only=True)
class GrantRevoked(Event):
    grant_id: GrantId


@dataclass(frozen=True, kw_only=True)
class GrantSurrendered(Event):
    grant_id: GrantId


@dataclass(frozen=True, kw_only=True)
class DepositAdded(Event):
    grant_id: GrantId
    deposit: int


@dataclass(frozen=True, kw_only=True)
class DepositReclaimed(Event):
    grant_id: GrantId
    amount: int


@dataclass(frozen=True, kw_only=True)
class PricePaid(Event):
    grant_id: GrantId
    owner: Address
    amount: int


@dataclass(frozen=True, kw_only=True)
class FragmentComplaint(Event):
    grant_id: GrantId
    label: Label
    slot: Slot
    proxy: Address
    upheld: bool
    fragment: bytes


# --- ConversionRounds -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RoundOpened(Event):
    round_id: RoundId
    grant_id: GrantId
    opener: Address
    epoch: Epoch
    deadline: int
    data: RoundData
    record_ids: tuple[RecordId, ...]
    capsules: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class CfragsSubmitted(Event):
    round_id: RoundId
    proxy: Address
    slot: Slot
    excluded: int
    cfrags: tuple[bytes, ...]
    proof: Proof


@dataclass(frozen=True, kw_only=True)
class LeaderProposed(Event):
    round_id: RoundId
    leader: Address
    slot: Slot
    contributors: int
    excluded: int
    result_hash: bytes
    results: tuple[bytes, ...]


@dataclass(frozen=True, kw_only=True)
class VoteCast(Event):
    round_id: RoundId
    proxy: Address
    slot: Slot
    approve: bool
    result_hash: bytes


@dataclass(frozen=True, kw_only=True)
class ProposalRejected(Event):
    round_id: RoundId
    leader: Address
    result_hash: bytes


@dataclass(frozen=True, kw_only=True)
class RoundFinalized(Event):
    round_id: RoundId
    grant_id: GrantId
    leader: Address
    contributors: int
    approvals: int
    result_hash: bytes
    by_proof: bool


@dataclass(frozen=True, kw_only=True)
class RoundClosed(Event):
    round_id: RoundId
    phase: Phase
    missing: int


@dataclass(frozen=True, kw_only=True)
class CfragChallenged(Event):
    round_id: RoundId
    proxy: Address
    slot: Slot
    challenger: Address


@dataclass(frozen=True, kw_only=True)
class RecordExcluded(Event):
    round_id: RoundId
    record_id: RecordId
    reporter: Address


@dataclass(frozen=True, kw_only=True)
class FeeClaimed(Event):
    round_id: RoundId
    proxy: Address
    amount: int


# --- Treasury -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Held(Event):
    key: bytes
    amount: int


@dataclass(frozen=True, kw_only=True)
class Credited(Event):
    account: Address
    key: bytes
    amount: int


@dataclass(frozen=True, kw_only=True)
class Withdrawn(Event):
    account: Address
    to: Address
    amount: int
