"""The outbox on real nodes: nonces, crashes, stuck transactions, concurrency, refusals."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from tests.integration.nets.local_nodes import ROOT, LocalNode, funded_account
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.reverts import ContractRevert, Reverted
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.errors import InsufficientFunds, NonceConflict, SpendCapReached
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import Address, GrantId

PEER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
ONE_WEI = Call(PEER, b"", value=1, gas_hint=21_000, description="send a wei")
HASTY = OutboxSettings(pace=Pace(stuck_after_s=0.3, sync_for_s=0.3, replacements=3))

CRASHING_SENDER = """
import asyncio, os, signal, sys
from tests.integration.nets.local_nodes import funded_account
from tests.integration.chain.test_chain_outbox import ONE_WEI
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.outbox.outbox import Outbox

async def main(url, path):
    connection = await Connection.open([url])
    outbox = await Outbox.open(connection, funded_account(1), path)
    asyncio.ensure_future(outbox.send(ONE_WEI, key="pay"))
    while not outbox.pending() or await connection.nonce(outbox.address, "pending") == 0:
        await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(*sys.argv[1:]))
"""


async def until(condition: Callable[[], object]) -> None:
    """Waits until something holds, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # the outbox has no event for a test to wait for
            await asyncio.sleep(0.01)


def crash_while_sending(node: LocalNode, path: Path) -> None:
    """A process that is killed after its transaction reached the node's pool, before it was mined."""
    ended = subprocess.run(
        [sys.executable, "-c", CRASHING_SENDER, node.url, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL


async def test_send__known_gas__costs_one_rpc_call(anvil: Connection) -> None:
    async with await Outbox.open(anvil, funded_account(0)) as outbox:
        await outbox.send(ONE_WEI, simulate=False)
        before = Counter(anvil.calls)
        receipt = await outbox.send(ONE_WEI, simulate=False)
        assert receipt.status
        assert anvil.calls - before == {"eth_sendRawTransactionSync": 1}


async def test_send__many_at_once__uses_each_nonce_once(any_node: LocalNode) -> None:
    async with (
        await Connection.open([any_node.url]) as connection,
        await Outbox.open(connection, funded_account(2)) as outbox,
    ):
        first = await connection.nonce(outbox.address)
        receipts = await asyncio.gather(*(outbox.send(ONE_WEI) for _ in range(25)))
        assert len({receipt.tx_hash for receipt in receipts}) == 25
        assert await connection.nonce(outbox.address) == first + 25
        assert outbox.pending() == []


async def test_send__same_key__sends_once(any_node: LocalNode) -> None:
    async with (
        await Connection.open([any_node.url]) as connection,
        await Outbox.open(connection, funded_account(3)) as outbox,
    ):
        first = await connection.nonce(outbox.address)
        receipts = await asyncio.gather(*(outbox.send(ONE_WEI, key="pay") for _ in range(5)))
        later = await outbox.send(ONE_WEI, key="pay")
        assert {receipt.tx_hash for receipt in receipts} == {later.tx_hash}
        assert await connection.nonce(outbox.address) == first + 1


async def test_send__caller_cancelled__transaction_still_followed(anvil: Connection) -> None:
    async with await Outbox.open(anvil, funded_account(3)) as outbox:
        waiting = asyncio.create_task(outbox.send(ONE_WEI, key="cancelled"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        receipt = await outbox.send(ONE_WEI, key="cancelled")
        assert receipt.status


async def test_open__killed_while_sending__follows_the_same_transaction(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    node = own_anvil("--no-mining")
    path = tmp_path / "outbox.sqlite"
    crash_while_sending(node, path)
    pool = node.ask("txpool_content")["pending"]
    (sent,) = [tx["hash"] for of_account in pool.values() for tx in of_account.values()]
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), path, HASTY) as outbox,
    ):
        again = asyncio.create_task(outbox.send(ONE_WEI, key="pay"))
        await asyncio.sleep(0.05)
        node.ask("evm_mine")
        receipt = await again
        assert "0x" + receipt.tx_hash.hex() == sent
        assert await connection.nonce(outbox.address) == 1


async def test_open__killed_and_database_lost__takes_the_next_nonce(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    node = own_anvil("--no-mining")
    crash_while_sending(node, tmp_path / "lost.sqlite")
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), ":memory:", HASTY) as outbox,
    ):
        sending = asyncio.create_task(outbox.send(ONE_WEI))
        await until(outbox.pending)
        assert [posted.nonce for posted in outbox.pending()] == [1]
        node.ask("evm_setAutomine", True)
        node.ask("evm_mine")
        assert (await sending).status
        assert await connection.nonce(outbox.address) == 2


