"""What ``make bench`` measures, in which order."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Measurement = Callable[[bool], Mapping[str, Any]]
"""Measures; told whether to be quick."""


def measure_all(folder: Path, *, quick: bool, say: Callable[[str], None]) -> list[Path]:
    """Run every measurement and keep each as ``folder/NAME.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, measurement in _measurements().items():
        say(f"measuring {name}")
        path = folder / f"{name}.json"
        path.write_text(json.dumps(measurement(quick), indent=1) + "\n")
        written.append(path)
    return written


def _measurements() -> Mapping[str, Measurement]:
    return {"crypto": _crypto}


def _crypto(quick: bool) -> Mapping[str, Any]:
    from tpre_offchain.bench.crypto import flows, measure
    from tpre_offchain.bench.shapes import COMMITTEES, CRYPTO_BATCHES, Shape

    committees, batches = (((3, 5),), (1, 10)) if quick else (COMMITTEES, CRYPTO_BATCHES)
    return measure([Shape(t, n, batch) for t, n in committees for batch in batches], 5 if quick else 20, flows())
