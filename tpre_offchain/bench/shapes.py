"""What is measured: thresholds, committees and batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shape:
    """A threshold, a committee's size and the number of records that are converted together."""

    threshold: int
    size: int
    batch: int = 1


COMMITTEES: Final = ((1, 1), (2, 3), (3, 5), (5, 9), (9, 16), (16, 32))
CRYPTO_BATCHES: Final = (1, 10, 100)
GAS_BATCHES: Final = (1, 2, 5, 10, 20, 50, 100)
