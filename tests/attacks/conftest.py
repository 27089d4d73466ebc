"""One anvil with a granted access for the session; each test finds it as it was after the grant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.ground import Ground
from tests.integration.nets.local_nodes import ANVIL, start_anvil

FIRST_BLOCK = 100_000
"""Late enough for a place of the pool to have been left a cooldown ago."""


@pytest.fixture(scope="session")
def _ground() -> Iterator[Ground]:
    if not ANVIL.exists():
        pytest.skip("anvil is not in node_modules on this platform")
    node = start_anvil("--number", str(FIRST_BLOCK))
    try:
        yield Ground(node)
    finally:
        node.stop()


@pytest.fixture
def ground(_ground: Ground) -> Ground:
    """The real contracts on anvil, with one grant."""
    _ground.reset()
    return _ground


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever needs the ground needs anvil."""
    for item in items:
        if "ground" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.anvil)
