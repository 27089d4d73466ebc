"""Fees that jump, nonces that are stuck, accounts that are empty; disks that are full or read-only; wrong clocks."""

from __future__ import annotations

import time

import pytest

from tests.faults.stage import bad_disk
from tests.faults.stage.scene import RICH_WEI, Scene
from tpre_offchain.chain.abi.events import CfragsSubmitted, RoundFinalized
from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.types import GrantId

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

GWEI = 10**9
needs_namespaces = pytest.mark.skipif(not bad_disk.possible(), reason="this system lets us make no mount namespace")


def logged(net: Scene, number: int, text: str) -> bool:
    return any(text in str(line) for line in net.child(number).logs())


def submitted(net: Scene, round_id: int, number: int) -> bool:
    return net.proxies[number].address in {one.proxy for one in net.ledger().of(CfragsSubmitted, round_id)}


def next_block(net: Scene, base_fee_wei: int) -> None:
    net.node.ask("anvil_setNextBlockBaseFeePerGas", hex(base_fee_wei))
    net.node.ask("anvil_mine", "0x1")


# --- money ----------------------------------------------------------------------------------------


def test_round__base_fee_jumps_hundredfold__paid_and_finished(whole: Scene) -> None:
    net, share = whole, whole.share()
    next_block(net, 150 * GWEI)
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.require_clean()


def test_round__fee_rises_while_transactions_wait__replaced_and_finished(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=5)
    for number in range(5):  # until no block is made any more
        net.child(number).pause()
    try:
        round_id = net.open_round(share)
        net.node.ask("evm_setAutomine", False)
    finally:
        for number in range(5):
            net.child(number).go_on()
    try:
        # of all five, or one that comes late would pay today's price and go ahead of them
        net.until(
            lambda: len({one["from"] for one in net.waiting_transactions()}) == 5,
            "transactions of all five in the pool",
        )
        waiting = net.waiting_transactions()
        # what is offered depends on the base fees that the proxies have seen last
        next_block(net, 1 + max(int(one["maxFeePerGas"], 16) for one in waiting))
    finally:
        net.node.ask("evm_setAutomine", True)
    risen = time.monotonic()
    net.reaches(round_id, RoundFinalized)  # which takes every member's cfrags
    assert time.monotonic() - risen < Pace().stuck_after_s / 2
    # a replacement makes a block, after which the fee falls, perhaps to what the others offered
    assert any(net.node.ask("eth_getTransactionReceipt", one["hash"]) is None for one in waiting)
    net.require_readable(share)
    net.require_clean()


def test_round__nonce_used_by_another_program__read_anew_and_finished(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=5)
    number = net.ranked(share.grant_id)[0]
    account = net.proxies[number].keys.account
    nonce = int(net.node.ask("eth_getTransactionCount", account.address, "pending"), 16)
    stolen = account.sign_transaction(
        {"type": 2, "chainId": 31337, "nonce": nonce, "to": account.address, "value": 0, "gas": 21_000,
         "maxFeePerGas": 500 * GWEI, "maxPriorityFeePerGas": GWEI}
    )  # fmt: skip
    net.node.ask("eth_sendRawTransaction", "0x" + stolen.raw_transaction.hex())
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    net.require_clean()


def test_round__account_empty__clear_error_and_goes_on_when_funded(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=5)
    number = net.ranked(share.grant_id)[0]
    net.node.ask("anvil_setBalance", net.proxies[number].address, "0x1")
    round_id = net.open_round(share)
    net.until(lambda: logged(net, number, "InsufficientFunds"), "error about the empty account")
    assert not submitted(net, round_id, number)
    net.node.ask("anvil_setBalance", net.proxies[number].address, hex(RICH_WEI))
    net.reaches(round_id, RoundFinalized)
    assert submitted(net, round_id, number)
    net.require_clean()


# --- disks ----------------------------------------------------------------------------------------


@needs_namespaces
@pytest.mark.parametrize("disk", ["full", "read-only"])
def test_round__two_proxies_with_a_bad_disk__finished_by_the_rest(whole: Scene, disk: str) -> None:
    net, share = whole, whole.share()
    ill = net.ranked(share.grant_id)[:2]
    for number in ill:
        net.launch(number, disk=disk)
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    for number in ill:
        assert net.child(number).wait() != 0
        assert "StateUnwritable" in net.child(number).tail()
    net.restart_honest(*ill)  # the disk is good again: so are they
    again = net.open_round(share)
    net.reaches(again, RoundFinalized)
    net.require_clean()


def test_start__cursor_and_outbox_are_garbage__rebuilt_from_the_chain(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=5)
    number = net.ranked(share.grant_id)[0]
    net.kill(number)
    for file in net.state_of(number).iterdir():
        file.write_bytes(net.chance.randbytes(5000))
    round_id = net.open_round(share)
    net.start(number)
    net.reaches(round_id, RoundFinalized)
    assert submitted(net, round_id, number)
    assert logged(net, number, "cursor_rebuilt")
    net.require_clean()


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("off_s", [-3600, 3600])
def test_round__two_clocks_off_by_an_hour__finished(whole: Scene, off_s: int) -> None:
    net, share = whole, whole.share()
    wrong = net.ranked(share.grant_id)[:2]
    net.start(*wrong, clock_off_s=off_s)
    round_id = net.open_round(share)
    started = time.monotonic()
    net.reaches(round_id, RoundFinalized)
    assert time.monotonic() - started < 20
    net.require_readable(share)
    net.require_clean()


def test_round__every_clock_an_hour_behind__blocks_tell_the_time(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=2)
    first, second, *_ = net.ranked(GrantId(share.grant_id))
    net.only(first, second)
    net.start(first, second, clock_off_s=-3600)
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)  # by proof, and so after a wait that no block ended
    net.require_clean()
