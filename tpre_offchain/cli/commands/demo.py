"""`tpre demo`: the whole story on this machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from tpre_offchain.cli.home import Home
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.reply import Reply


@click.command()
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What to share. [default: a live recording of this machine]",
)
@click.option("--proxies", type=click.IntRange(1, 32), default=5, show_default=True)
@click.option(
    "--threshold",
    type=click.IntRange(1, 32),
    help="Proxies that a conversion needs. [default: 3, or a majority of fewer]",
)
@click.option(
    "--kill", type=click.IntRange(0, 31), default=0, help="Kill that many proxies before the round (SIGKILL)."
)
@click.option(
    "--node",
    type=click.Choice(["anvil", "hardhat", "geth"]),
    help="Which chain to start. [default: anvil, else hardhat]",
)
@click.option(
    "--transport",
    type=click.Choice(["both", "ws", "http"]),
    default="both",
    show_default=True,
    help="How everybody speaks to it.",
)
@click.option("--exchange", is_flag=True, help="Proxies exchange cfrags and votes over HTTP: one transaction a round.")
@click.option("--keep", is_flag=True, help="Keep the folder with chain log, keys, blobs and output.")
@verb(store=True)
def command(
    run: Invocation,
    file: Path | None,
    proxies: int,
    threshold: int | None,
    kill: int,
    node: str | None,
    transport: str,
    exchange: bool,
    keep: bool,
) -> Reply:
    """Share a recording through proxies on a local chain: encrypt, publish, ask, grant, convert, read, revoke.

    Everything is real: a node, the contracts, one process for each proxy. Nothing of it is left when it ends.
    """
    from tpre_offchain.cli.demo.story import DemoPlan, tell
    from tpre_offchain.cli.local.node import NodeKind
    from tpre_offchain.cli.shown import demo as shown_demo

    plan = DemoPlan(
        proxies,
        min(3, proxies // 2 + 1) if threshold is None else threshold,
        file,
        kill,
        run.options["store"],
        None if node is None else NodeKind(node),
        ("ws", "http") if transport == "both" else (transport,),
        exchange,
    )
    folder = Path(tempfile.mkdtemp(prefix="tpre-demo-"))
    try:
        account = shown_demo.Account(quiet=run.as_json, on_terminal=run.on_terminal)
        account.title(plan)
        result = tell(plan, Home(folder), account)
        return shown_demo.reply(result, str(folder) if keep else None)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
