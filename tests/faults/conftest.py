"""One net for each module of fault tests: a test leaves it whole, with every proxy honest and running."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.conftest import SEED
from tests.faults.scene import Scene, scene
from tests.integration.local_nodes import ANVIL


@pytest.fixture(scope="module")
def net(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Five proxies, all up."""
    if not ANVIL.exists():
        pytest.skip("anvil is not in node_modules on this platform")
    with scene(tmp_path_factory.mktemp("net"), f"{SEED}/{request.module.__name__}") as made:
        made.all_up()
        yield made


@pytest.fixture
def whole(net: Scene) -> Iterator[Scene]:
    """The net, put in order again after the test: whoever was killed, paused or made to lie is started anew."""
    yield net
    with contextlib.suppress(AssertionError):  # what the test found is what is to be told
        net.restart_honest(*net.changed)
    net.changed.clear()
