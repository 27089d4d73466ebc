"""RPC endpoints that drop, stall, answer late, limit, stand still or disagree; WebSockets that are cut."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.stage import rpc_proxy
from tests.faults.stage.rpc_proxy import TROUBLES, RpcProxy
from tests.faults.stage.scene import Scene
from tests.integration.nets.local_nodes import LocalNode, start_anvil
from tpre_offchain.chain.abi.events import CfragsSubmitted, FeeClaimed, RoundFinalized
from tpre_offchain.chain.rpc.agreement import DEPTH, check_agreement
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import EndpointsDisagree
from tpre_offchain.clients import Session

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def submitter(net: Scene, round_id: int) -> set[str]:
    return {one.proxy for one in net.ledger().of(CfragsSubmitted, round_id)}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_round__first_endpoint_in_trouble__served_over_the_second(whole: Scene, bad: RpcProxy, trouble: str) -> None:
    # where all five must submit, one that has the news late cannot be done without
    net, share = whole, whole.share(threshold=3 if trouble == "stale" else 5)
    net.node.ask("anvil_mine", hex(64))
    first = net.ranked(share.grant_id)[0]
    net.start(first, rpc_urls=[bad.url, net.node.url])
    bad.behaviour = TROUBLES[trouble](net.node)
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    if trouble != "stale":  # that one learns of the round once it looks elsewhere, and that may be late
        assert net.proxies[first].address in submitter(net, round_id)
    net.require_readable(share)
    net.require_clean()


def test_round__only_endpoint_away_for_a_while__served_once_it_is_back(whole: Scene, bad: RpcProxy) -> None:
    net, share = whole, whole.share(threshold=5)
    one = net.ranked(share.grant_id)[0]
    net.start(one, rpc_urls=[bad.url])
    bad.behaviour = rpc_proxy.drop
    round_id = net.open_round(share)
    net.reaches(round_id, CfragsSubmitted, count=4)
    bad.behaviour = rpc_proxy.honest
    net.reaches(round_id, RoundFinalized)
    assert any(line.get("error") == "EndpointDown" for line in net.child(one).logs())
    net.require_readable(share)
    net.require_clean()


@pytest.mark.parametrize("second", [True, False], ids=["second_endpoint", "only_endpoint"])
@pytest.mark.parametrize("recovers", [True, False], ids=["recovers", "stays_away"])
def test_round__endpoint_stalls_after_submission__finished_and_paid_once_a_node_answers(
    whole: Scene, bad: RpcProxy, second: bool, recovers: bool
) -> None:
    net, share = whole, whole.share(threshold=5)
    first, *_, last = net.ranked(share.grant_id)
    stalled = net.proxies[first].address
    net.start(first, rpc_urls=[bad.url, net.node.url] if second else [bad.url], request_timeout_s=2.0)
    net.child(last).pause()  # the round is to be in its middle when the endpoint stalls
    net.changed.add(last)
    round_id = net.open_round(share)
    net.reaches(round_id, CfragsSubmitted, count=4)
    assert stalled in submitter(net, round_id)
    bad.behaviour = rpc_proxy.stall
    asked = bad.calls.total()
    net.child(last).go_on()
    net.until(lambda: bad.calls.total() > asked, "request that is not answered")
    net.reaches(round_id, RoundFinalized)
    net.require_readable(share)
    if recovers:
        bad.behaviour = rpc_proxy.honest
    answered = second or recovers
    net.reaches(round_id, FeeClaimed, count=5 if answered else 4)
    paid = {claim.proxy for claim in net.ledger().of(FeeClaimed, round_id)}
    assert (stalled in paid) is answered
    if not answered:
        what = "report of the endpoint"
        net.until(lambda: any(line.get("error") == "EndpointDown" for line in net.child(first).logs()), what)
    net.require_clean()


def test_round__websocket_cut_in_mid_event__served_all_the_same(whole: Scene, bad: RpcProxy) -> None:
    net, share = whole, whole.share(threshold=5)
    one = net.ranked(share.grant_id)[0]
    net.start(one, rpc_urls=[bad.ws_url, net.node.url])
    bad.cut_sockets_after = 0
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)
    assert bad.cuts == 1
    net.require_readable(share)
    net.require_clean()


def test_round__endpoint_hides_logs__finished_by_the_others(whole: Scene, bad: RpcProxy) -> None:
    net, share = whole, whole.share()
    first = net.ranked(share.grant_id)[0]
    net.start(first, rpc_urls=[bad.url, net.node.url])
    bad.behaviour = rpc_proxy.hides_logs
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)  # by the others
    net.require_readable(share)
    net.require_clean()


# --- endpoints that show different chains -------------------------------------------------------------------------


@pytest.fixture
def fork(net: Scene) -> Iterator[LocalNode]:
    """A node with the net's chain up to now, and a few blocks of its own on top."""
    node = start_anvil("--fork-url", net.node.url, "--no-storage-caching")
    try:
        for other, miner in ((net.node, "11"), (node, "22")):
            other.ask("anvil_setCoinbase", "0x" + miner * 20)
            other.ask("anvil_mine", hex(DEPTH + 1))
        yield node
    finally:
        node.stop()


