"""From the settings to everything that `tpre doctor` looks at: what is missing is a finding, not a failure."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tpre_offchain.cli import opening, text
from tpre_offchain.cli.invocation import Invocation
from tpre_offchain.cli.net_state import LocalNet, NoLocalNet
from tpre_offchain.doctor import accounts, blobs, chain, contracts, proxies
from tpre_offchain.doctor.finding import Finding, broken, fine, of_error, warning
from tpre_offchain.errors import ChainError, ConfigError, KeystoreError, StorageError, TpreError

if TYPE_CHECKING:
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.clients.keys import Keys
    from tpre_offchain.storage.store import BlobStore
    from tpre_offchain.types import Address

PUBLISH_QUEUE: Final = "publish.sqlite"


@dataclass(frozen=True)
class DoctorPlan:
    """``rounds``: how many more rounds balances shall last for. ``replicas``: in how many stores each blob shall be.

    ``thorough``: read every pinned blob. ``sweep``: remove stale temporary files.
    """

    rounds: int = 100
    replicas: int = 1
    thorough: bool = False
    sweep: bool = False


def examine(run: Invocation, plan: DoctorPlan) -> list[Finding]:
    """Look at everything."""
    findings = [*_local_net(run)]
    known, about_keys = _accounts(run)
    findings += about_keys
    from_chain, published = asyncio.run(_chain(run, plan, known))
    findings += from_chain
    findings += _stores(run, plan, published)
    findings += _pending(run)
    return [*findings, *_leftovers(run, plan)]


def _local_net(run: Invocation) -> list[Finding]:
    try:
        net = LocalNet.load(run.home)
    except NoLocalNet:
        return []
    ended = [f"proxy {proxy.number}" for proxy in net.proxies if proxy.process.running() is None]
    remedy = "start them again: tpre net up"
    if net.node is not None and net.node.running() is None:
        ended.insert(0, "the node")
        remedy = "start it anew: tpre net down, then tpre net up (its chain begins anew too)"
    if ended:
        return [broken("local_net", f"no longer running: {', '.join(ended)}", remedy)]
    return [fine("local_net", f"{len(net.processes)} processes run")]


# --- keys -----------------------------------------------------------------------------------------


def _accounts(run: Invocation) -> tuple[list[accounts.KnownAccount], list[Finding]]:
    paths = list(_keystores(run).values())
    known: list[accounts.KnownAccount] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            known.append(_account(run, path))
        except (KeystoreError, ConfigError) as error:
            findings.append(of_error("keystore", error, path.name))
    if not paths:
        findings.append(warning("keystore", f"no keys in {run.home.keys_folder}", "make one: tpre key new NAME"))
    return known, findings


def _keystores(run: Invocation) -> dict[str, Path]:
    if run.settings.key is not None:
        paths = [run.home.keystore(run.settings.key)]
    else:
        paths = sorted(run.home.keys_folder.glob("*.json"))
    return {path.stem: path for path in paths}


def _account(run: Invocation, path: Path) -> accounts.KnownAccount:
    from tpre_offchain.clients.keystore import address_in_keystore

    address = address_in_keystore(path)
    openable = run.home.known_passphrase(path).exists() or (run.settings.key and run.settings.passphrase_file)
    if not openable:
        return accounts.KnownAccount(path.stem, address)
    return accounts.KnownAccount(path.stem, address, _hashes(opening.open_keys_at(run, path)))


def _hashes(keys: Keys) -> accounts.KeyHash:
    from tpre_offchain.chain.abi.structs import Role
    from tpre_offchain.crypto.hashing import points_hash

    def hash_of(role: Role, version: int) -> bytes:
        identity = keys.identity
        if role is Role.RECEIVING:
            return points_hash([identity.receiving_key(version).public])
        return points_hash([identity.delegating_key(version).public])

    return hash_of


# --- chain ----------------------------------------------------------------------------------------


async def _chain(
    run: Invocation, plan: DoctorPlan, known: list[accounts.KnownAccount]
) -> tuple[list[Finding], dict[bytes, str]]:
    """Findings, and the records that the known accounts have published, by the hash of their CID."""
    from tpre_offchain.chain.rpc.connection import Connection

    try:
        urls = opening.endpoints(run)
    except ConfigError as error:
        return [of_error("rpc", error)], {}
    deployment, findings = _deployment(run)
    expected = run.settings.chain_id or (None if deployment is None else deployment.chain_id)
    about, good = await chain.check_endpoints(urls, expected)
    findings = [*about, *findings]
    if not good:
        return findings, {}
    try:
        async with await Connection.open([one.url for one in good], good[0].chain_id) as connection:
            findings += await chain.check_precompiles(connection)
            findings += await chain.check_block_hashes(connection, good[0].head)
            findings += chain.check_clock(good[0].head, good[0].client, time.time)
            if deployment is None:
                return findings, {}
            about = await contracts.check_contracts(connection, deployment)
            findings += about
            if any(finding.remedy for finding in about):
                return findings, {}  # what other contracts say of keys and records means nothing
            findings += await proxies.check_proxies(connection, deployment, _health_urls(run))
            findings += await _check_accounts(run, connection, deployment, known, plan.rounds)
            return findings, await _published(connection, deployment, known)
    except ChainError as error:
        return [*findings, of_error("rpc", error)], {}


def _deployment(run: Invocation) -> tuple[Deployment | None, list[Finding]]:
    from tpre_offchain.chain.contracts.deployment import Deployment

    try:
        return Deployment.load(opening.deployment_file(run)), []
    except TpreError as error:
        return None, [of_error("contracts", error)]


def _health_urls(run: Invocation) -> dict[Address, str]:
    from tpre_offchain.types import Address

    try:
        net = LocalNet.load(run.home)
    except NoLocalNet:
        return {}
    return {Address(proxy.address): f"http://127.0.0.1:{proxy.health_port}" for proxy in net.proxies}


async def _check_accounts(
    run: Invocation, connection: Connection, deployment: Deployment, known: list[accounts.KnownAccount], rounds: int
) -> list[Finding]:
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.chain.contracts.key_versions import read_key_history
    from tpre_offchain.cli.proxying import node_keys_in
    from tpre_offchain.doctor.node_keys import check_node_keys

    keystores, days = _keystores(run), run.settings.rotate_days

    at, head = Contracts.of(connection, deployment), await connection.latest()
    findings = []
    for account in known:
        findings += await accounts.check_account(connection, at, head, account, rounds)
        history = await read_key_history(connection, deployment, account.address)
        held = node_keys_in(keystores[account.name], deployment)
        findings += check_node_keys(history, held, account.name, rotate_days=days)
    return findings


async def _published(
    connection: Connection, deployment: Deployment, known: list[accounts.KnownAccount]
) -> dict[bytes, str]:
    from tpre_offchain.chain.abi.decoding import decode_logs, topic_of
    from tpre_offchain.chain.abi.events import RecordPublished
    from tpre_offchain.chain.abi.ids import publisher_of_record

    where, topic = deployment.address_of("RecordRegistry"), "0x" + topic_of(RecordPublished).hex()
    head = (await connection.latest()).number
    ours = {account.address for account in known}
    return {
        event.record.cid_hash: text.record(event.record_id)
        for event in decode_logs(await connection.get_logs([where], deployment.deploy_block, head, [topic]))
        if isinstance(event, RecordPublished) and publisher_of_record(event.record_id) in ours
    }


# --- store and files ------------------------------------------------------------------------------


def _stores(run: Invocation, plan: DoctorPlan, published: Mapping[bytes, str]) -> list[Finding]:
    from tpre_offchain.storage.opening import open_store

    try:
        stores: list[BlobStore] = [open_store(part) for part in opening.store_address(run).split(",")]
    except StorageError as error:
        return [of_error("store", error)]
    findings = blobs.check_stores(stores, secrets.token_bytes)
    if findings[0].level == "error":
        return findings
    return [*findings, *blobs.check_pins(blobs.Blobs(stores, plan.replicas, plan.thorough), published)]


def _pending(run: Invocation) -> list[Finding]:
    from tpre_offchain.clients.stored.queue import PublishQueue

    waiting = []
    for queue in sorted(run.home.state_folder.glob(f"*/{PUBLISH_QUEUE}")):
        # what waits is listed without a key; this one opens nothing
        with PublishQueue(queue.parent, bytes(32), secrets.token_bytes) as opened:
            waiting += [f"{one.name} ({one.state})" for one in opened.pending()]
    if not waiting:
        return [fine("pending", "no publish waits")]
    what = f"{len(waiting)} publishes wait: {', '.join(waiting[:3])}"
    return [warning("pending", what, "finish them: tpre owner pending --retry")]


def _leftovers(run: Invocation, plan: DoctorPlan) -> list[Finding]:
    from tpre_offchain.clients.stored.files import wipe

    candidates = _temporaries(run)
    if plan.sweep:
        for path in blobs.stale_files(candidates, time.time()):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.parent == run.home.keys_folder:
                wipe(path)  # there may be a node key in it that is to be gone
            else:
                path.unlink(missing_ok=True)
    return blobs.check_leftovers(candidates, time.time())


def _temporaries(run: Invocation) -> list[Path]:
    home = run.home
    found: list[Path] = [*home.folder.glob(".net.json.*"), *home.folder.glob(".*.part")]
    found += home.keys_folder.glob(".*.old")
    for folder in (home.keys_folder, *home.state_folder.glob("*"), *home.state_folder.glob("*/spool")):
        found += folder.glob(".*.part")
    for part in opening.store_address(run).split(","):
        kind, _, rest = part.strip().partition(":")
        if kind == "local":
            found += (Path(rest).expanduser() / "incoming").glob("*")
    return found