async def test_open__nonce_taken_by_another_program_meanwhile__raises_nonce_conflict(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    node = own_anvil("--no-mining")
    path = tmp_path / "outbox.sqlite"
    crash_while_sending(node, path)
    pool = node.ask("txpool_content")["pending"]
    (ours,) = [tx["hash"] for of_account in pool.values() for tx in of_account.values()]
    node.ask("anvil_dropTransaction", ours)
    node.ask("evm_setAutomine", True)
    rival = {"from": funded_account(1).address, "to": PEER, "value": "0x2", "nonce": "0x0"}
    node.ask("eth_sendTransaction", rival)
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), path, HASTY) as outbox,
    ):
        with pytest.raises(NonceConflict, match="nonce 0 was used by another transaction") as raised:
            await outbox.send(ONE_WEI, key="pay")
        assert raised.value.nonce == 0
        assert raised.value.retryable
        assert (await outbox.send(ONE_WEI, key="pay")).status


async def test_send__nonce_below_vanished_from_the_pool__is_filled(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    node = own_anvil("--no-mining")
    crash_while_sending(node, tmp_path / "lost.sqlite")
    pool = node.ask("txpool_content")["pending"]
    (orphan,) = [tx["hash"] for of_account in pool.values() for tx in of_account.values()]
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), ":memory:", HASTY) as outbox,
    ):
        sending = asyncio.create_task(outbox.send(ONE_WEI))
        await until(outbox.pending)
        node.ask("anvil_dropTransaction", orphan)
        node.ask("evm_setIntervalMining", 1)
        receipt = await asyncio.wait_for(sending, 30)
        assert receipt.status
        assert await connection.nonce(outbox.address) == 2


async def test_send__chain_reorganised__what_was_lost_is_mined_again(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil()
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), settings=HASTY) as outbox,
    ):
        recipient = checksum_address(Account.create().address)
        payment = replace(ONE_WEI, to=recipient)
        for _ in range(3):
            await outbox.send(payment)
        node.ask("anvil_reorg", 2, [])
        assert await connection.nonce(outbox.address) == 1
        assert (await asyncio.wait_for(outbox.send(payment), 20)).status
        assert await connection.nonce(outbox.address) == 4
        assert await connection.balance(recipient) == 4


async def test_send__two_outboxes_of_one_account__both_come_through(any_node: LocalNode) -> None:
    async with (
        await Connection.open([any_node.url]) as connection,
        await Outbox.open(connection, funded_account(4), settings=HASTY) as one,
        await Outbox.open(connection, funded_account(4), settings=HASTY) as other,
    ):
        first = await connection.nonce(one.address)
        await one.send(ONE_WEI)
        # its nonce is used: it reads the chain again (the same call would be the very same transaction)
        await other.send(replace(ONE_WEI, value=2))
        await one.send(ONE_WEI)
        assert await connection.nonce(one.address) == first + 3


async def test_send__poor_account__raises_insufficient_funds(any_node: LocalNode) -> None:
    async with (
        await Connection.open([any_node.url]) as connection,
        await Outbox.open(connection, Account.create()) as outbox,
    ):
        with pytest.raises(InsufficientFunds) as poor:
            await outbox.send(ONE_WEI, simulate=False)
        assert poor.value.address == outbox.address
        assert poor.value.has_wei == 0
        assert poor.value.needed_wei > 21_000
        assert outbox.pending() == []


