"""Samples of durations, and what is said of them."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

_Result = TypeVar("_Result")


@dataclass
class Stopwatch:
    """Seconds of processor time by operation, each time that it was done.

    Processor time of all threads rather than wall time: what other processes do then costs nobody anything.
    """

    samples: dict[str, list[float]] = field(default_factory=dict)

    def time(self, operation: str, work: Callable[[], _Result]) -> _Result:
        """Do ``work`` once and keep what it took; its result."""
        started = time.process_time()
        result = work()
        self.samples.setdefault(operation, []).append(time.process_time() - started)
        return result

    def median_ms(self) -> dict[str, float]:
        """The median of each operation in milliseconds."""
        return {operation: statistics.median(taken) * 1000 for operation, taken in self.samples.items()}


@contextmanager
def without_collector() -> Iterator[None]:
    """No garbage collection inside the block: it would fall on whoever happens to be measured."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of all do not exceed (nearest rank). Raises ``ValueError`` for no values."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def summary(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99, mean, least and greatest, and how many."""
    return {
        **{f"p{percent}": round(percentile(values, percent), 3) for percent in (50, 95, 99)},
        "mean": round(statistics.fmean(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "count": len(values),
    }
