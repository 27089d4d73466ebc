"""Money on a development chain: asked of the node, which gives it for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tpre_offchain.errors import ChainError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.cli.invocation import Invocation

FUNDS_WEI: Final = 100 * 10**18


class NoFaucet(ChainError):
    """The node gives no money away: it is no development node."""

    default_hint = "send ETH to the account from another one"


async def funded_deployer(connection: Connection) -> LocalAccount:
    """The account to deploy with on a development chain: the environment's, the node's well-known one, or a fresh one
    that the node funds. Raises ``NoFaucet``.
    """
    from eth_account import Account

    from tpre_offchain.deployment.deploy import NoDeployerKey, deployer_account

    try:
        return await deployer_account(connection)
    except NoDeployerKey:
        account: LocalAccount = Account.create()
        await fund(connection, [account.address])
        return account


async def fund(connection: Connection, accounts: Sequence[str], amount_wei: int = FUNDS_WEI) -> None:
    """Have a development node (anvil, hardhat, geth --dev) give accounts money. Raises ``NoFaucet``."""
    from tpre_offchain.chain.rpc.errors import RpcRefused

    for account in accounts:
        for setter in ("hardhat_setBalance", "anvil_setBalance"):
            with suppress(RpcRefused):
                await connection.rpc(setter, account, hex(amount_wei))
                break
        else:
            await _send_from_unlocked(connection, account, amount_wei)


def fund_local(run: Invocation, account: str) -> None:
    """Fund one account of the invocation's chain. Raises ``NoFaucet``, ``EndpointDown``."""
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.cli.opening import endpoints

    async def work() -> None:
        async with await Connection.open(endpoints(run)) as connection:
            await fund(connection, [account])

    asyncio.run(work())


async def _send_from_unlocked(connection: Connection, account: str, amount_wei: int) -> None:
    from tpre_offchain.chain.rpc.errors import RpcRefused

    try:
        unlocked: list[str] = await connection.rpc("eth_accounts")
        if not unlocked:
            raise NoFaucet("the node has no unlocked account to give money from")
        transfer: dict[str, Any] = {"from": unlocked[0], "to": account, "value": hex(amount_wei)}
        sent: str = await connection.rpc("eth_sendTransaction", transfer)
    except RpcRefused as refused:
        raise NoFaucet(f"the node gives no money: {refused.message}") from refused
    while await connection.receipt(bytes.fromhex(sent[2:])) is None:  # noqa: ASYNC110 - the chain tells no event
        await asyncio.sleep(0.05)
