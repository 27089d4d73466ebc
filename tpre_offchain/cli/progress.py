"""Progress of long work, for a person at a terminal: nothing at all for what is over within a second."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from tpre_offchain.cli import text

if TYPE_CHECKING:
    from tpre_offchain.clients.stopwatch import OnProgress

PATIENCE_S: Final = 1.0
EVERY_S: Final = 0.2


def progress_on(*, shown: bool) -> OnProgress:
    """A listener that writes one line over and over to standard error, or one that does nothing."""
    return _Line() if shown else _nothing


def _nothing(_stage: str, _done: int, _total: int | None) -> None:
    return


class _Line:
    def __init__(self) -> None:
        self._started = self._last = time.monotonic()
        self._drawn = False

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        finished = total is not None and done >= total
        if now - self._started > PATIENCE_S and now - self._last > EVERY_S and not finished:
            share = f" {100 * done // total}%" if total else ""
            self._write(f"  {stage}: {text.size(done)}{share}")
            self._last = now
        elif finished and self._drawn:
            self._write("")
            self._drawn = False

    def _write(self, line: str) -> None:
        sys.stderr.write(f"\r{line:<60}" + ("" if line else "\r"))
        sys.stderr.flush()
        self._drawn = True
