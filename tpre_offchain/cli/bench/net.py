"""A net of its own for a measurement: node, contracts, proxies as processes; nothing is left of it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tpre_offchain.bench.online.listening import RoundListener
from tpre_offchain.cli.home import Home
from tpre_offchain.cli.local.localnet import NetPlan, start_net, stop_net
from tpre_offchain.cli.net_state import LocalNet
from tpre_offchain.cli.passphrases import read_passphrase
from tpre_offchain.clients.session import Session

ACCOUNTS: Final = ("owner", "user")


@dataclass(frozen=True)
class BenchNet:
    """A running net with sessions of an owner and a user, and a listener to its rounds."""

    net: LocalNet
    folder: Path
    owner: Session
    user: Session
    listener: RoundListener


Measurement = Callable[[BenchNet], Awaitable[dict[str, Any]]]


def on_fresh_net(
    proxies: int, threshold: int, measurement: Measurement, say: Callable[[str], None], *, exchange: bool = False
) -> dict[str, Any]:
    """Run a measurement on a net that is started for it and ended after it."""
    folder = Path(tempfile.mkdtemp(prefix="tpre-bench-"))
    home = Home(folder)
    try:
        home.make()
        say(f"starting a node and {proxies} proxies")
        plan = NetPlan(proxies, threshold, with_parent=True, accounts=ACCOUNTS, exchange=exchange)
        net = start_net(plan, home, lambda *_: None)
        try:
            return asyncio.run(_run(home, net, measurement))
        finally:
            stop_net(net)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(home: Home, net: LocalNet, measurement: Measurement) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        owner, user = [await stack.enter_async_context(await _session(home, net, name)) for name in ACCOUNTS]
        url = next(url for url in net.endpoints if url.startswith("ws"))
        listener = RoundListener(url, user.contracts.rounds.address)
        await stack.enter_async_context(listener)
        return await measurement(BenchNet(net, home.folder, owner, user, listener))


async def _session(home: Home, net: LocalNet, name: str) -> Session:
    from tpre_offchain.clients.keystore import open_keystore

    path = home.keystore(name)
    keys = open_keystore(path, read_passphrase(home.known_passphrase(path), ""))
    return await Session.start(rpc=net.endpoints, deployment=home.deployment_file, store=net.store, keys=keys)
