"""The mcl backend (C++ and assembly, pymcl), the fastest: for ``libraries`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import pymcl

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates, Group
from tpre_offchain.crypto.curve.encoding import is_larger, require_on_curve, require_on_curve_x
from tpre_offchain.errors import NotInSubgroup


def _scalar(value: int) -> Any:
    # Not pymcl.Fr(value): that constructor takes 64 bits at most.
    return pymcl.Fr.deserialize(value.to_bytes(32, "little"))


class MclGroup:
    """G1 or G2."""

    def __init__(self, name: str, point: Any, generator: Any) -> None:
        self.name = name
        self._point = point
        self._generator = generator

    def generator(self) -> Any:
        return self._generator

    def identity(self) -> Any:
        return self._point()

    def is_identity(self, point: Any) -> bool:
        return bool(point.is_zero())

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left == right)

    def add(self, left: Any, right: Any) -> Any:
        return left + right

    def negate(self, point: Any) -> Any:
        return -point

    def multiply(self, point: Any, scalar: int) -> Any:
        return point * _scalar(scalar)

    def fix(self, point: Any) -> Any:
        return point

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        return reduce(self.add, map(self.multiply, points, scalars))

    def to_coordinates(self, point: Any) -> Coordinates:
        # "1 x y", or "1 x.c0 x.c1 y.c0 y.c1", decimal
        return tuple(int(number) for number in str(point).split()[1:])

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        require_on_curve(self.name, coordinates)
        try:
            return self._point("1 " + " ".join(map(str, coordinates)))
        except RuntimeError:
            raise self._not_in_subgroup() from None

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        # mcl's own form is little-endian and its flag says that y is odd: take either y, then the right one.
        if not any(x):
            # mcl reads x = 0 as the identity. Such points exist, and have order 3.
            require_on_curve_x(self.name, x)
            raise self._not_in_subgroup()
        try:
            point = self._point.deserialize(b"".join(c.to_bytes(FIELD_BYTES, "little") for c in x))
        except ValueError:
            require_on_curve_x(self.name, x)
            raise self._not_in_subgroup() from None
        y = self.to_coordinates(point)[len(x) :]
        return point if is_larger(y) == y_is_larger else -point

    def _not_in_subgroup(self) -> NotInSubgroup:
        return NotInSubgroup("the point is outside the subgroup of order r", what=self.name)


class MclBackend:
    """BLS12-381 by mcl."""

    name = "mcl"

    def __init__(self) -> None:
        self.g1: Group = MclGroup("G1", pymcl.G1, pymcl.g1)
        self.g2: Group = MclGroup("G2", pymcl.G2, pymcl.g2)

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        return reduce(self.gt_multiply, (pymcl.pairing(p, q) for p, q in pairs), self.gt_one())

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        return bool(self.multi_pairing(pairs).is_one())

    def gt_one(self) -> Any:
        return pymcl.GT()

    def gt_multiply(self, left: Any, right: Any) -> Any:
        return left * right

    def gt_fix(self, value: Any) -> Any:
        return value

    def gt_power(self, base: Any, exponent: int) -> Any:
        return base ** _scalar(exponent)

    def gt_to_bytes(self, value: Any) -> bytes:
        data = value.serialize()
        return b"".join(data[i : i + FIELD_BYTES][::-1] for i in range(0, len(data), FIELD_BYTES))
