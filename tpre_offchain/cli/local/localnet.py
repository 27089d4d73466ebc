"""The local net: a node, the contracts, and proxies as processes of their own; started whole or not at all.

The proxies are started first and wait for the contracts' file: a Python process takes a second to be there, and so they
take it all at once and beside the deployment.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tpre_offchain.cli.home import Home
from tpre_offchain.cli.invocation import environment
from tpre_offchain.cli.local.node import Node, NodeKind, start_node
from tpre_offchain.cli.net_state import LocalNet, NetProxy, NoLocalNet
from tpre_offchain.cli.opening import make_local_keys
from tpre_offchain.cli.processes import ProcessFailed, ProcessId, end, spawn, tail, uninterrupted
from tpre_offchain.errors import ConfigError

if TYPE_CHECKING:
    from tpre_offchain.clients.keys import Keys

OnStep = Callable[[str, float], None]
"""Told of a finished step: what, and its milliseconds."""

READY_TIMEOUT_S: Final = 120.0
MAX_PROXIES: Final = 64
HEALTH_FILE: Final = "health.json"


class NetIsUp(ConfigError):
    """A net runs in this home already."""

    default_hint = "use it, or end it with `tpre net down`"


class BadThreshold(ConfigError):
    """The threshold or the number of proxies makes no sense."""


@dataclass(frozen=True)
class NetPlan:
    """``rpc``: endpoints of a development chain that is there already; none starts a node. ``with_parent``: the
    processes end with this one. ``accounts``: names of keystores to make and fund. ``node``: which node to start; None
    takes the best that is here. ``transports``: how it is spoken to, the preferred one first. ``exchange``: the proxies
    hear one another on free ports of this machine.
    """

    proxies: int
    threshold: int
    rpc: tuple[str, ...] = ()
    store: str | None = None
    with_parent: bool = False
    accounts: tuple[str, ...] = ()
    node: NodeKind | None = None
    transports: tuple[str, ...] = ("ws", "http")
    exchange: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= self.proxies <= MAX_PROXIES:
            raise BadThreshold(f"threshold {self.threshold} of {self.proxies} proxies; 1 <= t <= n <= {MAX_PROXIES}")


@dataclass
class _Started:
    """What is running so far, for the case that the rest fails."""

    processes: list[ProcessId]


def start_net(plan: NetPlan, home: Home, on_step: OnStep) -> LocalNet:
    """Start everything and wait until every proxy is ready; on failure nothing is left running.

    Raises ``NetIsUp``, ``NodeMissing``, ``ProcessFailed``, and what deployment raises.
    """
    if _running(home) is not None:
        raise NetIsUp(f"a local net runs in {home.folder}")
    _clear(home)
    started = _Started([])
    try:
        return _start(plan, home, on_step, started)
    except BaseException:
        with uninterrupted():
            end(started.processes)
        raise


def revive_net(home: Home, on_step: OnStep) -> LocalNet | None:
    """Start the proxies of a running net that have died, with their keys, and wait until they serve.

    None: no net runs. Raises ``NetIsUp`` if nothing can be done for it: no proxy is missing, or its chain is.
    """
    net = _running(home)
    if net is None:
        return None
    dead = [proxy for proxy in net.proxies if proxy.process.running() is None]
    if not dead:
        raise NetIsUp(f"a local net runs in {home.folder}")
    if net.node is not None and net.node.running() is None:
        raise NetIsUp(f"proxies run in {home.folder}, but their chain is gone", hint="tpre net down, then tpre net up")
    started: dict[int, ProcessId] = {}
    try:
        with _timed(on_step, "proxies"):
            for proxy in dead:
                one = Home(home.proxy_folder(proxy.number))
                (one.folder / HEALTH_FILE).unlink(missing_ok=True)  # of the dead one: its port may be another's now
                started[proxy.number] = _start_proxy(one, with_parent=False)
            ports = _wait_ready(home, started)
    except BaseException:
        with uninterrupted():
            end(started.values())
        raise
    alive = tuple(
        replace(proxy, process=started[proxy.number], health_port=ports[proxy.number])
        if proxy.number in started
        else proxy
        for proxy in net.proxies
    )
    revived = replace(net, proxies=alive)
    revived.save(home)
    return revived


def stop_net(net: LocalNet) -> None:
    """End the net's processes, and none that only has the same number."""
    with uninterrupted():
        end(net.processes)


def is_ready(proxy: NetProxy) -> bool:
    """Whether the proxy says that it serves."""
    return _get(proxy.health_port, "readyz") is not None


def _running(home: Home) -> LocalNet | None:
    """The net of this home if any of its processes runs."""
    with suppress(NoLocalNet):
        net = LocalNet.load(home)
        if any(process.running() for process in net.processes):
            return net
    return None


