"""RPC endpoints that drop, stall, answer late, limit, stand still or disagree; WebSockets that are cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import rpc_proxy
from tests.faults.rpc_proxy import TROUBLES, RpcProxy
from tests.faults.scene import Scene
from tpre_offchain.chain.connection import Connection
from tpre_offchain.chain.events import CfragsSubmitted, RoundFinalized

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


@pytest.fixture
def bad(net: Scene) -> Iterator[RpcProxy]:
    """An endpoint before the net's node, honest until told otherwise."""
    with RpcProxy(net.node) as made:
        yield made


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


def test_round__endpoint_hides_logs__disagreement_is_found_and_the_round_finished(whole: Scene, bad: RpcProxy) -> None:
    net, share = whole, whole.share()
    first = net.ranked(share.grant_id)[0]
    net.start(first, rpc_urls=[bad.url, net.node.url])
    bad.behaviour = rpc_proxy.hides_logs
    round_id = net.open_round(share)
    net.reaches(round_id, RoundFinalized)  # by the others
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
