"""`tpre doctor` on a real net: silent while all is well, and right about each thing that is broken."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from eth_account import Account

from tests.integration.nets.cli_world import answer
from tests.integration.nets.local_nodes import LocalNode, funded_account
from tpre_offchain.chain.abi.structs import ProxyInfo
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.cli import exits
from tpre_offchain.clients.keystore import address_in_keystore
from tpre_offchain.deployment.deploy import deploy
from tpre_offchain.doctor.accounts import KnownAccount, check_account
from tpre_offchain.doctor.chain import check_block_hashes, check_endpoints, check_precompiles
from tpre_offchain.doctor.contracts import check_contracts
from tpre_offchain.doctor.finding import Finding, Level
from tpre_offchain.doctor.proxies import ANSWER_BYTES, ask_proxy, check_proxies
from tpre_offchain.types import Address

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(300)]

StartAnvil = Callable[..., LocalNode]


def by_check(found: Any, *levels: str) -> dict[str, list[dict[str, str]]]:
    """The findings of these levels, by what was checked."""
    chosen: dict[str, list[dict[str, str]]] = {}
    for one in found["findings"]:
        if one["level"] in levels:
            chosen.setdefault(one["check"], []).append(one)
    return chosen


def levels_of(findings: list[Finding]) -> set[Level]:
    return {finding.level for finding in findings}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a net of three proxies, with one record published."""
    folder = tmp_path_factory.mktemp("net")
    answer(folder, "net", "up", "--proxies", "3")
    try:
        answer(folder, "owner", "stream", "create", "machine-7")
        (folder / "data.csv").write_text("a,b\n1,2\n")
        answer(folder, "owner", "publish", folder / "data.csv")
        yield folder
    finally:
        answer(folder, "net", "down")


@pytest.fixture
async def chain(net: Path) -> AsyncIterator[tuple[Connection, Deployment]]:
    """A connection to the net, and its deployment."""
    deployment = Deployment.load(net / ".tpre/deployment.json")
    async with await Connection.open(json.loads((net / ".tpre/net.json").read_text())["endpoints"]) as connection:
        yield connection, deployment


def test_doctor__all_is_well__finds_nothing(net: Path) -> None:
    found = answer(net, "doctor")
    assert found["ok"] is True
    assert by_check(found, "error", "warning") == {}
    seen = {one["check"] for one in found["findings"]}
    assert seen == {
        "local_net", "rpc", "rpc_agreement", "precompiles", "block_hashes", "clock", "contracts", "pool", "proxy",
        "keys", "balance", "store", "pins", "pending", "leftovers",
    }  # fmt: skip
    assert all(bool(one["remedy"]) == (one["level"] != "ok") for one in found["findings"])


def test_doctor__no_net__says_what_to_do(tmp_path: Path) -> None:
    found = answer(tmp_path, "doctor", code=exits.UNWELL)
    assert found["ok"] is False
    (rpc,) = by_check(found, "error")["rpc"]
    assert "tpre net up" in rpc["remedy"]
    assert by_check(found, "warning")["keystore"]