def _start(plan: NetPlan, home: Home, on_step: OnStep, started: _Started) -> LocalNet:
    node = None
    with _timed(on_step, "node"):
        if not plan.rpc:
            home.node_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            node = start_node(home.node_folder, with_parent=plan.with_parent, kind=plan.node)
            started.processes.append(node.process)
    endpoints = plan.rpc or _endpoints(node, plan.transports)
    store = plan.store or f"local:{home.store_folder.resolve()}"
    proxy_keys = []
    with _timed(on_step, "processes"):
        for number in range(1, plan.proxies + 1):
            one = _proxy_home(home, number, endpoints, exchange=plan.exchange)
            proxy_keys.append(make_local_keys(one, "proxy"))
            started.processes.append(_start_proxy(one, with_parent=plan.with_parent))
        accounts = [make_local_keys(home, name) for name in plan.accounts]
    with _timed(on_step, "contracts"):
        chain_id, client = asyncio.run(_deploy(home, endpoints, [*accounts, *proxy_keys]))
    processes = started.processes[-plan.proxies :]
    with _timed(on_step, "proxies"):
        ports = _wait_ready(home, dict(enumerate(processes, 1)))
    proxies = tuple(NetProxy(i + 1, proxy_keys[i].address, processes[i], ports[i + 1]) for i in range(plan.proxies))
    net = LocalNet(chain_id, client, endpoints, None if node is None else node.process, proxies, plan.threshold, store)
    net.save(home)
    return net


def _clear(home: Home) -> None:
    """Remove what an earlier net of this home left: its chain is gone, so all of it is about nothing."""
    for leftover in (home.node_folder, home.folder / "proxies", home.state_folder):
        shutil.rmtree(leftover, ignore_errors=True)
    for file in (home.net_file, home.deployment_file):
        file.unlink(missing_ok=True)
    if home.keys_folder.is_dir():
        for passphrase in home.keys_folder.glob("*.passphrase"):  # keys of a local net: worth nothing without it
            passphrase.with_suffix(".json").unlink(missing_ok=True)
            passphrase.unlink()
    home.make()


def _endpoints(node: Node | None, transports: Sequence[str]) -> tuple[str, ...]:
    if node is None:
        raise NoLocalNet("no chain to start a net on")
    urls = {"ws": node.ws_url, "http": node.http_url}
    return tuple(urls[transport] for transport in transports)


def _proxy_home(home: Home, number: int, endpoints: Sequence[str], *, exchange: bool) -> Home:
    """A folder from which `tpre proxy … --home` works by itself."""
    one = Home(home.proxy_folder(number))
    one.make()
    # JSON strings are TOML strings
    settings: dict[str, object] = {"rpc": list(endpoints), "deployment": str(home.deployment_file.resolve())}
    if exchange:
        settings["exchange"] = "127.0.0.1:0"
    one.settings_file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    return one


def _start_proxy(one: Home, *, with_parent: bool) -> ProcessId:
    command = [sys.executable, "-m", "tpre_offchain.cli", "proxy", "run", "--join", "--wait", str(int(READY_TIMEOUT_S))]
    command += ["--home", str(one.folder)]
    child = spawn(command, log=one.folder / "log", env=environment(), with_parent=with_parent)
    return ProcessId.of(child.pid)


async def _deploy(home: Home, endpoints: Sequence[str], keys: Sequence[Keys]) -> tuple[int, str]:
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.cli.local.funding import fund, funded_deployer
    from tpre_offchain.deployment.deploy import deploy
    from tpre_offchain.deployment.settings import LOCAL

    async with await Connection.open(endpoints) as connection:
        await fund(connection, [one.address for one in keys])
        deployment = await deploy(connection, await funded_deployer(connection), LOCAL)
        deployment.save(home.deployment_file)
        return connection.chain_id, str(await connection.rpc("web3_clientVersion"))


def _wait_ready(home: Home, processes: Mapping[int, ProcessId]) -> Mapping[int, int]:
    """Health ports by proxy number, once all of them serve. Raises ``ProcessFailed``."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    ports: dict[int, int] = {}
    while late := sorted(processes.keys() - ports.keys()):
        for number in late:
            folder = home.proxy_folder(number)
            if processes[number].running() is None:
                raise ProcessFailed(f"proxy {number} ended:\n{tail(folder / 'log')}")
            with suppress(OSError, ValueError, KeyError):
                port = int(json.loads((folder / HEALTH_FILE).read_text())["port"])
                if _get(port, "readyz") is not None:
                    ports[number] = port
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"not ready after {READY_TIMEOUT_S:g} s: proxies {late}\n{tail(home.proxy_folder(late[0]) / 'log')}"
            )
        time.sleep(0.05)
    return ports


def _get(port: int, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=2) as answer:
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None


class _timed:  # noqa: N801 - reads as a verb
    def __init__(self, on_step: OnStep, name: str) -> None:
        self._on_step, self._name, self._started = on_step, name, 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._on_step(self._name, (time.perf_counter() - self._started) * 1000)
