"""``python -m deploy.services [kubo] [geth]``: build the daemons into ``.cache/bin``, once for each pinned version.

Each daemon has a folder with a ``go.mod`` that names it as a tool and a ``go.sum`` that holds the hash of everything
it is made of, so that what is built is what was reviewed. Without Go nothing is built and nothing fails: the tests
that need a daemon are skipped where it is missing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_BIN = _HERE.parent.parent / ".cache" / "bin"
_NICE = 10


@dataclass(frozen=True, slots=True)
class Service:
    """A daemon: ``folder`` holds its module files, ``program`` is what ``package`` builds."""

    folder: str
    program: str
    package: str

    @property
    def pinned(self) -> str:
        """A digest of the module files: it changes with any pinned version."""
        files = ((_HERE / self.folder / name).read_bytes() for name in ("go.mod", "go.sum"))
        return hashlib.sha256(b"\0".join(files)).hexdigest()


SERVICES = (
    Service("kubo", "ipfs", "github.com/ipfs/kubo/cmd/ipfs"),
    Service("geth", "geth", "github.com/ethereum/go-ethereum/cmd/geth"),
)


def main(argv: list[str] | None = None) -> int:
    """Build the services named, or all; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.services", description=__doc__)
    parser.add_argument("services", nargs="*", choices=[[], *(service.folder for service in SERVICES)])
    wanted = parser.parse_args(argv).services
    go = shutil.which("go")
    failed = 0
    for service in SERVICES:
        if wanted and service.folder not in wanted:
            continue
        if _is_built(service):
            _say(f"{service.folder}: already built, .cache/bin/{service.program}")
        elif go is None:
            _say(f"{service.folder}: not built, for Go is not installed; its tests will be skipped")
        else:
            failed += not _build(service, go)
    return 1 if failed else 0


def _stamp(service: Service) -> Path:
    return _BIN / f".{service.program}.pinned"


def _is_built(service: Service) -> bool:
    stamp = _stamp(service)
    return (_BIN / service.program).is_file() and stamp.is_file() and stamp.read_text() == service.pinned


def _build(service: Service, go: str) -> bool:
    _say(f"{service.folder}: building, which takes some minutes the first time")
    _BIN.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    # No C compiler needed, no paths of this machine in the program, and no changes to the pinned versions.
    command = [go, "install", "-mod=readonly", "-trimpath", "-ldflags=-s -w", service.package]
    environment = {**os.environ, "GOBIN": str(_BIN), "CGO_ENABLED": "0"}
    done = subprocess.run(
        command,
        cwd=_HERE / service.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.nice(_NICE) and None,
    )
    if done.returncode:
        _say(f"{service.folder}: the build failed\n{done.stderr.strip()[-2000:]}")
        return False
    _stamp(service).write_text(service.pinned)
    _say(f"{service.folder}: built in {time.monotonic() - started:.0f} s")
    return True


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
