"""Whole rounds off the chain by worker processes: one transaction, and what happens when some of them die or lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.proxy_processes import ANVIL
from tests.integration.proxy_world import World, world
from tpre_offchain.chain.events import CfragsSubmitted, FeeClaimed, LeaderProposed, RoundFinalized, VoteCast
from tpre_offchain.types import RoundId

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules"),
]

ANY_PORT = "127.0.0.1:0"


def assert_no_crash(w: World) -> None:
    for process in w.processes.values():
        assert not [line for line in process.logs() if line["event"] == "step_crashed"]


async def start(w: World, *numbers: int, **worker: Any) -> None:
    await w.start(*numbers, exchange=ANY_PORT, **worker)


async def transactions(w: World, round_id: RoundId) -> set[bytes]:
    """Of all events after the opening and before fees."""
    kinds = (CfragsSubmitted, LeaderProposed, VoteCast, RoundFinalized)
    return {e.at.tx_hash for kind in kinds for e in await w.of_round(round_id, kind)}


async def test_round__five_with_endpoints__one_transaction_readable_and_paid(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, 2, 3, 4)
        records = [await w.publish(0), await w.publish(1), await w.publish(2)]
        grant_id = await w.grant(3, 5)
        leader = (await w.ranked(grant_id))[0]
        round_id = await w.open_round(grant_id, records)
        final = await w.reaches(round_id, RoundFinalized)
        assert not final.by_proof
        assert final.leader == w.proxies[leader].address
        assert len(await transactions(w, round_id)) == 1
        assert await w.read_results(grant_id, round_id) == {r.record_id: str(j) for j, r in enumerate(records)}

        # the contributors are paid as if they had submitted
        for _ in range(3):
            await w.reaches(round_id, FeeClaimed)
        assert [process.terminate() for process in w.processes.values()] == [0] * 5
        assert_no_crash(w)
