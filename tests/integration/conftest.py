"""Nodes for integration tests: one anvil and one hardhat node a session, and anvils of a test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.integration.nets.local_nodes import (
    ANVIL,
    HARDHAT,
    LocalNode,
    funded_account,
    start_anvil,
    start_anvil_at,
    start_hardhat,
)
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.deployment.deploy import deploy


@pytest.fixture(scope="session")
def anvil_node() -> Iterator[LocalNode]:
    """An anvil that mines each transaction at once, shared by the session."""
    if not ANVIL.exists():
        pytest.skip("anvil is not in node_modules on this platform")
    node = start_anvil()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def hardhat_node() -> Iterator[LocalNode]:
    """A hardhat node, shared by the session."""
    if not HARDHAT.exists():
        pytest.skip("hardhat is not installed")
    node = start_hardhat()
    yield node
    node.stop()


@pytest.fixture(params=["anvil", "hardhat"])
def any_node(request: pytest.FixtureRequest) -> LocalNode:
    """Each of the two kinds of node in turn."""
    node: LocalNode = request.getfixturevalue(f"{request.param}_node")
    return node


@pytest.fixture
def own_anvil() -> Iterator[Callable[..., LocalNode]]:
    """Starts anvils with options, for tests that stop mining, reorganise, or kill the node."""
    if not ANVIL.exists():
        pytest.skip("anvil is not in node_modules on this platform")
    started: list[LocalNode] = []

    def start(*options: str, port: int | None = None) -> LocalNode:
        started.append(start_anvil(*options) if port is None else start_anvil_at(port, *options))
        return started[-1]

    yield start
    for node in started:
        node.stop()


@pytest.fixture(scope="session")
def anvil_deployment(anvil_node: LocalNode) -> Deployment:
    """The six contracts on the session's anvil, deployed by account 9."""

    async def put() -> Deployment:
        async with await Connection.open([anvil_node.url]) as connection:
            return await deploy(connection, funded_account(9))

    return asyncio.run(put())


@pytest.fixture
async def anvil(anvil_node: LocalNode) -> AsyncIterator[Connection]:
    """A connection to the session's anvil."""
    async with await Connection.open([anvil_node.url], 31337) as connection:
        yield connection