def disagreements(net: Scene, number: int) -> list[str]:
    """Whom a proxy's log names."""
    return [line["culprit"] for line in net.child(number).logs() if line.get("error") == "EndpointsDisagree"]


async def test_check_agreement__one_is_on_a_fork__the_second_named_is_set_aside_until_it_agrees(
    net: Scene, fork: LocalNode
) -> None:
    for first, second in ((net.node, fork), (fork, net.node)):
        async with await Connection.open([first.url, second.url]) as connection:
            connection._preferred = 1  # as after a failure of the first
            (found,) = await check_agreement(connection, 0.01)
            assert (found.believed, found.culprit, found.retryable) == (first.url, second.url, True)
            blocks = [node.ask("eth_getBlockByNumber", hex(found.number), False)["hash"] for node in (first, second)]
            assert blocks[0] != blocks[1]
            assert connection.url == first.url

            fork.ask("anvil_reset", {"forking": {"jsonRpcUrl": net.node.url}})
            assert await check_agreement(connection, 0.01) == []
            for node in (net.node, fork):
                node.ask("anvil_mine", hex(DEPTH))
            assert await check_agreement(connection, 0.01) == []  # so near the head honest nodes may differ
            for node in (net.node, fork):
                node.ask("anvil_mine", "0x1")


async def test_open__endpoints_on_two_chains__refused_to_clients(net: Scene, fork: LocalNode) -> None:
    keys, store = net.new_keys(), f"local:{net.folder / 'blobs'}"
    with pytest.raises(EndpointsDisagree) as told:
        await Session.start(rpc=[net.node.url, fork.url], deployment=net.deployment, store=store, keys=keys)
    assert told.value.culprit == fork.url
    assert told.value.hint is not None
    both_ways = [net.node.url, net.node.ws_url]
    async with await Session.start(rpc=both_ways, deployment=net.deployment, store=store, keys=keys) as session:
        assert await session.connection.balance(keys.address) > 0


def test_round__second_endpoint_on_a_fork__reported_and_never_worked_with(
    whole: Scene, bad: RpcProxy, fork: LocalNode
) -> None:
    net, share = whole, whole.share(threshold=5)
    one = net.ranked(share.grant_id)[0]
    account = net.proxies[one].address
    before = fork.ask("eth_getTransactionCount", account, "pending")
    net.start(one, rpc_urls=[bad.url, fork.url], worker={"compare_s": 0.2}, health_port=0)
    net.until(lambda: fork.url in disagreements(net, one), "report of the disagreement")
    assert set(disagreements(net, one)) == {fork.url}
    health = f"http://127.0.0.1:{net.child(one).report()['health_port']}/metrics"
    assert "tpre_proxy_endpoints_aside 1.0" in httpx.get(health).text
    net.reaches(net.open_round(share), RoundFinalized)

    bad.behaviour = rpc_proxy.drop
    round_id = net.open_round(share)
    net.reaches(round_id, CfragsSubmitted, count=4)
    refused = "not asked instead: block "
    net.until(
        lambda: any(refused in line.get("message", "") for line in net.child(one).logs()), "refusal to use the fork"
    )
    bad.behaviour = rpc_proxy.honest
    net.reaches(round_id, RoundFinalized)
    assert account in submitter(net, round_id)
    assert fork.ask("eth_getTransactionCount", account, "pending") == before
    net.require_readable(share)
    net.require_clean()


async def test_latest__endpoint_far_behind_another__reported_not_averaged(net: Scene, bad: RpcProxy) -> None:
    net.node.ask("anvil_mine", hex(64))
    async with await Connection.open([net.node.url, bad.url]) as connection:
        head = await connection.latest()
        bad.behaviour = rpc_proxy.stale(net.node, 50)
        connection._preferred = 1  # as after a failure of the first
        with pytest.raises(rpc_proxy.STALE) as told:
            await connection.latest()
        assert told.value.culprit == bad.url
        assert (await connection.latest()).number >= head.number


async def test_rpc__stalled_endpoint__given_up_and_the_next_asked(net: Scene, bad: RpcProxy) -> None:
    bad.behaviour = rpc_proxy.stall
    async with await Connection.open([bad.url, net.node.url], request_timeout_s=0.5) as connection:
        assert connection.url == net.node.url
        assert (await connection.latest()).number > 0
