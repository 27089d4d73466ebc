"""Real Ethereum nodes of node_modules, as processes on free ports of 127.0.0.1, ended by their own pid."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

ROOT = Path(__file__).resolve().parents[3]
# npm installs that of this platform alone, if there is one
ANVIL = next((ROOT / "node_modules/@foundry-rs").glob("anvil-*/bin/anvil"), ROOT / "node_modules/@foundry-rs/anvil")
HARDHAT = ROOT / "node_modules/hardhat/dist/src/cli.js"
START_S = 60.0

# "test test test test test test test test test test test junk", which development nodes fund
MNEMONIC = "test test test test test test test test test test test junk"


def funded_account(index: int) -> LocalAccount:
    """One of the accounts that a development node funds, 0..9."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


@dataclass
class LocalNode:
    """A running node; ``ask`` is a plain JSON-RPC call that owes nothing to the code under test."""

    port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def ask(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            answer = json.load(response)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_anvil(*options: str) -> LocalNode:
    """anvil with some options, ready to answer; on a port of its own."""
    return start_anvil_at(free_port(), *options)


def start_anvil_at(port: int, *options: str) -> LocalNode:
    """anvil on a given port, to take the place of one that was stopped."""
    return _start([str(ANVIL), "--host", "127.0.0.1", "--port", str(port), "--silent", *options], port)


def start_hardhat() -> LocalNode:
    """``hardhat node``, ready to answer."""
    port = free_port()
    node = Path(sys.executable).with_name("node")
    binary = subprocess.run([node, "-p", "process.execPath"], check=True, capture_output=True, text=True).stdout
    # the binary itself, not its launcher: ending a launcher leaves the node behind
    return _start([binary.strip(), str(HARDHAT), "node", "--hostname", "127.0.0.1", "--port", str(port)], port)


def _start(command: Sequence[str], port: int) -> LocalNode:
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    node = LocalNode(port, process)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            node.ask("eth_chainId")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended with code {process.returncode}") from None
            time.sleep(0.05)
        else:
            return node
    node.stop()
    raise AssertionError(f"{command[0]} did not answer within {START_S} s")
