"""Points and pairings of BLS12-381: value types over whichever curve library is installed.

G1 and G2 are written additively, GT multiplicatively (SCHEME §1). The library behind them is chosen once, by
what is installed or by ``TPRE_CURVE`` in the environment: ``mcl`` (fastest), ``blst``, ``arkworks``, or ``py_ecc`` (the
reference). Values of different libraries may meet in one operation; where their forms differ they are converted through
coordinates or bytes. Bytes never depend on the library.

Secrets multiply by ``times_secret`` and ``z_to_secret`` alone. With ``mcl`` and ``blst`` these and the pairings run in
blst's constant-time code; ``arkworks`` and ``py_ecc`` promise nothing. Scalars themselves are Python's integers, whose
arithmetic is not constant time anywhere (SECURITY).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from tpre_offchain.crypto.curve import libraries
from tpre_offchain.crypto.curve.backend import Backend, R
from tpre_offchain.crypto.curve.libraries import active_backend, using_backend
from tpre_offchain.crypto.curve.values import G1, G2, GT, backend_of, group_in, native_in
from tpre_offchain.errors import CryptoError

G1_BYTES: Final = 48
G1_EVM: Final = 128
G2_BYTES: Final = 96
G2_EVM: Final = 256
GT_BYTES: Final = 576

# hash_to_curve of SCHEME §1, derived again by a test: nobody knows its logarithm to g2.
_H2_BYTES: Final = bytes.fromhex(
    "a833af0eab02ce9ce1955af6f90be12f8d9adb40fdf6b89b755ae9842885e016acb077d2830e9b5dec22a9550018706c"
    "157a6b3acd8c2eaa94f5ee8fa0508a13dd66991af38c49bbffc618aa779d28d7e616499c05f7e50ed0eaa82e4ea885cd"
)

_AnyPoint = TypeVar("_AnyPoint", G1, G2)


# --- sums and pairings ------------------------------------------------------------------------------


def msm(points: Sequence[_AnyPoint], scalars: Sequence[int]) -> _AnyPoint:
    """Sum of ``points[i] * scalars[i]``, scalars taken modulo R.

    Raises ``CryptoError`` if there are none, or unequally many, or points of both groups.
    """
    if len(points) != len(scalars):
        raise CryptoError(f"{len(points)} points but {len(scalars)} scalars")
    if not points:
        raise CryptoError("a sum over no points has no group")
    first = points[0]
    if any(type(point) is not type(first) for point in points):
        raise CryptoError("the points of a sum must be of one group")
    backend = backend_of(first)
    natives = [native_in(backend, point) for point in points]
    return type(first)(backend, group_in(backend, type(first)).msm(natives, [scalar % R for scalar in scalars]))


def pairing(p: G1, q: G2) -> GT:
    """e(p, q), as blst, mcl and arkworks define it."""
    return multi_pairing([(p, q)])


def z_to_secret(exponent: int) -> GT:
    """Z to the power of a secret, as e(g1^exponent, g2): any integer, taken modulo R.

    No library takes a power in GT in constant time: windows are read at places that the exponent tells, and a square
    and a product for each of 255 bits, whatever it is, take longer than a multiplication in G1 and a pairing with g2.
    """
    return pairing(g1().times_secret(exponent), g2())


def multi_pairing(pairs: Sequence[tuple[G1, G2]]) -> GT:
    """Product of the pairings; one for no pairs. Cheaper than one by one where the library shares work."""
    backend = _backend_of(pairs)
    return GT(backend, backend.multi_pairing(_natives(backend, pairs)))


def pairing_product_is_one(pairs: Sequence[tuple[G1, G2]]) -> bool:
    """Whether the product of the pairings is one. A predicate: a check must raise on ``False``."""
    backend = _backend_of(pairs)
    return backend.pairing_product_is_one(_natives(backend, pairs))


def _backend_of(pairs: Sequence[tuple[G1, G2]]) -> Backend:
    return backend_of(pairs[0][0]) if pairs else libraries.active()


def _natives(backend: Backend, pairs: Sequence[tuple[G1, G2]]) -> list[tuple[Any, Any]]:
    if any((type(p), type(q)) != (G1, G2) for p, q in pairs):
        raise CryptoError("a pairing takes a point of G1 and a point of G2, in this order")
    return [(native_in(backend, p), native_in(backend, q)) for p, q in pairs]


# --- hashing ----------------------------------------------------------------------------------------


def encode_to_g1(message: bytes, dst: bytes) -> G1:
    """The point that a message hashes to under a domain separation tag (RFC 9380, encode_to_curve with SSWU, SHA-256).

    Nobody knows its logarithm. Not for what must look random: the map reaches about 5/8 of the points.
    """
    backend = libraries.active()
    return G1(backend, backend.encode_to_g1(message, dst))


# --- constants ------------------------------------------------------------------------------------


def g1() -> G1:
    """The generator of G1."""
    return G1.generator()


def g2() -> G2:
    """The generator of G2."""
    return G2.generator()


def H2() -> G2:  # noqa: N802 - h2 of SCHEME §1
    """The second generator of G2, whose logarithm to the first nobody knows."""
    return _h2(active_backend())


def Z() -> GT:  # noqa: N802 - the Z of SCHEME §1
    """e(g1, g2)."""
    return _z(active_backend())


@lru_cache
def _h2(backend: str) -> G2:
    with using_backend(backend):
        return G2.from_bytes(_H2_BYTES).fixed()


@lru_cache
def _z(backend: str) -> GT:
    with using_backend(backend):
        return pairing(g1(), g2())
