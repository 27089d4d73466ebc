"""Processes that we start are ended by their own ids, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tpre_offchain.cli.processes import ProcessFailed, ProcessId, end, spawn, tail, uninterrupted

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def sleeper(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = spawn(SLEEPER, log=log, with_parent=True)
    yield child
    child.kill()
    child.wait()


def _wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_end__running__is_gone(sleeper: subprocess.Popen[bytes], log: Path) -> None:
    one = ProcessId.of(sleeper.pid)
    _wait_for(log, "up")
    end([one])
    assert one.running() is None


def test_end__ignores_sigterm__is_killed(log: Path) -> None:
    child = spawn(STUBBORN, log=log, with_parent=True)
    _wait_for(log, "up")
    one = ProcessId.of(child.pid)
    end([one], grace_s=0.2)
    assert one.running() is None


@pytest.mark.skipif(sys.platform != "linux", reason="psutil tells a zombie there")
def test_end__dead_and_not_asked_for_by_its_parent__is_not_waited_for(log: Path) -> None:
    script = (
        "import time; from pathlib import Path; from tpre_offchain.cli.processes import spawn;"
        f"child = spawn({SLEEPER!r}, log=Path({str(log)!r}), with_parent=True); print(child.pid, flush=True);"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        one = ProcessId.of(int(parent.stdout.readline()))
        _wait_for(log, "up")
        started = time.monotonic()
        end([one], grace_s=20)
        assert psutil.Process(one.pid).status() == psutil.STATUS_ZOMBIE
        assert time.monotonic() - started < 10
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()


def test_end__number_given_to_another_process__leaves_it_alone(sleeper: subprocess.Popen[bytes]) -> None:
    earlier = ProcessId(sleeper.pid, psutil.Process(sleeper.pid).create_time() - 10)
    assert earlier.running() is None
    end([earlier], grace_s=0.1)
    assert sleeper.poll() is None


def test_end__gone_already__is_no_error() -> None:
    end([ProcessId(2**22 - 3, 1.0)])


def test_spawn__no_such_program__raises(log: Path) -> None:
    with pytest.raises(ProcessFailed, match="cannot start"):
        spawn(["/nonexistent/program"], log=log, with_parent=False)


def test_spawn__log__is_for_its_owner_alone(sleeper: subprocess.Popen[bytes], log: Path) -> None:
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
@pytest.mark.parametrize("with_parent", [True, False])
def test_spawn__parent_killed__ends_only_with_parent(log: Path, with_parent: bool) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tpre_offchain.cli.processes import spawn;"
        f"child = spawn({SLEEPER!r}, log=Path({str(log)!r}), with_parent={with_parent});"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    one = ProcessId.of(int(parent.stdout.readline()))
    _wait_for(log, "up")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + (10 if with_parent else 0.5)
    while one.running() is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (one.running() is None) is with_parent
    end([one])


def test_uninterrupted__signals_meanwhile__are_ignored() -> None:
    with uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def test_tail__long_log__gives_its_end(log: Path) -> None:
    log.write_text("\n".join(str(i) for i in range(100)))
    assert tail(log, 2) == "98\n99"
    assert tail(log.with_name("missing")) == ""
