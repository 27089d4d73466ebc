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
    )


def bad_points() -> list[dict[str, str]]:
    """Encodings in EIP-2537 form, each with the errors that it must give."""
    keys = ("group", "name", "python", "solidity", "evm")
    return [dict(zip(keys, case, strict=True)) for case in _cases()]


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
