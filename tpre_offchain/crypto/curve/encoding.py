"""The byte forms of points and scalars and their strict parsing (SCHEME §1), the same for every backend.

Compressed point: 48 bytes (G1) or 96 (G2), x big-endian, c1 before c0, flag bits on top: compressed,
infinity, larger y. EVM (EIP-2537): 64 bytes per field element, big-endian, the top 16 zero, c0 before c1; the
identity is all zeros. Scalar: 32 bytes, big-endian.

Parsing here decides all that concerns spelling: length, flags, range, identity. Whether the point is on the
curve and in the subgroup is decided by the backend that builds it.
"""

from __future__ import annotations

from typing import Final

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates, P, R
from tpre_offchain.errors import CryptoError, IdentityPoint, NonCanonical, NotOnCurve, WrongLength

SCALAR_BYTES: Final = 32

_COMPRESSED = 0x80
_INFINITY = 0x40
_LARGER_Y = 0x20
_EVM_FIELD_BYTES = 64
_EVM_PADDING = bytes(_EVM_FIELD_BYTES - FIELD_BYTES)

# Fp elements per coordinate of the point
_DEGREE = {"G1": 1, "G2": 2}


def compress(x: Coordinates, y_is_larger: bool) -> bytes:
    """The compressed form of a point other than the identity: 48 or 96 bytes."""
    encoded = bytearray(b"".join(c.to_bytes(FIELD_BYTES, "big") for c in reversed(x)))
    encoded[0] |= _COMPRESSED | (_LARGER_Y if y_is_larger else 0)
    return bytes(encoded)


def compress_identity(group: str) -> bytes:
    """The compressed form of the identity, which ``parse_compressed`` rejects."""
    return bytes([_COMPRESSED | _INFINITY]) + bytes(FIELD_BYTES * _DEGREE[group] - 1)


def is_larger(y: Coordinates) -> bool:
    """Whether y is the larger of y and -y, c1 compared before c0."""
    deciding = next((c for c in reversed(y) if c), 0)
    return deciding > P // 2


def parse_compressed(group: str, data: bytes) -> tuple[Coordinates, bool]:
    """x and the choice of y. Raises ``WrongLength``, ``NonCanonical``, ``IdentityPoint``."""
    _require_length(group, data, FIELD_BYTES * _DEGREE[group])
    flags = data[0]
    if not flags & _COMPRESSED:
        raise NonCanonical("the compression flag is not set", what=group)
    if flags & _INFINITY:
        if flags != _COMPRESSED | _INFINITY or any(data[1:]):
            raise NonCanonical("the infinity flag is set together with other bits", what=group)
        raise IdentityPoint("the identity", what=group)
    bare = bytes([flags & 0x1F]) + data[1:]
    x = tuple(_field_element(group, bare[i : i + FIELD_BYTES]) for i in range(0, len(bare), FIELD_BYTES))
    return x[::-1], bool(flags & _LARGER_Y)


def to_evm(group: str, coordinates: Coordinates | None) -> bytes:
    """The EIP-2537 form: 128 or 256 bytes; no coordinates mean the identity."""
    if coordinates is None:
        return bytes(2 * _DEGREE[group] * _EVM_FIELD_BYTES)
    return b"".join(c.to_bytes(_EVM_FIELD_BYTES, "big") for c in coordinates)


def parse_evm(group: str, data: bytes) -> Coordinates:
    """Affine coordinates. Raises ``WrongLength``, ``NonCanonical``, ``IdentityPoint``."""
    _require_length(group, data, 2 * _DEGREE[group] * _EVM_FIELD_BYTES)
    if not any(data):
        raise IdentityPoint("the identity", what=group)
    words = [data[i : i + _EVM_FIELD_BYTES] for i in range(0, len(data), _EVM_FIELD_BYTES)]
    if any(word[: len(_EVM_PADDING)] != _EVM_PADDING for word in words):
        raise NonCanonical("the top 16 bytes of a field element are not zero", what=group)
    return tuple(_field_element(group, word[len(_EVM_PADDING) :]) for word in words)


def require_on_curve(group: str, coordinates: Coordinates) -> None:
    """Raise ``NotOnCurve`` unless y^2 = x^3 + 4 (G1) or x^3 + 4(1 + u) (G2)."""
    half = len(coordinates) // 2
    if _square(coordinates[half:]) != _right_hand_side(coordinates[:half]):
        raise NotOnCurve("the coordinates are on no point of the curve", what=group)


def require_on_curve_x(group: str, x: Coordinates) -> None:
    """Raise ``NotOnCurve`` unless some point of the curve has this x."""
    rhs = _right_hand_side(x)
    # An element of Fp2 is a square exactly if its norm is one in Fp.
    norm = rhs[0] if len(rhs) == 1 else (rhs[0] * rhs[0] + rhs[1] * rhs[1]) % P
    if norm and pow(norm, (P - 1) // 2, P) != 1:
        raise NotOnCurve("no point of the curve has this x", what=group)


def encode_scalar(scalar: int) -> bytes:
    """32 bytes big-endian. Raises ``CryptoError`` unless 0 <= scalar < R: reducing would hide a mistake."""
    if not 0 <= scalar < R:
        raise CryptoError("the scalar is not in [0, r)")
    return scalar.to_bytes(SCALAR_BYTES, "big")


def decode_scalar(data: bytes) -> int:
    """A scalar in [0, R) from 32 bytes big-endian. Raises ``WrongLength`` or ``NonCanonical``."""
    _require_length("scalar", data, SCALAR_BYTES)
    scalar = int.from_bytes(data, "big")
    if scalar >= R:
        raise NonCanonical("not below the group order", what="scalar")
    return scalar


def _require_length(what: str, data: bytes, length: int) -> None:
    if len(data) != length:
        raise WrongLength(f"{len(data)} bytes instead of {length}", what=what)


def _field_element(group: str, data: bytes) -> int:
    value = int.from_bytes(data, "big")
    if value >= P:
        raise NonCanonical("a field element is not below the field order", what=group)
    return value


def _square(a: Coordinates) -> Coordinates:
    return _product(a, a)


def _product(a: Coordinates, b: Coordinates) -> Coordinates:
    if len(a) == 1:
        return (a[0] * b[0] % P,)
    return ((a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P)


def _right_hand_side(x: Coordinates) -> Coordinates:
    # The constant is 4 in G1 and 4 + 4u in G2: the same number in every coefficient.
    return tuple((c + 4) % P for c in _product(_square(x), x))
