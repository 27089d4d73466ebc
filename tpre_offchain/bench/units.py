"""What single operations cost, and how many of them a step takes: how far a step is from what its library allows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Final

from tpre_offchain.crypto.curve import H2, R, g1, g2, msm, multi_pairing, using_backend, z_to_secret

_UNIT_RUNS: Final = 60
_WARM_RUNS: Final = 40
_SCALAR: Final = R // 3 * 2 + 12345
_CHALLENGE: Final = 2**128 // 3 * 2 + 12345
_SHORT: Final = (1, 4, 16)

COUNTS: Final[Mapping[str, Mapping[str, float]]] = {
    "keygen": {"g1 secret": 1, "g2 secret": 1},
    "encrypt": {"g1 secret": 2, "z secret": 1},
    "kfrags_generate": {"g1 secret": 11, "g2 secret": 3},
    "rekey_verify": {"3 pairings": 1, "g1 msm 2": 1, "g2 mul": 1, "g2 fixed": 1},
    "kfrag_verify": {"g1 secret": 2, "g1 msm 2": 1, "g1 msm 3": 1},
    "capsule_check": {"g1 decode": 1, "g1 msm 2": 1},
    "reencrypt": {"g1 secret": 3},
    "cfrags_verify": {"g1 msm 2": 2, "g1 msm 3": 1},
    "combine": {"g1 msm 3": 1},
    "decrypt": {"2 pairings fixed": 1, "g1 secret": 1, "z secret": 1, "g2 secret": 2},
}
"""Of one record with t=3, n=5. ``fixed``: of a base with a table; ``secret``: in constant time where the library can,
``z secret`` a power of Z; ``msm 2``: by a response and a challenge, ``msm 3``: by powers of a slot. The two
multiplications in G2 of ``decrypt`` are made once for a grant, the pairings are with fixed points of G2 from its second
record on.
"""


def unit_costs_us(backend: str) -> dict[str, float]:
    """Microseconds of processor time of single operations, each the median of many."""
    with using_backend(backend):
        p, q = g1() * 12345 + g1(), g2() * 777 + g2()
        three = [p, p + p, p + p + p]
        encoded = p.to_bytes()  # this form is decoded anew each time
        fixed = (q.fixed(), (q + q).fixed())
        target = multi_pairing([(p, q)])
        operations: dict[str, Callable[[], object]] = {
            "g1 fixed": lambda: g1() * _SCALAR,
            "g1 mul": lambda: p * _SCALAR,
            "g1 secret": lambda: p.times_secret(_SCALAR),
            "g1 msm 2": lambda: msm(three[:2], [_SCALAR, -_CHALLENGE]),
            "g1 msm 3": lambda: msm(three, _SHORT),
            "g1 decode": lambda: type(p).from_bytes(encoded),
            "g2 fixed": lambda: H2() * _SCALAR,
            "g2 mul": lambda: q * _SCALAR,
            "g2 secret": lambda: q.times_secret(_SCALAR),
            "z secret": lambda: z_to_secret(_SCALAR),
            "gt power": lambda: target**_SCALAR,
            "2 pairings": lambda: multi_pairing([(p, q), (p, q)]),
            "2 pairings fixed": lambda: multi_pairing([(p, fixed[0]), (p, fixed[1])]),
            "3 pairings": lambda: multi_pairing([(p, q)] * 3),
        }
        return {name: round(_median_us(operation), 1) for name, operation in operations.items()}


def library_floor_ms(units_us: Mapping[str, float], step: str) -> float:
    """What the library alone takes for a step of one record, t=3, n=5."""
    return sum(count * units_us[unit] for unit, count in COUNTS[step].items()) / 1000


def _median_us(operation: Callable[[], object]) -> float:
    for _ in range(_WARM_RUNS):  # so that tables are made
        operation()
    taken = []
    for _ in range(_UNIT_RUNS):
        started = time.process_time()
        operation()
        taken.append(time.process_time() - started)
    return statistics.median(taken) * 1e6
