"""The whole main job on each real node, by WebSocket alone and by HTTP alone; afterwards nothing of it is left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.nets.cli_world import answer, processes_in, tpre
from tpre_offchain.cli.local.anvil import find_anvil
from tpre_offchain.cli.local.node import find_geth

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CLIENTS = {"anvil": ("anvil/", 31337), "hardhat": ("HardhatNetwork/", 31337), "geth": ("Geth/", 1337)}
NODES = [
    pytest.param(
        "anvil", marks=[pytest.mark.anvil, pytest.mark.skipif(find_anvil() is None, reason="no anvil on this platform")]
    ),
    "hardhat",
    pytest.param(
        "geth",
        marks=[pytest.mark.geth, pytest.mark.skipif(find_geth() is None, reason="no geth: make services builds it")],
    ),
]


@pytest.mark.parametrize("transport", ["ws", "http"])
@pytest.mark.parametrize("node", NODES)
def test_demo__on_each_node_and_transport__arrives(tmp_path: Path, node: str, transport: str) -> None:
    outcome = tpre(tmp_path, "demo", "--node", node, "--transport", transport, "--kill", "2", "--json", timeout_s=300)
    assert outcome.code == 0, outcome
    found = outcome.answer
    client, chain_id = CLIENTS[node]
    assert found["ok"] is True
    assert found["chain"]["client"].startswith(client)
    assert found["chain"]["chain_id"] == chain_id
    assert found["input_sha256"] == found["output_sha256"]
    assert found["refused"] == ["no_grant", "revoked"]
    assert len(found["contributors"]) == 3
    assert processes_in(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tpre-demo")] == []


@pytest.mark.geth
@pytest.mark.skipif(find_geth() is None, reason="no geth: make services builds it")
def test_net__on_geth__is_one_that_the_doctor_finds_well(tmp_path: Path) -> None:
    up = answer(tmp_path, "net", "up", "--proxies", "3", "--node", "geth")
    try:
        assert up["chain"]["client"].startswith("Geth/")
        found = answer(tmp_path, "doctor")
        assert found["counts"]["error"] == found["counts"]["warning"] == 0, found
        endpoints = json.loads((tmp_path / ".tpre/net.json").read_text())["endpoints"]
        assert [endpoint.partition(":")[0] for endpoint in endpoints] == ["ws", "http"]
        # a chain that somebody else runs: a second deployment by an account that it funds
        again = answer(tmp_path, "deploy", "--rpc", endpoints[1], "--output", tmp_path / "second.json")
        assert again["chain_id"] == 1337
        deployment = tmp_path / "second.json"
        second = answer(tmp_path, "doctor", "--deployment", deployment, code=9)
        (pool,) = [one for one in second["findings"] if one["level"] == "error"]
        assert (pool["check"], pool["message"]) == ("pool", "no proxy is in the pool")
    finally:
        answer(tmp_path, "net", "down")
    assert processes_in(tmp_path) == []
