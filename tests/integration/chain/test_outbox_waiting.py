"""Transactions that wait on a real node: priced out, never mined, or stranded by a reorganisation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.integration.chain.test_chain_outbox import HASTY, ONE_WEI, until
from tests.integration.nets.local_nodes import LocalNode, funded_account
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.errors import StuckTransaction
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection


async def test_send__not_mined__is_replaced_with_a_higher_fee(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil("--no-mining")
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), settings=HASTY) as outbox,
    ):
        sending = asyncio.create_task(outbox.send(ONE_WEI))
        await until(lambda: any(len(posted.attempts) > 1 for posted in outbox.pending()))
        first, second = outbox.pending()[0].attempts[:2]
        await asyncio.sleep(0.1)
        node.ask("evm_mine")
        receipt = await sending
        assert receipt.tx_hash == second.tx_hash
        assert second.fees.tip_wei >= first.fees.tip_wei * 9 // 8
        assert second.fees.max_fee_wei >= first.fees.max_fee_wei * 9 // 8


async def test_send__base_fee_rises_above_the_offer__replaced_without_the_wait_for_a_stuck_one(
    own_anvil: Callable[..., LocalNode],
) -> None:
    node = own_anvil("--no-mining")
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1)) as outbox,
    ):
        sending = asyncio.create_task(outbox.send(ONE_WEI))
        await until(lambda: int(node.ask("txpool_status")["pending"], 16) == 1)
        node.ask("anvil_setNextBlockBaseFeePerGas", hex(60 * 10**9))
        node.ask("evm_mine")
        await until(lambda: len(outbox.pending()[0].attempts) == 2)
        replacement = outbox.pending()[0].attempts[-1]
        await until(lambda: node.ask("eth_getTransactionByHash", "0x" + replacement.tx_hash.hex()))
        node.ask("evm_mine")
        assert (await asyncio.wait_for(sending, 10)).tx_hash == replacement.tx_hash


async def test_send__never_mined__raises_stuck_and_is_taken_up_again(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil("--no-mining")
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), settings=HASTY) as outbox,
    ):
        with pytest.raises(StuckTransaction) as stuck:
            await outbox.send(ONE_WEI, key="pay")
        assert stuck.value.nonce == 0
        assert stuck.value.retryable
        assert len(stuck.value.tx_hashes) > 1
        node.ask("evm_mine")
        receipt = await outbox.send(ONE_WEI, key="pay")
        assert receipt.tx_hash in stuck.value.tx_hashes
        assert await connection.nonce(outbox.address) == 1


async def test_send__one_before_it_reorganised_away__both_are_mined_soon(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil()
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1)) as outbox,
    ):
        await outbox.send(ONE_WEI)
        node.ask("evm_setAutomine", False)
        sending = asyncio.create_task(outbox.send(ONE_WEI))
        await until(lambda: int(node.ask("txpool_status")["pending"], 16) == 1)
        node.ask("anvil_reorg", 1, [])
        # the node counts on from the one in its pool, and throws it away when it finds no place for it
        assert (await connection.nonce(outbox.address), await connection.nonce(outbox.address, "pending")) == (0, 2)
        node.ask("evm_setAutomine", True)
        node.ask("evm_mine")
        assert (await asyncio.wait_for(sending, 20)).status
        assert await connection.nonce(outbox.address) == 2


async def test_send__more_than_may_be_in_flight__others_wait_their_turn(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil("--no-mining")
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), settings=replace(HASTY, in_flight=2)) as outbox,
    ):
        sending = [asyncio.create_task(outbox.send(replace(ONE_WEI, value=value))) for value in range(1, 6)]
        for left in (5, 3, 1):
            await until(lambda left=left: len(outbox.pending()) == min(left, 2))  # type: ignore[misc]
            await asyncio.sleep(0.2)
            assert int(node.ask("txpool_status")["pending"], 16) == len(outbox.pending()) == min(left, 2)
            node.ask("evm_mine")
        assert all(receipt.status for receipt in await asyncio.gather(*sending))


async def test_send__many_wait__the_first_looks_for_all(own_anvil: Callable[..., LocalNode]) -> None:
    node, many, looks = own_anvil("--no-mining"), 30, 5
    pace = Pace(look_s=0.5, stuck_after_s=30)
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), settings=OutboxSettings(pace=pace)) as outbox,
    ):
        sending = [asyncio.create_task(outbox.send(replace(ONE_WEI, value=value))) for value in range(1, many + 1)]
        await until(lambda: int(node.ask("txpool_status")["pending"], 16) == many)
        before = connection.calls.copy()
        await asyncio.sleep(looks * pace.look_s)
        asked = connection.calls - before
        assert 0 < asked["eth_getTransactionCount"] <= 2 * (looks + 1)
        assert 0 < asked["eth_getBlockByNumber"] <= 3 * (looks + 1)
        node.ask("evm_mine")
        assert all(receipt.status for receipt in await asyncio.gather(*sending))
