"""The generic-group model: is a value of GT a product of pairings of what somebody has?

A generic attacker can multiply, exponentiate with scalars that it knows, and pair. With group elements written by
their exponents, all that it reaches in GT is the span, over the scalars it knows, of the products (exponent in G1) *
(exponent in G2) and of the exponents in GT. Exponents are rational functions of what it does not know, here evaluated
at random points: a function is in the span of others iff its column of values is in the span of theirs, but for a
chance below (degree * columns) / r (Schwartz-Zippel). What the attacker knows is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tpre_offchain.crypto.curve import R

Unknowns = dict[str, int]
Exponent = Callable[[Unknowns], int]
SPARE_POINTS = 4
"""More points than columns: a target that lies in the span at all of them does so everywhere."""


class Values(Unknowns):
    """One random point: each unknown gets its value when it is first looked at."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def __missing__(self, name: str) -> int:
        self[name] = self._random.randrange(1, R)
        return self[name]


def constant(value: int) -> Exponent:
    """A scalar that the attacker knows; 1 is the generator."""
    return lambda _v: value % R


def unknown(name: str) -> Exponent:
    """A scalar that the attacker does not know."""
    return lambda v: v[name]


def plus(*terms: Exponent) -> Exponent:
    """A product of group elements."""
    return lambda v: sum(term(v) for term in terms) % R


def times(*factors: Exponent) -> Exponent:
    """A group element raised to scalars."""

    def product(v: Unknowns) -> int:
        value = 1
        for factor in factors:
            value = value * factor(v) % R
        return value

    return product


def over(numerator: Exponent, denominator: Exponent) -> Exponent:
    """A group element raised to the inverse of a scalar."""
    return lambda v: numerator(v) * pow(denominator(v), -1, R) % R


@dataclass(frozen=True)
class View:
    """What an attacker has in each group. The generators are always there."""

    in_g1: tuple[Exponent, ...] = ()
    in_g2: tuple[Exponent, ...] = ()
    in_gt: tuple[Exponent, ...] = ()

    def __add__(self, other: View) -> View:
        return View(self.in_g1 + other.in_g1, self.in_g2 + other.in_g2, self.in_gt + other.in_gt)

    def reaches(self, target: Exponent, random: Random) -> bool:
        """Whether the attacker can compute Z^target."""
        one = constant(1)
        columns = [times(p, q) for p in (one, *self.in_g1) for q in (one, *self.in_g2)] + list(self.in_gt)
        points = [Values(random) for _ in range(len(columns) + SPARE_POINTS)]
        rows = [[column(point) for column in columns] + [target(point)] for point in points]
        return not _adds_to_rank(rows)


def _adds_to_rank(rows: list[list[int]]) -> bool:
    """Whether the last column is outside of the span of the others, by Gaussian elimination mod r."""
    remaining: list[Sequence[int]] = list(rows)
    width = len(rows[0]) - 1
    for column in range(width):
        pivot = next((i for i, row in enumerate(remaining) if row[column]), None)
        if pivot is None:
            continue
        top = remaining.pop(pivot)
        inverse = pow(top[column], -1, R)
        for i, row in enumerate(remaining):
            if row[column]:
                factor = row[column] * inverse % R
                changed = [(x - factor * y) % R for x, y in zip(row[column:], top[column:], strict=True)]
                remaining[i] = [*row[:column], *changed]
    return any(row[width] for row in remaining)
