"""Fees that come due together: one transaction, and none is lost by another that is refused."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import ClaimedRound
from tpre_offchain.proxy.rounds import fees
from tpre_offchain.proxy.rounds.fees import FeeCollector
from tpre_offchain.proxy.rounds.grants import Seat
from tpre_offchain.types import GrantId, RoundId, Slot


class Chain:
    """Stands for contract and outbox: takes claims unless one of them is of a round that it refuses."""

    def __init__(self, refused: frozenset[int] = frozenset(), done: frozenset[int] = frozenset()) -> None:
        self.refused, self.done = refused, done
        self.sent: list[list[int]] = []
        self.keys: list[str] = []
        self.settled = asyncio.Event()
        self.settled.set()

    def claim_fees(self, _committee: object, _slot: object, claims: list[ClaimedRound]) -> list[int]:
        return [claim.round_id for claim in claims]

    async def ensure(self, call: list[int], *, key: str) -> list[int] | None:
        self.sent.append(call)
        self.keys.append(key)
        if self.refused & set(call):
            raise ContractRevert("NotSubmitted", {}, "ConversionRounds", b"")
        return None if self.done & set(call) else call

    async def left_over_is_settled(self) -> None:
        await self.settled.wait()


def collector(chain: Chain) -> FeeCollector:
    return FeeCollector(cast("Any", chain), cast("Any", chain), 0.02)


async def claim(collector: FeeCollector, *rounds: int, grant: int = 1) -> list[Any]:
    seat = Seat(GrantId(grant), Slot(1), (), cast("Any", None))
    claims = (collector.claim(seat, ClaimedRound(RoundId(number), bytes(32))) for number in rounds)
    return await asyncio.gather(*claims, return_exceptions=True)


async def test_claim__several_of_a_grant__one_transaction_for_all() -> None:
    chain = Chain()
    assert await claim(collector(chain), 1, 2, 3) == [[1, 2, 3]] * 3
    assert chain.sent == [[1, 2, 3]]


async def test_claim__of_two_grants__one_transaction_for_each() -> None:
    chain = Chain()
    both = collector(chain)
    await asyncio.gather(claim(both, 1, 2), claim(both, 3, grant=2))
    assert sorted(chain.sent) == [[1, 2], [3]]


async def test_claim__one_is_refused__the_others_are_claimed_alone() -> None:
    chain = Chain(refused=frozenset({2}))
    first, second, third = await claim(collector(chain), 1, 2, 3)
    assert (first, third) == ([1], [3])
    assert isinstance(second, ContractRevert)


async def test_claim__one_was_claimed_by_another__the_rest_alone() -> None:
    chain = Chain(done=frozenset({3}))
    assert await claim(collector(chain), 1, 2, 3) == [[1], [2], None]


async def test_claim__alone_and_refused__says_why_at_once() -> None:
    chain = Chain(refused=frozenset({1}))
    assert isinstance((await claim(collector(chain), 1))[0], ContractRevert)
    assert chain.sent == [[1]]


async def test_claim__more_than_fit__further_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fees, "CLAIMS_AT_ONCE", 2)
    chain = Chain()
    await claim(collector(chain), 1, 2, 3)
    assert chain.sent == [[1, 2], [3]]
    assert len(set(chain.keys)) == 2


async def test_claim__earlier_run_left_something_under_way__waits_for_it() -> None:
    chain = Chain()
    chain.settled.clear()
    waiting = asyncio.create_task(claim(collector(chain), 1))
    await asyncio.sleep(0.1)
    assert chain.sent == []
    chain.settled.set()
    assert await waiting == [[1]]
