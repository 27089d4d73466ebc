"""Puts the six contracts on a chain and writes their addresses down.

    python -m deploy.deploy --rpc http://127.0.0.1:8545 [--settings local] [--addresses FILE] [--json]

The deployer's key comes from the environment variable TPRE_DEPLOYER_KEY, never from the command line; on a development
node (anvil, hardhat) its first well-known account is used where the variable is not set.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from deploy.addresses import addresses_file
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.deployment.deploy import deploy, deployer_account
from tpre_offchain.deployment.settings import PRESETS, preset
from tpre_offchain.errors import TpreError


async def _run(arguments: argparse.Namespace) -> Deployment:
    async with await Connection.open(arguments.rpc) as connection:
        account = await deployer_account(connection)
        deployment = await deploy(connection, account, preset(arguments.settings))
        path = Path(arguments.addresses) if arguments.addresses else addresses_file(deployment.chain_id)
        deployment.save(path)
    if arguments.json:
        sys.stdout.write(json.dumps(deployment.to_json()) + "\n")
    else:
        sys.stdout.write(f"chain {deployment.chain_id}, from block {deployment.deploy_block}\n")
        sys.stdout.writelines(f"  {name:<17} {address}\n" for name, address in deployment.addresses.items())
        sys.stdout.write(f"written to {path}\n")
    return deployment


def main() -> int:
    """The command line; exit code 1 with the error and its hint on stderr."""
    parser = argparse.ArgumentParser(prog="python -m deploy.deploy", description="Deploy the contracts.")
    parser.add_argument("--rpc", action="append", required=True, help="RPC URL; may be given several times")
    parser.add_argument("--settings", default="local", choices=sorted(PRESETS))
    parser.add_argument("--addresses", help="file to write (default: deploy/addresses/<chainId>.json)")
    parser.add_argument("--json", action="store_true", help="print the deployment as JSON")
    try:
        asyncio.run(_run(parser.parse_args()))
    except TpreError as problem:
        sys.stderr.write(f"{problem.message}\n" + (f"hint: {problem.hint}\n" if problem.hint else ""))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
