"""How much of a stranger's noise a proxy listens to."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable


class Bucket:
    """So many failures at once by one source, and so many a second from then on. Remembers ``sources`` at most."""

    def __init__(
        self, burst: int, per_s: float, *, sources: int = 1_024, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._per_s, self._sources, self._clock = float(burst), per_s, sources, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def empty(self, source: str) -> bool:
        """Whether a source has failed too often."""
        return self._now(source) < 1.0

    def take(self, source: str) -> None:
        """Count a failure."""
        self._left[source] = (self._now(source) - 1.0, self._clock())
        self._left.move_to_end(source)
        while len(self._left) > self._sources:
            self._left.popitem(last=False)

    def _now(self, source: str) -> float:
        left, at = self._left.get(source, (self._burst, self._clock()))
        return min(self._burst, left + (self._clock() - at) * self._per_s)
