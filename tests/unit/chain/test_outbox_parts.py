"""The outbox's parts without a chain: fees, nonces, its memory, what nodes' refusals mean, ranges of logs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.errors import InsufficientFunds, Refusal, classify_refusal
from tpre_offchain.chain.outbox.fees import Fees, bumped_fees, first_fees, outbid_fees
from tpre_offchain.chain.outbox.nonces import Nonces
from tpre_offchain.chain.outbox.store import Attempt, OutboxStore, State
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, RpcRefused, find_revert_data
from tpre_offchain.chain.rpc.log_ranges import LogRanges
from tpre_offchain.chain.rpc.transport import open_transport, public_url
from tpre_offchain.types import Address

ADDRESS = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
WEI = st.integers(0, 10**15)


# --- fees -----------------------------------------------------------------------------------------


@given(base=WEI, tip=WEI, limit=st.integers(1, 10**15))
def test_first_fees__any_base_fee__stay_in_the_limit_and_tip_within_fee(base: int, tip: int, limit: int) -> None:
    fees = first_fees(base, tip, limit)
    assert fees.tip_wei <= fees.max_fee_wei <= limit


@given(max_fee=WEI, tip=WEI, base=WEI)
def test_bumped_fees__limit_allows__rise_enough_to_replace(max_fee: int, tip: int, base: int) -> None:
    before = Fees(max(max_fee, tip), tip)
    bumped = bumped_fees(before, base, 10**18)
    assert bumped is not None
    assert bumped.max_fee_wei * 10 > before.max_fee_wei * 11
    assert bumped.tip_wei * 10 > before.tip_wei * 11
    assert bumped.max_fee_wei >= base
    assert bumped.tip_wei <= bumped.max_fee_wei


def test_bumped_fees__limit_reached__is_none() -> None:
    assert bumped_fees(Fees(100, 10), 1, 112) is None
    assert bumped_fees(Fees(100, 10), 1, 113) == Fees(113, 12)


@given(max_fee=WEI, tip=WEI, base=WEI, limit=WEI)
def test_outbid_fees__any_base_fee__replace_what_is_priced_out_if_the_limit_reaches_it(
    max_fee: int, tip: int, base: int, limit: int
) -> None:
    before = Fees(max(max_fee, tip), tip)
    fees = outbid_fees(before, base, limit)
    if fees is None:
        assert before.max_fee_wei >= base or limit < max(base, before.max_fee_wei * 9 // 8 + 1)
    else:
        assert before.max_fee_wei < base <= fees.max_fee_wei <= limit
        assert fees.max_fee_wei * 10 > before.max_fee_wei * 11
        assert fees.tip_wei * 10 > before.tip_wei * 11


# --- nonces ---------------------------------------------------------------------------------------


def nonces_from(start: int) -> Nonces:
    counter = Nonces(None, ADDRESS)  # type: ignore[arg-type]  # the chain is not asked
    counter.next = start
    return counter


def test_give_back__the_highest__is_taken_again() -> None:
    nonces = nonces_from(5)
    assert [nonces.take(), nonces.take()] == [5, 6]
    nonces.give_back(6)
    assert (nonces.take_gaps(), nonces.take()) == ([], 6)


def test_give_back__one_below_others__is_a_gap_unless_taken() -> None:
    nonces = nonces_from(5)
    taken = [nonces.take() for _ in range(3)]
    nonces.give_back(taken[0])
    assert nonces.take() == 5
    nonces.give_back(5)
    assert nonces.take_gaps() == [5]
    assert nonces.take() == 8


@given(st.permutations(range(6)))
def test_give_back__all_in_any_order__starts_over(order: list[int]) -> None:
    nonces = nonces_from(0)
    for _ in order:
        nonces.take()
    for nonce in order:
        nonces.give_back(nonce)
    assert (nonces.take_gaps(), nonces.take()) == ([], 0)


# --- memory ---------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OutboxStore]:
    opened = OutboxStore(tmp_path / "outbox.sqlite", "1:genesis:me")
    yield opened
    opened.close()


CALL = Call(ADDRESS, b"\x01\x02", value=2**70, gas_hint=9, description="a step", contract="Treasury")
ATTEMPT = Attempt(b"h" * 32, b"raw", Fees(2**70, 3))


def test_store__reopened__finds_what_was_live(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    first = OutboxStore(path, "ledger")
    posted = first.add("key", 4, 21_000, CALL, ATTEMPT, now=1.0)
    first.add_attempt(posted, Attempt(b"i" * 32, b"raw2", Fees(9, 9)))
    first.close()
    again = OutboxStore(path, "ledger")
    (found,) = again.live()
    assert (found.key, found.nonce, found.gas) == ("key", 4, 21_000)
    assert (found.call.to, found.call.data, found.call.value) == (ADDRESS, b"\x01\x02", 2**70)
    assert [attempt.tx_hash for attempt in found.attempts] == [b"h" * 32, b"i" * 32]
    assert OutboxStore(path, "another ledger").live() == []
    again.close()


def test_store__key_or_nonce_live__refuses_a_second(store: OutboxStore) -> None:
    store.add("key", 4, 21_000, CALL, ATTEMPT, now=1.0)
    with pytest.raises(sqlite3.IntegrityError):
        store.add("key", 5, 21_000, CALL, ATTEMPT, now=1.0)
    with pytest.raises(sqlite3.IntegrityError):
        store.add("other", 4, 21_000, CALL, ATTEMPT, now=1.0)
    assert len(store.live()) == 1


def test_store__finished__frees_key_and_counts_its_fee(store: OutboxStore) -> None:
    posted = store.add("key", 4, 10, CALL, ATTEMPT, now=100.0)
    assert store.fees_since(0) == 10 * ATTEMPT.fees.max_fee_wei
    store.finish(posted, State.DONE, b"h" * 32, fee_wei=2**65)
    assert store.live() == []
    assert store.done_hash("key") == b"h" * 32
    assert (store.fees_since(100.0), store.fees_since(101.0)) == (2**65, 0)
    store.add("key", 5, 10, CALL, ATTEMPT, now=1.0)


def test_store__reverted_or_lost__is_not_done(store: OutboxStore) -> None:
    for nonce, state in enumerate((State.REVERTED, State.LOST)):
        store.finish(store.add("key", nonce, 10, CALL, ATTEMPT, now=1.0), state, b"h" * 32)
    assert store.done_hash("key") is None


def test_prune__old_and_settled__keeps_what_is_live(store: OutboxStore) -> None:
    store.finish(store.add("old", 1, 10, CALL, ATTEMPT, now=1.0), State.DONE, b"h" * 32)
    store.add("live", 2, 10, CALL, ATTEMPT, now=1.0)
    store.prune(before=50.0)
    assert store.done_hash("old") is None
    assert [posted.key for posted in store.live()] == ["live"]


# --- what nodes say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        ("already known", Refusal.KNOWN),  # geth
        ("transaction already imported", Refusal.KNOWN),  # anvil
        ("Known transaction: 0xd3", Refusal.KNOWN),  # hardhat, besu
        ("AlreadyKnown", Refusal.KNOWN),  # nethermind
        ("nonce too low: next nonce 5, tx nonce 4", Refusal.NONCE_LOW),
        ("Nonce too low. Expected nonce to be 1 but got 0.", Refusal.NONCE_LOW),
        ("OldNonce", Refusal.NONCE_LOW),
        ("Nonce too high. Expected nonce to be 1 but got 2.", Refusal.NONCE_HIGH),
        ("replacement transaction underpriced", Refusal.REPLACEMENT_CHEAP),
        ("insufficient funds for gas * price + value: balance 0", Refusal.FUNDS),
        ("Insufficient funds for gas * price + value", Refusal.FUNDS),
        ("Sender doesn't have enough funds to send tx.", Refusal.FUNDS),
        ("max fee per gas less than block base fee", Refusal.FEE_LOW),
        ("Transaction maxFeePerGas (1) is too low for the next block", Refusal.FEE_LOW),
        ("transaction underpriced: gas tip cap 0, minimum needed 1", Refusal.FEE_LOW),
        ("The transaction was added to the mempool but wasn't processed within 20s", Refusal.WAITING),
        ("intrinsic gas too low", Refusal.OTHER),
        ("execution reverted", Refusal.OTHER),
    ],
)
def test_classify_refusal__words_of_a_client__are_understood(message: str, meaning: Refusal) -> None:
    assert classify_refusal(message) is meaning


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("0x1234", b"\x12\x34"),
        ({"data": "0x1234", "message": "x"}, b"\x12\x34"),
        ({"message": "x", "data": {"data": "0x12"}}, b"\x12"),
        ("0xzz", None),
        ("reverted", None),
        (None, None),
        ({}, None),
    ],
)
def test_find_revert_data__shapes_of_clients__are_read(data: object, found: bytes | None) -> None:
    assert find_revert_data(data) == found


def test_revert_data__error_that_is_no_revert__is_none() -> None:
    assert RpcRefused("eth_call", -32000, "header not found", None).revert_data is None
    assert RpcRefused("eth_call", 3, "execution reverted", None).revert_data == b""


def test_insufficient_funds__hint__says_how_much_is_missing() -> None:
    error = InsufficientFunds(ADDRESS, needed_wei=3 * 10**18, has_wei=10**18)
    assert "2.000000 ETH" in str(error.hint)
    assert error.culprit == ADDRESS


def test_public_url__key_in_the_path__is_left_out() -> None:
    assert public_url("https://user:pass@rpc.example.org:8443/v3/secret?key=secret") == "https://rpc.example.org:8443"


def test_open_transport__other_scheme__is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="http, https, ws or wss") as refused:
        open_transport("ipc:/secret")
    assert "secret" not in str(refused.value)


async def test_open__no_url__raises_endpoint_down_for_good() -> None:
    with pytest.raises(EndpointDown) as down:
        await Connection.open([])
    assert not down.value.retryable


@given(st.floats(0.001, 1), st.floats(0, 100))
def test_next_wait__any_age__grows_to_its_bound(wait_s: float, age_s: float) -> None:
    pace = Pace()
    bound = pace.poll_fast_s if age_s < pace.fast_for_s else pace.poll_slow_s
    assert pace.next_wait(wait_s, age_s) <= bound


# --- ranges of logs -------------------------------------------------------------------------------


def log_at(block: int) -> Log:
    return Log(ADDRESS, (), b"", block, b"b" * 32, b"t" * 32, 0)


@given(limit=st.integers(1, 40), first=st.integers(0, 100), blocks=st.integers(0, 200), size=st.integers(1, 500))
async def test_collect__node_limits_its_answers__gives_every_block_once(
    limit: int, first: int, blocks: int, size: int
) -> None:
    asked: list[int] = []

    async def ask(start: int, end: int) -> list[Log]:
        if end - start + 1 > limit:
            raise RpcRefused("eth_getLogs", -32005, "query returned more than 10000 results", None)
        asked.append(end - start + 1)
        return [log_at(block) for block in range(start, end + 1)]

    ranges = LogRanges(size)
    last = first + blocks - 1
    found = await ranges.collect(ask, first, last)
    assert [log.block_number for log in found] == list(range(first, last + 1))
    assert all(count <= limit for count in asked)


async def test_collect__one_block_is_too_much__raises() -> None:
    async def ask(start: int, end: int) -> list[Log]:
        raise RpcRefused("eth_getLogs", -32005, "query returned more than 10000 results", None)

    ranges = LogRanges(64)
    with pytest.raises(RpcRefused):
        await ranges.collect(ask, 0, 63)
    assert ranges.size == 1


async def test_collect__other_refusal__raises_at_once() -> None:
    asked = []

    async def ask(start: int, end: int) -> list[Log]:
        asked.append((start, end))
        raise RpcRefused("eth_getLogs", -32602, "invalid params", None)

    with pytest.raises(RpcRefused):
        await LogRanges(64).collect(ask, 0, 63)
    assert len(asked) == 1


async def test_collect__endpoint_dead__gives_up_after_a_few_smaller_questions() -> None:
    asked = []

    async def ask(start: int, end: int) -> list[Log]:
        asked.append(end - start + 1)
        raise EndpointDown("eth_getLogs: TimeoutError")

    with pytest.raises(EndpointDown):
        await LogRanges(1024).collect(ask, 0, 1023)
    assert asked == [1024, 512, 256, 128]


async def test_collect__many_successes__grows_again() -> None:
    async def ask(start: int, end: int) -> list[Log]:
        return []

    ranges = LogRanges(1)
    await ranges.collect(ask, 0, 1000)
    assert ranges.size > 64
