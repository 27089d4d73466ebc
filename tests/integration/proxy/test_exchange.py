"""Whole rounds off the chain by worker processes: one transaction, and what happens when some of them die or lie."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.local_nodes import ANVIL
from tests.integration.nets.peers import playing
from tests.integration.nets.proxy_world import World, world
from tpre_offchain.chain.abi.events import CfragsSubmitted, FeeClaimed, LeaderProposed, RoundFinalized, VoteCast
from tpre_offchain.proxy.daemon.exchange_server import FAILURES, MESSAGES_PER_MEMBER
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


async def assert_one_transaction(w: World, round_id: RoundId, leader: int) -> None:
    final = await w.reaches(round_id, RoundFinalized)
    assert not final.by_proof
    assert final.leader == w.proxies[leader].address
    assert len(await transactions(w, round_id)) == 1


async def test_round__five_with_endpoints__one_transaction_readable_and_paid(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, 2, 3, 4)
        records = [await w.publish(0), await w.publish(1), await w.publish(2)]
        grant_id = await w.grant(3, 5)
        leader = (await w.ranked(grant_id))[0]
        round_id = await w.open_round(grant_id, records)
        await assert_one_transaction(w, round_id, leader)
        assert await w.read_results(grant_id, round_id) == {r.record_id: str(j) for j, r in enumerate(records)}

        # the contributors are paid as if they had submitted
        final = await w.reaches(round_id, RoundFinalized)
        claims = await w.all_of([round_id], FeeClaimed, 3)
        committee = await w.committee_of(grant_id)
        paid = {claim.proxy for claim in claims}
        assert paid == {member.account for i, member in enumerate(committee) if final.contributors >> i & 1}
        assert [process.terminate() for process in w.processes.values()] == [0] * 5
        assert_no_crash(w)


async def test_round__leader_dead_then_one_that_hangs__next_in_rank_brings_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, 2, 3, 4, patience_s=6.0, recheck_s=30.0)
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        first, second, third, *_ = await w.ranked(grant_id)
        w.processes[first].kill()
        round_id = await w.open_round(grant_id, [record])
        await assert_one_transaction(w, round_id, second)
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}

        await start(w, first)
        first, second, third, *_ = await w.ranked(grant_id, index=1)
        w.processes[first].pause()  # takes connections, and says nothing
        again = await w.open_round(grant_id, [record])
        await assert_one_transaction(w, again, second)
        w.processes[first].go_on()
        assert third is not None
        assert_no_crash(w)


async def test_round__leader_takes_everything_and_does_nothing__next_in_rank_brings_it(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        first, second, *rest = await w.ranked(grant_id)
        async with playing(w, first, grant_id) as peer:
            await start(w, second, *rest, patience_s=6.0)
            round_id = await w.open_round(grant_id, [record])
            await assert_one_transaction(w, round_id, second)
            # asked for its vote too, it gave none
            assert {heard.path.rpartition("/")[2] for heard in peer.heard} == {"cfrags", "vote"}
        assert_no_crash(w)


async def test_round__too_few_alive_to_vote__by_way_of_the_chain(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, 2, 3, 4, settle_s=3.0)
        record = await w.publish(0)
        grant_id = await w.grant(2, 5)
        first, second, *others = await w.ranked(grant_id)
        for number in others:
            w.processes[number].kill()
        round_id = await w.open_round(grant_id, [record])
        final = await w.reaches(round_id, RoundFinalized)
        assert final.by_proof
        assert {e.proxy for e in await w.of_round(round_id, CfragsSubmitted)} == {
            w.proxies[number].address for number in (first, second)
        }
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}
        assert_no_crash(w)


async def test_round__too_few_have_endpoints__the_chain_at_once(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, patience_s=60.0)
        await w.start(2, 3, 4)
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        started = time.monotonic()
        round_id = await w.open_round(grant_id, [record])
        await w.reaches(round_id, RoundFinalized)
        assert time.monotonic() - started < 30  # nobody waited a minute
        assert len(await w.of_round(round_id, CfragsSubmitted)) == 3
        assert_no_crash(w)


async def test_round__one_registers_after_others_looked_for_it__leads_the_next(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        late, *_ = await w.ranked(grant_id, index=1)
        await start(w, *({0, 1, 2, 3, 4} - {late}), patience_s=8.0)
        await w.reaches(await w.open_round(grant_id, [record]), RoundFinalized)
        await start(w, late, patience_s=8.0)
        await assert_one_transaction(w, await w.open_round(grant_id, [record]), late)
        assert_no_crash(w)


async def test_round__enough_have_endpoints__what_others_posted_is_part_of_the_result(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        first, *_, fourth, last = await w.ranked(grant_id)
        others = {0, 1, 2, 3, 4} - {first, last}
        await start(w, *others, patience_s=8.0)
        await w.start(first)  # first in rank, without an endpoint: it posts at once
        for number in others:  # on a busy machine they would be done before it
            w.processes[number].process.signal(signal.SIGSTOP)
        round_id = await w.open_round(grant_id, [record])
        await w.reaches(round_id, CfragsSubmitted)
        for number in others:
            w.processes[number].process.signal(signal.SIGCONT)
        final = await w.reaches(round_id, RoundFinalized)
        posted = await w.of_round(round_id, CfragsSubmitted)
        assert [e.proxy for e in posted] == [w.proxies[first].address]
        assert final.contributors >> (posted[0].slot - 1) & 1
        assert await w.of_round(round_id, VoteCast) == []
        assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}
        assert fourth != first
        assert_no_crash(w)


async def test_round__peer_lies_replays_and_floods__refused_and_finished_all_the_same(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        liar, victim, *rest = await w.ranked(grant_id)
        async with playing(w, liar, grant_id) as peer:
            await start(w, victim, *rest, patience_s=9.0)
            nowhere = RoundId((grant_id << 32) | 7)
            assert (await peer.say(victim, nowhere, "cfrags", b"{}"))[0] == 404
            round_id = await w.open_round(grant_id, [record])
            while len(offers := [one for one in peer.heard if one.path.endswith("cfrags")]) < 4:
                assert not await w.of_round(round_id, RoundFinalized)
            seen: Counter[int] = Counter()

            async def refused(status: int, *message: Any, by_number: int = victim, **how: Any) -> None:
                found, text = await peer.say(by_number, round_id, *message, **how)
                assert found == status, text
                seen[found] += 1

            batches = {one.headers["X-TPRE-Slot"]: json.loads(one.body) for one in offers[:3]}
            ballot = {"result_hash": "11" * 32, "batches": batches}
            # one lie to each: whoever was lied to hears the liar no more in this round
            first, *others = batches
            wrong_result, another = json.dumps(ballot).encode(), rest[0]
            await refused(422, "vote", wrong_result, by_number=another)  # another W than these give
            await refused(429, "vote", wrong_result, by_number=another)
            swapped = {**ballot, "batches": {**batches, first: batches[others[0]]}}
            await refused(422, "vote", json.dumps(swapped).encode(), by_number=rest[1])  # proofs of another slot
            await refused(422, "cfrags", json.dumps(batches[first]).encode(), by_number=rest[2])  # of another slot
            await refused(409, "vote", json.dumps({**ballot, "batches": {first: batches[first]}}).encode())
            # what another said to the liar, said again to the victim; what was signed for another round, or by nobody
            await refused(403, "cfrags", offers[0].body, headers={k: offers[0].headers[k] for k in peer_headers()})
            await refused(403, "vote", json.dumps(ballot).encode(), signed_for=nowhere)
            await refused(403, "vote", json.dumps(ballot).encode(), by=w.user)
            await refused(413, "vote", b" " * 8_192)
            await refused(400, "vote", b"[" * 2_048)
            for _ in range(2 * MESSAGES_PER_MEMBER):
                found, _text = await peer.say(victim, round_id, "vote", b"{}")
                seen[found] += 1
            assert seen[429] >= MESSAGES_PER_MEMBER
            flood = [await peer.say(victim, round_id, "vote", b"{}", by=w.user) for _ in range(2 * FAILURES)]
            assert {status for status, _ in flood} <= {403, 409, 429, 404}
            final = await w.reaches(round_id, RoundFinalized)
            assert final.leader != w.proxies[liar].address
            assert await w.read_results(grant_id, round_id) == {record.record_id: "0"}
        assert_no_crash(w)


def peer_headers() -> tuple[str, ...]:
    return ("X-TPRE-Slot", "X-TPRE-Signature")


async def test_rounds__forty_at_once__one_transaction_each_and_their_fees_together(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await start(w, 0, 1, 2, 3, 4)
        record = await w.publish(0)
        grant_id = await w.grant(3, 5)
        rounds = await asyncio.gather(*(w.open_round(grant_id, [record]) for _ in range(40)))
        await w.all_of(rounds, RoundFinalized, len(rounds))
        by_chain = {e.round_id for e in await w.events() if isinstance(e, CfragsSubmitted)}
        assert len(by_chain) < len(rounds) / 2, "proxies that have much to do give up on each other"

        paid = await w.all_of(rounds, FeeClaimed, 3 * len(rounds))
        assert len({claim.at.tx_hash for claim in paid}) < len(paid) / 2
        assert_no_crash(w)