def test_doctor__blob_lost_writer_killed_store_away__names_each(net: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    stale = store / "incoming" / "killed"
    stale.mkdir(parents=True)
    os.utime(stale, (time.time() - 200_000,) * 2)
    found = answer(net, "doctor", "--store", f"local:{store},gateway:http://127.0.0.1:1", code=exits.UNWELL)
    (pins,) = by_check(found, "warning")["pins"]
    assert "1 of the 1 records" in pins["message"]
    (leftovers,) = by_check(found, "warning")["leftovers"]
    assert str(stale) in leftovers["message"]
    (away,) = by_check(found, "error")["store"]
    assert away["subject"] == "gateway:http://127.0.0.1:1"
    answer(net, "doctor", "--store", f"local:{store}", "--sweep")
    assert not stale.exists()


def test_doctor__store_was_away__tells_what_waits_until_it_is_published(net: Path) -> None:
    (net / "later.csv").write_text("c,d\n3,4\n")
    answer(net, "owner", "publish", net / "later.csv", "--store", "kubo:http://127.0.0.1:1", code=exits.UNAVAILABLE)
    (pending,) = by_check(answer(net, "doctor"), "warning")["pending"]
    assert "later.csv (spooled)" in pending["message"]
    assert "tpre owner pending --retry" in pending["remedy"]
    assert len(answer(net, "owner", "pending", "--retry")["published"]) == 1
    assert by_check(answer(net, "doctor"), "error", "warning") == {}


def test_doctor__keystore_open_to_others__is_broken(net: Path, tmp_path: Path) -> None:
    copy = tmp_path / "open.json"
    copy.write_bytes((net / ".tpre/keys/owner.json").read_bytes())
    copy.chmod(0o644)
    found = answer(net, "doctor", "--key", copy, code=exits.UNWELL)
    assert by_check(found, "error")["keystore"][0]["subject"] == "open.json"


# --- the chain ------------------------------------------------------------------------------------


async def test_check_endpoints__one_dead_one_alive__uses_the_other(anvil_node: LocalNode) -> None:
    findings, good = await check_endpoints(["http://127.0.0.1:1", anvil_node.url], 31337)
    assert [one.url for one in good] == [anvil_node.url]
    assert [one.level for one in findings] == [Level.ERROR, Level.OK]


async def test_check_endpoints__another_chain__is_broken(anvil_node: LocalNode) -> None:
    findings, good = await check_endpoints([anvil_node.url], 1)
    assert good == []
    assert "chain id 31337, 1 expected" in findings[0].message


async def test_check_endpoints__two_that_disagree__says_so(own_anvil: StartAnvil) -> None:
    urls = []
    for seed in (1, 2):
        node = own_anvil("--timestamp", str(1_800_000_000 + seed))
        node.ask("anvil_mine", hex(3 * seed))
        urls.append(node.url)
    findings, _ = await check_endpoints(urls, None)
    (found,) = [one for one in findings if one.check == "rpc_agreement"]
    assert found.level is Level.ERROR
    assert "block 3 is another one" in found.message


async def test_check_precompiles__chain_before_prague__is_broken(own_anvil: StartAnvil) -> None:
    node = own_anvil("--hardfork", "cancun")
    node.ask("anvil_mine", "0x2")
    async with await Connection.open([node.url]) as connection:
        (precompiles,) = await check_precompiles(connection)
        assert precompiles.level is Level.ERROR
        assert "Prague" in precompiles.remedy
        (hashes,) = await check_block_hashes(connection, await connection.latest())
        assert hashes.level is Level.ERROR


# --- contracts ------------------------------------------------------------------------------------


async def test_check_contracts__two_swapped__names_both(chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    at = dict(deployment.addresses)
    at["Treasury"], at["KeyRegistry"] = at["KeyRegistry"], at["Treasury"]
    findings = await check_contracts(connection, replace(deployment, addresses=at))
    assert {one.subject for one in findings} == {"Treasury", "KeyRegistry"}
    assert levels_of(findings) == {Level.ERROR}


async def test_check_contracts__none_there__is_broken(chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    at = {**deployment.addresses, "Treasury": Address("0x" + "11" * 20)}
    (found,) = await check_contracts(connection, replace(deployment, addresses=at))
    assert "no contract at" in found.message


async def test_check_contracts__right_code_wired_to_another__is_broken(chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    other = await deploy(connection, funded_account(0))
    mixed = replace(deployment, addresses={**deployment.addresses, "KeyRegistry": other.address_of("KeyRegistry")})
    (found,) = await check_contracts(connection, mixed)
    assert (found.level, found.subject) == (Level.ERROR, "GrantRegistry")
    assert "as its KeyRegistry" in found.message


async def test_check_contracts__other_settings_in_the_file__names_them(chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    settings = deployment.settings
    changed = replace(settings, rounds=replace(settings.rounds, vote_seconds=settings.rounds.vote_seconds + 1))
    (found,) = await check_contracts(connection, replace(deployment, settings=changed))
    assert found.subject == "ConversionRounds"
    assert "vote_seconds" in found.message


# --- accounts -------------------------------------------------------------------------------------


async def test_check_account__another_key_on_the_chain__is_broken(
    net: Path, chain: tuple[Connection, Deployment]
) -> None:
    connection, deployment = chain
    account = KnownAccount("owner", address_in_keystore(net / ".tpre/keys/owner.json"), lambda *_: bytes(32))
    head, contracts = await connection.latest(), Contracts.of(connection, deployment)
    keys, balance = await check_account(connection, contracts, head, account, 10)
    assert (keys.check, keys.level, balance.level) == ("keys", Level.ERROR, Level.OK)
    unopened = await check_account(connection, contracts, head, replace(account, key_hash=None), 10)
    assert unopened[0].level is Level.NOTE
    (_, poorer) = await check_account(connection, contracts, head, account, 10**9)
    assert poorer.level is Level.WARNING
    assert account.address in poorer.remedy


async def test_check_account__empty__says_what_to_send(chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    account = KnownAccount("new", Account.create().address)
    head, contracts = await connection.latest(), Contracts.of(connection, deployment)
    keys, balance = await check_account(connection, contracts, head, account, 1)
    assert keys.level is Level.NOTE
    assert balance.level is Level.ERROR
    assert balance.remedy.startswith("send 0.")


# --- proxies --------------------------------------------------------------------------------------

PROXY = ProxyInfo(Address("0x" + "ab" * 20), 1, 2**40 - 1, 1, 0, 1, 0, 0, 0)


@asynccontextmanager
async def endpoint(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """A server that answers /healthz as ``handler`` does."""
    app = web.Application()
    app.router.add_get("/healthz", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def ask(url: str) -> Finding:
    async with httpx.AsyncClient(timeout=2) as http:
        return await ask_proxy(http, PROXY, url, 31337)


async def test_ask_proxy__well__is_fine() -> None:
    async def answers(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "proxy": PROXY.account, "chain_id": 31337})

    async with endpoint(answers) as url:
        assert (await ask(url + "/")).level is Level.OK


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, '{"ok": false}'),
        (302, ""),
        (200, "[]"),
        (200, "hello"),
        (200, '{"ok": true, "proxy": "0x' + "cd" * 20 + '", "chain_id": 31337}'),
        (200, '{"ok": true, "proxy": "0x' + "ab" * 20 + '", "chain_id": 1}'),
        (200, " " * (ANSWER_BYTES + 1)),
    ],
)
async def test_ask_proxy__unwell_another_or_nonsense__is_broken(status: int, body: str) -> None:
    async def answers(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    async with endpoint(answers) as url:
        found = await ask(url)
    assert found.level is Level.ERROR
    assert found.remedy


async def test_ask_proxy__answer_without_end__is_given_up() -> None:
    async def answers(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 1024)
            await asyncio.sleep(0.01)

    async with endpoint(answers) as url:
        assert (await ask(url)).level is Level.ERROR


@pytest.mark.parametrize("text", ["", "ftp://127.0.0.1/", "http://[", "http://\ud800", "http://127.0.0.1:99999/"])
async def test_ask_proxy__endpoint_that_is_none__raises_nothing(text: str) -> None:
    assert (await ask(text)).level in (Level.NOTE, Level.ERROR)


async def test_check_proxies__one_killed__is_the_one_named(net: Path, chain: tuple[Connection, Deployment]) -> None:
    connection, deployment = chain
    proxies = json.loads((net / ".tpre/net.json").read_text())["proxies"]
    known = {Address(one["address"]): f"http://127.0.0.1:{one['health_port']}" for one in proxies}
    os.kill(proxies[1]["process"]["pid"], signal.SIGKILL)
    findings = await check_proxies(connection, deployment, known)
    assert [one.subject for one in findings if one.level is Level.ERROR] == [proxies[1]["address"]]
    found = await asyncio.to_thread(answer, net, "doctor", code=exits.UNWELL)
    assert set(by_check(found, "error")) == {"local_net", "proxy"}
