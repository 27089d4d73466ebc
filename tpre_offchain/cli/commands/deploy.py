"""`tpre deploy`: the contracts on any chain."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpre_offchain.cli import opening
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.text import MissingOption

if TYPE_CHECKING:
    from tpre_offchain.chain.contracts.deployment import Deployment


@click.command()
@click.option(
    "--settings", "preset_name", default="local", show_default=True, help="Windows, bonds, fees: local or mainnet-like."
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="File of the addresses. [default: HOME/deployment.json]"
)
@verb(rpc=True, key=True)
def command(run: Invocation, preset_name: str, output: Path | None) -> Reply:
    """Deploy the contracts with --key, or with a development chain's own account, and write down their addresses."""
    if not run.settings.rpc:
        raise MissingOption("--rpc says which chain to deploy to")
    file = output or run.home.deployment_file
    deployment = asyncio.run(_deploy(run, preset_name))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    deployment.save(file)
    lines = [f"chain {deployment.chain_id}, from block {deployment.deploy_block}"]
    lines += [f"  {name:<18} {address}" for name, address in deployment.addresses.items()]
    data = {
        "ok": True,
        "chain_id": deployment.chain_id,
        "deploy_block": deployment.deploy_block,
        "contracts": dict(deployment.addresses),
        "file": str(file),
    }
    return Reply(data, [*lines, f"written to {file}"])


async def _deploy(run: Invocation, preset_name: str) -> Deployment:
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.cli.local.funding import funded_deployer
    from tpre_offchain.deployment.deploy import deploy
    from tpre_offchain.deployment.settings import preset

    settings = preset(preset_name)
    async with await Connection.open(run.settings.rpc) as connection:
        if run.settings.key is None:
            account = await funded_deployer(connection)
        else:
            account = opening.open_keys(run, run.settings.key).account
        return await deploy(connection, account, settings)
