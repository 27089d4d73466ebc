"""The structs and enums of the contracts as frozen dataclasses; names are the interfaces' in snake case.

Points are EIP-2537 bytes: 128 for G1, 256 for G2. Hashes are 32 bytes. Amounts are wei.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from tpre_offchain.types import Address, Epoch, Label, RecordId, RoundId, Slot, StreamId

ADDRESS_BITS = 160


def text_to_bytes(text: str) -> bytes:
    """A text as a contract's string. The inverse of ``text_from_bytes``, for texts that are not UTF-8 as well."""
    return text.encode("utf-8", "surrogateescape")


def text_from_bytes(data: bytes) -> str:
    """A contract's string as text. Contracts take any bytes; those that are not UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


class Role(IntEnum):
    """What a registered key is for (SPEC §3)."""

    DELEGATING = 1
    RECEIVING = 2
    PROXY = 3


class Status(IntEnum):
    """Where an access request or grant stands (IGrantRegistry.Status)."""

    NONE = 0
    REQUESTED = 1
    GRANTED = 2
    DENIED = 3
    WITHDRAWN = 4
    REVOKED = 5
    VOIDED = 6
    SURRENDERED = 7


class Phase(IntEnum):
    """Where a round stands (IConversionRounds.Phase)."""

    NONE = 0
    SUBMITTING = 1
    PROPOSING = 2
    VOTING = 3
    PROVABLE = 4
    FINALIZED = 5
    EXPIRED = 6
    ENDED = 7


@dataclass(frozen=True)
class Member:
    """A committee member: the proxy's account and the version of its node key that the committee uses."""

    account: Address
    key_version: int

    @property
    def word(self) -> int:
        """As the contracts hold it: keyVersion (16 bits) ‖ account (160 bits)."""
        return (self.key_version << ADDRESS_BITS) | int(self.account, 16)


@dataclass(frozen=True)
class Proof:
    """A Schnorr or Chaum-Pedersen proof: 128-bit challenge, response below r (SPEC §1)."""

    challenge: int
    response: int

    @classmethod
    def from_bytes(cls, proof: bytes) -> Proof:
        """From the 48 bytes challenge (16) ‖ response (32). Raises ``ValueError`` for any other length."""
        if len(proof) != 48:
            raise ValueError(f"a proof has 48 bytes, not {len(proof)}")
        return cls(int.from_bytes(proof[:16], "big"), int.from_bytes(proof[16:], "big"))

    def to_bytes(self) -> bytes:
        """The 48 bytes challenge (16) ‖ response (32)."""
        return self.challenge.to_bytes(16, "big") + self.response.to_bytes(32, "big")


# --- proxies --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProxySettings:
    """IProxyRegistry.Settings: what a proxy puts at stake and how it leaves."""

    bond_wei: int
    miss_penalty_wei: int
    miss_limit: int
    exit_cooldown_blocks: int
    exit_cooldown_seconds: int


@dataclass(frozen=True)
class ProxyInfo:
    """IProxyRegistry.Proxy: one proxy. ``exit_block`` is 2^40 - 1 and ``exit_time`` 0 while it stays."""

    account: Address
    activation_block: int
    exit_block: int
    key_version: int
    index: int
    bond: int
    served: int
    missed: int
    exit_time: int


# --- streams and records --------------------------------------------------------------------------


@dataclass(frozen=True)
class Terms:
    """IRecordRegistry.Terms: what the owner of a stream asks of a request."""

    minimum_threshold: int
    minimum_committee: int
    price_wei: int = 0
    """Of one conversion."""


