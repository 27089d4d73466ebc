"""The tour of the README by hand, then its record read by a second implementation that knows SPEC.md alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
TPRE = Path(sys.executable).with_name("tpre")


class Terminal:
    """A shell user in ``folder``, with the net's state in the folder's .tpre."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tpre(self, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [TPRE, *words, "--json"], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"tpre {' '.join(words)}: {done.stdout}{done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


pytestmark = pytest.mark.slow


@pytest.fixture
def terminal(tmp_path: Path) -> Any:
    terminal = Terminal(tmp_path)
    terminal.tpre("net", "up", "--proxies", "3", "--threshold", "2")
    yield terminal
    terminal.tpre("net", "down")


def test_read_record__by_a_program_that_knows_only_the_spec__gives_the_owners_bytes(terminal: Terminal) -> None:
    # two chunks and a rest, so that the blob is a tree
    content = os.urandom(2 * 2**20 + 77)
    (terminal.folder / "data.bin").write_bytes(content)
    terminal.tpre("owner", "stream", "create", "numbers")
    record = terminal.tpre("owner", "publish", "data.bin", "--stream", "numbers")["record"]
    terminal.tpre("user", "request", "1", "--purpose", "a second reader")
    terminal.tpre("owner", "grant", "1")
    terminal.tpre("user", "fetch", record, "-o", "fetched.bin")
    assert (terminal.folder / "fetched.bin").read_bytes() == content

    words = terminal.folder / "words.txt"
    words.touch(mode=0o600)
    shown = terminal.tpre("key", "show", "user", "--words")["words"]
    words.write_text(shown if isinstance(shown, str) else " ".join(shown))
    stream, publisher, sequence = record.split("/")
    record_id = int(stream) << 192 | int(publisher, 16) << 32 | int(sequence)
    net = json.loads((terminal.folder / ".tpre" / "net.json").read_text())
    rpc = next(url for url in net["endpoints"] if url.startswith("http"))
    arguments = {
        "--rpc": rpc,
        "--addresses": ".tpre/deployment.json",
        "--words": str(words),
        "--grant": "1",
        "--record": str(record_id),
        "--store": ".tpre/store",
        "-o": "second.bin",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.independent.read_record", *(part for pair in arguments.items() for part in pair)],
        cwd=terminal.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (terminal.folder / "second.bin").read_bytes() == content
    assert json.loads(done.stdout) == {
        "name": "data.bin",
        "sha256": hashlib.sha256(content).hexdigest(),
        "signer": _checksummed(publisher),
    }


def _checksummed(address: str) -> str:
    from web3 import Web3

    return str(Web3.to_checksum_address(address))
