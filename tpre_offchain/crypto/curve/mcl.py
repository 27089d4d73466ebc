"""The mcl backend: blst, with mcl's faster multiplication where no scalar is secret. For ``libraries`` alone.

Both libraries keep points and GT in the same form, Montgomery's, Jacobian, in the same tower, so that the one computes
on the other's values as they are. That this is so the known answers show before the backend is taken. mcl's functions
are those of C that pymcl's module carries; its Python classes know no sums of multiples.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import pymcl

from tpre_offchain.crypto.curve.blst import BlstGroup
from tpre_offchain.crypto.curve.blst_pairing import BlstBackend
from tpre_offchain.errors import BackendUnavailable

_SCALAR_BYTES: Final = 32
_SHORT_BITS: Final = 64
"""So short are powers of slots and most Lagrange coefficients; mcl takes the time of long ones for them."""
_Fr: Final = ctypes.c_uint64 * 4


class MclGroup(BlstGroup):
    """G1 or G2."""

    def __init__(self, degree: int) -> None:
        super().__init__(degree)
        self._mul = getattr(_short, f"mclBn{self.name}_mul")
        self._mul_vec = getattr(_long, f"mclBn{self.name}_mulVec")

    def multiply_plain(self, point: Any, scalar: int) -> Any:
        found = self.kind()
        self._mul(found, point, _scalar(scalar))
        return found

    def sum_of_several(self, terms: Sequence[tuple[Any, int]]) -> Any:
        if all(scalar.bit_length() <= _SHORT_BITS for _, scalar in terms):
            return super().sum_of_several(terms)
        found, count = self.kind(), len(terms)
        # mcl may normalise what it is given, hence copies
        points = (self.kind * count)(*(point for point, _ in terms))
        self._mul_vec(found, points, (_Fr * count)(*(_scalar(scalar) for _, scalar in terms)), ctypes.c_size_t(count))
        return found


class MclBackend(BlstBackend):
    """BLS12-381 by blst and mcl."""

    name = "mcl"

    def __init__(self) -> None:
        super().__init__()
        self.g1, self.g2 = MclGroup(1), MclGroup(2)

    def gt_power(self, base: Any, exponent: int) -> Any:
        found = type(base)()
        _short.mclBnGT_pow(found, base, _scalar(exponent))
        return found


def _scalar(value: int) -> Any:
    found = _Fr()
    # mcl keeps scalars in Montgomery form, so the bytes have to go through it
    _short.mclBnFr_setLittleEndian(found, value.to_bytes(_SCALAR_BYTES, "little"), ctypes.c_size_t(_SCALAR_BYTES))
    return found


def _load() -> tuple[ctypes.PyDLL, ctypes.CDLL]:
    module = pymcl._pymcl.__file__  # noqa: SLF001 - the extension module itself
    # PyDLL keeps the interpreter's lock, which is cheaper than giving it back for a microsecond
    short, long = ctypes.PyDLL(module), ctypes.CDLL(module)
    needed = (
        "mclBnG1_mul",
        "mclBnG2_mul",
        "mclBnG1_mulVec",
        "mclBnG2_mulVec",
        "mclBnGT_pow",
        "mclBnFr_setLittleEndian",
    )
    if not all(hasattr(short, name) for name in needed):
        raise BackendUnavailable("this build of pymcl does not export mcl's C functions")
    return short, long


_short, _long = _load()
