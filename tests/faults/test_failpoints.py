"""Fail points cost nothing unless they are asked for, and then kill without mercy."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tpre_offchain import failpoints
from tpre_offchain.failpoints import STEPS, VARIABLE


def reach(step: str, detail: str, wanted: str | None) -> int:
    """Reach a step twice in a fresh process; its exit code."""
    code = f"from tpre_offchain.failpoints import failpoint as f; [f({step!r}, {detail!r}) for _ in range(2)]"
    env = {name: value for name, value in os.environ.items() if name != VARIABLE}
    armed = {**env, VARIABLE: wanted} if wanted else env
    return subprocess.run([sys.executable, "-c", code], env=armed, check=False).returncode


def test_failpoint__not_asked_for__does_nothing() -> None:
    assert failpoints.failpoint is failpoints._nothing
    assert reach("proxy.computed", "Vote", None) == 0


def test_failpoint__asked_for__kills_at_that_step_and_time_alone() -> None:
    assert reach("proxy.computed", "Vote", "proxy.computed.Vote") == -signal.SIGKILL
    assert reach("proxy.computed", "Vote", "proxy.computed.Vote#2") == -signal.SIGKILL
    assert reach("proxy.computed", "Vote", "proxy.computed.Vote#3") == 0
    assert reach("proxy.computed", "Vote", "proxy.mined.Vote") == 0


def test_steps__of_the_code__are_all_listed(project_root: Path) -> None:
    told = set()
    for file in (project_root / "tpre_offchain").rglob("*.py"):
        told |= set(re.findall(r'\bfailpoint\("([a-z.]+)"', file.read_text()))
    told -= {"proxy.computed", "proxy.mined"}
    assert told == {step for step in STEPS if not step.startswith(("proxy.computed", "proxy.mined"))}
