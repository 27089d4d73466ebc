"""Proxies that are dead, slow or silent: the round is finished without them, or expires and says who was missing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.faults.stage.ledger import accounts_of
from tests.faults.stage.scene import QUICK, Scene
from tpre_offchain.chain.abi.events import (
    CfragsSubmitted,
    FeeClaimed,
    LeaderProposed,
    RoundClosed,
    RoundFinalized,
    VoteCast,
)
from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.clients.errors import RoundExpired
from tpre_offchain.proxy.rounds.rounds import slots_of

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def test_round__two_of_five_dead__finished_by_the_rest(whole: Scene) -> None:
    net, share = whole, whole.share()
    dead = net.ranked(share.grant_id)[:2]
    net.kill(*dead)
    round_id = net.open_round(share)
    assert not net.reaches(round_id, RoundFinalized).by_proof
    net.require_readable(share)
    assert accounts_of(net.ledger().of(CfragsSubmitted, round_id)).isdisjoint(net.proxies[n].address for n in dead)
    net.require_clean()


def test_round__two_of_five_silent_after_submitting__finished_by_vote(whole: Scene) -> None:
    net, share = whole, whole.share()
    first, second, *_ = net.ranked(share.grant_id)
    net.start(first, second, lie="silent_after_submit")
    round_id = net.open_round(share)
    final = net.reaches(round_id, RoundFinalized)
    assert not final.by_proof
    silent = {net.proxies[first].address, net.proxies[second].address}
    ledger = net.ledger()
    assert accounts_of(ledger.of(CfragsSubmitted, round_id)) >= silent
    assert final.leader not in silent
    assert silent.isdisjoint(vote.proxy for vote in ledger.of(VoteCast, round_id))
    net.require_readable(share)
    net.require_clean()


def test_round__leader_dies_after_proposing__others_finish(whole: Scene) -> None:
    net, share = whole, whole.share()
    leader = net.ranked(share.grant_id)[0]
    net.start(leader, failpoint="proxy.mined.Propose")
    round_id = net.open_round(share)
    assert net.child(leader).wait() == -signal.SIGKILL
    final = net.reaches(round_id, RoundFinalized)
    assert (final.leader, final.by_proof) == (net.proxies[leader].address, False)
    net.require_readable(share)
    net.require_clean()


def test_round__majority_never_votes__finalized_by_proof(whole: Scene) -> None:
    net, share = whole, whole.share(threshold=2)
    frozen = net.ranked(share.grant_id)[2:]
    for number in frozen:
        net.child(number).pause()
    net.changed.update(frozen)
    round_id = net.open_round(share)
    final = net.reaches(round_id, RoundFinalized)
    assert final.by_proof
    assert final.approvals.bit_count() == 2
    for number in frozen:
        net.child(number).go_on()
    net.require_readable(share)
    net.reaches(round_id, FeeClaimed, count=2)
    net.require_clean()


def test_round__proxies_sleep_through_it__wake_to_nothing_and_do_no_harm(whole: Scene) -> None:
    net, share = whole, whole.share()
    slow = net.ranked(share.grant_id)[1:3]
    for number in slow:
        net.child(number).pause()
    net.changed.update(slow)
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    for number in slow:
        net.child(number).go_on()
    again = net.open_round(share)
    net.reaches(again, RoundFinalized)
    net.require_readable(share)
    assert len(net.ledger().of(LeaderProposed, round_id)) == 1
    net.require_clean()


def test_round__fewer_than_threshold_alive__expires_deposit_returns_and_user_is_told(whole: Scene) -> None:
    net, share = whole, whole.share()
    alive, also_alive, *dead = net.ranked(share.grant_id)
    net.kill(*dead)
    before = net.run(net.contracts.grants.access_of(share.grant_id)).deposit
    round_id = net.open_round(share)
    assert net.run(net.contracts.grants.access_of(share.grant_id)).deposit < before
    net.reaches(round_id, CfragsSubmitted, count=2)
    net.node.ask("evm_increaseTime", QUICK.rounds.round_seconds + 1)
    net.node.ask("anvil_mine", "0x1")

    with pytest.raises(RoundExpired) as told:
        net.user.wait(round_id)
    assert set(told.value.missing) == {net.proxies[number].address for number in dead}
    assert told.value.retryable

    closed = net.reaches(round_id, RoundClosed)
    assert closed.phase is Phase.EXPIRED
    access = net.run(net.contracts.grants.access_of(share.grant_id))
    committee = net.run(net.user.session.grants.granted_committee(share.grant_id, access))
    missing = {committee[slot - 1].account for slot in slots_of(closed.missing)}
    assert missing == {net.proxies[number].address for number in dead}

    # posted cfrags can be combined by anyone, so they are paid; the rest is the user's again
    net.reaches(round_id, FeeClaimed, count=2)
    after = net.run(net.contracts.grants.access_of(share.grant_id)).deposit
    assert before - after == 2 * QUICK.rounds.fee_per_cfrag_wei
    assert {net.number_of(one.proxy) for one in net.ledger().of(FeeClaimed, round_id)} == {alive, also_alive}
    net.require_clean()

    net.all_up()
    net.require_readable(share)


def test_start__without_the_chain__says_so_in_one_line(whole: Scene, tmp_path: Path) -> None:
    net = whole
    net.launch(0, rpc_urls=["http://127.0.0.1:9"])
    child = net.child(0)
    assert child.wait() != 0
    assert "EndpointDown" in child.tail()
