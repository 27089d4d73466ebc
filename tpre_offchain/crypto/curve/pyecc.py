"""The reference backend (pure Python, py_ecc), slow and readable: for ``libraries`` alone.

Its pairing is not the one of blst, mcl and arkworks. Theirs is the cube of this one, in a tower over w^2 = v
where py_ecc's Fp12 has the other root, -w. Values here are cubed as they are born; the basis is changed when
bytes are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import py_ecc.optimized_bls12_381

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates, Group, P, R
from tpre_offchain.crypto.curve.encoding import is_larger, require_on_curve, require_on_curve_x
from tpre_offchain.crypto.curve.mapping import encode_to_g1_coordinates
from tpre_offchain.errors import NotInSubgroup

# py_ecc re-exports implicitly, which strict typing does not follow.
ec: Any = py_ecc.optimized_bls12_381

# powers of w in tower order: c0.c0 c0.c1 c0.c2 c1.c0 c1.c1 c1.c2
_TOWER_ORDER = (0, 2, 4, 1, 3, 5)


class PyEccGroup:
    """G1 or G2."""

    def __init__(self, name: str, generator: Any, identity: Any) -> None:
        self.name = name
        self._generator = generator
        self._identity = identity

    def generator(self) -> Any:
        return self._generator

    def identity(self) -> Any:
        return self._identity

    def is_identity(self, point: Any) -> bool:
        return bool(ec.is_inf(point))

    def equal(self, left: Any, right: Any) -> bool:
        return bool(ec.eq(left, right))

    def add(self, left: Any, right: Any) -> Any:
        return ec.add(left, right)

    def negate(self, point: Any) -> Any:
        return ec.neg(point)

    def multiply(self, point: Any, scalar: int) -> Any:
        return ec.multiply(point, scalar)

    # it promises no constant time
    multiply_secret = multiply

    def fix(self, point: Any) -> Any:
        return point

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        return reduce(self.add, map(self.multiply, points, scalars))

    def to_coordinates(self, point: Any) -> Coordinates:
        return tuple(c for coordinate in ec.normalize(point) for c in _coefficients(coordinate))

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        require_on_curve(self.name, coordinates)
        half = len(coordinates) // 2
        x, y = self._field(coordinates[:half]), self._field(coordinates[half:])
        point = (x, y, x.one())
        if not ec.is_inf(ec.multiply(point, R)):
            raise NotInSubgroup("the point is outside the subgroup of order r", what=self.name)
        return point

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        require_on_curve_x(self.name, x)
        field_x = self._field(x)
        constant = ec.b if self.name == "G1" else ec.b2
        y = _coefficients(_square_root(field_x * field_x * field_x + constant))
        if is_larger(y) != y_is_larger:
            y = tuple(-c % P for c in y)
        return self.from_coordinates(x + y)

    def _field(self, coefficients: Coordinates) -> Any:
        return ec.FQ(coefficients[0]) if len(coefficients) == 1 else ec.FQ2(coefficients)


def _coefficients(element: Any) -> Coordinates:
    return (int(element.n),) if isinstance(element, ec.FQ) else tuple(int(c) for c in element.coeffs)


def _square_root(square: Any) -> Any:
    """A square root of an element that has one."""
    if isinstance(square, ec.FQ):
        return square ** ((P + 1) // 4)
    # P = 3 mod 4: algorithm 9 of "Square root computation over even extension fields" (ePrint 2012/685).
    a1 = square ** ((P - 3) // 4)
    alpha = a1 * a1 * square
    x0 = a1 * square
    if alpha == ec.FQ2((P - 1, 0)):
        return x0 * ec.FQ2((0, 1))
    return x0 * (ec.FQ2.one() + alpha) ** ((P - 1) // 2)


class PyEccBackend:
    """BLS12-381 by py_ecc."""

    name = natives = "py_ecc"

    def __init__(self) -> None:
        self.g1: Group = PyEccGroup("G1", ec.G1, ec.Z1)
        self.g2: Group = PyEccGroup("G2", ec.G2, ec.Z2)

    def encode_to_g1(self, message: bytes, dst: bytes) -> Any:
        return self.g1.from_coordinates(encode_to_g1_coordinates(message, dst))

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        loops = (ec.pairing(q, p, final_exponentiate=False) for p, q in pairs)
        return ec.final_exponentiate(reduce(self.gt_multiply, loops, self.gt_one())) ** 3

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        return bool(self.multi_pairing(pairs) == self.gt_one())

    def gt_one(self) -> Any:
        return ec.FQ12.one()

    def gt_multiply(self, left: Any, right: Any) -> Any:
        return left * right

    def gt_power(self, base: Any, exponent: int) -> Any:
        return base**exponent

    def gt_to_bytes(self, value: Any) -> bytes:
        # w^6 = 1 + u, so w^i and w^(i+6) together are one coefficient of Fp2; odd powers change sign with w.
        powers = [int(c) for c in value.coeffs]
        tower: list[int] = []
        for i in _TOWER_ORDER:
            sign = -1 if i % 2 else 1
            tower += [sign * (powers[i] + powers[i + 6]) % P, sign * powers[i + 6] % P]
        return b"".join(c.to_bytes(FIELD_BYTES, "big") for c in tower)


def gt_from_bytes(data: bytes) -> Any:
    """The inverse of ``PyEccBackend.gt_to_bytes``, for a value computed by another backend."""
    numbers = [int.from_bytes(data[i : i + FIELD_BYTES]) for i in range(0, len(data), FIELD_BYTES)]
    powers = [0] * 12
    for place, i in enumerate(_TOWER_ORDER):
        sign = -1 if i % 2 else 1
        c0, c1 = numbers[2 * place], numbers[2 * place + 1]
        powers[i], powers[i + 6] = sign * (c0 - c1) % P, sign * c1 % P
    return ec.FQ12(powers)
