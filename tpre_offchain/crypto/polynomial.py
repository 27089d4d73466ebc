"""Polynomials over the scalars: a secret shared among committee slots and put together (SCHEME §4, §6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from tpre_offchain.crypto.curve.backend import R
from tpre_offchain.errors import CryptoError, PolynomialError

Random = Callable[[int], bytes]
"""A source of randomness: n -> n random bytes, such as ``secrets.token_bytes``."""

# 384 bits for a 255-bit order: reduction modulo R is off uniform by less than 2^-128.
_WIDE_BYTES = 48


def random_scalar(random: Random, *, nonzero: bool = False) -> int:
    """A scalar in [0, R), or in [1, R) if ``nonzero``, from 48 random bytes.

    Raises ``CryptoError`` if the source returns another number of bytes, or nothing but zeros.
    """
    for _ in range(2):
        data = random(_WIDE_BYTES)
        if len(data) != _WIDE_BYTES:
            raise CryptoError(f"the random source returned {len(data)} bytes instead of {_WIDE_BYTES}")
        scalar = int.from_bytes(data, "big") % R
        if scalar or not nonzero:
            return scalar
    # Twice in a row by chance: 2^-510. Trying on would hang on a source that is broken.
    raise CryptoError("the random source returns nothing but zeros")


def random_polynomial(threshold: int, random: Random, *, constant: int | None = None) -> tuple[int, ...]:
    """The ``threshold`` coefficients of a random polynomial, constant term first.

    The constant term is ``constant`` or, by default, random and not zero: it masks a re-key, and zero masks
    nothing. All others are uniform; forcing the highest not to be zero would leak a little of the shares.
    Raises ``PolynomialError`` if ``threshold`` is below 1.
    """
    if threshold < 1:
        raise PolynomialError(f"threshold {threshold} is below 1")
    first = random_scalar(random, nonzero=True) if constant is None else constant % R
    return (first, *(random_scalar(random) for _ in range(threshold - 1)))


def evaluate(coefficients: Sequence[int], x: int) -> int:
    """The value at ``x``, in [0, R); coefficients with the constant term first.

    Raises ``PolynomialError`` if there are no coefficients.
    """
    if not coefficients:
        raise PolynomialError("a polynomial without coefficients")
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % R
    return value


def lagrange_at_zero(slots: Iterable[int]) -> dict[int, int]:
    """For each slot its Lagrange coefficient at 0.

    f(0) is the sum of ``result[i] * f(i)`` for any f of degree below the number of slots.

    Raises ``PolynomialError`` if there are no slots, if one occurs twice, or if one is not in [1, R).
    """
    return dict(_lagrange_at_zero(tuple(slots)))


@lru_cache(maxsize=256)
def _lagrange_at_zero(slots: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    if not slots:
        raise PolynomialError("interpolation over no slots")
    if len(set(slots)) != len(slots):
        raise PolynomialError("a slot occurs twice")
    if any(not 0 < slot < R for slot in slots):
        # At 0 lies the secret itself.
        raise PolynomialError("a slot is not in [1, r)")
    result = []
    for i in slots:
        numerator = denominator = 1
        for j in slots:
            if j != i:
                numerator = numerator * j % R
                denominator = denominator * (j - i) % R
        result.append((i, numerator * pow(denominator, -1, R) % R))
    return tuple(result)
