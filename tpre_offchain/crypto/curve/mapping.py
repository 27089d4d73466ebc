"""Hashing to G1: encode_to_curve of RFC 9380, suite BLS12381G1_XMD:SHA-256_SSWU_NU_, by the reference library.

For libraries that have no such function: some milliseconds of plain Python, once a grant. Messages are public.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from tpre_offchain.crypto.curve.backend import Coordinates, P

_UNIFORM_BYTES: Final = 64


def encode_to_g1_coordinates(message: bytes, dst: bytes) -> Coordinates:
    """Affine coordinates of the point that ``message`` hashes to under the tag ``dst``; it is in the subgroup."""
    import py_ecc.bls.hash_to_curve
    import py_ecc.optimized_bls12_381

    # py_ecc re-exports implicitly, which strict typing does not follow
    maps: Any = py_ecc.bls.hash_to_curve
    ec: Any = py_ecc.optimized_bls12_381
    uniform = maps.expand_message_xmd(message, dst, _UNIFORM_BYTES, hashlib.sha256)
    point = maps.clear_cofactor_G1(maps.map_to_curve_G1(ec.FQ(int.from_bytes(uniform, "big") % P)))
    x, y = ec.normalize(point)
    return int(x.n), int(y.n)
