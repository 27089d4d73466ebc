"""A net whose proxies exchange cfrags and votes: what user, auditor and queries make of rounds in one transaction."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.cli_world import ROOT, answer, environment, tpre

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(400)]


def query(folder: Path, rpc: str, script: str) -> list[dict[str, Any]]:
    """Rows of a query script."""
    options = ["--rpc", rpc, "--addresses", str(folder / "home/deployment.json"), "--json"]
    command = [sys.executable, str(ROOT / "deploy/queries" / script), *options]
    out = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=True
    ).stdout
    return [json.loads(line) for line in out.splitlines()]


def test_net__exchange__read_audited_and_told_as_any_other(tmp_path: Path) -> None:
    home = ("--home", "home")
    (tmp_path / "data").write_bytes(b"data")
    up = answer(tmp_path, "net", "up", "--proxies", "3", "--threshold", "2", "--exchange", *home)
    try:
        answer(tmp_path, "owner", "stream", "create", "s", *home)
        record = answer(tmp_path, "owner", "publish", "data", "--stream", "1", *home)["record"]
        answer(tmp_path, "user", "request", "1", *home)
        answer(tmp_path, "owner", "grant", "1", *home)
        answer(tmp_path, "user", "fetch", record, "-o", "out", *home)
        assert (tmp_path / "out").read_bytes() == b"data"
        audited = answer(tmp_path, "audit", "verify", *home)
        assert audited["ok"]
        assert any("signed it" in check["check"] for check in audited["checks"])

        rpc = next(url for url in up["rpc"] if url.startswith("http"))
        told = query(tmp_path, rpc, "round_votes.py")
        assert sorted(row["vote"] for row in told) == ["-", "for (signed)", "leader (counts as for)"]
        assert {row["outcome"] for row in told} == {"finalized by vote"}
        assert [row["used"] for row in query(tmp_path, rpc, "round_proxies.py")] == ["yes", "yes"]

        # from another machine, which has nothing but the registry's endpoints
        found = answer(tmp_path, "doctor", "--rpc", rpc, "--deployment", "home/deployment.json", "--home", "elsewhere")
        levels = {one["subject"]: one["level"] for one in found["findings"] if one["check"] == "proxy"}
        assert len(levels) == 3
        assert set(levels.values()) == {"ok"}
    finally:
        answer(tmp_path, "net", "down", *home)


def test_demo__exchange__one_transaction_for_the_round(tmp_path: Path) -> None:
    found = tpre(tmp_path, "demo", "--exchange", "--json").answer
    assert found["ok"] is True
    assert found["gas"]["submit"] == found["gas"]["vote"] == 0
    assert 100_000 < found["gas"]["propose"] < 230_000
    assert found["votes_for"] == 3
