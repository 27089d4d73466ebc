"""`tpre` as a person starts it: a process of its own, what it says, and what it leaves running."""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Outcome:
    """How one use of ``tpre`` ended."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one object on stdout: one line and nothing else."""
        assert self.out.count("\n") == 1, f"not one line of JSON:\n{self.out}\n{self.err}"
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def command(*arguments: str | Path) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "tpre_offchain.cli", *map(str, arguments)]


def environment(folder: Path) -> dict[str, str]:
    """Ours without settings of tpre's own, with temporary files in ``folder``."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TPRE_")}
    return {**clean, "TMPDIR": str(folder), "COLUMNS": "200"}


def tpre(
    folder: Path, *arguments: str | Path, stdin: str = "", timeout_s: float = 170.0, fork_proxies: bool = True
) -> Outcome:
    """Run ``tpre`` in ``folder`` to its end, in a process of its own (``cli_server``).

    ``fork_proxies``: those of a net that it starts are forked too, not started from nothing.
    """
    request = {
        "folder": str(folder),
        "environment": environment(folder),
        "arguments": [*map(str, arguments)],
        "stdin": stdin,
        "timeout_s": timeout_s,
        "fork_proxies": fork_proxies,
    }
    with _LOCK:
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        done = json.loads(server.stdout.readline())
    assert done["code"] is not None, f"not over after {timeout_s} s: {done}"
    return Outcome(done["code"], done["out"], done["err"])


_LOCK = threading.Lock()


@functools.cache
def _server() -> subprocess.Popen[str]:
    """The process that all uses of ``tpre`` are forked from; it ends with the tests."""
    line = [sys.executable, "-m", "tests.integration.nets.cli_server"]
    server = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    server.wait(10)


def answer(
    folder: Path, *arguments: str | Path, stdin: str = "", code: int = 0, fork_proxies: bool = True
) -> Mapping[str, Any]:
    """What ``tpre … --json`` answers; its exit code must be ``code``."""
    outcome = tpre(folder, *arguments, "--json", stdin=stdin, fork_proxies=fork_proxies)
    assert outcome.code == code, outcome
    return outcome.answer


def processes_in(folder: Path) -> list[psutil.Process]:
    """Running processes that have to do with a folder: it is in their arguments, they work in it, or it holds their
    temporary files.
    """
    found = []
    for process in psutil.process_iter():
        try:
            mentions = any(str(folder) in argument for argument in process.cmdline())
            places = (process.cwd(), process.environ().get("TMPDIR", "/"))
            inside = any(Path(place).is_relative_to(folder) for place in places)
            if (mentions or inside) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
