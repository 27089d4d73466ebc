"""The process around the worker: its configuration, clock, health server and logs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest
import structlog

from tpre_offchain.chain.abi.codec import CONTRACT_NAMES
from tpre_offchain.chain.abi.events import GrantRevoked
from tpre_offchain.chain.abi.log import LogPosition
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.watch import WatchSettings
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.errors import ConfigError
from tpre_offchain.proxy.__main__ import main, read_config, run
from tpre_offchain.proxy.daemon.feed import ChainTime, Feed
from tpre_offchain.proxy.daemon.health import HealthServer
from tpre_offchain.proxy.daemon.telemetry import Metrics, configure_logs
from tpre_offchain.types import Address, GrantId

if TYPE_CHECKING:
    from tpre_offchain.chain.rpc.connection import Connection

SECRET = "5ec2e7" * 11
DEPLOYMENT = Deployment(31337, 1, dict.fromkeys(CONTRACT_NAMES, Address("0x" + "11" * 20)), LOCAL).to_json()


def private(path: Path, text: str, mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


class TestConfig:
    def test_read_config__private_file__read(self, tmp_path: Path) -> None:
        assert read_config(private(tmp_path / "c.json", '{"seed": 1}')) == {"seed": 1}

    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
    def test_read_config__others_may_read_it__refused(self, tmp_path: Path, mode: int) -> None:
        with pytest.raises(ConfigError, match="others may read") as caught:
            read_config(private(tmp_path / "c.json", "{}", mode))
        assert caught.value.hint == f"chmod 600 {tmp_path / 'c.json'}"

    @pytest.mark.parametrize("text", [f'{{"seed": "{SECRET}"', f'"{SECRET}"', ""])
    def test_read_config__not_an_object__refused_without_quoting(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError) as caught:
            read_config(private(tmp_path / "c.json", text))
        assert SECRET not in str(caught.value.to_dict())

    @pytest.mark.parametrize("wrong", ["account_key", "node_keys", "worker", "rpc_urls"])
    async def test_run__a_value_is_wrong__refused_without_quoting(self, wrong: str) -> None:
        config: dict[str, Any] = {
            "deployment": DEPLOYMENT,
            "account_key": "0x" + "11" * 32,
            "node_keys": {"1": "22" * 32},
            "rpc_urls": [],
            "worker": {},
        }
        bad = {"worker": {"secret": SECRET}, "node_keys": {"1": SECRET}, "account_key": SECRET, "rpc_urls": 5}
        config[wrong] = bad[wrong]
        with pytest.raises(ConfigError) as caught:
            await run(config)
        assert SECRET not in str(caught.value.to_dict())
        assert caught.value.__cause__ is None

    async def test_run__a_value_is_missing__named(self) -> None:
        with pytest.raises(ConfigError, match="account_key"):
            await run({"deployment": DEPLOYMENT})

    def test_main__wrong_use__usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 2
        assert "usage" in capsys.readouterr().err

    def test_process__no_such_file__exit_code_and_reason(self, project_root: Path) -> None:
        command = [sys.executable, "-m", "tpre_offchain.proxy", "/nowhere"]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=project_root, check=False, timeout=60)
        assert ended.returncode == 1
        assert json.loads(ended.stderr)["error"] == "ConfigError"


GRANTS = Address("0x" + "11" * 20)


class TestChainTime:
    def test_now__clock_behind_and_no_new_block__goes_on(self) -> None:
        clock = [100.0]
        time = ChainTime(lambda: clock[0])
        time.note(3_700)
        clock[0] += 5
        time.note(3_700)
        assert time.now() == 3_705
        time.note(3_706)
        assert time.now() == 3_706

    def test_now__blocks_behind_or_unknown__clock(self) -> None:
        time = ChainTime(lambda: 100.0)
        assert time.now() == 100.0
        time.note(90)
        assert time.now() == 100.0

    def test_now__blocks_ahead__blocks(self) -> None:
        time = ChainTime(lambda: 100.0)
        time.note(130)
        assert time.now() == 130.0
        time.note(101)
        assert time.now() == 101.0


class TestFeed:
    def feed(self) -> Feed:
        async def never(*_: object) -> None:
            raise AssertionError("asked the chain")

        return Feed(cast("Connection", SimpleNamespace(rpc=never)), [GRANTS], WatchSettings())

    def test_never_read__early_event_of_a_block_that_is_no_more__retracted(self) -> None:
        feed, stale, true = self.feed(), revoked(5, fork=1), revoked(5, fork=2)
        feed.note_early([stale, true, revoked(6)])
        assert feed._never_read([true], 5) == (stale,)
        assert feed._never_read([revoked(6)], 6) == ()

    def test_note_early__event_of_a_contract_that_is_not_read__not_retracted(self) -> None:
        feed, elsewhere = self.feed(), revoked(5)
        feed.note_early([replace(elsewhere, at=replace(elsewhere.at, address=Address("0x" + "22" * 20)))])
        assert feed._never_read([], 5) == ()

    def test_note_early__block_was_read_before__not_retracted(self) -> None:
        feed = self.feed()
        assert feed._never_read([revoked(5)], 5) == ()
        feed.note_early([revoked(5)])  # a receipt may come after the logs of its block
        assert feed._never_read([], 7) == ()


def revoked(block: int, fork: int = 0) -> GrantRevoked:
    return GrantRevoked(at=LogPosition(GRANTS, block, bytes([fork] * 32), bytes(32), 0), grant_id=GrantId(1))


class TestHealth:
    async def test_server__alive_but_not_ready__says_so(self) -> None:
        metrics = Metrics()
        metrics.count_rpc("eth_call", 0.001, answered=True)
        state: dict[str, dict[str, Any] | None] = {"ready": {"reason": "reading the chain"}}
        server = HealthServer(metrics, lambda: None, lambda: state["ready"], lambda: {"open_rounds": 3})
        port = await server.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                async with session.get("/healthz") as alive:
                    assert (alive.status, await alive.json()) == (200, {"ok": True, "open_rounds": 3})
                async with session.get("/readyz") as ready:
                    assert ready.status == 503
                    assert (await ready.json())["reason"] == "reading the chain"
                state["ready"] = None
                async with session.get("/readyz") as ready:
                    assert ready.status == 200
                async with session.get("/metrics") as shown:
                    text = await shown.text()
            assert 'tpre_proxy_rpc_calls_total{method="eth_call",outcome="answered"} 1.0' in text
        finally:
            await server.stop()


class TestLogs:
    def test_configure_logs__event__one_json_line(self) -> None:
        stream = io.StringIO()
        try:
            configure_logs(stream)
            structlog.get_logger().info("acted", round="0x1", gas=5)
            line = json.loads(stream.getvalue())
            assert {"event": "acted", "round": "0x1", "gas": 5, "level": "info"}.items() <= line.items()
            assert line["timestamp"].endswith("Z")
        finally:
            structlog.reset_defaults()

    def test_timed__step__observed(self) -> None:
        metrics = Metrics()
        with metrics.timed("check"):
            pass
        assert metrics.registry.get_sample_value("tpre_proxy_step_seconds_count", {"step": "check"}) == 1.0
