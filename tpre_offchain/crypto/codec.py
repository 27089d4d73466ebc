"""Byte forms of composite values: portable ones off the chain, words and raw points as the contracts take them.

Portable forms, for copies of what else lives in event logs alone; points compressed, no padding, nothing may follow:

    capsule   c1 (48) || c2 (32) || proof (48) || c3 (16 to 4096, the rest)
    re-key    t u8 || n u8 || U (96) || V (96) || R (48) || proof (48) || C_0.. (48 each, t) || E_1.. (32 each, n)
    cfrags    slot u8 || m u8 || proof (48) || w_1.. (48 each, m)

Every decoder is strict and raises a ``DecodingError``. A decoded value is well formed, not verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tpre_offchain.crypto.capsule import C2_BYTES, Capsule
from tpre_offchain.crypto.cfrag import CFrags, InvalidCFragProof
from tpre_offchain.crypto.curve import G1, G1_BYTES, G2, G2_BYTES
from tpre_offchain.crypto.kfrag import MAX_COMMITTEE, PAD_BYTES, Rekey
from tpre_offchain.crypto.proofs import PROOF_BYTES, Proof
from tpre_offchain.errors import DecodingError, NonCanonical, WrongLength
from tpre_offchain.types import Slot

WORD_BYTES: Final = 32

# --- portable forms -------------------------------------------------------------------------------


def encode_capsule(capsule: Capsule) -> bytes:
    """128 bytes and c3."""
    return capsule.c1.to_bytes() + capsule.c2 + capsule.proof.to_bytes() + capsule.c3


def decode_capsule(data: bytes) -> Capsule:
    """Decode a capsule. Raises a ``DecodingError``."""
    reader = _Reader(data, "capsule")
    c1 = G1.from_bytes(reader.take(G1_BYTES))
    c2 = reader.take(C2_BYTES)
    proof = Proof.from_bytes(reader.take(PROOF_BYTES))
    return Capsule(c1, c2, reader.rest(), proof)


def encode_rekey(rekey: Rekey) -> bytes:
    """290 bytes, 48 for each commitment and 32 for each fragment."""
    counts = bytes([len(rekey.commitments), len(rekey.pads)])
    points = (rekey.masked_key, rekey.mask, rekey.ephemeral)
    fixed = b"".join(point.to_bytes() for point in points) + rekey.ephemeral_proof.to_bytes()
    return counts + fixed + b"".join(c.to_bytes() for c in rekey.commitments) + b"".join(rekey.pads)


def decode_rekey(data: bytes) -> Rekey:
    """Decode a re-key. Raises a ``DecodingError``."""
    reader = _Reader(data, "re-key")
    threshold, size = reader.take(2)
    if not 1 <= threshold <= size <= MAX_COMMITTEE:
        raise NonCanonical(f"{threshold} commitments and {size} fragments", what="re-key")
    masked_key, mask = (G2.from_bytes(reader.take(G2_BYTES)) for _ in range(2))
    ephemeral = G1.from_bytes(reader.take(G1_BYTES))
    proof = Proof.from_bytes(reader.take(PROOF_BYTES))
    commitments = tuple(G1.from_bytes(reader.take(G1_BYTES)) for _ in range(threshold))
    pads = tuple(reader.take(PAD_BYTES) for _ in range(size))
    reader.finish()
    return Rekey(masked_key, mask, commitments, ephemeral, proof, pads)


def encode_cfrags(cfrags: CFrags) -> bytes:
    """50 bytes and 48 for each point."""
    head = bytes([cfrags.slot, len(cfrags.points)]) + cfrags.proof.to_bytes()
    return head + b"".join(point.to_bytes() for point in cfrags.points)


def decode_cfrags(data: bytes) -> CFrags:
    """Decode cfrags. Raises a ``DecodingError``."""
    reader = _Reader(data, "cfrags")
    slot, count = reader.take(2)
    if not slot or not count:
        raise NonCanonical("slot 0, or no cfrags", what="cfrags")
    proof = Proof.from_bytes(reader.take(PROOF_BYTES))
    points = tuple(G1.from_bytes(reader.take(G1_BYTES)) for _ in range(count))
    reader.finish()
    return CFrags(Slot(slot), points, proof)


# --- what the chain takes and gives ---------------------------------------------------------------


def g1_words(point: G1) -> tuple[bytes, ...]:
    """The four bytes32 of a ``G1Point``: xHigh, xLow, yHigh, yLow."""
    return _words(point.to_evm())


def g2_words(point: G2) -> tuple[bytes, ...]:
    """The eight bytes32 of a ``G2Point``: x0, x1, y0, y1, each high and low."""
    return _words(point.to_evm())


def g1_from_words(words: Sequence[bytes]) -> G1:
    """The point of a ``G1Point`` tuple. Raises a ``DecodingError``."""
    return G1.from_evm(b"".join(words))


def g2_from_words(words: Sequence[bytes]) -> G2:
    """The point of a ``G2Point`` tuple. Raises a ``DecodingError``."""
    return G2.from_evm(b"".join(words))


def cfrags_from_evm(slot: Slot, points: Sequence[bytes], proof: tuple[int, int], *, proxy: str | None = None) -> CFrags:
    """Cfrags from an event: 128-byte points and (challenge, response). The contract stores them unchecked.

    Raises ``InvalidCFragProof`` where a point is none or a number too large: no proof holds for these.
    """
    try:
        return CFrags(slot, tuple(G1.from_evm(point) for point in points), Proof(*proof))
    except DecodingError as error:
        raise InvalidCFragProof(slot, error.message, culprit=proxy) from error


def _words(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + WORD_BYTES] for at in range(0, len(data), WORD_BYTES))


class _Reader:
    def __init__(self, data: bytes, what: str) -> None:
        self._data = bytes(data)
        self._what = what
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise WrongLength("it ends early", what=self._what)
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise WrongLength("bytes follow its end", what=self._what)
