"""Processes that we start: each in a session of its own, each ended by its own id.

A process id alone is not enough to end something by: it may have been given to another process since. So we remember
when the process started, and signal nothing that started at another time.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tpre_offchain.errors import TpreError

GRACE_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1
_TIME_TOLERANCE_S: Final = 0.05
_POLL_S: Final = 0.01


class ProcessFailed(TpreError):
    """A process that we started ended before it was ready."""


@dataclass(frozen=True)
class ProcessId:
    """A process, not just its number: ``started_s`` is unix time."""

    pid: int
    started_s: float

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """The process that has the number now. Raises ``ProcessFailed`` if it is gone."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            raise ProcessFailed(f"process {pid} ended at once") from None

    def running(self) -> psutil.Process | None:
        """The process, or None if it is gone and its number free or another's."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_s) < _TIME_TOLERANCE_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    with_parent: bool,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output going to the file ``log`` (mode 0600).

    ``with_parent``: on Linux the kernel ends it when we die, however we die. It must be started by a thread that lives
    as long as the process shall: the main one. Raises ``ProcessFailed``.
    """
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=None if env is None else dict(env),
            cwd=folder,
            start_new_session=True,
            preexec_fn=_end_with(os.getpid()) if with_parent and sys.platform == "linux" else None,  # noqa: PLW1509
        )
    except OSError as problem:
        raise ProcessFailed(f"cannot start {command[0]}: {problem.strerror}") from problem
    finally:
        os.close(descriptor)


def end(processes: Iterable[ProcessId], grace_s: float = GRACE_S) -> None:
    """End processes: SIGTERM, and SIGKILL to those still there after ``grace_s``. One that is gone is no error."""
    found = [process for one in processes if (process := one.running()) is not None]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    stubborn = _left_after(found, grace_s)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a session: what it started goes with it
    _left_after(stubborn, grace_s)


def _left_after(processes: Sequence[psutil.Process], grace_s: float) -> Sequence[psutil.Process]:
    """Those that still run, once none does or the time is over."""
    deadline = time.monotonic() + grace_s
    while (left := [process for process in processes if not _ended(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return left


def _ended(process: psutil.Process) -> bool:
    """Whether it is gone, or dead and only waits for its parent to ask: in a container that may take long."""
    try:
        process.wait(0)  # takes our own children's exit code
    except psutil.TimeoutExpired:
        with suppress(psutil.NoSuchProcess):
            return process.status() == psutil.STATUS_ZOMBIE
    return True


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM meanwhile: what is begun here is short and must be finished."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log, for an error message."""
    with suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return ""


def _end_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)  # loaded before the fork: nothing may be allocated after it

    def ask_kernel() -> None:
        # certain, where SIGTERM is only asked: a proxy loses nothing by it
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # we died in between
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel
