"""What every test may rely on: where the project is, and randomness that can be replayed."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=False, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("TPRE_HYPOTHESIS_PROFILE", "default"))

SEED = int(os.environ.get("TPRE_TEST_SEED") or random.SystemRandom().randrange(2**32))
# the workers of pytest-xdist are to draw the same
os.environ["TPRE_TEST_SEED"] = str(SEED)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in the background so, and what tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """Print what a randomised run needs to be replayed."""
    return f"TPRE_TEST_SEED={SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: one of them last would leave the other workers without work."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once more, below the failures, how to see each again by itself."""
    bad = [*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])]
    for name in dict.fromkeys(report.nodeid for report in bad):
        terminalreporter.write_line(f"replay: TPRE_TEST_SEED={SEED} python -m pytest '{name}'")


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder of pyproject.toml."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def seeded(request: pytest.FixtureRequest) -> random.Random:
    """A generator of its own for each test; TPRE_TEST_SEED, printed at the top of a run, replays all of them."""
    return random.Random(f"{SEED}/{request.node.nodeid}")