async def test_send__cap_too_small__raises_before_sending(anvil: Connection) -> None:
    settings = OutboxSettings(daily_fee_cap_wei=10)
    async with await Outbox.open(anvil, funded_account(5), settings=settings) as outbox:
        first = await anvil.nonce(outbox.address)
        with pytest.raises(SpendCapReached) as reached:
            await outbox.send(ONE_WEI)
        assert (reached.value.spent_wei, reached.value.cap_wei) == (0, 10)
        assert await anvil.nonce(outbox.address) == first


async def test_send__fees_add_up_to_the_cap__refuses_the_next(anvil: Connection) -> None:
    async with await Outbox.open(anvil, funded_account(5)) as probe:
        fee = (await probe.send(ONE_WEI)).fee_wei
    settings = OutboxSettings(daily_fee_cap_wei=4 * fee)
    async with await Outbox.open(anvil, funded_account(5), settings=settings) as outbox:
        await outbox.send(ONE_WEI)
        with pytest.raises(SpendCapReached) as reached:
            await asyncio.gather(*(outbox.send(ONE_WEI) for _ in range(5)))
        assert 0 < reached.value.spent_wei <= 4 * fee


async def test_send__contract_refuses_in_simulation__raises_and_sends_nothing(
    anvil: Connection, anvil_deployment: Deployment
) -> None:
    contracts = Contracts.of(anvil, anvil_deployment)
    async with await Outbox.open(anvil, funded_account(6)) as outbox:
        first = await anvil.nonce(outbox.address)
        with pytest.raises(ContractRevert) as refused:
            await outbox.send(contracts.grants.revoke(GrantId(77)))
        assert refused.value.name == "UnknownGrant"
        assert refused.value.arguments == {"grant_id": 77}
        assert refused.value.contract == "GrantRegistry"
        assert refused.value.hint
        assert not isinstance(refused.value, Reverted)
        assert await anvil.nonce(outbox.address) == first


@pytest.mark.parametrize("simulate", [True, False])
async def test_ensure__step_is_taken_already__returns_none(
    anvil: Connection, anvil_deployment: Deployment, simulate: bool
) -> None:
    contracts = Contracts.of(anvil, anvil_deployment)
    call = replace(contracts.treasury.withdraw(PEER), gas_hint=100_000)
    done = replace(call, done_errors=frozenset({"NothingToWithdraw"}))
    async with await Outbox.open(anvil, funded_account(6)) as outbox:
        assert await outbox.ensure(done, simulate=simulate) is None
        with pytest.raises(ContractRevert):
            await outbox.ensure(call, simulate=simulate)


async def test_send__mined_and_refused__raises_reverted_with_receipt(
    anvil: Connection, anvil_deployment: Deployment
) -> None:
    contracts = Contracts.of(anvil, anvil_deployment)
    call = replace(contracts.treasury.withdraw(PEER), gas_hint=100_000)
    async with await Outbox.open(anvil, funded_account(6)) as outbox:
        with pytest.raises(Reverted) as refused:
            await outbox.send(call, simulate=False)
        assert refused.value.name == "NothingToWithdraw"
        assert refused.value.arguments == {"account": outbox.address}
        assert refused.value.receipt.status is False
        assert refused.value.receipt.gas_used > 21_000
        # the nonce is used, and the next transaction goes on from it
        assert (await outbox.send(ONE_WEI)).status


async def test_open__other_chain_in_the_same_file__starts_afresh(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    path = tmp_path / "outbox.sqlite"
    for seconds in ("1700000000", "1800000000"):
        node = own_anvil("--timestamp", seconds)
        async with (
            await Connection.open([node.url]) as connection,
            await Outbox.open(connection, funded_account(1), path) as outbox,
        ):
            receipt = await outbox.send(ONE_WEI, key="pay")
            assert receipt.block_number == 1
    with sqlite3.connect(path) as rows:
        assert rows.execute("SELECT count(*) FROM transactions").fetchone() == (2,)
    rows.close()


async def test_outbox__shown_or_stored__holds_no_key(anvil: Connection, tmp_path: Path) -> None:
    account = funded_account(7)
    path = tmp_path / "outbox.sqlite"
    async with await Outbox.open(anvil, account, path) as outbox:
        await outbox.send(ONE_WEI)
        assert account.key.hex() not in repr(outbox)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240
    assert bytes(account.key) not in stored
    assert account.key.hex().encode() not in stored
