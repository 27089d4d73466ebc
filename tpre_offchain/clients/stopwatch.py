"""Milliseconds of named stages, and the progress of long ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

OnProgress = Callable[[str, int, int | None], None]
"""Told of long work: stage, bytes done, bytes in all if known."""


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


class Stopwatch:
    """Adds up how long each stage took."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._spent_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside under ``name``."""
        started = self._clock()
        try:
            yield
        finally:
            self._spent_ms[name] = self._spent_ms.get(name, 0.0) + (self._clock() - started) * 1000

    def times_ms(self) -> Mapping[str, float]:
        """What was counted so far."""
        return dict(self._spent_ms)
