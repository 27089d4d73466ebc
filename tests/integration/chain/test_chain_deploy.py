"""Deployment on both kinds of node, and its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.nets.local_nodes import ROOT, LocalNode, funded_account
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.deployment.deploy import DEPLOYER_KEY, NoDeployerKey, NoPrecompiles, deploy, deployer_account
from tpre_offchain.deployment.settings import LOCAL


async def test_deploy__either_node__contracts_know_one_another_and_the_settings(any_node: LocalNode) -> None:
    async with await Connection.open([any_node.url]) as connection:
        deployment = await deploy(connection, funded_account(9))
        contracts = Contracts.of(connection, deployment)
        await deployment.verify(connection)
        assert await contracts.rounds.settings() == LOCAL.rounds
        assert await contracts.proxies.settings() == LOCAL.proxies
        assert await contracts.grants.redraw_fee_wei() == LOCAL.grants.redraw_fee_wei
        for contract, reference in ((contracts.grants, "rounds"), (contracts.rounds, "grants")):
            other = {"rounds": contracts.rounds, "grants": contracts.grants}[reference]
            assert await contract.view(reference) == other.address
        assert deployment.deploy_block <= (await connection.latest()).number
        code = await connection.block(deployment.deploy_block)
        assert code is not None


async def test_deploy__impossible_settings__raises_the_contracts_error(anvil: Connection) -> None:
    impossible = replace(LOCAL, rounds=replace(LOCAL.rounds, vote_seconds=0))
    with pytest.raises(ContractRevert) as refused:
        await deploy(anvil, funded_account(9), impossible)
    assert (refused.value.name, refused.value.contract) == ("BadSettings", "ConversionRounds")


async def test_deploy__chain_before_prague__raises_and_spends_nothing(own_anvil: Callable[..., LocalNode]) -> None:
    node = own_anvil("--hardfork", "cancun")
    async with await Connection.open([node.url]) as connection:
        with pytest.raises(NoPrecompiles):
            await deploy(connection, funded_account(9))
        assert (await connection.latest()).number == 0


async def test_deployer_account__key_in_the_environment__is_used_and_never_shown(
    anvil: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "0x" + funded_account(3).key.hex()
    monkeypatch.setenv(DEPLOYER_KEY, key)
    assert (await deployer_account(anvil)).address == funded_account(3).address
    monkeypatch.setenv(DEPLOYER_KEY, key[:-2] + "zz")
    with pytest.raises(NoDeployerKey) as bad:
        await deployer_account(anvil)
    assert key[2:20] not in str(bad.value)
    monkeypatch.delenv(DEPLOYER_KEY)
    assert (await deployer_account(anvil)).address == funded_account(0).address


def test_main__json_asked_for__prints_and_writes_the_deployment(anvil_node: LocalNode, tmp_path: Path) -> None:
    path = tmp_path / "addresses.json"
    command = [sys.executable, "-m", "deploy.deploy", "--rpc", anvil_node.url, "--addresses", str(path), "--json"]
    environment = {**os.environ, DEPLOYER_KEY: funded_account(8).key.hex()}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert Deployment.from_json(json.loads(done.stdout)) == Deployment.load(path)


def test_main__no_node__says_so_with_a_hint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.deploy", "--rpc", "http://127.0.0.1:9", "--addresses", str(tmp_path / "x")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "hint: is the node running" in done.stderr
    assert "Traceback" not in done.stderr
