"""G1 and G2 by blst's C functions: for the backends over them alone.

Natives are ctypes arrays in blst's own layout, Jacobian; nobody changes one after it was made. Every point that gets
here is in its subgroup, which blst's multiplications and pairings take for granted: the decoders see to that.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates, R
from tpre_offchain.crypto.curve.blst_fixed import Lines, Multiples
from tpre_offchain.crypto.curve.blst_functions import FIELD_WORDS, addresses, blst
from tpre_offchain.crypto.curve.encoding import compress
from tpre_offchain.errors import NotInSubgroup, NotOnCurve

_SCALAR_BYTES: Final = 32
_SCALAR_BITS: Final = R.bit_length()
_NOT_ON_CURVE: Final = 2
"""``BLST_POINT_NOT_ON_CURVE``; what else the decoders say of canonical coordinates is that the subgroup is missed."""

# z of BLS12-381, squared: multiplication by it is (x, y) -> (beta x, -y) in G1, and splits a scalar into halves
_Z_SQUARED: Final = 0xD201000000010000**2
_BETA: Final = 0x5F19672FDF76CE51BA69C6076A0F77EADDB3A93BE6F89688DE17D813620A00022E01FFFFFFFEFFFE
_HALF_BITS: Final = 128


class BlstGroup:
    """G1 or G2; ``degree``: field elements of a coordinate, 1 or 2."""

    def __init__(self, degree: int) -> None:
        self.name = f"G{degree}"
        self.kind = ctypes.c_uint64 * (3 * degree * FIELD_WORDS)
        self.affine = ctypes.c_uint64 * (2 * degree * FIELD_WORDS)
        self._fixed_kind = type(f"Fixed{self.name}", (self.kind,), {})
        self._degree = degree
        p = f"p{degree}"
        self._add, self._cneg, self._mult = (getattr(blst, f"{p}_{what}") for what in ("add_or_double", "cneg", "mult"))
        self._is_inf, self._is_equal = (getattr(blst, f"{p}_{what}") for what in ("is_inf", "is_equal"))
        self._to_affine, self._from_affine = (getattr(blst, f"{p}_{what}") for what in ("to_affine", "from_affine"))
        self._serialize, self._deserialize = (getattr(blst, f"{p}_{what}") for what in ("serialize", "deserialize"))
        self._uncompress, self._in_group = getattr(blst, f"{p}_uncompress"), getattr(blst, f"{p}_affine_in_g{degree}")
        self._pippenger = getattr(blst, f"{p}s_mult_pippenger")
        self._pippenger_scratch = getattr(blst, f"{p}s_mult_pippenger_scratch_sizeof")
        generator = ctypes.string_at(getattr(blst, f"{p}_generator")(), ctypes.sizeof(self.kind))
        self._generator = self.fix(self.kind.from_buffer_copy(generator))

    # --- group laws ---------------------------------------------------------------------------------

    def generator(self) -> Any:
        return self._generator

    def identity(self) -> Any:
        return self.kind()

    def is_identity(self, point: Any) -> bool:
        return bool(self._is_inf(point))

    def equal(self, left: Any, right: Any) -> bool:
        return bool(self._is_equal(left, right))

    def add(self, left: Any, right: Any) -> Any:
        found = self.kind()
        self._add(found, left, right)
        return found

    def negate(self, point: Any) -> Any:
        found = self.kind.from_buffer_copy(point)
        self._cneg(found, 1)
        return found

    # --- multiplication ---------------------------------------------------------------------------

    def multiply_secret(self, point: Any, scalar: int) -> Any:
        # constant time for a fixed number of bits
        return self._multiple(point, scalar, _SCALAR_BITS)

    def multiply(self, point: Any, scalar: int) -> Any:
        table = self._table(point)
        return self.multiply_plain(point, scalar) if table is None else table.times(scalar)

    def multiply_plain(self, point: Any, scalar: int) -> Any:
        """A multiple without a table, in time that may depend on the scalar."""
        return self._multiple(point, scalar, scalar.bit_length())

    def _multiple(self, point: Any, scalar: int, bits: int) -> Any:
        found = self.kind()
        self._mult(found, point, scalar.to_bytes(_SCALAR_BYTES, "little"), bits)
        return found

    def fix(self, point: Any) -> Any:
        if self.is_identity(point):
            return point
        normal: Any = self._fixed_kind()
        self._from_affine(normal, self.to_affine(point))
        normal.multiples = Multiples(normal, self._degree)
        if self._degree > 1:
            normal.lines = Lines(self.to_affine(normal))
        return normal

    def _table(self, point: Any) -> Any:
        """The multiples of a fixed point, once they are worth having; else None."""
        found = getattr(point, "multiples", None)
        return None if found is None else found.if_worth_it()

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        if len(points) == 1:
            return self.multiply(points[0], scalars[0])
        found, terms = self.identity(), []
        for point, scalar in zip(points, scalars, strict=True):
            table = self._table(point)
            if table is None:
                terms.append((point, scalar))
            else:
                found = self.add(found, table.times(scalar))
        return self.add(found, self._sum_plain(terms)) if terms else found

    def _sum_plain(self, terms: Sequence[tuple[Any, int]]) -> Any:
        # a challenge comes negated, and is long only then
        short = [
            (point, scalar) if scalar <= R // 2 else (self.negate(point), R - scalar)
            for point, scalar in terms
            if scalar and not self.is_identity(point)
        ]
        if len(short) < 2:
            return self.multiply_plain(*short[0]) if short else self.identity()
        return self.sum_of_several(short)

    def sum_of_several(self, terms: Sequence[tuple[Any, int]]) -> Any:
        """The sum of multiples of at least two points, none the identity, by scalars above 0 in any time."""
        halves = [half for term in terms for half in self._halves(*term)]
        count, bits = len(halves), max(scalar.bit_length() for _, scalar in halves)
        size = -(-bits // 8)
        bases = (self.affine * count).from_buffer_copy(b"".join(bytes(base) for base, _ in halves))
        data = ctypes.create_string_buffer(b"".join(scalar.to_bytes(size, "little") for _, scalar in halves))
        scratch = ctypes.create_string_buffer(self._pippenger_scratch(count))
        found = self.kind()
        self._pippenger(found, addresses(bases), count, addresses(data), bits, scratch)
        return found

    def _halves(self, point: Any, scalar: int) -> list[tuple[Any, int]]:
        """The same multiple as one or two of affine points, in G1 by half of the scalar's bits."""
        base = self.to_affine(point)
        if self._degree > 1 or scalar.bit_length() <= _HALF_BITS:
            return [(base, scalar)]
        high, low = divmod(scalar, _Z_SQUARED)
        turned = self.affine()
        blst.fp_mul(turned, base, _beta)
        blst.fp_cneg(ctypes.byref(turned, FIELD_BYTES), ctypes.byref(base, FIELD_BYTES), 1)
        return [(base, low), (turned, high)]

    # --- coordinates ------------------------------------------------------------------------------

    def to_affine(self, point: Any) -> Any:
        """blst's affine form."""
        found = self.affine()
        self._to_affine(found, point)
        return found

    def to_coordinates(self, point: Any) -> Coordinates:
        found = ctypes.create_string_buffer(2 * self._degree * FIELD_BYTES)
        self._serialize(found, point)
        data = found.raw
        numbers = [int.from_bytes(data[i : i + FIELD_BYTES], "big") for i in range(0, len(data), FIELD_BYTES)]
        return self._reordered(numbers)

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        return self._decoded(
            self._deserialize, b"".join(c.to_bytes(FIELD_BYTES, "big") for c in self._reordered(coordinates))
        )

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        return self._decoded(self._uncompress, compress(x, y_is_larger))

    def _reordered(self, coordinates: Sequence[int]) -> Coordinates:
        # blst writes c1 before c0
        step = self._degree
        return tuple(c for i in range(0, 2 * step, step) for c in reversed(coordinates[i : i + step]))

    def _decoded(self, decode: Any, data: bytes) -> Any:
        affine, point = self.affine(), self.kind()
        failure = decode(affine, data)
        if failure == _NOT_ON_CURVE:
            raise NotOnCurve("no such point on the curve", what=self.name)
        if failure or not self._in_group(affine):
            raise NotInSubgroup("the point is outside the subgroup of order r", what=self.name)
        self._from_affine(point, affine)
        return point


_beta: Final = (ctypes.c_uint64 * FIELD_WORDS)()
blst.fp_from_bendian(_beta, _BETA.to_bytes(FIELD_BYTES, "big"))
