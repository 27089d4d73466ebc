"""Those who run proxies of a local net, at their command line: rotating keys, losing keystores, being killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.integration.nets.cli_world import Outcome, answer, command, environment, tpre
from tests.integration.nets.local_nodes import LocalNode
from tpre_offchain.cli import exits
from tpre_offchain.clients import keystore
from tpre_offchain.failpoints import VARIABLE

DAY_S = 86_400


@dataclass
class OperatorsNet:
    """Three proxies, all of them needed; one stream, and its records."""

    folder: Path
    node: LocalNode
    records: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> OperatorsNet:
        """That of `tpre net up` in a folder."""
        endpoints = json.loads((folder / ".tpre/net.json").read_text())["endpoints"]
        url = next(url for url in endpoints if url.startswith("http"))
        return cls(folder, LocalNode(int(url.rsplit(":", 1)[1]), None))  # type: ignore[arg-type]  # it is only asked

    @property
    def proxies(self) -> list[Operator]:
        """Those that the net runs."""
        return [Operator(self, self.folder / f".tpre/proxies/{number}", "proxy") for number in (1, 2, 3)]

    def newcomer(self) -> Operator:
        """A proxy that joined, and left before a committee could be drawn with it: it may rotate its key once."""
        name = f"newcomer-{time.monotonic_ns()}"
        answer(self.folder, "key", "new", name, "--fund")
        made = Operator(self, self.folder / ".tpre", name)
        made.tpre("join")
        return made

    def publish(self) -> str:
        name = f"{len(self.records)}.csv"
        (self.folder / name).write_text(f"record,{name}\n")
        self.records.append(answer(self.folder, "owner", "publish", name, "--stream", "1")["record"])
        return self.records[-1]

    def grant(self, user: str, days: int) -> int:
        answer(self.folder, "key", "new", user, "--fund")
        asked = answer(self.folder, "user", "request", "1", "--threshold", "3", "--key", user)["request"]
        given = answer(self.folder, "owner", "grant", str(asked), "--days", str(days))
        return int(given["grant"])

    def fetch(self, user: str, record: str) -> None:
        output = self.folder / f"{user}-{time.monotonic_ns()}"
        answer(self.folder, "user", "fetch", record, "-o", output.name, "--key", user)
        assert output.read_text() == f"record,{self.records.index(record)}.csv\n"

    def pass_days(self, days: int) -> None:
        """Let time pass, and something happen that tells the proxies."""
        self.node.ask("evm_increaseTime", days * DAY_S)
        self.node.ask("anvil_mine", "0x1")
        answer(self.folder, "key", "new", f"clock-{time.monotonic_ns()}", "--fund")
        names = sorted(path.stem for path in (self.folder / ".tpre/keys").glob("clock-*.json"))
        answer(self.folder, "user", "request", "1", "--threshold", "3", "--key", names[-1])

    def is_connected(self, pid: int) -> bool:
        """Whether a process talks to the node."""
        connections = psutil.Process(pid).net_connections()
        return any(one.raddr[1:] == (self.node.port,) for one in connections)

    def until(self, true: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            logs = [(self.folder / f".tpre/proxies/{n}/log").read_text()[-1500:] for n in (1, 2, 3)]
            assert time.monotonic() < deadline, (what, logs)
            time.sleep(0.5)


@dataclass(frozen=True)
class Operator:
    """Whoever has a proxy's keystore."""

    net: OperatorsNet
    home: Path
    name: str

    @property
    def options(self) -> tuple[str, ...]:
        return "--home", str(self.home), "--key", self.name

    @property
    def keystore(self) -> Path:
        return self.home / f"keys/{self.name}.json"

    @property
    def passphrase(self) -> str:
        return self.keystore.with_suffix(".passphrase").read_text()

    def tpre(self, verb: str, *more: str, code: int = exits.OK) -> Mapping[str, Any]:
        return answer(self.net.folder, "proxy", verb, *self.options, *more, code=code)

    def said(self, verb: str) -> Outcome:
        """To a person."""
        return tpre(self.net.folder, "proxy", verb, *self.options)

    def findings(self, *levels: str) -> list[dict[str, str]]:
        found = tpre(self.net.folder, "doctor", *self.options, "--json").answer["findings"]
        return [one for one in found if one["check"] == "node_key" and one["level"] in levels]

    def states(self) -> dict[int, str]:
        return {one["version"]: one["state"] for one in self.tpre("status")["key_versions"]}

    def current(self) -> int:
        (one,) = [one for one in self.tpre("status")["key_versions"] if one["current"]]
        assert one["state"] == "held"  # the keystore holds what the chain has
        return int(one["version"])

    def listed(self) -> dict[int, bytes]:
        return {one.version: one.key_hash for one in keystore.node_keys_listed(self.keystore)}

    def killed(self, verb: str, step: str) -> None:
        """`tpre proxy VERB`, from nothing, killed at a step."""
        env = {**environment(self.net.folder), VARIABLE: step}
        line = command("proxy", verb, *self.options)
        ended = subprocess.run(line, cwd=self.net.folder, env=env, capture_output=True, check=False, timeout=120)
        assert ended.returncode == -signal.SIGKILL, ended
