"""The paper's own scheme as it is written: shares of the re-key in the group, conversions in GT (eq. 4 to 11).

Nothing is proven or verified in it, fragments are not encrypted, and the key opens everything of its owner: it is timed
to show what the checks cost and what the move out of GT saves, and used for nothing else.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial

from tpre_offchain.bench.offline.our_flow import WrongPlaintext
from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch
from tpre_offchain.crypto.curve import G1, G2, GT, R, Z, g1, g2, pairing, using_backend
from tpre_offchain.crypto.polynomial import lagrange_at_zero, random_scalar

_Ciphertext = tuple[G1, GT]


@dataclass(frozen=True)
class PaperFlow:
    """Eq. (4) to (11), on one of our curve libraries."""

    backend: str

    @property
    def name(self) -> str:
        """As the tables show it."""
        return f"paper/{self.backend}"

    def affordable(self, shape: Shape) -> bool:  # noqa: ARG002 - of the protocol
        """On the native libraries always."""
        return self.backend != "py_ecc"

    def run(self, shape: Shape, watch: Stopwatch) -> None:
        """Do everything once. Raises ``WrongPlaintext``."""
        with using_backend(self.backend):
            self._run(shape, watch)

    def _run(self, shape: Shape, watch: Stopwatch) -> None:
        (a, A), (b, B) = watch.time("keygen", _two_keys)
        messages = [Z() ** random_scalar(secrets.token_bytes) for _ in range(shape.batch)]
        sealed = watch.time("encrypt", lambda: [_encrypt(A, message) for message in messages])
        shares = watch.time("kfrags_generate", partial(_share, pow(a, -1, R), B, shape))
        slots = list(shares)[-shape.threshold :]
        made = {
            slot: watch.time("reencrypt", partial(_convert, [c1 for c1, _ in sealed], shares[slot])) for slot in slots
        }
        combined = watch.time("combine", partial(_combine, made))
        opened = watch.time(
            "decrypt",
            lambda: [c2 * (alpha ** pow(b, -1, R)).inverse() for alpha, (_, c2) in zip(combined, sealed, strict=True)],
        )
        if opened != messages:
            raise WrongPlaintext(self.name)


def _two_keys() -> tuple[tuple[int, G1], tuple[int, G2]]:
    a, b = (random_scalar(secrets.token_bytes, nonzero=True) for _ in range(2))
    return (a, g1() * a), (b, g2() * b)


def _encrypt(A: G1, message: GT) -> _Ciphertext:
    k = random_scalar(secrets.token_bytes, nonzero=True)
    return A * k, message * Z() ** k


def _share(inverse: int, B: G2, shape: Shape) -> dict[int, G2]:
    """rk_i = g^{f(i)} with g^{f(0)} = g^{b/a}."""
    coefficients = [B * inverse, *(g2() * random_scalar(secrets.token_bytes) for _ in range(shape.threshold - 1))]
    shares = {}
    for slot in range(1, shape.size + 1):
        share = coefficients[-1]
        for coefficient in reversed(coefficients[:-1]):
            share = share * slot + coefficient
        shares[slot] = share
    return shares


def _convert(capsules: list[G1], share: G2) -> list[GT]:
    return [pairing(c1, share) for c1 in capsules]


def _combine(made: dict[int, list[GT]]) -> list[GT]:
    weights = lagrange_at_zero(made)
    combined = []
    for column in zip(*made.values(), strict=True):
        product = GT.one()
        for slot, value in zip(made, column, strict=True):
            product = product * value ** weights[slot]
        combined.append(product)
    return combined
