"""A node that tells a round without its beginning: that round is set aside, and the others are served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.faults.stage import rpc_proxy
from tests.faults.stage.rpc_proxy import Behaviour, RpcProxy
from tests.faults.stage.scene import Scene
from tpre_offchain.chain.abi.decoding import topic_of
from tpre_offchain.chain.abi.events import CfragsSubmitted, RoundFinalized, RoundOpened
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.types import RoundId

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def hides_opening(round_id: RoundId) -> Behaviour:
    """Has lost one log, the opening of a round."""
    lost = ["0x" + topic_of(RoundOpened).hex(), f"0x{round_id:064x}"]

    async def behave(request: dict[str, Any], ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any] | None:
        answer = await ask()
        if request["method"] == "eth_getLogs":
            answer["result"] = [log for log in answer["result"] if log["topics"][:2] != lost]
        return answer

    return behave


def test_round__beginning_of_another_is_lost__served_and_that_one_too_once_it_is_told(
    whole: Scene, bad: RpcProxy
) -> None:
    net, lost, other = whole, whole.share(threshold=5), whole.share(threshold=5)
    one = net.ranked(lost.grant_id)[0]
    net.start(one, rpc_urls=[bad.url])
    bad.behaviour = hides_opening(make_round_id(lost.grant_id, 0))
    first = net.open_round(lost)
    net.reaches(first, CfragsSubmitted, count=4)
    second = net.open_round(other)
    net.reaches(second, RoundFinalized)
    assert any(line.get("error") == "BrokenHistory" for line in net.child(one).logs())
    bad.behaviour = rpc_proxy.honest
    net.reaches(first, RoundFinalized)
    net.require_readable(lost)
    net.require_readable(other)
    net.require_clean()
