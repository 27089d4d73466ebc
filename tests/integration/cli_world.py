"""`tpre` as a person starts it: a process of its own, what it says, and what it leaves running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


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


def tpre(folder: Path, *arguments: str | Path, stdin: str = "", timeout_s: float = 170.0) -> Outcome:
    """Run ``tpre`` in ``folder`` to its end."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def answer(folder: Path, *arguments: str | Path, stdin: str = "", code: int = 0) -> Mapping[str, Any]:
    """What ``tpre … --json`` answers; its exit code must be ``code``."""
    outcome = tpre(folder, *arguments, "--json", stdin=stdin)
    assert outcome.code == code, outcome
    return outcome.answer


def processes_in(folder: Path) -> list[psutil.Process]:
    """Running processes that have to do with a folder: it is in their arguments, or they work in it."""
    found = []
    for process in psutil.process_iter():
        try:
            mentions = any(str(folder) in argument for argument in process.cmdline())
            if (mentions or Path(process.cwd()).is_relative_to(folder)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
