"""Pairings and GT by blst's C functions, and the backend: for ``libraries`` alone."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

from tpre_offchain.crypto.curve.backend import FIELD_BYTES, Group
from tpre_offchain.crypto.curve.blst import BlstGroup
from tpre_offchain.crypto.curve.blst_functions import FIELD_WORDS, GT_FIELDS, addresses, blst

_GT: Final = ctypes.c_uint64 * (GT_FIELDS * FIELD_WORDS)
_WINDOW_BITS: Final = 4  # one hexadecimal digit
# where blst writes which of our coefficients
_WRITTEN: Final = (0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11)


class BlstBackend:
    """BLS12-381 by blst. What takes secrets, ``multiply_secret`` and pairings, takes the same time for all of them."""

    name = "blst"
    natives = "blst"

    def __init__(self) -> None:
        self.g1: Group = BlstGroup(1)
        self.g2: Group = BlstGroup(2)

    def encode_to_g1(self, message: bytes, dst: bytes) -> Any:
        found = self.g1.identity()
        blst.encode_to_g1(found, message, len(message), dst, len(dst), None, 0)
        return found

    def multi_pairing(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        found = self._miller_loop(pairs)
        blst.final_exp(found, found)
        return found

    def pairing_product_is_one(self, pairs: Sequence[tuple[Any, Any]]) -> bool:
        return bool(blst.fp12_is_one(self.multi_pairing(pairs)))

    def _miller_loop(self, pairs: Sequence[tuple[Any, Any]]) -> Any:
        # blst takes no identity in a loop over several pairs
        pairs = [(p, q) for p, q in pairs if not (self.g1.is_identity(p) or self.g2.is_identity(q))]
        if not pairs:
            return self.gt_one()
        lefts = (_G1_AFFINE * len(pairs))()
        for place, (p, _) in enumerate(pairs):
            blst.p1_to_affine(lefts[place], p)
        prepared = [q.lines.if_worth_it() if hasattr(q, "lines") else None for _, q in pairs]
        if all(lines is not None for lines in prepared):
            return self._loop_with_lines(lefts, prepared)
        rights = (_G2_AFFINE * len(pairs))()
        for place, (_, q) in enumerate(pairs):
            blst.p2_to_affine(rights[place], q)
        found = _GT()
        blst.miller_loop_n(found, addresses(rights), addresses(lefts), len(pairs))
        return found

    def _loop_with_lines(self, lefts: Any, prepared: Sequence[Any]) -> Any:
        found, factor = _GT(), _GT()
        blst.miller_loop_lines(found, prepared[0], lefts[0])
        for left, lines in zip(lefts[1:], prepared[1:], strict=True):
            blst.miller_loop_lines(factor, lines, left)
            blst.fp12_mul(found, found, factor)
        return found

    # --- GT -----------------------------------------------------------------------------------------

    def gt_one(self) -> Any:
        return _GT(*_ONE)

    def gt_multiply(self, left: Any, right: Any) -> Any:
        found = _GT()
        blst.fp12_mul(found, left, right)
        return found

    def gt_power(self, base: Any, exponent: int) -> Any:
        # fixed windows, from the top
        table = [self.gt_one()]
        for _ in range(2**_WINDOW_BITS - 1):
            table.append(self.gt_multiply(table[-1], base))
        found = self.gt_one()
        for digit in f"{exponent:x}":
            for _ in range(_WINDOW_BITS):
                blst.fp12_cyclotomic_sqr(found, found)
            blst.fp12_mul(found, found, table[int(digit, 16)])
        return found

    def gt_to_bytes(self, value: Any) -> bytes:
        found = ctypes.create_string_buffer(GT_FIELDS * FIELD_BYTES)
        blst.bendian_from_fp12(found, value)
        written = found.raw
        return b"".join(written[i * FIELD_BYTES : (i + 1) * FIELD_BYTES] for i in map(_WRITTEN.index, range(GT_FIELDS)))


_G1_AFFINE: Final = ctypes.c_uint64 * (2 * FIELD_WORDS)
_G2_AFFINE: Final = ctypes.c_uint64 * (4 * FIELD_WORDS)
_ONE: Final = (ctypes.c_uint64 * FIELD_WORDS)()
blst.fp_from_bendian(_ONE, (1).to_bytes(FIELD_BYTES, "big"))
