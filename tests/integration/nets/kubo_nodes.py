"""Real Kubo daemons as processes: private repositories, no bootstrap, no routing, every listener on 127.0.0.1."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.local_nodes import free_port
from tpre_offchain.storage.kubo import KuboStore

IPFS = Path(__file__).resolve().parents[3] / ".cache" / "bin" / "ipfs"
START_TIMEOUT_S = 90
needs_kubo = pytest.mark.skipif(not IPFS.exists(), reason="no Kubo: make services builds it")

_QUIET_CONFIG: Mapping[str, Any] = {
    "Routing.Type": "none",
    "AutoConf.Enabled": False,
    "AutoTLS.Enabled": False,
    "Provide.Enabled": False,
    "HTTPRetrieval.Enabled": False,
    "Swarm.DisableNatPortMap": True,
    "Swarm.RelayClient.Enabled": False,
    "Version.SwarmCheckEnabled": False,
}


@dataclass
class KuboNode:
    """A Kubo with a repository of its own, which keeps its address when it is started again."""

    repo: Path
    private: bool = False
    api_port: int = field(default_factory=free_port)
    _daemon: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def gateway(self) -> str:
        return (self.repo / "gateway").read_text().strip()

    @property
    def pid(self) -> int:
        assert self._daemon is not None
        return self._daemon.pid

    @property
    def environment(self) -> dict[str, str]:
        private = {"LIBP2P_FORCE_PNET": "1"} if self.private else {}
        return {**os.environ, "IPFS_PATH": str(self.repo), "IPFS_TELEMETRY": "off", "HOME": str(self.repo), **private}

    def run(self, *arguments: str, given: bytes | None = None) -> str:
        """An ``ipfs`` command against this node."""
        done = subprocess.run([IPFS, *arguments], env=self.environment, input=given, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def init(self, swarm_key: str | None = None) -> None:
        """Make the repository; with a swarm key it talks to none but holders of it, or does not start."""
        self.repo.mkdir(parents=True, exist_ok=True)
        self.run("init", "--profile=test")
        settings = {**_QUIET_CONFIG, "Addresses.API": f"/ip4/127.0.0.1/tcp/{self.api_port}"}
        if swarm_key is not None:
            self.private = True
            (self.repo / "swarm.key").write_text(swarm_key)
            # a private network has no QUIC and no WebTransport
            settings["Addresses.Swarm"] = ["/ip4/127.0.0.1/tcp/0"]
        self._configure(settings)

    def _configure(self, settings: Mapping[str, Any]) -> None:
        """What ``ipfs config`` would do, which takes a process for each key."""
        file = self.repo / "config"
        config = json.loads(file.read_text())
        for key, value in settings.items():
            *above, last = key.split(".")
            part = config
            for name in above:
                part = part.setdefault(name, {})
            part[last] = value
        file.write_text(json.dumps(config))

    def start(self) -> None:
        """Start the daemon and wait until it serves."""
        log = self.repo / "log"
        for stale in (log, self.repo / "api", self.repo / "gateway", self.repo / "repo.lock"):
            stale.unlink(missing_ok=True)
        with log.open("wb") as output:
            self._daemon = subprocess.Popen([IPFS, "daemon"], env=self.environment, stdout=output, stderr=output)
        end_s = time.monotonic() + START_TIMEOUT_S
        while "Daemon is ready" not in log.read_text(errors="replace"):
            assert self._daemon.poll() is None, log.read_text()
            assert time.monotonic() < end_s, log.read_text()
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        """End the daemon: politely, or by SIGKILL."""
        if self._daemon is None:
            return
        (self._daemon.kill if kill else self._daemon.terminate)()
        try:
            self._daemon.wait(20)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        self._daemon = None

    def join(self, other: KuboNode) -> None:
        """Connect to another node of the swarm."""
        address = next(one for one in other.run("id", "-f", "<addrs>").splitlines() if "/tcp/" in one)
        self.run("swarm", "connect", address)

    @contextmanager
    def store(self, timeout_s: float = 4) -> Iterator[KuboStore]:
        """The node as a store."""
        opened = KuboStore(self.api, timeout_s=timeout_s)
        try:
            yield opened
        finally:
            opened.close()


def new_swarm_key() -> str:
    """The secret of a private swarm, in the format of its file."""
    return f"/key/swarm/psk/1.0.0/\n/base16/\n{secrets.token_hex(32)}\n"


@contextmanager
def kubo_node(repo: Path, swarm_key: str | None = None) -> Iterator[KuboNode]:
    """A running node; it is ended with the block, whatever state it is in."""
    node = KuboNode(repo)
    node.init(swarm_key)
    node.start()
    try:
        yield node
    finally:
        node.stop()
