"""``tpre bench crypto``: every step for every shape, our curve libraries and the peers taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.offline import umbral_flow
from tpre_offchain.bench.offline.flow import JOINED, STEPS, Flow, path_ms
from tpre_offchain.bench.offline.our_flow import OurFlow
from tpre_offchain.bench.offline.paper_flow import PaperFlow
from tpre_offchain.bench.offline.umbral_flow import UmbralFlow
from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch, without_collector
from tpre_offchain.bench.units import COUNTS, unit_costs_us
from tpre_offchain.crypto.curve import available_backends

PEER: Final = "umbral-pre"
BUDGET_S: Final = 6.0
"""After that long a shape is measured no further, once there are ``FEWEST`` runs of it."""
FEWEST: Final = 2
IN_A_ROW: Final = 3
"""How often a scheme runs when its turn comes: once is to find all caches full of another's code."""
LONG: Final = 50
"""Conversions of one record by one proxy in a run, from which on a single run fills the caches itself."""

OnShape = Callable[[Shape], None]
"""Told of each shape before it is measured."""


def flows(backends: Iterable[str] | None = None) -> list[Flow]:
    """Our scheme on each library that is installed, the paper's as it is written on the first, and the peers."""
    chosen = available_backends() if backends is None else tuple(backends)
    found: list[Flow] = [OurFlow(name) for name in chosen]
    found.append(PaperFlow(chosen[0]))
    if umbral_flow.is_installed():
        found.append(UmbralFlow())
    return found


def measure(
    shapes: Sequence[Shape], repetitions: int, measured: Sequence[Flow], on_shape: OnShape = lambda _: None
) -> dict[str, Any]:
    """Times in milliseconds by shape, scheme and step (``bench.flow``), with ratios to umbral-pre."""
    warm = Shape(2, 3, 2)
    for flow in measured:
        if flow.affordable(warm):
            flow.run(warm, Stopwatch())
    table = []
    for shape in shapes:
        on_shape(shape)
        table.append(_measure_shape(shape, repetitions, [flow for flow in measured if flow.affordable(shape)]))
    units = {name: unit_costs_us(name) for name in available_backends() if name != "py_ecc"}
    return {
        "kind": "crypto",
        "machine": machine(),
        "repetitions": repetitions,
        "units_us": units,
        "counts": COUNTS,
        "shapes": table,
    }


def _measure_shape(shape: Shape, repetitions: int, measured: Sequence[Flow]) -> dict[str, Any]:
    watches = {flow.name: Stopwatch() for flow in measured}
    in_a_row = 1 if shape.threshold * shape.batch >= LONG else IN_A_ROW
    runs, until = 0, time.perf_counter() + BUDGET_S
    with without_collector():
        while runs < repetitions and (runs < FEWEST or time.perf_counter() < until):
            for flow in measured:
                for _ in range(in_a_row):
                    flow.run(shape, watches[flow.name])
            runs += 1
    steps = {name: watch.median_ms() for name, watch in watches.items()}
    rows = {name: _row(shape, ms) for name, ms in steps.items()}
    return {
        "t": shape.threshold,
        "n": shape.size,
        "batch": shape.batch,
        "repetitions": runs,
        "ms": rows,
        "ratios": {name: _ratios(row, rows[PEER]) for name, row in rows.items() if PEER in rows and name != PEER},
    }


def _row(shape: Shape, ms: dict[str, float]) -> dict[str, float]:
    row = {step: round(ms[step], 4) for step in STEPS if step in ms}
    for whole, parts in JOINED.items():
        if any(part in ms for part in parts):
            row[whole] = round(sum(ms.get(part, 0.0) for part in parts), 4)
    row["path"] = round(path_ms(shape, ms), 4)
    return row


def _ratios(ours: dict[str, float], peer: dict[str, float]) -> dict[str, float]:
    # what schemes cut differently is compared as a whole
    parts = {part for joined in JOINED.values() for part in joined}
    return {step: round(ours[step] / peer[step], 3) for step in ours if step in peer and step not in parts}
