"""The query scripts, run as an auditor runs them, on a chain where a round was finalized and a grant revoked."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.local_nodes import ANVIL, ROOT
from tests.integration.nets.proxy_world import World, world
from tpre_offchain.chain.abi.events import LeaderProposed, RoundFinalized, VoteCast
from tpre_offchain.chain.abi.ids import index_of_round

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules"),
]


async def ask(w: World, script: str, *options: str) -> str:
    """A script's output; it runs in an empty folder and without the project on its path."""
    addresses = w.folder / "addresses.json"
    w.deployment.save(addresses)
    command = [str(ROOT / "deploy/queries" / script), "--rpc", w.url.replace("ws:", "http:"), "--addresses"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        str(addresses),
        *options,
        cwd=w.folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def rows(w: World, script: str, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await ask(w, script, "--json", *options)).splitlines()]


async def test_queries__round_finalized_and_grant_revoked__tell_who_did_what(tmp_path: Path) -> None:
    async with world(tmp_path, 3) as w:
        await w.start(0, 1, 2)
        published = [await w.publish(0), await w.publish(1)]
        grant_id = await w.grant(2, 3)
        round_id = await w.open_round(grant_id, published)
        final = await w.reaches(round_id, RoundFinalized)
        (leader,) = await w.of_round(round_id, LeaderProposed)
        voters = {event.proxy for event in await w.of_round(round_id, VoteCast)} - {leader.leader}
        w.stop_all()
        await w.owner.outbox.send(w.contracts.grants.revoke(grant_id))

        records = await rows(w, "records.py")
        assert [row["record"] for row in records] == [hex(record.record_id) for record in published]
        assert {row["publisher"] for row in records} == {w.owner.address}
        assert [row["number"] for row in records] == [0, 1]
        assert await rows(w, "records.py", "--stream", "99") == []

        (asked,) = await rows(w, "access_requests.py")
        assert (asked["user"], asked["threshold"], asked["purpose"]) == (w.user.address, "2 of 3", "test")
        assert asked["status"] == "revoked"

        (granted,) = await rows(w, "grants.py", "--grant", str(grant_id))
        assert (granted["owner"], granted["user"], granted["quota"]) == (w.owner.address, w.user.address, 1_000)
        assert granted["state"].startswith("revoked")

        name = f"{grant_id}/{index_of_round(round_id)}"
        served = await rows(w, "round_proxies.py", "--round", name)
        used = [row["slot"] for row in served if row["used"] == "yes"]
        assert sum(1 << slot - 1 for slot in used) == final.contributors
        assert all(row["cfrags"] == 2 and row["round"] == name for row in served)

        votes = await rows(w, "round_votes.py", "--round", name)
        assert [row["slot"] for row in votes] == [1, 2, 3]
        assert [row["proxy"] for row in votes if row["vote"].startswith("leader")] == [leader.leader]
        assert {row["proxy"] for row in votes if row["vote"] == "for"} == voters
        assert {row["outcome"] for row in votes} == {"finalized by vote"}

        table = await ask(w, "round_votes.py")
        assert table.splitlines()[0].startswith("round")
        assert leader.leader in table
