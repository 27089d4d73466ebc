"""The whole main job with a real Kubo as the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.nets.cli_world import answer, processes_in, tpre
from tests.integration.nets.kubo_nodes import kubo_node, needs_kubo
from tpre_offchain.cli import exits

pytestmark = [pytest.mark.kubo, needs_kubo, pytest.mark.slow, pytest.mark.timeout(400)]


def test_demo__store_is_kubo__arrives_and_the_blobs_are_there(tmp_path: Path) -> None:
    run, repo = tmp_path / "run", tmp_path / "kubo"
    run.mkdir()
    with kubo_node(repo) as node:
        file = run / "input.bin"
        file.write_bytes(bytes(range(256)) * 4096 * 5)
        options = ["--proxies", "3", "--file", str(file), "--store", f"kubo:{node.api}"]
        outcome = tpre(run, "demo", *options, "--json")
        assert outcome.code == 0, outcome
        assert outcome.answer["ok"] is True
        assert outcome.answer["store"] == "kubo"
        assert outcome.answer["input_bytes"] == file.stat().st_size
        assert processes_in(run) == []
        with node.store() as store:
            sizes = sorted(store.check(cid) for cid in store.pins())
        assert len(sizes) == 2  # the record, and the one of the epoch after the revocation
        assert sizes[1] > file.stat().st_size


def test_verbs__kubo_away_and_back__publish_is_queued_told_of_and_completed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with kubo_node(tmp_path / "kubo") as node:
        store = ("--store", f"kubo:{node.api},local:{run}/spare")
        answer(run, "net", "up", "--proxies", "3")
        try:
            answer(run, "owner", "stream", "create", "machine-7")
            file = run / "data.csv"
            file.write_text("a,b\n1,2\n")
            assert answer(run, "doctor", *store)["counts"]["error"] == 0
            node.stop()
            queued = answer(run, "owner", "publish", file, *store, code=exits.UNAVAILABLE)
            assert queued["error"] == "PublishQueued"
            unwell = answer(run, "doctor", *store, code=exits.UNWELL)
            levels = {(one["check"], one["level"]) for one in unwell["findings"]}
            assert {("store", "error"), ("pending", "warning")} <= levels
            assert [one["name"] for one in answer(run, "owner", "pending", *store)["pending"]] == ["data.csv"]

            node.start()
            (record,) = answer(run, "owner", "pending", "--retry", *store)["published"]
            asked = answer(run, "user", "request", "1")["request"]
            answer(run, "owner", "grant", str(asked))
            answer(run, "user", "fetch", record, "-o", run / "out.csv", *store)
            assert (run / "out.csv").read_text() == file.read_text()
            assert answer(run, "doctor", *store)["counts"]["error"] == 0
        finally:
            answer(run, "net", "down")
