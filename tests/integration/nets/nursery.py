"""Starts proxies, owners and users as processes, quickly: a process that has imported everything forks them.

A fresh Python needs a second of a core to import the package, and a soak starts thousands. The process that forks opens
no socket and runs no thread, so a child is as good as one started from nothing; each is a process of its own that
SIGKILL ends. Proxies as they start from nothing are in tests/integration/cli and in test_proxy_rounds.py.

    python -m tests.integration.nets.nursery      # commands: JSON lines on standard input; answers: on standard output
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[3]
ENTRIES = {"proxy": "tests.faults.stage.proxy_child", "role": "tests.faults.stage.roles"}


@dataclass
class Child:
    """A process of the nursery's. Its ``pid`` stays its own until ``ended`` is asked: it is reaped on demand."""

    pid: int
    log_path: Path
    report_path: Path
    log_from: int = 0
    """Where its log begins: the file goes on from one run to the next."""
    ended_with: int | None = None

    def signal(self, number: int) -> None:
        if not self.ended():
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def terminate(self, timeout_s: float = 15) -> int:
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.signal(signal.SIGCONT)

    def ended(self) -> bool:
        if self.ended_with is None:
            self.ended_with = _ask({"poll": self.pid})["code"]
        return self.ended_with is not None

    def wait(self, timeout_s: float = 30) -> int:
        """Its exit code; minus the signal's number if a signal ended it."""
        deadline = time.monotonic() + timeout_s
        while not self.ended():
            assert time.monotonic() < deadline, f"{self.pid} is still there: {self.tail()}"
            time.sleep(0.01)
        assert self.ended_with is not None
        return self.ended_with

    def report(self) -> dict[str, Any]:
        """What it wrote as its first word, or its last."""
        with suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self.report_path.read_text())
            return found
        return {}

    def text(self) -> str:
        """All it has logged."""
        return self.log_path.read_bytes()[self.log_from :].decode() if self.log_path.exists() else ""

    def logs(self) -> list[dict[str, Any]]:
        lines = self.text().split("\n")[:-1]  # the last may not be whole
        return [json.loads(line) for line in lines if line.startswith("{")]

    def tail(self) -> str:
        return self.text()[-3000:]


class Nursery:
    """Starts children. ``with`` it: at the end it takes those that are left with it."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.kill()

    def start(
        self, entry: str, config: dict[str, Any], folder: Path, name: str, *, failpoint: str | None = None
    ) -> Child:
        """Fork a child. ``config`` goes through a pipe, for it holds keys."""
        log, report = folder / f"{name}.log", folder / f"{name}.json"
        report.unlink(missing_ok=True)
        log_from = log.stat().st_size if log.exists() else 0
        files = {"log": str(log), "report": str(report)}
        answer = _ask({"entry": entry, "config": config, "failpoint": failpoint, **files})
        self._children.append(Child(answer["pid"], log, report, log_from))
        return self._children[-1]


@functools.cache
def _forker() -> subprocess.Popen[bytes]:
    """The process that forks, one for all nurseries; it ends with the tests."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(20)


_ONE_ASKS = threading.Lock()


def _ask(command: dict[str, Any]) -> dict[str, Any]:
    with _ONE_ASKS:
        process = _forker()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(command).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
    assert line, "the nursery ended"
    answer: dict[str, Any] = json.loads(line)
    return answer


def main() -> None:
    """Serve until standard input ends, then end the children."""
    for module in (*ENTRIES.values(), "tpre_offchain.deployment.deploy"):
        importlib.import_module(module)
    codes: dict[int, int | None] = {}
    for line in sys.stdin.buffer:
        command = json.loads(line)
        if "poll" in command:
            answer: dict[str, Any] = {"code": _poll(command["poll"], codes)}
        else:
            pid = _fork(command)
            codes[pid] = None
            answer = {"pid": pid}
        _tell(sys.stdout.buffer, answer)
    for pid in [pid for pid, code in codes.items() if code is None]:
        if _poll(pid, codes) is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _tell(stream: IO[bytes], answer: dict[str, Any]) -> None:
    stream.write(json.dumps(answer).encode() + b"\n")
    stream.flush()


def _poll(pid: int, codes: dict[int, int | None]) -> int | None:
    if codes[pid] is None:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            codes[pid] = os.waitstatus_to_exitcode(status)
    return codes[pid]


def _fork(command: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        _become_child(command["log"])
        if command["failpoint"]:
            arm(command["failpoint"])
        code = importlib.import_module(ENTRIES[command["entry"]]).main(command["config"], Path(command["report"]))
    except BaseException:  # noqa: BLE001 - a child must never return into the nursery's loop
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            sys.stderr.flush()
        os._exit(code)


def _become_child(log: str) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, nothing), (1, nothing), (2, told)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(told)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - the nursery's must not be read on
    # whoever ends the nursery by force ends its children too: they find themselves orphaned
    _die_with_parent()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def arm(name: str) -> None:
    """What ``TPRE_FAILPOINT`` does for a fresh process: every module gets the ``failpoint`` that kills."""
    from tpre_offchain import failpoints

    die, before = failpoints.armed(name), failpoints.failpoint
    for module in list(sys.modules.values()):
        if getattr(module, "failpoint", None) is before:
            module.failpoint = die  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
