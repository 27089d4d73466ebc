"""The arkworks backend (Rust, py_arkworks_bls12381): for ``libraries`` alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates, Group
from tpre_offchain.crypto.curve.encoding import compress
from tpre_offchain.crypto.curve.mapping import encode_to_g1_coordinates
from tpre_offchain.errors import NotInSubgroup, NotOnCurve

_WINDOW_BITS = 4  # one hexadecimal digit


def _scalar(value: int) -> Any:
    # From bytes rather than from int: the constructor takes 5 us, this 0.6 us.
    return Scalar.from_be_bytes(value.to_bytes(32, "big"))


class ArkworksGroup:
    """G1 or G2."""

    def __init__(self, name: str, point: Any) -> None:
        self.name = name
        self._point = point
        self._identity = point.identity()

    def generator(self) -> Any:
        return self._point()

    def identity(self) -> Any:
        return self._identity

    def is_identity(self, point: Any) -> bool:
        return bool(point == self._identity)

    def equal(self, left: Any, right: Any) -> bool:
        return bool(left == right)

    def add(self, left: Any, right: Any) -> Any:
        return left + right

    def negate(self, point: Any) -> Any:
        return -point

    def multiply(self, point: Any, scalar: int) -> Any:
        return point * _scalar(scalar)

    # it promises no constant time
    multiply_secret = multiply

    def fix(self, point: Any) -> Any:
        return point

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        # "unchecked" means the lengths, which ``msm`` has compared.
        return self._point.multiexp_unchecked(list(points), [_scalar(s) for s in scalars])

    def to_coordinates(self, point: Any) -> Coordinates:
        data = point.to_xy_bytes_be()
        return tuple(int.from_bytes(data[i : i + FIELD_BYTES], "big") for i in range(0, len(data), FIELD_BYTES))

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        data = b"".join(c.to_bytes(FIELD_BYTES, "big") for c in coordinates)
        return self._checked(self._point.from_xy_bytes_unchecked_be, data)

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        return self._checked(self._point.from_compressed_bytes_unchecked, compress(x, y_is_larger))

    def _checked(self, build: Callable[[bytes], Any], data: bytes) -> Any:
        # "unchecked" leaves out the subgroup alone; asking for it ourselves keeps the two errors apart.
        try:
            point = build(data)
        except ValueError:
            raise NotOnCurve("no such point on the curve", what=self.name) from None
        if not point.is_in_subgroup():
            raise NotInSubgroup("the point is outside the subgroup of order r", what=self.name)
        return point


class ArkworksBackend:
    """BLS12-381 by arkworks."""

    name = natives = "arkworks"

    def __init__(self) -> None:
        self.g1: Group = ArkworksGroup("G1", G1Point)
        self.g2: Group = ArkworksGroup("G2", G2Point)

    def encode_to_g1(self, message: bytes, dst: bytes) -> Any:
        return self.g1.from_coordinates(encode_to_g1_coordinates(message, dst))

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        return GT.multi_pairing([p for p, _ in pairs], [q for _, q in pairs])

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        return bool(GT.pairing_check([p for p, _ in pairs], [q for _, q in pairs]))

    def gt_one(self) -> Any:
        return GT.one()

    def gt_multiply(self, left: Any, right: Any) -> Any:
        # The library's + is that of the field Fp12, not the group operation.
        return left * right

    def gt_power(self, base: Any, exponent: int) -> Any:
        # The library has no power: fixed windows, from the top.
        table = [GT.one()]
        for _ in range(2**_WINDOW_BITS - 1):
            table.append(table[-1] * base)
        result = GT.one()
        for digit in f"{exponent:x}":
            for _ in range(_WINDOW_BITS):
                result = result * result
            result = result * table[int(digit, 16)]
        return result

    def gt_to_bytes(self, value: Any) -> bytes:
        # str() is the one way out: hexadecimal, tower order, each coefficient little-endian.
        data = bytes.fromhex(str(value))
        return b"".join(data[i : i + FIELD_BYTES][::-1] for i in range(0, len(data), FIELD_BYTES))
