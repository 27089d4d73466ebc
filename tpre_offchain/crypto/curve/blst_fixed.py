"""What is computed once of a point that is used often, when it has been used often enough: for ``blst`` alone."""

from __future__ import annotations

import binascii
import ctypes
from typing import Any, Final

from tpre_offchain.crypto.curve.blst_functions import LINES_WORDS, addresses, blst

_MULTIPLES_AFTER_USES: Final = 32
"""A table costs as much as some thirty multiplications: worth it for who goes on using it."""
_LINES_AFTER_USES: Final = 2

_DIGIT_BITS: Final = 6
_DIGITS: Final = -(-255 // _DIGIT_BITS)
_WINDOW_BITS: Final = _DIGIT_BITS + 1  # blst's digits are signed
_ENCODED_BYTES: Final = 33
_FROM_BASE64: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", bytes(range(64))
)


class Multiples:
    """Multiples of a fixed point times 64^i, i = 0..42: a multiplication is then a sum of 43 of them, in one call.

    Never for secrets: the digits of the scalar say which places of the table are read.
    """

    def __init__(self, point: Any, degree: int) -> None:
        self._point, self._uses, self._p = point, 0, f"p{degree}"
        self._kind = ctypes.c_uint64 * len(point)
        self._multiply = getattr(blst, f"{self._p}s_mult_wbits")
        self._table: Any = None

    def if_worth_it(self) -> Multiples | None:
        """Counts uses; after some of them the table is made."""
        if self._table is None:
            self._uses += 1
            if self._uses < _MULTIPLES_AFTER_USES:
                return None
            self._table = self._made()
        return self

    def times(self, scalar: int) -> Any:
        """The point times a scalar in [0, R)."""
        # base 64 is the one way to digits of six bits that needs no loop; the first of 44 is always zero
        encoded = binascii.b2a_base64(scalar.to_bytes(_ENCODED_BYTES, "big"), newline=False)
        digits = ctypes.create_string_buffer(encoded[1:].translate(_FROM_BASE64))
        found = self._kind()
        self._multiply(found, self._table, _WINDOW_BITS, _DIGITS, addresses(digits), _DIGIT_BITS, self._scratch())
        return found

    def _scratch(self) -> Any:
        return ctypes.create_string_buffer(getattr(blst, f"{self._p}s_mult_wbits_scratch_sizeof")(_DIGITS))

    def _made(self) -> Any:
        affine = ctypes.c_uint64 * (len(self._point) // 3 * 2)
        bases = (affine * _DIGITS)()
        to_affine, double = (getattr(blst, f"{self._p}_{what}") for what in ("to_affine", "double"))
        step = self._kind.from_buffer_copy(self._point)
        for place in reversed(range(_DIGITS)):
            to_affine(bases[place], step)
            for _ in range(_DIGIT_BITS):
                double(step, step)
        size = getattr(blst, f"{self._p}s_mult_wbits_precompute_sizeof")(_WINDOW_BITS, _DIGITS)
        table = ctypes.create_string_buffer(size)
        getattr(blst, f"{self._p}s_mult_wbits_precompute")(table, _WINDOW_BITS, addresses(bases), _DIGITS)
        return table


class Lines:
    """What the Miller loop computes of a point of G2 alone: a quarter of its time. Made when the point is met again."""

    def __init__(self, affine: Any) -> None:
        self._affine, self._uses = affine, 0
        self._made: Any = None

    def if_worth_it(self) -> Any:
        """The lines, or None while they are not worth making."""
        if self._made is None:
            self._uses += 1
            if self._uses >= _LINES_AFTER_USES:
                made = (ctypes.c_uint64 * LINES_WORDS)()
                blst.precompute_lines(made, self._affine)
                self._made = made
        return self._made
