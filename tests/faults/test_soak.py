"""A short soak; `make soak` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SEED
from tests.faults.soak import soak

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def test_soak__twelve_rounds_with_random_faults__nothing_lost_wrong_stuck_or_paid_twice(tmp_path: Path) -> None:
    report = soak(12, SEED, tmp_path)
    assert (report.lost, report.wrong, report.stuck, report.double_paid) == (0, 0, 0, 0), report.failures
    assert report.rounds == 12
