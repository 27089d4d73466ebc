"""Sealing a message under a label key and opening it again, given Z^k however obtained (SCHEME §3, SPEC §4).

A Fujisaki-Okamoto transform: k comes from sigma, sigma is hidden by Z^k, and whoever opens computes k again. Thus the
delegatee learns that the conversion was right, whoever made it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.capsule import MAX_C3_BYTES, TAG_BYTES, Capsule, RecordContext
from tpre_offchain.crypto.curve import G1, GT, z_to_secret
from tpre_offchain.crypto.hashing import Random, draw
from tpre_offchain.crypto.proofs import Proof, prove_knowledge
from tpre_offchain.errors import CryptoError, VerificationError

_NONCE: Final = bytes(12)  # each key of c3 is used once
_ENTROPY_BYTES: Final = 32


class Failure(StrEnum):
    """Why a record does not open."""

    WRONG_KEY = "wrong key"
    WRONG_CAPSULE = "wrong capsule"
    WRONG_CONVERSION = "wrong conversion"


class DecryptionFailed(VerificationError):
    """The record does not open. ``kind`` says why, as far as whoever opens can tell."""

    kind: Failure

    def __init__(self, kind: Failure, message: str, *, culprit: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{kind}: {message}", culprit=culprit, hint=hint)
        self.kind = kind

    def to_dict(self) -> dict[str, str | bool | None]:
        """The error as plain values, with its kind."""
        return {**super().to_dict(), "kind": str(self.kind)}


class MessageTooLong(CryptoError):
    """More than 4,080 bytes to seal."""


def seal(label_key: G1, context: RecordContext, message: bytes, publisher_secret: bytes, random: Random) -> Capsule:
    """Seal up to 4,080 bytes for this record, with the proof that proxies ask for.

    ``publisher_secret``: 32 bytes that keep k from repeating when ``random`` does. Raises ``MessageTooLong``.
    """
    if len(message) > MAX_C3_BYTES - TAG_BYTES:
        raise MessageTooLong(f"{len(message)} bytes, more than {MAX_C3_BYTES - TAG_BYTES}")
    place = context.encode()
    sigma = hashing.sigma(draw(random, _ENTROPY_BYTES), publisher_secret, message, place)
    k = hashing.capsule_scalar(sigma, label_key, place)
    c1 = label_key.times_secret(k)
    c2 = xor(sigma, hashing.sigma_mask(z_to_secret(k), c1, label_key, place))
    c3 = AESGCM(hashing.metadata_key(sigma, place)).encrypt(_NONCE, message, c1.to_bytes() + c2 + place)
    unproven = Capsule(c1, c2, c3, Proof(0, 0))
    return Capsule(c1, c2, c3, prove_knowledge(label_key, k, unproven.transcript(label_key, context), random))


def open_sealed(shared: GT, label_key: G1, context: RecordContext, capsule: Capsule) -> bytes:
    """Open a capsule with K = Z^k. Raises ``DecryptionFailed`` if K or the capsule is wrong."""
    place = context.encode()
    c1, c2 = capsule.c1, capsule.c2
    sigma = xor(c2, hashing.sigma_mask(shared, c1, label_key, place))
    k = hashing.capsule_scalar(sigma, label_key, place)
    _require_capsule(label_key.times_secret(k), c1, context)
    _require_shared(k, shared)
    try:
        return AESGCM(hashing.metadata_key(sigma, place)).decrypt(_NONCE, capsule.c3, c1.to_bytes() + c2 + place)
    except InvalidTag:
        raise DecryptionFailed(
            Failure.WRONG_CAPSULE, "c3 was changed or made for another record", culprit=context.publisher
        ) from None


def _require_capsule(rebuilt: G1, c1: G1, context: RecordContext) -> None:
    if rebuilt != c1:
        raise DecryptionFailed(Failure.WRONG_CAPSULE, "c1 is not what its own seed gives", culprit=context.publisher)


def _require_shared(k: int, shared: GT) -> None:
    # A publisher who expects a certain wrong conversion can craft c2 so that c1 is met: K itself must be right too.
    if z_to_secret(k) != shared:
        raise DecryptionFailed(Failure.WRONG_CONVERSION, "the capsule opens, but not with Z^k")


def xor(left: bytes, right: bytes) -> bytes:
    """Bytewise exclusive or of two strings of the same length."""
    if len(left) != len(right):
        raise ValueError(f"{len(left)} bytes and {len(right)}")
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
