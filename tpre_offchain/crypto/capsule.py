"""Capsules: what a record holds on the chain, and the proof that its publisher made it for this record (SCHEME §3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.hashing import Domain, address_bytes, address_word, word
from tpre_offchain.crypto.keys import LabelPreimage, label_of
from tpre_offchain.crypto.proofs import Proof, knowledge_is_proven
from tpre_offchain.errors import CryptoError, VerificationError, WrongLength
from tpre_offchain.types import Label, RecordId

CONTEXT_BYTES: Final = 288
C2_BYTES: Final = 32
MAX_C3_BYTES: Final = 4096
TAG_BYTES: Final = 16


class InvalidCapsuleProof(VerificationError):
    """The capsule was not made for this record: copied, re-randomised or damaged. The publisher is to blame."""


class WrongStream(CryptoError):
    """A record's id names another stream than its label does."""


def record_id_of(stream_id: int, publisher: str, sequence: int) -> RecordId:
    """streamId (64 bits) || publisher (160) || sequence (32). Raises ``CryptoError`` if a part does not fit."""
    if not (0 <= stream_id < 1 << 64 and 0 <= sequence < 1 << 32):
        raise CryptoError("a stream has 64 bits and a sequence number 32")
    return RecordId(stream_id << 192 | int.from_bytes(address_bytes(publisher), "big") << 32 | sequence)


@dataclass(frozen=True, slots=True)
class RecordContext:
    """The place of a record, which everything of its capsule is bound to. Raises ``WrongStream`` if it is in two."""

    domain: Domain
    preimage: LabelPreimage
    record_id: RecordId

    def __post_init__(self) -> None:
        if self.record_id >> 192 != self.preimage.stream_id:
            raise WrongStream(
                f"the record is of stream {self.record_id >> 192}, the label of stream {self.preimage.stream_id}"
            )

    @property
    def label(self) -> Label:
        """The label of the record's stream and epoch."""
        return label_of(self.domain, self.preimage)

    @property
    def publisher(self) -> str:
        """The publisher's address, in lower case."""
        return f"0x{self.record_id >> 32 & (1 << 160) - 1:040x}"

    def encode(self) -> bytes:
        """288 bytes (SPEC §4)."""
        preimage = self.preimage
        return b"".join(
            (
                self.label,
                word(self.domain.chain_id),
                address_word(self.domain.record_registry),
                address_word(preimage.owner),
                word(preimage.key_version),
                word(preimage.stream_id),
                word(preimage.epoch),
                word(self.record_id),
                address_word(self.publisher),
            )
        )


@dataclass(frozen=True, slots=True)
class Capsule:
    """c1 = A_L^k, c2 (32 bytes) and c3 (16 to 4096 bytes) with the proof of knowledge of k. Nothing of it is secret.

    Raises ``WrongLength`` for a c2 or c3 of another size.
    """

    c1: G1
    c2: bytes
    c3: bytes
    proof: Proof

    def __post_init__(self) -> None:
        if len(self.c2) != C2_BYTES:
            raise WrongLength(f"{len(self.c2)} bytes instead of {C2_BYTES}", what="c2")
        if not TAG_BYTES <= len(self.c3) <= MAX_C3_BYTES:
            raise WrongLength(f"{len(self.c3)} bytes, not {TAG_BYTES} to {MAX_C3_BYTES}", what="c3")

    @property
    def c3_hash(self) -> bytes:
        """keccak256(c3)."""
        return hashing.keccak256(self.c3)

    def transcript(self, label_key: G1, context: RecordContext) -> hashing.Transcript:
        """What the capsule's proof is bound to."""
        return hashing.capsule_proof(context.label, context.record_id, label_key, self.c1, self.c2, self.c3_hash)

    def seal_hash(self, cid_hash: bytes, tags_hash: bytes) -> bytes:
        """sealHash of SPEC §6, from keccak256 of the binary CID and keccak256 of the record's public tags."""
        proof = self.proof
        return hashing.seal_hash(self.c2, self.c3_hash, proof.challenge, proof.response, cid_hash, tags_hash)

    def record_hash(self, label: Label, cid_hash: bytes, tags_hash: bytes) -> bytes:
        """recordHash of SPEC §6: what the record registry stores."""
        return hashing.record_hash(label, self.c1, self.seal_hash(cid_hash, tags_hash))


@dataclass(frozen=True, slots=True)
class VerifiedCapsule:
    """A capsule whose proof holds for this record. Made by ``verify_capsule`` alone."""

    label_key: G1
    context: RecordContext
    capsule: Capsule

    @property
    def c1(self) -> G1:
        """The point that proxies convert."""
        return self.capsule.c1


def verify_capsule(label_key: G1, context: RecordContext, capsule: Capsule) -> VerifiedCapsule:
    """Check that the publisher knows k and made the capsule for this record (SCHEME §3).

    Proxies convert nothing else: a copy of another record's capsule has no such proof. Raises ``InvalidCapsuleProof``.
    """
    if capsule.c1.is_identity() or label_key.is_identity():
        raise InvalidCapsuleProof("c1 or the label key is the identity", culprit=context.publisher)
    transcript = capsule.transcript(label_key, context)
    if not knowledge_is_proven(label_key, capsule.c1, capsule.proof, transcript):
        raise InvalidCapsuleProof(
            f"the capsule of record {context.record_id:#x} was not made for it",
            culprit=context.publisher,
            hint="report it to the contract: the record then leaves its round",
        )
    return VerifiedCapsule(label_key, context, capsule)
