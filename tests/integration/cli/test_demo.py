"""`tpre demo` as a newcomer runs it: everything is there, nothing stays."""

from __future__ import annotations

import hashlib
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.nets.cli_world import Outcome, command, environment, processes_in, tpre

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(400)]

FIELDS = {
    "ok", "proxies", "threshold", "chain", "store", "input_bytes", "input_sha256", "output_sha256", "leader",
    "votes_for", "contributors", "stages_ms", "gas", "refused",
}  # fmt: skip
STAGES = {"keygen", "encrypt", "rekey", "convert", "decrypt"}
GAS = {"publish", "grant", "submit", "propose", "vote"}
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def _require_whole(outcome: Outcome, proxies: int, threshold: int) -> dict[str, Any]:
    assert outcome.code == 0, outcome
    found = outcome.answer
    assert outcome.err == ""
    assert set(found) == FIELDS
    assert found["ok"] is True
    assert (found["proxies"], found["threshold"]) == (proxies, threshold)
    assert found["chain"]["chain_id"] == 31337
    assert found["chain"]["client"]
    assert found["store"] == "local"
    assert found["input_sha256"] == found["output_sha256"]
    assert re.fullmatch(r"[0-9a-f]{64}", found["input_sha256"])
    assert ADDRESS.fullmatch(found["leader"])
    assert found["leader"] in found["contributors"]
    assert len(set(found["contributors"])) == threshold
    assert found["votes_for"] * 2 > proxies
    assert set(found["stages_ms"]) == STAGES
    assert all(spent > 0 for spent in found["stages_ms"].values())
    assert set(found["gas"]) == GAS
    assert all(gas > 20_000 for name, gas in found["gas"].items() if name != "vote" or proxies > 1)
    assert found["refused"] == ["no_grant", "revoked"]
    return found


def _require_nothing_left(folder: Path) -> None:
    assert processes_in(folder) == []
    assert [path.name for path in folder.iterdir() if path.name.startswith("tpre-demo")] == []


def test_demo__two_of_five_killed__finishes_and_leaves_nothing(tmp_path: Path) -> None:
    found = _require_whole(tpre(tmp_path, "demo", "--kill", "2", "--json"), 5, 3)
    assert found["input_bytes"] > 100  # a live recording
    _require_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("proxies", "threshold", "content"),
    [(1, 1, b""), (3, 2, b"x"), pytest.param(7, 7, b"y" * 1000, marks=pytest.mark.large)],
)
def test_demo__small_file__arrives(tmp_path: Path, proxies: int, threshold: int, content: bytes) -> None:
    file = tmp_path / "input.bin"
    file.write_bytes(content)
    options = ["--proxies", str(proxies), "--threshold", str(threshold), "--file", str(file)]
    found = _require_whole(tpre(tmp_path, "demo", *options, "--json"), proxies, threshold)
    assert found["input_bytes"] == len(content)
    assert found["input_sha256"] == hashlib.sha256(content).hexdigest()
    _require_nothing_left(tmp_path)


@pytest.mark.large
def test_demo__sixteen_proxies__finishes(tmp_path: Path) -> None:
    outcome = tpre(tmp_path, "demo", "--proxies", "16", "--threshold", "9", "--json", timeout_s=380)
    _require_whole(outcome, 16, 9)
    _require_nothing_left(tmp_path)


def test_demo__large_file__memory_stays_flat(tmp_path: Path) -> None:
    file = tmp_path / "input.bin"
    with file.open("wb") as opened:
        for i in range(64):
            opened.write(bytes([i]) * (4 << 20))
    child = subprocess.Popen(
        command("demo", "--proxies", "1", "--threshold", "1", "--file", file, "--json"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process, peak = psutil.Process(child.pid), 0
    while child.poll() is None:
        peak = max(peak, process.memory_info().rss if process.is_running() else 0)
        time.sleep(0.05)
    out, err = child.communicate()
    found = _require_whole(Outcome(child.returncode, out, err), 1, 1)
    assert found["input_bytes"] == 256 << 20
    assert peak < 250 << 20, f"{peak >> 20} MiB for a file of 256 MiB"
    _require_nothing_left(tmp_path)


def test_demo__for_people__tells_every_step(tmp_path: Path) -> None:
    outcome = tpre(tmp_path, "demo", "--proxies", "3", "--threshold", "2", "--keep")
    assert outcome.code == 0, outcome
    for told in ("creates stream", "asks for access", "refused, NoGrant", "grants", "leads", "refused, GrantRevoked",
                 "conversion with consensus", "the same"):  # fmt: skip
        assert told in outcome.out
    (kept,) = [path for path in tmp_path.iterdir() if path.name.startswith("tpre-demo")]
    assert (kept / "output").read_bytes() == (kept / "recording.csv").read_bytes()
    assert (kept / "output").read_text().startswith("unix_time,cpu0_percent")
    assert processes_in(tmp_path) == []


@pytest.mark.parametrize(
    ("signal_number", "at_least"), [(signal.SIGINT, 1), (signal.SIGINT, 4), (signal.SIGTERM, 4), (signal.SIGKILL, 4)]
)
def test_demo__killed_meanwhile__ends_every_process(
    tmp_path: Path, signal_number: signal.Signals, at_least: int
) -> None:
    child = subprocess.Popen(
        command("demo", "--proxies", "3", "--json"),
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        started = _wait_for_children(child.pid, at_least)
        child.send_signal(signal_number)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    if signal_number == signal.SIGKILL:
        assert child.returncode == -signal.SIGKILL
    else:
        outcome = Outcome(child.returncode, out, err)
        assert outcome.code == 130, outcome
        assert outcome.answer["error"] == "Interrupted"
        _require_nothing_left(tmp_path)
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []


def test_demo__unknown_file__is_wrong_usage(tmp_path: Path) -> None:
    outcome = tpre(tmp_path, "demo", "--file", tmp_path / "missing", "--json")
    assert outcome.code == 2
    assert outcome.answer["error"] == "Usage"


def test_demo__threshold_above_proxies__is_wrong_usage(tmp_path: Path) -> None:
    outcome = tpre(tmp_path, "demo", "--proxies", "2", "--threshold", "3", "--json")
    assert outcome.code == 2
    assert outcome.answer["error"] == "BadThreshold"
    _require_nothing_left(tmp_path)


def _wait_for_children(pid: int, count: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = parent.children()
        if len(children) >= count:
            return children
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} processes were started")
