"""The local net on other nodes than anvil, and what happens where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.nets.cli_world import answer, processes_in, tpre
from tests.integration.nets.local_nodes import LocalNode
from tpre_offchain.cli.local import node
from tpre_offchain.cli.local.node import start_node
from tpre_offchain.cli.processes import end

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOME = ("--home", "home")


def test_start_node__no_anvil__takes_hardhat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "find_anvil", lambda: None)
    started = start_node(tmp_path, with_parent=True)
    assert "hardhat" in started.client.lower()
    end([started.process])
    assert started.process.running() is None


def test_net_up__on_a_chain_that_runs__uses_it_and_leaves_it(tmp_path: Path, hardhat_node: LocalNode) -> None:
    up = answer(tmp_path, "net", "up", "--rpc", hardhat_node.url, "--proxies", "1", *HOME)
    try:
        assert "hardhat" in up["chain"]["client"].lower()
        assert len(up["proxies"]) == 1
        created = answer(tmp_path, "owner", "stream", "create", "s", *HOME)
        assert created["stream"] >= 1
        shown = tpre(tmp_path, "net", "status", *HOME)
        assert shown.code == 0
        assert "given" in shown.out
    finally:
        assert len(answer(tmp_path, "net", "down", *HOME)["ended"]) == 1
    assert processes_in(tmp_path) == []
    again = answer(tmp_path, "net", "up", "--rpc", hardhat_node.url, "--proxies", "1", *HOME)
    assert again["ok"] is True
    answer(tmp_path, "net", "down", *HOME)


def test_net_up__no_chain_there__leaves_nothing(tmp_path: Path) -> None:
    found = answer(tmp_path, "net", "up", "--rpc", "http://127.0.0.1:1", "--proxies", "1", *HOME, code=5)
    assert found["error"] == "EndpointDown"
    assert processes_in(tmp_path) == []


def test_deploy__to_a_development_chain__writes_the_addresses(tmp_path: Path, hardhat_node: LocalNode) -> None:
    found = answer(tmp_path, "deploy", "--rpc", hardhat_node.url, *HOME)
    assert {"KeyRegistry", "ConversionRounds"} <= set(found["contracts"])
    assert (tmp_path / "home" / "deployment.json").exists()
    options = ("--rpc", hardhat_node.url)
    assert answer(tmp_path, "audit", "timeline", *options, *HOME)["entries"] == []
    assert answer(tmp_path, "deploy", *HOME, code=2)["error"] == "MissingOption"
    assert answer(tmp_path, "deploy", *options, "--settings", "x", *HOME, code=2)["error"] == "UnknownPreset"


def test_proxy_withdraw__after_the_cooldown__returns_the_bond(tmp_path: Path, hardhat_node: LocalNode) -> None:
    options = ("--rpc", hardhat_node.url, *HOME)
    answer(tmp_path, "deploy", *options)
    made = answer(tmp_path, "key", "new", "proxy", "--fund", *options)
    assert answer(tmp_path, "proxy", "join", *options)["joined"] is True
    assert "ProxyNotLeaving" in answer(tmp_path, "proxy", "withdraw", *options, code=3)["message"]
    assert answer(tmp_path, "proxy", "leave", *options)["exit_block"] > 0
    assert "CooldownNotOver" in answer(tmp_path, "proxy", "withdraw", *options, code=3)["message"]
    hardhat_node.ask("hardhat_mine", hex(8_200), "0x1")
    paid = answer(tmp_path, "proxy", "withdraw", *options)
    assert (paid["address"], paid["withdrawn"], paid["credit_wei"]) == (made["address"], True, 10**18)
    assert answer(tmp_path, "proxy", "status", *options)["member"] is False
    assert answer(tmp_path, "proxy", "credit", *options)["credit_wei"] == 0
    assert "NothingToWithdraw" in answer(tmp_path, "proxy", "credit", "--withdraw", *options, code=3)["message"]
    answer(tmp_path, "proxy", "join", *options)
    assert answer(tmp_path, "proxy", "status", *options)["key_version"] == 2
