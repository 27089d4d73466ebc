"""The mcl backend through mcl's own C functions, which pymcl's module carries: for ``libraries`` alone.

pymcl's Python classes lack what costs us most: sums of multiples, a product of pairings with one final exponentiation,
coordinates without decimal text. The C functions of the same library, in the same loaded module, have them. Natives are
ctypes arrays in mcl's own layout; nobody changes one after it was made.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import pymcl

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Coordinates
from tpre_offchain.crypto.curve.encoding import is_larger, require_on_curve, require_on_curve_x
from tpre_offchain.errors import BackendUnavailable, NotInSubgroup

_FIELD_WORDS: Final = FIELD_BYTES // 8
_SCALAR_BYTES: Final = 32
_GT_FIELDS: Final = 12
_Fr = ctypes.c_uint64 * 4
_GT = ctypes.c_uint64 * (_FIELD_WORDS * _GT_FIELDS)
_FIXED_AFTER_USES: Final = 32
"""A table of a fixed base costs as much as some thirty multiplications: worth it for who goes on using it."""
_WINDOW_BITS: Final = 6
_WINDOW: Final = 1 << _WINDOW_BITS
_WINDOWS: Final = -(-255 // _WINDOW_BITS)
_LINES_AFTER_USES: Final = 2


class MclFunctions:
    """mcl's C interface inside pymcl's module. Raises ``BackendUnavailable`` where the build does not export it."""

    def __init__(self) -> None:
        module = pymcl._pymcl.__file__  # noqa: SLF001 - the extension module itself
        # PyDLL keeps the interpreter's lock, which is cheaper than giving it back for a microsecond
        self.short, self.long = ctypes.PyDLL(module), ctypes.CDLL(module)
        try:
            words = self.short.mclBn_getOpUnitSize(), self.short.mclBn_getFrByteSize()
        except AttributeError:
            raise BackendUnavailable("this build of pymcl does not export mcl's C functions") from None
        if words != (_FIELD_WORDS, _SCALAR_BYTES) or self.short.mclBn_getG1ByteSize() != FIELD_BYTES:
            raise BackendUnavailable("pymcl was built for other field sizes")
        for name in ("mclBnG1_deserialize", "mclBnG2_deserialize", "mclBnGT_serialize", "mclBnFp_getLittleEndian"):
            getattr(self.short, name).restype = ctypes.c_size_t


def _scalar(value: int) -> Any:
    found = _Fr()
    # mcl keeps scalars in Montgomery form, so the bytes have to go through it
    _functions.short.mclBnFr_setLittleEndian(found, value.to_bytes(_SCALAR_BYTES, "little"), ctypes.c_size_t(32))
    return found


class MclGroup:
    """G1 or G2; ``coefficients``: field elements of a coordinate, 1 or 2."""

    def __init__(self, name: str, coefficients: int, generator: Coordinates) -> None:
        self.name = name
        self._coefficients = coefficients
        self.kind = ctypes.c_uint64 * (3 * coefficients * _FIELD_WORDS)
        self._fixed_type = type(f"Fixed{name}", (self.kind,), {})
        short, long = _functions.short, _functions.long
        self._add, self._neg = (getattr(short, f"mclBn{name}_{what}") for what in ("add", "neg"))
        self._mul, self._mul_vec = getattr(short, f"mclBn{name}_mul"), getattr(long, f"mclBn{name}_mulVec")
        self._is_zero, self._is_equal = (getattr(short, f"mclBn{name}_{what}") for what in ("isZero", "isEqual"))
        self._normalize, self._normalize_all = (
            getattr(short, f"mclBn{name}_{what}") for what in ("normalize", "normalizeVec")
        )
        self._is_valid_order = getattr(long, f"mclBn{name}_isValidOrder")
        self._deserialize = getattr(short, f"mclBn{name}_deserialize")
        self._generator = self.fix(self._affine(generator))

    def generator(self) -> Any:
        return self._generator

    def identity(self) -> Any:
        return self.kind()

    def is_identity(self, point: Any) -> bool:
        return bool(self._is_zero(point))

    def equal(self, left: Any, right: Any) -> bool:
        return bool(self._is_equal(left, right))

    def add(self, left: Any, right: Any) -> Any:
        found = self.kind()
        self._add(found, left, right)
        return found

    def negate(self, point: Any) -> Any:
        found = self.kind()
        self._neg(found, point)
        return found

    def multiply(self, point: Any, scalar: int) -> Any:
        multiples = getattr(point, "multiples", None)
        if multiples is not None and multiples.is_worth_a_table():
            return multiples.times(scalar)
        found = self.kind()
        self._mul(found, point, _scalar(scalar))
        return found

    def fix(self, point: Any) -> Any:
        normal: Any = self._fixed_type()
        self._normalize(normal, point)
        normal.multiples = _Multiples(normal, self.kind, self._add, self._normalize_all)
        normal.lines = None if self.is_identity(point) else _Lines(normal)
        return normal

    def lines(self, point: Any) -> Any:
        """What the Miller loop needs of a fixed point of G2, once it is worth computing; else None."""
        found = getattr(point, "lines", None)
        return None if found is None else found.get()

    def msm(self, points: Sequence[Any], scalars: Sequence[int]) -> Any:
        if len(points) == 1:
            return self.multiply(points[0], scalars[0])
        found, count = self.kind(), len(points)
        # mcl may normalise what it is given, hence copies
        many = (self.kind * count)(*points)
        self._mul_vec(found, many, (_Fr * count)(*map(_scalar, scalars)), ctypes.c_size_t(count))
        return found

    def to_coordinates(self, point: Any) -> Coordinates:
        normal = self.kind()
        self._normalize(normal, point)
        return _integers(normal, 2 * self._coefficients)

    def from_coordinates(self, coordinates: Coordinates) -> Any:
        require_on_curve(self.name, coordinates)
        point = self._affine(coordinates)
        if not self._is_valid_order(point):
            raise self._not_in_subgroup()
        return point

    def from_x(self, x: Coordinates, y_is_larger: bool) -> Any:
        # mcl's own form is little-endian and its flag says that y is odd: take either y, then the right one.
        if not any(x):
            # mcl reads x = 0 as the identity. Such points exist, and have order 3.
            require_on_curve_x(self.name, x)
            raise self._not_in_subgroup()
        point, data = self.kind(), b"".join(c.to_bytes(FIELD_BYTES, "little") for c in x)
        # checks the order, too
        if not self._deserialize(point, data, ctypes.c_size_t(len(data))):
            require_on_curve_x(self.name, x)
            raise self._not_in_subgroup()
        y = self.to_coordinates(point)[len(x) :]
        return point if is_larger(y) == y_is_larger else self.negate(point)

    def _affine(self, coordinates: Coordinates) -> Any:
        point = self.kind()
        for place, coordinate in enumerate(coordinates):
            _set_field(point, place, coordinate)
        _set_field(point, len(coordinates), 1)
        return point

    def _not_in_subgroup(self) -> NotInSubgroup:
        return NotInSubgroup("the point is outside the subgroup of order r", what=self.name)


class _Multiples:
    """Multiples 1..63 of a base times 64^i, i = 0..42: a multiplication is then 43 additions at most.

    Made after some uses. ``normalize_all``: None where values have one form alone.
    """

    def __init__(self, base: Any, kind: Any, add: Any, normalize_all: Any, neutral: Any = None) -> None:
        self._base, self._kind, self._add = base, kind, add
        self._normalize_all = normalize_all
        self._neutral = kind() if neutral is None else neutral
        self._uses = 0
        self._rows: list[list[Any]] = []
        self._table: Any = None

    def is_worth_a_table(self) -> bool:
        """Counts uses; after some of them the table is made."""
        if not self._rows:
            self._uses += 1
            if self._uses < _FIXED_AFTER_USES:
                return False
            self._make_table()
        return True

    def times(self, scalar: int) -> Any:
        """The base times a scalar in [0, R)."""
        found, add = self._kind.from_buffer_copy(self._neutral), self._add
        for row in self._rows:
            digit = scalar & _WINDOW - 1
            if digit:
                add(found, found, row[digit])
            scalar >>= _WINDOW_BITS
        return found

    def _make_table(self) -> None:
        size, count = ctypes.sizeof(self._kind), _WINDOWS * _WINDOW
        table = (self._kind * count)()
        places = [ctypes.byref(table, i * size) for i in range(count)]
        rows = [places[i * _WINDOW : (i + 1) * _WINDOW] for i in range(_WINDOWS)]
        step: Any = self._base
        for number, row in enumerate(rows):
            # row[0] is never read
            table[number * _WINDOW + 1] = step
            for digit in range(2, _WINDOW):
                self._add(row[digit], row[digit - 1], step)
            following = self._kind()
            self._add(following, row[_WINDOW - 1], step)
            step = following
        if self._normalize_all is not None:
            # additions of affine points are cheaper
            self._normalize_all(table, table, ctypes.c_size_t(count))
        self._rows = rows


class _Lines:
    """What the Miller loop computes of a point of G2 alone: a third of its time. Made when the point is met again."""

    def __init__(self, point: Any) -> None:
        self._point, self._uses = point, 0
        self._made: Any = None

    def get(self) -> Any:
        """The lines, or None while they are not worth making."""
        self._uses += 1
        if self._made is None and self._uses >= _LINES_AFTER_USES:
            self._made = (ctypes.c_uint64 * _functions.short.mclBn_getUint64NumToPrecompute())()
            _functions.short.mclBn_precomputeG2(self._made, self._point)
        return self._made


class MclBackend:
    """BLS12-381 by mcl."""

    name = "mcl"

    def __init__(self) -> None:
        self.g1 = MclGroup("G1", 1, _coordinates(pymcl.g1))
        self.g2 = MclGroup("G2", 2, _coordinates(pymcl.g2))
        self._fixed_gt = type("FixedGT", (_GT,), {})

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        found = self.gt_one()
        if pairs:
            self._miller_loop(found, pairs)
            _functions.long.mclBn_finalExp(found, found)
        return found

    def _miller_loop(self, found: Any, pairs: Sequence[tuple[Any, Any]]) -> None:
        if len(pairs) == 2 and not any(self.g1.is_identity(p) for p, _ in pairs):
            # as many as mcl has a function for; it takes no identity
            (p1, q1), (p2, q2) = pairs
            lines1, lines2 = self.g2.lines(q1), self.g2.lines(q2)
            if lines1 is not None and lines2 is not None:
                _functions.long.mclBn_precomputedMillerLoop2(found, p1, lines1, p2, lines2)
                return
            if lines1 is not None and not self.g2.is_identity(q2):
                _functions.long.mclBn_precomputedMillerLoop2mixed(found, p2, q2, p1, lines1)
                return
            if lines2 is not None and not self.g2.is_identity(q1):
                _functions.long.mclBn_precomputedMillerLoop2mixed(found, p1, q1, p2, lines2)
                return
        left = (self.g1.kind * len(pairs))(*(p for p, _ in pairs))
        right = (self.g2.kind * len(pairs))(*(q for _, q in pairs))
        _functions.long.mclBn_millerLoopVec(found, left, right, ctypes.c_size_t(len(pairs)))

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        return bool(_functions.short.mclBnGT_isOne(self.multi_pairing(pairs)))

    def gt_one(self) -> Any:
        found = _GT()
        _functions.short.mclBnGT_setInt32(found, 1)
        return found

    def gt_multiply(self, left: Any, right: Any) -> Any:
        found = _GT()
        _functions.short.mclBnGT_mul(found, left, right)
        return found

    def gt_fix(self, value: Any) -> Any:
        fixed: Any = self._fixed_gt(*value)
        fixed.multiples = _Multiples(fixed, _GT, _functions.short.mclBnGT_mul, None, self.gt_one())
        return fixed

    def gt_power(self, base: Any, exponent: int) -> Any:
        multiples = getattr(base, "multiples", None)
        if multiples is not None and multiples.is_worth_a_table():
            return multiples.times(exponent)
        found = _GT()
        _functions.short.mclBnGT_pow(found, base, _scalar(exponent))
        return found

    def gt_to_bytes(self, value: Any) -> bytes:
        data = ctypes.create_string_buffer(FIELD_BYTES * _GT_FIELDS)
        _functions.short.mclBnGT_serialize(data, ctypes.c_size_t(len(data)), value)
        raw = data.raw
        return b"".join(raw[i : i + FIELD_BYTES][::-1] for i in range(0, len(raw), FIELD_BYTES))


def _set_field(point: Any, place: int, value: int) -> None:
    target = ctypes.byref(point, place * FIELD_BYTES)
    size = ctypes.c_size_t(FIELD_BYTES)
    _functions.short.mclBnFp_setLittleEndian(target, value.to_bytes(FIELD_BYTES, "little"), size)


def _integers(point: Any, count: int) -> Coordinates:
    data = ctypes.create_string_buffer(FIELD_BYTES)
    size, found = ctypes.c_size_t(FIELD_BYTES), []
    for place in range(count):
        # the length tells how many bytes there are without leading zeros
        length = _functions.short.mclBnFp_getLittleEndian(data, size, ctypes.byref(point, place * FIELD_BYTES))
        found.append(int.from_bytes(data.raw[:length], "little"))
    return tuple(found)


def _coordinates(point: Any) -> Coordinates:
    # pymcl's text: "1 x y", or "1 x.c0 x.c1 y.c0 y.c1", decimal
    return tuple(int(number) for number in str(point).split()[1:])


_functions: Final = MclFunctions()
