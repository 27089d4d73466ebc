"""The local net as its file describes it: which processes it has, where they listen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tpre_offchain.cli.home import Home
from tpre_offchain.cli.processes import ProcessId
from tpre_offchain.errors import ConfigError

FORMAT: Final = 1


class NoLocalNet(ConfigError):
    """No local net was started in this home."""

    default_hint = "start one with `tpre net up`, or name a chain: --rpc URL --deployment FILE"


@dataclass(frozen=True)
class NetProxy:
    """One proxy process of the net; ``health_port`` is of 127.0.0.1."""

    number: int
    address: str
    process: ProcessId
    health_port: int


@dataclass(frozen=True)
class LocalNet:
    """``node``: None where the chain was there before. ``endpoints``: the preferred one first."""

    chain_id: int
    client: str
    endpoints: tuple[str, ...]
    node: ProcessId | None
    proxies: tuple[NetProxy, ...]
    threshold: int
    store: str

    @property
    def processes(self) -> tuple[ProcessId, ...]:
        """All of them, the proxies first."""
        return (*(proxy.process for proxy in self.proxies), *(() if self.node is None else (self.node,)))

    @classmethod
    def load(cls, home: Home) -> LocalNet:
        """Read the file. Raises ``NoLocalNet``."""
        try:
            content = json.loads(home.net_file.read_text())
            return cls._from_json(content)
        except FileNotFoundError:
            raise NoLocalNet(f"no local net in {home.folder}") from None
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise NoLocalNet(f"{home.net_file} is no file of a local net: {problem!r}") from problem

    @classmethod
    def _from_json(cls, content: Mapping[str, Any]) -> LocalNet:
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
        node = content["node"]
        return cls(
            chain_id=int(content["chain_id"]),
            client=str(content["client"]),
            endpoints=tuple(content["endpoints"]),
            node=None if node is None else ProcessId(**node),
            proxies=tuple(
                NetProxy(one["number"], one["address"], ProcessId(**one["process"]), one["health_port"])
                for one in content["proxies"]
            ),
            threshold=int(content["threshold"]),
            store=str(content["store"]),
        )

    def save(self, home: Home) -> None:
        """Write the file, as a whole."""
        home.make()
        part = home.net_file.with_name(f".net.json.{os.getpid()}")
        part.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n")
        part.replace(home.net_file)
