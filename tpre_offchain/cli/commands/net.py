"""`tpre net`: a chain, contracts and proxies on this machine."""

from __future__ import annotations

import click

from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import net as shown_net


@click.group()
def command() -> None:
    """A whole net on this machine, in the background: chain, contracts, proxies, funded keys for owner and user."""


@command.command("up")
@click.option("--proxies", type=click.IntRange(1, 64), default=5, show_default=True)
@click.option("--threshold", type=click.IntRange(1, 32), help="Proxies that a conversion needs. [default: a majority]")
@click.option(
    "--node",
    type=click.Choice(["anvil", "hardhat", "geth"]),
    help="Which chain to start. [default: anvil, else hardhat]",
)
@click.option("--exchange", is_flag=True, help="Proxies exchange cfrags and votes over HTTP: one transaction a round.")
@verb(rpc=True, store=True)
def up(run: Invocation, proxies: int, threshold: int | None, node: str | None, exchange: bool) -> Reply:
    """Start the net and wait until every proxy serves. Ends with `tpre net down`.

    With --rpc on a development chain that runs already (anvil, hardhat, geth --dev); else on one of its own,
    whose program is fetched first if it is not here.
    Where a net runs of which proxies have died, those are started again, and nothing else changes.
    """
    from tpre_offchain.cli.local.localnet import NetPlan, revive_net, start_net
    from tpre_offchain.cli.local.node import NodeKind

    def tell(what: str, ms: float) -> None:
        run.say(shown_net.step(what, ms))

    revived = revive_net(run.home, tell)
    if revived is not None:
        return shown_net.up(revived, run.home)
    given = run.settings
    kind = None if node is None else NodeKind(node)
    plan = NetPlan(
        proxies,
        threshold or proxies // 2 + 1,
        given.rpc,
        given.store,
        accounts=("owner", "user"),
        node=kind,
        exchange=exchange,
    )
    net = start_net(plan, run.home, tell)
    return shown_net.up(net, run.home)


@command.command("status")
@verb()
def status(run: Invocation) -> Reply:
    """Show the net's processes and whether they serve."""
    from tpre_offchain.cli.local.localnet import is_ready
    from tpre_offchain.cli.net_state import LocalNet

    net = LocalNet.load(run.home)
    return shown_net.status(net, [is_ready(proxy) for proxy in net.proxies])


@command.command("down")
@verb()
def down(run: Invocation) -> Reply:
    """End the net's processes, by their own ids. Keys, logs and blobs stay until the next `tpre net up`."""
    from tpre_offchain.cli.local.localnet import stop_net
    from tpre_offchain.cli.net_state import LocalNet

    net = LocalNet.load(run.home)
    running = [process.pid for process in net.processes if process.running()]
    stop_net(net)
    run.home.net_file.unlink(missing_ok=True)
    return shown_net.down(running)