@dataclass(frozen=True)
class Stream:
    """IRecordRegistry.Stream."""

    owner: Address
    epoch: Epoch
    key_version: int
    minimum_threshold: int
    minimum_committee: int
    price_wei: int
    name_hash: bytes

    def least_threshold(self, committee_size: int | None = None) -> int:
        """The smallest threshold that the terms allow a committee of that size, or the smallest committee."""
        n, proportional = self.minimum_committee, self.minimum_threshold * (committee_size or self.minimum_committee)
        return max(self.minimum_threshold, -(-proportional // n))


@dataclass(frozen=True)
class RecordInput:
    """IRecordRegistry.RecordInput: capsule c1 (G1), c2 (32 bytes), c3 (<= 4,096 bytes), the capsule's proof, keccak256
    of the binary CID, public tags (UTF-8, <= 256 bytes)."""

    c1: bytes
    c2: bytes
    c3: bytes
    proof: Proof
    cid_hash: bytes
    tags: str = ""

    @property
    def tags_bytes(self) -> bytes:
        """The tags as the chain holds and hashes them."""
        return text_to_bytes(self.tags)


# --- access ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GrantSettings:
    """IGrantRegistry.Settings."""

    redraw_fee_wei: int
    complaint_penalty_wei: int
    max_grant_seconds: int


@dataclass(frozen=True)
class Access:
    """IGrantRegistry.Access: a request and, once granted, the grant. ``expiry`` is unix time, 0 until granted.

    ``offered``: by the owner, unasked; ``served``: a result was proven in one of its rounds. ``price``: of one
    conversion, as it was when asked; it and ``deposit`` in wei. ``min_conversions``, ``min_seconds``: as asked.
    """

    status: Status
    offered: bool
    served: bool
    threshold: int
    committee_size: int
    delegatee_key_version: int
    request_block: int
    expiry: int
    quota: int
    used: int
    rounds: int
    delegatee: Address
    stream_id: StreamId
    pool_size: int
    delegator: Address
    epoch_from: Epoch
    epoch_to: Epoch
    min_conversions: int
    price: int
    min_seconds: int
    deposit: int
    committee_hash: bytes


@dataclass(frozen=True)
class AccessRequest:
    """IGrantRegistry.AccessRequest: what is asked for, and what the contract holds the answer to.

    ``max_price_wei``: of one conversion. ``min_seconds``: from the grant to its expiry. The purpose has at most 512
    bytes of UTF-8.
    """

    stream_id: StreamId
    epoch_from: Epoch
    epoch_to: Epoch
    threshold: int
    committee_size: int
    max_price_wei: int = 0
    min_conversions: int = 0
    min_seconds: int = 0
    purpose: str = ""


@dataclass(frozen=True)
class DrawProof:
    """IGrantRegistry.DrawProof: gamma (G1) with its proof of equal logarithms (SCHEME §13)."""

    gamma: bytes
    proof: Proof


@dataclass(frozen=True)
class Rekey:
    """IGrantRegistry.Rekey: SCHEME §4's public values for one label. A, C_j, R in G1; U, V in G2; E_i 32 bytes."""

    epoch: Epoch
    delegating_key: bytes
    masked_key: bytes
    mask: bytes
    commitments: tuple[bytes, ...]
    ephemeral: bytes
    ephemeral_proof: Proof
    pads: tuple[bytes, ...]


@dataclass(frozen=True)
class RecordRef:
    """IConversionRounds.RecordRef: what openRound needs of a record (SPEC §6)."""

    record_id: RecordId
    c1: bytes
    seal_hash: bytes


@dataclass(frozen=True)
class ClaimedRound:
    """IConversionRounds.ClaimedRound: a round of a claim, and the hash of its RoundData (SPEC §9)."""

    round_id: RoundId
    round_data_hash: bytes


@dataclass(frozen=True)
class FirstRound:
    """IGrantRegistry.FirstRound: a round opened in the grant's own transaction; no records, no round."""

    epoch: Epoch
    records: tuple[RecordRef, ...]


NO_FIRST_ROUND = FirstRound(epoch=Epoch(0), records=())


# --- rounds ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoundSettings:
    """IConversionRounds.Settings."""

    round_seconds: int
    vote_seconds: int
    challenge_seconds: int
    fee_per_cfrag_wei: int
    challenge_penalty_wei: int


@dataclass(frozen=True)
class RoundData:
    """IConversionRounds.RoundData: what a round was opened on, as hashes (SPEC §9)."""

    label: Label
    mask_hash: bytes
    rekey_rest: bytes
    capsules_hash: bytes
    record_ids_hash: bytes


@dataclass(frozen=True)
class Signature:
    """IConversionRounds.Signature: EIP-2098, two words of 32 bytes."""

    r: bytes
    vs: bytes


@dataclass(frozen=True)
class Round:
    """IConversionRounds.Round. Bitmaps: bit i-1 is slot i; ``excluded``: bit j is record j of the round.

    ``deadline`` and ``vote_end`` are unix times; ``vote_end`` of a round that is over ends its challenge window.
    """

    deadline: int
    vote_end: int
    submitted: int
    approvals: int
    rejections: int
    challenged: int
    leader: Slot
    records: int
    threshold: int
    committee_size: int
    finalized: bool
    closed: bool
    price_reserved: bool
    excluded: int
    claimed: int
    barred: int
    contributors: int
    key: bytes
    submissions: bytes
    proposal: bytes


@dataclass(frozen=True)
class Submission:
    """IConversionRounds.Submission: one submission and its place in the round's hash chain (SPEC §9)."""

    slot: Slot
    excluded: int
    cfrags: tuple[bytes, ...]
    proof: Proof
    before: bytes
    later: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class ChallengeKeys:
    """IConversionRounds.ChallengeKeys: the grant's values that a challenge needs (SPEC §7)."""

    label_key: bytes
    commitments: tuple[bytes, ...]
    rekey_tail: bytes


@dataclass(frozen=True)
class CapsuleReport:
    """IConversionRounds.CapsuleReport: a record's preimage, to show that its capsule proof does not hold (SPEC §6)."""

    position: int
    c1: bytes
    c2: bytes
    c3_hash: bytes
    proof: Proof
    cid_hash: bytes
    tags_hash: bytes
