"""Whole rounds by worker processes on a real chain, and what happens when some of them die or lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.proxy_world import ANVIL, world
from tpre_offchain.chain.events import CfragsSubmitted, LeaderProposed, RoundFinalized

pytestmark = [pytest.mark.anvil, pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules")]


async def test_round__five_workers__finalized_and_readable(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.start(0, 1, 2, 3, 4)
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        round_id = await w.open_round(grant_id, [record])
        final = await w.reaches(round_id, RoundFinalized)
        assert not final.by_proof
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}
        assert len(await w.of_round(round_id, CfragsSubmitted)) == 3
        assert len(await w.of_round(round_id, LeaderProposed)) == 1
        for process in w.processes.values():
            assert process.terminate() == 0
            assert not [line for line in process.logs() if line["event"] == "step_crashed"]
