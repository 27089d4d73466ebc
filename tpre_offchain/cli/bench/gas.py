"""The net of ``tpre bench gas``: a node and contracts; owner, user and proxies are played in this process."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tpre_offchain.bench.online import gas
from tpre_offchain.bench.online.committee import join
from tpre_offchain.bench.online.sharing import share
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.cli.local.funding import fund
from tpre_offchain.cli.local.node import start_node
from tpre_offchain.cli.processes import end
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.session import Session
from tpre_offchain.deployment.deploy import deploy, deployer_account
from tpre_offchain.deployment.settings import LOCAL

SPARE_CONVERSIONS = 100


def measure_gas(
    committees: Sequence[tuple[int, int]], batches: Sequence[int], say: Callable[[str], None]
) -> dict[str, Any]:
    """Whole conversions for each committee and batch."""
    folder = Path(tempfile.mkdtemp(prefix="tpre-bench-"))
    try:
        node = start_node(folder, with_parent=True)
        try:
            return asyncio.run(_measure(node.ws_url, folder, committees, batches, say))
        finally:
            end([node.process])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(
    url: str,
    folder: Path,
    committees: Sequence[tuple[int, int]],
    batches: Sequence[int],
    say: Callable[[str], None],
) -> dict[str, Any]:
    async with await Connection.open([url]) as connection:
        owner_keys, user_keys, *proxy_keys = (
            Keys.generate(secrets.token_bytes) for _ in range(2 + max(size for _, size in committees))
        )
        await fund(connection, [one.address for one in (owner_keys, user_keys, *proxy_keys)])
        deployment = await deploy(connection, await deployer_account(connection), LOCAL)
        proxies = await join(connection, deployment, proxy_keys)
        rows = []
        try:
            for threshold, size in committees:
                places = [
                    await Session.start(rpc=url, deployment=deployment, store=f"local:{folder}/store", keys=keys)
                    for keys in (owner_keys, user_keys)
                ]
                async with places[0] as owner, places[1] as user:
                    sharing = await share(
                        owner,
                        user,
                        threshold=threshold,
                        committee=size,
                        records=max(batches),
                        conversions=2 * sum(batches) + SPARE_CONVERSIONS,
                    )
                    rows += await gas.measure_committee(
                        sharing,
                        proxies,
                        batches,
                        lambda shape: say(f"t={shape.threshold} n={shape.size} {shape.batch}"),
                    )
        finally:
            for proxy in proxies:
                await proxy.outbox.close()
        return gas.figures(rows)
