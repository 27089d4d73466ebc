"""Proofs of knowledge (Schnorr) and of equal logarithms (Chaum-Pedersen) in their short form (SPEC §2).

Proofs here are made and tested; what a failed proof means, and who is to blame, the callers know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tpre_offchain.crypto.curve import G1, G2, SCALAR_BYTES, R, decode_scalar, encode_scalar, msm
from tpre_offchain.crypto.hashing import CHALLENGE_BYTES, Random, Transcript
from tpre_offchain.errors import NonCanonical, WrongLength

PROOF_BYTES: Final = CHALLENGE_BYTES + SCALAR_BYTES

_Point = TypeVar("_Point", G1, G2)


@dataclass(frozen=True, slots=True)
class Proof:
    """A challenge below 2^128 and a response below r. Raises ``NonCanonical`` for larger ones."""

    challenge: int
    response: int

    def __post_init__(self) -> None:
        if not 0 <= self.challenge < 1 << 8 * CHALLENGE_BYTES:
            raise NonCanonical("the challenge has more than 128 bits", what="proof")
        if not 0 <= self.response < R:
            raise NonCanonical("the response is not below r", what="proof")

    def to_bytes(self) -> bytes:
        """48 bytes: challenge (16), response (32)."""
        return self.challenge.to_bytes(CHALLENGE_BYTES, "big") + encode_scalar(self.response)

    @classmethod
    def from_bytes(cls, data: bytes) -> Proof:
        """Decode 48 bytes. Raises ``WrongLength`` or ``NonCanonical``."""
        if len(data) != PROOF_BYTES:
            raise WrongLength(f"{len(data)} bytes instead of {PROOF_BYTES}", what="proof")
        response = decode_scalar(data[CHALLENGE_BYTES:])
        return cls(int.from_bytes(data[:CHALLENGE_BYTES], "big"), response)


def prove_knowledge(base: _Point, secret: int, transcript: Transcript, random: Random) -> Proof:
    """Prove knowledge of ``secret`` for P = base^secret. The transcript must bind P and fix the base."""
    nonce = transcript.nonce(secret, random)
    challenge = transcript.challenge(base.times_secret(nonce))
    return Proof(challenge, (nonce + challenge * secret) % R)


def knowledge_is_proven(base: _Point, point: _Point, proof: Proof, transcript: Transcript) -> bool:
    """Whether the proof holds for ``point`` = base^secret. A predicate: a check must raise on ``False``."""
    return proof.challenge == transcript.challenge(_commitment(base, point, proof))


@dataclass(frozen=True, slots=True)
class Joined:
    """``point * scalar``, not computed, since a multiple of it can be had at the same cost."""

    point: G1
    scalar: int = 1

    @classmethod
    def of(cls, points: Sequence[G1], scalars: Sequence[int]) -> Joined:
        """A sum of several with short scalars is cheaper to compute first; one point waits for its factor."""
        return cls(points[0], scalars[0]) if len(points) == 1 else cls(msm(points, scalars))

    def times_secret(self, factor: int) -> G1:
        """A multiple by a secret."""
        return self.point.times_secret(self.scalar * factor)


def _joined(point: G1 | Joined) -> Joined:
    return point if isinstance(point, Joined) else Joined(point)


def prove_equality(bases: tuple[G1, G1 | Joined], secret: int, transcript: Transcript, random: Random) -> Proof:
    """Prove that bases[0]^secret and bases[1]^secret have the same logarithm. The transcript must bind all four."""
    nonce = transcript.nonce(secret, random)
    challenge = transcript.challenge(bases[0].times_secret(nonce), _joined(bases[1]).times_secret(nonce))
    return Proof(challenge, (nonce + challenge * secret) % R)


def equality_is_proven(
    bases: tuple[G1, G1 | Joined], points: tuple[G1, G1 | Joined], proof: Proof, transcript: Transcript
) -> bool:
    """Whether log of points[0] to bases[0] == log of points[1] to bases[1] is proven. A predicate, likewise."""
    first = _commitment(bases[0], points[0], proof)
    base, point = _joined(bases[1]), _joined(points[1])
    second = msm([base.point, point.point], [base.scalar * proof.response, point.scalar * -proof.challenge])
    return proof.challenge == transcript.challenge(first, second)


def _commitment(base: _Point, point: _Point, proof: Proof) -> _Point:
    return msm([base, point], [proof.response, -proof.challenge])
