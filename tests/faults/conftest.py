"""One net for each module of fault tests: a test leaves it whole, with every proxy honest and running."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

import pytest

from tests.conftest import SEED
from tests.faults.stage import rpc_proxy
from tests.faults.stage.rpc_proxy import RpcProxy
from tests.faults.stage.scene import Scene, scene
from tests.integration.nets.local_nodes import ANVIL

SAMPLED = ("test_round__proxy_killed_at_step__completed_once", "test_program__killed_at_step__its_work_is_done_once")
KEPT = 8


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the long lists of steps, each run takes some, by its seed; ``TPRE_FAULTS=all`` takes them all."""
    if os.environ.get("TPRE_FAULTS") == "all":
        return
    for name in SAMPLED:
        steps = [item for item in items if getattr(item, "originalname", "") == name]
        if len(steps) > KEPT:
            left_out = random.Random(f"{SEED}/{name}").sample(steps, len(steps) - KEPT)
            items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="module")
def net(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Five proxies, all up."""
    if not ANVIL.exists():
        pytest.skip("anvil is not in node_modules on this platform")
    with scene(tmp_path_factory.mktemp("net"), f"{SEED}/{request.module.__name__}") as made:
        made.all_up()
        yield made


@pytest.fixture
def whole(net: Scene, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """The net, put in order again after the test: whoever was killed, paused or made to lie is started anew.

    Its chances are the test's own: those of a test that is run by itself are those of the whole run.
    """
    net.chance.seed(f"{SEED}/{request.node.nodeid}")
    yield net
    with contextlib.suppress(AssertionError):  # what the test found is what is to be told
        net.restart_honest(*net.changed)
    net.changed.clear()


@pytest.fixture
def bad(net: Scene) -> Iterator[RpcProxy]:
    """The net's endpoint for trouble, honest before and after."""
    net.endpoint.behaviour = rpc_proxy.honest
    yield net.endpoint
    net.endpoint.behaviour = rpc_proxy.honest
