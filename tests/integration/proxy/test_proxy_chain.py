"""Workers on chains that misbehave: reorganised, without pushes, slow to confirm. And what a worker gives away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.integration.nets.local_nodes import ANVIL
from tests.integration.nets.proxy_world import World, world
from tpre_offchain.chain.abi.events import CfragsSubmitted, LeaderProposed, RecordPublished, RoundFinalized, RoundOpened
from tpre_offchain.types import GrantId

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules"),
]


@pytest.mark.parametrize("first", [[], ["ws://127.0.0.1:9"]], ids=["http alone", "dead websocket"])
async def test_round__endpoint_cannot_push__finalized_by_polling(tmp_path: Path, first: list[str]) -> None:
    async with world(tmp_path, 3) as w:
        await w.start(0, 1, 2, rpc_urls=[*first, w.url.replace("ws://", "http://")])
        record = await w.publish(0)
        grant_id = await w.grant(2, 3)
        round_id = await w.open_round(grant_id, [record])
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}


async def test_round__two_confirmations__acts_on_buried_events_alone(tmp_path: Path) -> None:
    async with world(tmp_path, 3) as w:
        await w.start(0, 1, 2, confirmations=2)
        record = await w.publish(0)
        grant_id = await w.grant(3, 3)
        round_id = await w.open_round(grant_id, [record])
        await asyncio.sleep(1.5)
        assert not await w.of_round(round_id, CfragsSubmitted)
        final = None
        for _ in range(60):
            await w.connection.rpc("anvil_mine", "0x1")
            await asyncio.sleep(0.2)
            if final := await w.of_round(round_id, RoundFinalized):
                break
        assert final
        for kind, wanted in ((CfragsSubmitted, 3), (LeaderProposed, 1)):
            assert len(await w.of_round(round_id, kind)) == wanted
        opened = (await w.of_round(round_id, RoundOpened))[0]
        first = (await w.of_round(round_id, CfragsSubmitted))[0]
        assert first.at.block_number > opened.at.block_number + 2


async def test_round__chain_reorganised__what_was_undone_is_done_again(tmp_path: Path) -> None:
    async with world(tmp_path, 3) as w:
        await w.start(0, 1, 2)
        record = await w.publish(0)
        grant_id = await w.grant(2, 3)
        # at once: events are undone that were pushed, but mostly not read yet; later: blocks that were read
        for pause_s, told, tries in ((0.0, "events_retracted", 5), (1.5, "chain_rewound", 1)):
            for _ in range(tries):
                await undo_votes(w, grant_id, record, pause_s)
                if found := await is_logged(w, told, within_s=40.0 / tries):
                    break
            assert found, told


async def undo_votes(w: World, grant_id: GrantId, record: RecordPublished, pause_s: float) -> None:
    """A round whose votes are taken off the chain, and done again."""
    round_id = await w.open_round(grant_id, [record])
    final = await w.reaches(round_id, RoundFinalized)
    proposal = await w.reaches(round_id, LeaderProposed)
    await asyncio.sleep(pause_s)
    head = await w.connection.latest()
    # the votes are of blocks that are no more; the proposal stands
    await w.connection.rpc("anvil_reorg", head.number - proposal.at.block_number, [])
    assert not await w.of_round(round_id, RoundFinalized)
    again = await w.reaches(round_id, RoundFinalized, 60)
    assert again.at.block_hash != final.at.block_hash
    assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}


async def is_logged(w: World, event: str, *, within_s: float) -> bool:
    """By any worker; an outbox may have brought the votes back before a worker looked at the chain again."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if any(line["event"] == event for process in w.processes.values() for line in process.logs()):
            return True
        await asyncio.sleep(0.2)
    return False


async def test_worker__logs_arguments_and_metrics__hold_no_secret(tmp_path: Path) -> None:
    async with world(tmp_path, 3) as w:
        await w.start(0, 1, 2, from_nothing=True)
        record = await w.publish(0)
        grant_id = await w.grant(2, 3)
        round_id = await w.open_round(grant_id, [record])
        await w.reaches(round_id, RoundFinalized)
        for number, process in w.processes.items():
            party = w.proxies[number]
            files = [path.read_bytes() for path in (tmp_path / f"proxy-{number}").iterdir()]
            shown = "".join((process.command(), process.log_path.read_text(), (await process.get("/metrics"))[1]))
            secret = party.node_key.secret
            for text in (party.account.key.hex(), party.identity.seed.hex(), str(secret), f"{secret:x}"):
                assert text not in shown
            for raw in (bytes(party.account.key), party.identity.seed, secret.to_bytes(32, "big")):
                assert not any(raw in content for content in files)
