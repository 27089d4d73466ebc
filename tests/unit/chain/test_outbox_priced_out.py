"""A transaction that a fee rise has priced out is replaced at the next look, and once for a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.fees import Fees
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import Address

GWEI = 10**9
LIMIT_WEI = 100 * GWEI
CALL = Call(Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), b"", value=1, gas_hint=21_000)
PACE = Pace(poll_first_s=0.001, poll_fast_s=0.001, look_s=0.01)


@dataclass
class Pool:
    """A node that takes everything into its pool and mines what it is told to."""

    base_fee_wei: int = GWEI
    blocks: int = 1
    sent: list[bytes] = field(default_factory=list)
    mined: bytes = b""
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever the newest block was asked for."""
    url: str = "http://127.0.0.1:1"

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        match method:
            case "eth_chainId":
                return {"result": hex(1337)}
            case "eth_getBlockByNumber":
                self.looked.set()
                return {"result": self._block()}
            case "eth_sendRawTransaction":
                self.sent.append(keccak(hexstr=params[0]))
                return {"result": "0x" + self.sent[-1].hex()}
            case "eth_getTransactionReceipt":
                return {"result": self._receipt() if params[0] == "0x" + self.mined.hex() else None}
            case "eth_getTransactionCount":
                return {"result": hex(bool(self.sent) and params[1] == "pending")}
            case _:
                return {"error": {"code": -32601, "message": "method not found"}}

    def _block(self) -> Mapping[str, Any]:
        word = f"0x{self.blocks:064x}"
        return {"number": hex(self.blocks), "hash": word, "parentHash": word, "timestamp": "0x1",
                "gasLimit": "0x1", "baseFeePerGas": hex(self.base_fee_wei)}  # fmt: skip

    def _receipt(self) -> Mapping[str, Any]:
        return {"logs": [], "transactionHash": "0x" + self.mined.hex(), "status": "0x1", "gasUsed": "0x5208",
                "blockNumber": hex(self.blocks), "blockHash": f"0x{self.blocks:064x}"}  # fmt: skip

    def rise_to(self, base_fee_wei: int) -> None:
        """A new block, with that base fee."""
        self.blocks += 1
        self.base_fee_wei = base_fee_wei

    async def seen(self, times: int = 3) -> None:
        """Until the newest block was looked at so often, and what followed from the looks before has been done."""
        for _ in range(times):
            self.looked.clear()
            await asyncio.wait_for(self.looked.wait(), 10)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def pool() -> Pool:
    return Pool()


@pytest.fixture
async def outbox(pool: Pool, request: pytest.FixtureRequest) -> AsyncIterator[Outbox]:
    settings = OutboxSettings(max_fee_limit_wei=LIMIT_WEI, pace=PACE, **getattr(request, "param", {}))
    async with await Outbox.open(Connection([pool], 1337), Account.create(), settings=settings) as opened:
        yield opened


def offers(outbox: Outbox) -> list[Fees]:
    """What was offered for the one transaction under way, oldest first."""
    (posted,) = outbox.pending()
    return [attempt.fees for attempt in posted.attempts]


async def waiting(outbox: Outbox, pool: Pool) -> asyncio.Task[Any]:
    """A transaction in the pool."""
    sending = asyncio.create_task(outbox.send(CALL, simulate=False))
    await pool.seen()
    assert offers(outbox) == [Fees(3 * GWEI, GWEI)]
    return sending


async def test_send__base_fee_above_the_offer__replaced_once_for_each_block(outbox: Outbox, pool: Pool) -> None:
    sending = await waiting(outbox, pool)
    for base, count in ((3 * GWEI, 1), (4 * GWEI, 2), (20 * GWEI, 3), (20 * GWEI, 3)):
        pool.rise_to(base)
        await pool.seen()
        assert len(offers(outbox)) == len(pool.sent) == count
        assert offers(outbox)[-1].max_fee_wei >= base
    for before, after in zip(offers(outbox), offers(outbox)[1:], strict=False):
        assert after.max_fee_wei * 10 >= before.max_fee_wei * 11
        assert after.tip_wei * 10 >= before.tip_wei * 11
    pool.mined = pool.sent[1]  # whichever of them it is
    assert (await sending).tx_hash == pool.sent[1]
    assert outbox.pending() == []


async def test_send__limit_below_the_base_fee__not_replaced_until_it_falls(outbox: Outbox, pool: Pool) -> None:
    sending = await waiting(outbox, pool)
    pool.rise_to(LIMIT_WEI + 1)
    await pool.seen()
    assert len(offers(outbox)) == 1
    pool.rise_to(LIMIT_WEI)
    await pool.seen()
    assert offers(outbox)[-1].max_fee_wei == LIMIT_WEI
    pool.mined = pool.sent[-1]
    await sending


@pytest.mark.parametrize("outbox", [{"daily_fee_cap_wei": 21_000 * 4 * GWEI}], indirect=True)
async def test_send__daily_cap_below_the_new_price__not_replaced(outbox: Outbox, pool: Pool) -> None:
    sending = await waiting(outbox, pool)
    pool.rise_to(4 * GWEI)
    await pool.seen()
    assert len(offers(outbox)) == 1
    pool.mined = pool.sent[0]
    await sending
