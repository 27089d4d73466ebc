"""A local EVM node as a process: anvil, ``hardhat node`` or ``geth --dev``."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import click

from tpre_offchain.cli.local import places
from tpre_offchain.cli.local.anvil import find_anvil, get_anvil, pinned_anvil, this_machine
from tpre_offchain.cli.local.hardhat import find_hardhat, hardhat_command
from tpre_offchain.cli.local.places import NodeMissing
from tpre_offchain.cli.processes import ProcessFailed, ProcessId, end, spawn, tail

CHAIN_ID: Final = 31337
"""Of anvil and hardhat; ``geth --dev`` has 1337."""
START_TIMEOUT_S: Final = 60.0
GETH_GAS_LIMIT: Final = 60_000_000
STATES_KEPT: Final = 128
"""Blocks whose state anvil can be asked for: each is a copy of the whole state, and writing them to disk is slow."""
_LISTENING: Final = re.compile(
    r"(?:Listening on |JSON-RPC server at http://|HTTP server started +endpoint=)127\.0\.0\.1:(\d+)"
)


class NodeKind(StrEnum):
    """Which node."""

    ANVIL = "anvil"
    HARDHAT = "hardhat"
    GETH = "geth"


@dataclass(frozen=True)
class Node:
    """A running node: JSON-RPC over http and ws on the same port of 127.0.0.1."""

    process: ProcessId
    client: str
    port: int

    @property
    def http_url(self) -> str:
        """For requests."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """For subscriptions."""
        return f"ws://127.0.0.1:{self.port}"


def start_node(folder: Path, *, with_parent: bool, port: int = 0, kind: NodeKind | None = None) -> Node:
    """Start a node with its files under ``folder``, and wait for it; a program that is not here is fetched first.

    ``kind``: None takes anvil, and Hardhat's where none is made for this machine, or no anvil is here but Hardhat is.
    Raises ``NodeMissing``, ``ProcessFailed``, and what fetching raises.
    """
    log = folder / "node.log"
    # HOME: anvil spills old states below it
    env = {
        "HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        "TMPDIR": str(folder),
        "NO_COLOR": "1",
        "HARDHAT_DISABLE_TELEMETRY": "true",
    }
    where = folder
    chosen = kind or _best_kind()
    if chosen is NodeKind.ANVIL:
        command = _anvil_command(port)
    elif chosen is NodeKind.GETH:
        command = _geth_command(folder, port)
    else:
        command, where = hardhat_command(port or _free_port())
        env["HOME"] = os.environ.get("HOME", str(folder))
    child = spawn(command, log=log, env=env, folder=where, with_parent=with_parent)
    process = ProcessId.of(child.pid)
    try:
        return _wait(child, process, log)
    except BaseException:
        end([process])
        raise


def _best_kind() -> NodeKind:
    if find_anvil() is not None:
        return NodeKind.ANVIL
    if find_hardhat() is not None:  # nothing needs to be fetched
        return NodeKind.HARDHAT
    if pinned_anvil() is not None:
        return NodeKind.ANVIL
    click.echo(f"no anvil is made for {this_machine()}: the chain is Hardhat's node", err=True)
    return NodeKind.HARDHAT


def find_geth() -> Path | None:
    """The geth that ``make services`` has built, or one on PATH."""
    built = places.PROJECT / ".cache" / "bin" / "geth"
    on_path = shutil.which("geth")
    return built if os.access(built, os.X_OK) else (Path(on_path) if on_path else None)


def _anvil_command(port: int) -> list[str]:
    command = [str(get_anvil()), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    return [*command, "--hardfork", "prague", "--accounts", "1", "--prune-history", str(STATES_KEPT)]


def _geth_command(folder: Path, port: int) -> list[str]:
    geth = find_geth()
    if geth is None:
        raise NodeMissing("there is no geth", hint="run `make services`, which builds it where Go is installed")
    command = [str(geth), "--dev", "--dev.gaslimit", str(GETH_GAS_LIMIT), "--datadir", str(folder / "geth")]
    command += ["--ipcdisable", "--nodiscover", "--maxpeers", "0", "--port", "0", "--cache", "64", "--nousb"]
    for kind in ("http", "ws"):  # two servers on one port are one
        command += [f"--{kind}", f"--{kind}.addr", "127.0.0.1", f"--{kind}.port", str(port)]
        command += [f"--{kind}.api", "eth,net,web3"]
    return command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(child: subprocess.Popen[bytes], process: ProcessId, log: Path) -> Node:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise ProcessFailed(f"the node ended with code {child.returncode}:\n{tail(log)}")
        found = _LISTENING.search(log.read_text(errors="replace"))
        if found:
            port = int(found.group(1))
            with suppress(OSError, ValueError, KeyError):
                return Node(process, _client_version(port), port)
        time.sleep(0.02)
    raise ProcessFailed(f"the node did not answer within {START_TIMEOUT_S:g} s:\n{tail(log)}")


def _client_version(port: int) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "web3_clientVersion", "params": []}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}", body, headers)
    with urllib.request.urlopen(request, timeout=2) as answer:  # noqa: S310
        return str(json.load(answer)["result"])
