"""Encodings of points that every decoder must reject (SPEC §1)."""

from __future__ import annotations

from functools import lru_cache

from tests.vectors.making.values import hex_of
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.curve.backend import FIELD_BYTES, P

_PADDED = 64


@lru_cache
def _cases() -> tuple[tuple[str, str, str, str, str], ...]:
    x, y = _coordinates(G1.generator())
    x0, x1, y0, y1 = _coordinates(G2.generator())
    on_curve = next(x for x in range(1, 100) if _root(x**3 + 4) is not None and not _torsion_free(x))
    y_out = _root(on_curve**3 + 4)
    assert y_out is not None
    return (
        ("G1", "identity", "IdentityPoint", "IdentityPoint", hex_of(bytes(128))),
        ("G1", "one byte short", "WrongLength", "", hex_of(_evm(x, y)[:-1])),
        ("G1", "one byte long", "WrongLength", "", hex_of(_evm(x, y) + b"\x00")),
        ("G1", "off the curve", "NotOnCurve", "InvalidPoint", hex_of(_evm(x, y + 1))),
        ("G1", "outside the subgroup", "NotInSubgroup", "InvalidPoint", hex_of(_evm(on_curve, y_out))),
        ("G1", "x not reduced", "NonCanonical", "InvalidPoint", hex_of(_evm(x + P, y))),
        ("G1", "padding not zero", "NonCanonical", "InvalidPoint", hex_of(b"\x01" + _evm(x, y)[1:])),
        ("G2", "identity", "IdentityPoint", "IdentityPoint", hex_of(bytes(256))),
        ("G2", "one byte short", "WrongLength", "", hex_of(_evm(x0, x1, y0, y1)[:-1])),
        ("G2", "off the curve", "NotOnCurve", "InvalidPoint", hex_of(_evm(x0, x1, y0, y1 + 1))),
        ("G2", "y not reduced", "NonCanonical", "InvalidPoint", hex_of(_evm(x0, x1, y0 + P, y1))),
        ("G2", "padding not zero", "NonCanonical", "InvalidPoint", hex_of(b"\x01" + _evm(x0, x1, y0, y1)[1:])),
        ("G2", "one byte long", "WrongLength", "", hex_of(_evm(x0, x1, y0, y1) + b"\x00")),
        ("G2", "outside the subgroup", "NotInSubgroup", "InvalidPoint", hex_of(_evm(*_outside_g2()))),
    )


def bad_points() -> list[dict[str, str]]:
    """Encodings in EIP-2537 form, each with the errors that it must give."""
    keys = ("group", "name", "python", "solidity", "evm")
    return [dict(zip(keys, case, strict=True)) for case in _cases()]


def outside(group: str) -> str:
    """A point on the curve that is not in the subgroup, in EIP-2537 form."""
    [evm] = [p["evm"] for p in bad_points() if p["group"] == group and p["python"] == "NotInSubgroup"]
    return evm


@lru_cache
def bad_compressed() -> list[dict[str, str]]:
    """Compressed encodings that no decoder may take, each with its error."""
    cases = [*_bad_compressed("G1", G1.generator().to_bytes()), *_bad_compressed("G2", G2.generator().to_bytes())]
    return [dict(zip(("group", "name", "python", "compressed"), case, strict=True)) for case in cases]


def _bad_compressed(group: str, good: bytes) -> list[tuple[str, str, str, str]]:
    size, outside_x = len(good), bytes.fromhex(outside(group)[2:])
    at = [outside_x[i : i + _PADDED][-FIELD_BYTES:] for i in range(0, len(outside_x) // 2, _PADDED)]
    flagged = bytearray(b"".join(reversed(at)))
    flagged[0] |= 0x80
    infinity = b"\xc0" + bytes(size - 1)
    parts = [good[i : i + FIELD_BYTES] for i in range(0, size, FIELD_BYTES)]
    too_large = (P + (0x80 << 376)).to_bytes(FIELD_BYTES, "big")
    last = P.to_bytes(FIELD_BYTES, "big")
    cases = [
        ("one byte short", "WrongLength", good[:-1]),
        ("one byte long", "WrongLength", good + b"\x00"),
        ("compression flag not set", "NonCanonical", bytes([good[0] & 0x7F]) + good[1:]),
        ("the EIP-2537 form", "WrongLength", bytes(_PADDED * 2 * len(parts))),
        ("identity", "IdentityPoint", infinity),
        ("identity with the sign flag", "NonCanonical", b"\xe0" + bytes(size - 1)),
        ("identity with an x", "NonCanonical", infinity[:-1] + b"\x01"),
        ("x not reduced", "NonCanonical", too_large + b"".join(parts[1:])),
        ("x of no point", "NotOnCurve", _flag(_no_point(group))),
        ("outside the subgroup", "NotInSubgroup", bytes(flagged)),
    ]
    if group == "G2":
        cases.append(("x.c0 not reduced", "NonCanonical", parts[0] + last))
    return [(group, name, python, hex_of(data)) for name, python, data in cases]


def _flag(x: bytes) -> bytes:
    return bytes([x[0] | 0x80]) + x[1:]


def _no_point(group: str) -> bytes:
    """The smallest x (of G2: with c1 = 0) that no point of the curve has."""
    for x in range(1, 100):
        if (_root(x**3 + 4) is None) if group == "G1" else (_root2((x**3 + 4, 4)) is None):
            return x.to_bytes(FIELD_BYTES * (1 if group == "G1" else 2), "big")
    raise AssertionError("every small x has a point")


def _outside_g2() -> tuple[int, int, int, int]:
    """The point of the smallest x = c0 that has one: one in 2^507 of the curve's points is in the subgroup."""
    for x in range(1, 100):
        root = _root2((x**3 + 4, 4))
        if root is not None:
            return x, 0, *root
    raise AssertionError("no small x has a point")


def _root2(square: tuple[int, int]) -> tuple[int, int] | None:
    """A root in Fp2 = Fp[u] / (u^2 + 1) by the roots of the norm, p = 3 mod 4."""
    a, b = square[0] % P, square[1] % P
    norm = _root(a * a + b * b)
    if norm is None:
        return None
    half = pow(2, -1, P)
    for sign in (norm, -norm):
        first = _root((a + sign) * half)
        if first:
            return first, b * half * pow(first, -1, P) % P
    return None


def _coordinates(point: G1 | G2) -> list[int]:
    data = point.to_evm()
    return [int.from_bytes(data[at : at + _PADDED], "big") for at in range(0, len(data), _PADDED)]


def _evm(*coordinates: int) -> bytes:
    return b"".join(bytes(_PADDED - FIELD_BYTES) + value.to_bytes(FIELD_BYTES, "big") for value in coordinates)


def _root(square: int) -> int | None:
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square % P else None


def _torsion_free(x: int) -> bool:
    from tpre_offchain.errors import NotInSubgroup

    y = _root(x**3 + 4)
    try:
        G1.from_evm(_evm(x, y or 0))
    except NotInSubgroup:
        return False
    return True
