"""Whole rounds by worker processes on a real chain, and what happens when some of them die or lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.nets.local_nodes import ANVIL
from tests.integration.nets.proxy_processes import until
from tests.integration.nets.proxy_world import World, world
from tests.property.scene import bad_fragments
from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    FeeClaimed,
    FragmentComplaint,
    LeaderProposed,
    RecordExcluded,
    RoundClosed,
    RoundFinalized,
    VoteCast,
)
from tpre_offchain.chain.abi.structs import Phase

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules"),
]


def assert_no_crash(w: World) -> None:
    for process in w.processes.values():
        assert not [line for line in process.logs() if line["event"] == "step_crashed"]


async def test_round__five_workers__finalized_readable_and_paid(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.start(0, from_nothing=True)
        await w.start(1, 2, 3, 4)
        records = [await w.publish(0), await w.publish(1), await w.publish(2)]
        grant_id = await w.grant(3, 5)
        round_id = await w.open_round(grant_id, records)
        final = await w.reaches(round_id, RoundFinalized)
        assert not final.by_proof
        assert await w.read_results(grant_id, round_id) == {r.record_id: str(j) for j, r in enumerate(records)}
        assert len(await w.of_round(round_id, CfragsSubmitted)) == 3
        assert len(await w.of_round(round_id, LeaderProposed)) == 1
        assert len(await w.of_round(round_id, VoteCast)) >= 2
        assert "tpre_proxy_rpc_calls_total" in (await w.processes[0].get("/metrics"))[1]

        # the fees follow once the challenge window is over
        for submitted in await w.of_round(round_id, CfragsSubmitted):
            await w.reaches(round_id, FeeClaimed)
            assert submitted.proxy in {w.proxies[number].address for number in w.processes}
        assert [process.terminate() for process in w.processes.values()] == [0] * 5
        assert_no_crash(w)


async def test_round__two_of_five_killed_and_memory_lost__finalized(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.start(0, 1, 2, 3, 4)
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        first, second, *others = await w.ranked(grant_id)
        for number in (first, second):  # those whose turn it would be
            w.processes[number].kill()
        round_id = await w.open_round(grant_id, [record])
        await w.reaches(round_id, RoundFinalized)
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}

        # all stop, lose cursor and outbox, and serve the next round all the same
        for number in others:
            assert w.processes[number].terminate() == 0
            for file in (tmp_path / f"proxy-{number}").iterdir():
                file.unlink()
        again = await w.open_round(grant_id, [record])
        await w.start(*others)
        await w.reaches(again, RoundFinalized)
        assert await w.read_results(grant_id, again) == {record.record_id: "0"}
        assert_no_crash(w)


async def test_round__leader_and_next_die_after_the_proposal__others_finish(tmp_path: Path) -> None:
    async with world(tmp_path, proxies=6) as w:
        await w.start(*range(6))
        record = await w.publish(0)
        grant_id = await w.grant(2, 6)
        leader, second, *rest = await w.ranked(grant_id)
        for number in rest:
            w.processes[number].pause()
        round_id = await w.open_round(grant_id, [record])
        proposed = await w.reaches(round_id, LeaderProposed)
        assert proposed.leader == w.proxies[leader].address
        await w.reaches(round_id, VoteCast)
        w.processes[leader].kill()
        w.processes[second].kill()
        # two votes of four are cast; with two more it is finalized by vote
        w.processes[rest[0]].go_on()
        w.processes[rest[1]].go_on()
        final = await w.reaches(round_id, RoundFinalized)
        assert not final.by_proof

        # and if only one is left, by proof once the window has passed
        for number in rest[:2]:
            w.processes[number].pause()
        await w.start(leader, second)
        leader, second, *rest = await w.ranked(grant_id, index=1)
        for number in (leader, second):
            w.processes[number].go_on()
        for number in rest:
            w.processes[number].pause()
        again = await w.open_round(grant_id, [record])
        await w.reaches(again, VoteCast)
        w.processes[leader].kill()
        w.processes[second].kill()
        w.processes[rest[0]].go_on()
        final = await w.reaches(again, RoundFinalized)
        assert final.by_proof
        last = w.processes[rest[0]]
        await until(lambda: last.actions()[-2:] == ["Vote", "FinalizeByProof"], last.actions)
        assert await w.read_results(grant_id, again) == {record.record_id: "0"}
        assert_no_crash(w)


async def test_round__proxy_lies__challenged_and_finalized_without_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        round_id = await w.open_round(grant_id, [record])
        liar = (await w.ranked(grant_id))[0]
        slot = await w.submit_nonsense(liar, round_id)
        await w.start(*(number for number in range(5) if number != liar))
        challenged = await w.reaches(round_id, CfragChallenged)
        assert (challenged.slot, challenged.proxy) == (slot, w.proxies[liar].address)
        await w.reaches(round_id, RoundFinalized)
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}
        stored = await w.contracts.rounds.round_of(round_id)
        assert not stored.contributors >> (slot - 1) & 1
        assert_no_crash(w)


async def test_round__false_capsule_proof__reported_and_the_rest_converted(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        good, bad = await w.publish(0), await w.publish(1, bad_proof=True)
        grant_id = await w.grant(2, 5)
        await w.start(0, 1, 2, 3, 4)
        round_id = await w.open_round(grant_id, [good, bad])
        assert (await w.reaches(round_id, RecordExcluded)).record_id == bad.record_id
        assert await w.read_results(grant_id, round_id) == {good.record_id: "0"}

        # nothing left to convert: the round is closed
        alone = await w.open_round(grant_id, [bad])
        assert (await w.reaches(alone, RoundClosed)).phase is Phase.ENDED
        assert_no_crash(w)


async def test_round__owner_deals_bad_fragments__complaint_voids_the_grant(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        with bad_fragments():
            grant_id = await w.grant(3, 5)
        await w.start(0, 1, 2, 3, 4)
        round_id = await w.open_round(grant_id, [record])
        closed = await w.reaches(round_id, RoundClosed)
        assert closed.phase is Phase.ENDED
        complaints = [e for e in await w.events() if isinstance(e, FragmentComplaint)]
        assert complaints
        assert all(complaint.upheld for complaint in complaints)
        assert_no_crash(w)


async def test_round__revoked_before_enough_cfrags__closed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        await w.start(*(await w.ranked(grant_id))[:2])
        round_id = await w.open_round(grant_id, [record])
        await w.reaches(round_id, CfragsSubmitted)
        await w.owner.outbox.send(w.contracts.grants.revoke(grant_id))
        assert (await w.reaches(round_id, RoundClosed)).phase is Phase.ENDED
        assert_no_crash(w)
