"""The owner's part in the draw of a committee (SCHEME §13): a value of its key, unique, and unknown before the grant.

The hash of the request's block alone could be ground by whoever builds that block. gamma = P^a cannot be computed
there, and the owner cannot choose it, for P is a hash and a is fixed by the registered key.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, encode_to_g1, g1
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import DelegatingKey
from tpre_offchain.crypto.proofs import Proof, equality_is_proven, prove_equality
from tpre_offchain.errors import VerificationError

DRAW_DST = b"TPRE-V1-BLS12381G1_XMD:SHA-256_SSWU_NU_DRAW"


class InvalidDrawProof(VerificationError):
    """gamma is not shown to be P^a of the owner's delegating key."""


@dataclass(frozen=True, slots=True)
class OwnerDraw:
    """gamma = P^a with its proof of equal logarithms (g1, A; P, gamma). Public once granted."""

    gamma: G1
    proof: Proof


@dataclass(frozen=True, slots=True)
class VerifiedDraw:
    """A draw whose proof holds. ``seed``: 32 bytes, of which the committee follows (SPEC §7)."""

    draw: OwnerDraw
    seed: bytes


def make_draw(key: DelegatingKey, draw_input: bytes, random: Random) -> OwnerDraw:
    """The owner's draw for an input x (``hashing.draw_input``, 32 bytes), with the delegating key of ``epochFrom``."""
    base = encode_to_g1(draw_input, DRAW_DST)
    gamma = base.times_secret(key.secret)
    transcript = hashing.draw_proof(draw_input, (key.public, base, gamma))
    return OwnerDraw(gamma, prove_equality((g1(), base), key.secret, transcript, random))


def verify_draw(delegating_key: G1, draw_input: bytes, draw: OwnerDraw) -> VerifiedDraw:
    """Check a draw as the contract does. Raises ``InvalidDrawProof``."""
    base = encode_to_g1(draw_input, DRAW_DST)
    transcript = hashing.draw_proof(draw_input, (delegating_key, base, draw.gamma))
    if not equality_is_proven((g1(), base), (delegating_key, draw.gamma), draw.proof, transcript):
        raise InvalidDrawProof("the draw was not made with the owner's delegating key")
    return VerifiedDraw(draw, hashing.draw_seed(draw_input, draw.gamma))
