"""§1, §2 and §12 of SPEC.md with py_ecc: encodings, hashes, proofs, pairings. Imports nothing of tpre_offchain."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import py_ecc.optimized_bls12_381 as bls
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_utils.crypto import keccak as eth_keccak
from py_ecc.bls.hash_to_curve import hash_to_G2

P = bls.field_modulus
R = bls.curve_order
G1, G2 = bls.G1, bls.G2

Proof = tuple[int, int]


class Refused(Exception):
    """An error of SPEC, by its name; ``kind`` of a DecryptionFailed, ``status`` of a message."""

    def __init__(self, name: str, kind: str = "", status: int = 0) -> None:
        super().__init__(name, kind, status)
        self.name, self.kind, self.status = name, kind, status


def need(holds: bool, name: str, kind: str = "") -> None:
    if not holds:
        raise Refused(name, kind)


# --- §2: hashes ---


def keccak(data: bytes) -> bytes:
    return bytes(eth_keccak(data))


def word(value: int | str) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value).to_bytes(32, "big")


def words(*values: int | str) -> bytes:
    return b"".join(map(word, values))


def H(tag: str, *fields: bytes) -> bytes:
    return keccak(keccak(tag.encode()) + b"".join(fields))


def H128(tag: str, *fields: bytes) -> int:
    return int.from_bytes(H(tag, *fields)) % 2**128


def hkdf(ikm: bytes, salt: str | bytes, info: bytes, length: int) -> bytes:
    salt = salt.encode() if isinstance(salt, str) else salt
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(ikm)


def reduce(wide: bytes) -> int:
    return 1 + int.from_bytes(wide) % (R - 1)


def xor(left: bytes, right: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(left, right, strict=True))


# --- §1: points ---


def neg(point: Any) -> Any:
    return bls.neg(point)


def add(*points: Any) -> Any:
    total = points[0]
    for point in points[1:]:
        total = bls.add(total, point)
    return total


def mul(point: Any, scalar: int) -> Any:
    return bls.multiply(point, scalar % R)


def msm(points: Sequence[Any], scalars: Sequence[int]) -> Any:
    return add(*(mul(point, scalar) for point, scalar in zip(points, scalars, strict=True)))


def same(left: Any, right: Any) -> bool:
    return bool(bls.eq(left, right))


def is_identity(point: Any) -> bool:
    return bool(bls.is_inf(point))


@cache
def decode_evm(size: int, data: bytes) -> Any:
    """A point of G1 (``size`` 128) or G2 (256) from its EIP-2537 form."""
    need(len(data) == size, "WrongLength")
    need(any(data), "IdentityPoint")
    parts = [data[i : i + 64] for i in range(0, size, 64)]
    need(all(not any(part[:16]) for part in parts), "NonCanonical")
    numbers = [int.from_bytes(part) for part in parts]
    need(all(number < P for number in numbers), "NonCanonical")
    point = (
        (bls.FQ(numbers[0]), bls.FQ(numbers[1]), bls.FQ.one())
        if size == 128
        else (bls.FQ2(numbers[:2]), bls.FQ2(numbers[2:]), bls.FQ2.one())
    )
    return _checked(point)


def _checked(point: Any) -> Any:
    need(bls.is_on_curve(point, bls.b if isinstance(point[0], bls.FQ) else bls.b2), "NotOnCurve")
    need(is_identity(bls.multiply(point, R)), "NotInSubgroup")
    return point


def g1(data: bytes) -> Any:
    return decode_evm(128, data)


def g2(data: bytes) -> Any:
    return decode_evm(256, data)


def evm(point: Any) -> bytes:
    """EIP-2537; all zeros for the identity."""
    in_g1 = isinstance(point[0], bls.FQ)
    if is_identity(point):
        return bytes(128 if in_g1 else 256)
    return b"".join(number.to_bytes(64) for c in bls.normalize(point) for number in _numbers(c))


def _numbers(c: Any) -> list[int]:
    return [int(c.n)] if isinstance(c, bls.FQ) else [int(part) for part in c.coeffs]


def _larger(y: Any) -> bool:
    deciding = next((number for number in reversed(_numbers(y)) if number), 0)
    return 2 * deciding > P


def compressed(point: Any) -> bytes:
    x, y = bls.normalize(point)
    data = bytearray(b"".join(number.to_bytes(48) for number in reversed(_numbers(x))))
    data[0] |= 0x80 | 0x20 * _larger(y)
    return bytes(data)


@cache
def decompress(size: int, data: bytes) -> Any:
    """A point of G1 (``size`` 48) or G2 (96) from its compressed form."""
    need(len(data) == size, "WrongLength")
    flags, bare = data[0] & 0xE0, bytes([data[0] & 0x1F]) + data[1:]
    need(bool(flags & 0x80), "NonCanonical")
    if flags & 0x40:
        need(flags == 0xC0 and not any(bare), "NonCanonical")
        raise Refused("IdentityPoint")
    numbers = [int.from_bytes(bare[i : i + 48]) for i in range(0, size, 48)][::-1]
    need(all(number < P for number in numbers), "NonCanonical")
    x: Any = bls.FQ(numbers[0]) if size == 48 else bls.FQ2(numbers)
    y = _root(x * x * x + (bls.b if size == 48 else bls.b2))
    if y is None:
        raise Refused("NotOnCurve")
    if _larger(y) != bool(flags & 0x20):
        y = -y
    return _checked((x, y, type(x).one()))


def _root(square: Any) -> Any:
    if isinstance(square, bls.FQ):
        root = square ** ((P + 1) // 4)
        return root if root * root == square else None
    a, b = (bls.FQ(number) for number in _numbers(square))
    norm = _root(a * a + b * b)
    if norm is None:
        return None
    for half in ((a + norm) / 2, (a - norm) / 2):
        first = _root(half)
        if first is not None and first.n:
            return bls.FQ2([int(first.n), int((b / (2 * first)).n)])
    # a is no square, so the root is a multiple of u: b = 0
    second = _root(-a)
    return None if second is None else bls.FQ2([0, int(second.n)])


@cache
def h2() -> Any:
    sha256: Any = hashlib.sha256  # py_ecc wants the function, and says that it wants a digest
    return hash_to_G2(b"TPRE-V1/h2", b"TPRE-V1-BLS12381G2_XMD:SHA-256_SSWU_RO_H2", sha256)


def points_hash(*points: Any) -> bytes:
    return keccak(b"".join(map(evm, points)))


# --- §12: pairings ---


def _miller(pairs: Sequence[tuple[Any, Any]]) -> Any:
    value = bls.FQ12.one()
    for point1, point2 in pairs:
        value = value * bls.pairing(point2, point1, final_exponentiate=False)
    return bls.final_exponentiate(value)


def product_is_one(pairs: Sequence[tuple[Any, Any]]) -> bool:
    return bool(_miller(pairs) == bls.FQ12.one())


def pairings(pairs: Sequence[tuple[Any, Any]]) -> Any:
    """The product of e(P, Q), as blst has it."""
    return _miller(pairs) ** 3


def gt_bytes(value: Any) -> bytes:
    p = [int(c) for c in value.coeffs]
    out = b""
    for i in (0, 2, 4, 1, 3, 5):
        s = -1 if i % 2 else 1
        out += (s * (p[i] + p[i + 6]) % P).to_bytes(48) + (s * p[i + 6] % P).to_bytes(48)
    return out


# --- §2: proofs ---


def nonce(secret: int, fresh: bytes, tag: str, *fields: bytes) -> int:
    info = keccak(tag.encode()) + b"".join(fields)
    return reduce(hkdf(word(secret) + fresh, "TPRE-V1/nonce", info, 48))


def prove(bases: Sequence[Any], secret: int, fresh: bytes, tag: str, *fields: bytes) -> tuple[Proof, int]:
    """Of one secret under one base (Schnorr) or two (equal logarithms), and its nonce."""
    rho = nonce(secret, fresh, tag, *fields)
    c = H128(tag, *fields, *(evm(mul(base, rho)) for base in bases))
    return (c, (rho + c * secret) % R), rho


def holds(bases: Sequence[Any], points: Sequence[Any], proof: Proof, tag: str, *fields: bytes) -> bool:
    c, z = proof
    commitments = [add(mul(base, z), mul(point, -c)) for base, point in zip(bases, points, strict=True)]
    return c == H128(tag, *fields, *map(evm, commitments))


def decode_proof(data: bytes) -> Proof:
    need(len(data) == 48, "WrongLength")
    return checked_proof(int.from_bytes(data[:16]), int.from_bytes(data[16:]))


def checked_proof(challenge: int, response: int) -> Proof:
    need(challenge < 2**128 and response < R, "NonCanonical")
    return challenge, response
