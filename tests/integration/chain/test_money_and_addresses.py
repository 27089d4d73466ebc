"""What set-up refuses on real nodes: a deployer that is not alone, a chain that gives no money."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.integration.nets.local_nodes import LocalNode, funded_account
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import RpcRefused
from tpre_offchain.cli.local.funding import NoFaucet, fund
from tpre_offchain.deployment.deploy import UnexpectedAddress, deploy
from tpre_offchain.types import Address

pytestmark = pytest.mark.anvil
PEER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


async def test_deploy__another_transaction_in_between__raises_unexpected_address(
    own_anvil: Callable[..., LocalNode],
) -> None:
    node, deployer = own_anvil(), funded_account(0)

    async def rival(connection: Connection) -> None:
        while await connection.nonce(Address(deployer.address)) == 0:  # noqa: ASYNC110  # the first contract is mined
            await asyncio.sleep(0)
        for _ in range(20):  # the deployer may take a nonce first
            with suppress(RpcRefused):
                await connection.rpc("eth_sendTransaction", {"from": deployer.address, "to": PEER, "value": "0x1"})
                return

    async with await Connection.open([node.url]) as connection, await Connection.open([node.url]) as other:
        intruding = asyncio.create_task(rival(other))
        with pytest.raises(UnexpectedAddress, match="not at") as raised:
            await deploy(connection, deployer)
        await intruding
    assert raised.value.retryable
    assert "nothing else uses" in (raised.value.hint or "")


class WithoutFaucet:
    """A node that refuses what only development nodes offer, and holds no accounts; all else is the real node's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rpc(self, method: str, *parameters: object) -> object:
        if method.endswith("_setBalance"):
            return await self._connection.rpc(f"absent{method}", *parameters)
        return [] if method == "eth_accounts" else await self._connection.rpc(method, *parameters)


async def test_fund__node_without_money_to_give__raises_no_faucet(anvil: Connection) -> None:
    with pytest.raises(NoFaucet, match="no unlocked account") as raised:
        await fund(WithoutFaucet(anvil), [PEER])  # type: ignore[arg-type]
    assert raised.value.hint == "send ETH to the account from another one"
