"""The node keys of real proxies on a local net: rotated, served by, erased, lost, and killed in between."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.integration.nets.cli_world import answer, command, environment, tpre
from tests.integration.nets.operators import DAY_S, Operator, OperatorsNet
from tpre_offchain.chain.abi.events import AccessGranted, ProxyJoined, ProxyKeyRotated, RekeyPosted
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.cli import exits
from tpre_offchain.cli.proxying import node_keys_of
from tpre_offchain.clients import keystore
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto import kfrag as crypto
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.keys import Identity, ProxyKey
from tpre_offchain.failpoints import STEPS
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import events_of, word_topic
from tpre_offchain.proxy.node_keys import GivenNodeKeys
from tpre_offchain.proxy.rounds.grants import GrantBook
from tpre_offchain.types import Address, GrantId

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = (
    "keystore.written", "keystore.replaced", "nodekey.kept", "outbox.signed", "outbox.recorded", "outbox.mined",
    "outbox.noted", "nodekey.registered",
)  # fmt: skip


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorsNet]:
    folder = tmp_path_factory.mktemp("keys")
    answer(folder, "net", "up", "--proxies", "3")
    try:
        made = OperatorsNet.of(folder)
        answer(folder, "owner", "stream", "create", "machine-7")
        made.publish()
        yield made
    finally:
        answer(folder, "net", "down")


def test_rotate__grants_of_both_versions__are_served_until_the_old_one_is_erased(net: OperatorsNet) -> None:
    old = net.grant("first", days=1)
    net.fetch("first", net.records[0])
    backups = [one.keystore.read_bytes() for one in net.proxies]
    net.proxies[0].killed("rotate", "nodekey.kept")
    for one in net.proxies:
        rotated = one.tpre("rotate")
        assert rotated["key_version"] == 2
        first, second = rotated["key_versions"]
        assert (first["version"], first["state"], first["live_grants"], first["current"]) == (1, "held", 1, False)
        assert first["kept_until"] > first["retired"] + DAY_S - 600
        assert (second["state"], second["current"], second["kept_until"]) == ("held", True, None)
        refused = one.tpre("rotate", code=exits.REFUSED)
        assert "RotationTooSoon" in refused["message"]
        assert "again from block" in refused["message"]
        assert one.states() == {1: "held", 2: "held"}  # the refused one left no key behind

    new = net.grant("second", days=30)
    record = net.publish()
    net.fetch("second", record)
    net.fetch("first", record)  # all three still have their fragments of the old grant

    net.pass_days(2)
    for one in net.proxies:
        net.until(lambda one=one: one.states() == {1: "erased", 2: "held"}, "erasure")  # type: ignore[misc]
        assert [version["live_grants"] for version in one.tpre("status")["key_versions"]] == [0, 1]
    net.fetch("second", net.records[0])
    asyncio.run(_require_unopenable(net, old, backups))
    asyncio.run(_require_named(net, new, version=2))


async def _require_unopenable(net: OperatorsNet, grant: int, backups: Sequence[bytes]) -> None:
    """Nothing of a proxy's seed, words and today's keystore opens its fragment; the keystore of then does."""
    deployment = Deployment.load(net.folder / ".tpre/deployment.json")
    async with await Connection.open([net.node.url]) as connection:
        for one, backup in zip(net.proxies, backups, strict=True):
            today = keystore.unlock(one.keystore, one.passphrase)
            then = net.folder / "backup.json"
            then.write_bytes(backup)
            then.chmod(0o600)
            slot, rekey = await _fragment_of(connection, deployment, grant, today.keys.address)
            held_then = [held.key for held in keystore.unlock(then, one.passphrase).node_keys()]
            assert any(_opens(rekey, slot, key.secret) for key in held_then)  # or the rest would say nothing
            held_now = [held.key.secret for held in today.node_keys()]
            assert held_now
            assert not any(_opens(rekey, slot, secret) for secret in [*held_now, *_derived(today.keys.identity)])


def _derived(identity: Identity) -> list[int]:
    """All that a seed, and so the words, ever gave: also what node keys were made of before they were random."""
    roles = ("delegating", "receiving", "proxy")
    derived = [hashing.identity_scalar(identity.seed, role, version) for role in roles for version in range(6)]
    return [*derived, hashing.reduce(bytes(16) + identity.seed), hashing.reduce(bytes(16) + identity.publisher_secret)]


def _opens(rekey: crypto.BoundRekey, slot: Any, secret: int) -> bool:
    version = rekey.context.members[slot - 1].key_version
    key = ProxyKey(secret, rekey.context.members[slot - 1].public_key, version)  # whatever is claimed to be the key
    try:
        crypto.open_fragment(rekey, slot, key)
    except crypto.BadFragment:
        return False
    return True


async def _fragment_of(
    connection: Connection, deployment: Deployment, grant: int, account: Address
) -> tuple[Any, crypto.BoundRekey]:
    """A proxy's slot in a grant, and the re-key with its fragment, as the chain keeps them for ever."""
    contracts = ProxyContracts.of(connection, deployment)
    book = GrantBook(contracts, account, GivenNodeKeys([]))
    seat = await book.seat(GrantId(grant))
    assert seat is not None
    found = await events_of(contracts, contracts.grants.address, [RekeyPosted], [word_topic(grant)])
    posted = next(event for event in found if isinstance(event, RekeyPosted))
    of_account = [word_topic(int(account, 16))]
    joined = await events_of(contracts, contracts.proxies.address, [ProxyJoined, ProxyKeyRotated], of_account)
    (public,) = [
        G1.from_evm(event.key)
        for event in joined
        if isinstance(event, ProxyJoined | ProxyKeyRotated) and event.key_version == seat.key_version
    ]
    nobody = GivenNodeKeys([ProxyKey(1, public, seat.key_version)])
    told = await GrantBook(contracts, account, nobody).label_grant(seat, posted.label)
    assert told.kfrag is None
    return seat.slot, told.rekey


async def _require_named(net: OperatorsNet, grant: int, version: int) -> None:
    deployment = Deployment.load(net.folder / ".tpre/deployment.json")
    async with await Connection.open([net.node.url]) as connection:
        contracts = ProxyContracts.of(connection, deployment)
        events = await events_of(contracts, contracts.grants.address, [AccessGranted], [word_topic(grant)])
    (granted,) = [event for event in events if isinstance(event, AccessGranted)]
    assert {one.key_version for one in granted.committee} == {version}


@pytest.mark.parametrize("step", KILLS)
def test_rotate__killed_at_step__the_registered_key_is_held_and_rotated_once(net: OperatorsNet, step: str) -> None:
    one = net.newcomer()
    one.killed("rotate", step)
    listed = one.listed()
    again = tpre(net.folder, "proxy", "rotate", *one.options, "--json")
    if step in ("outbox.mined", "outbox.noted", "nodekey.registered"):
        assert (again.code, again.answer["error"]) == (exits.REFUSED, "ContractRevert")
        assert "RotationTooSoon" in again.answer["message"]
    else:
        assert (again.code, again.answer["key_version"]) == (exits.OK, 2)
    assert one.current() == 2
    if step != "keystore.written":
        assert one.listed()[2] == listed[2]  # what could have been on its way is what was registered
    assert not list(one.keystore.parent.glob(f".{one.keystore.name}*"))
    one.tpre("leave")


def test_rotate__killed_while_its_transaction_waits__is_recognised_by_the_next_run(net: OperatorsNet) -> None:
    one = net.newcomer()
    line, env = command("proxy", "rotate", *one.options), environment(net.folder)
    net.node.ask("evm_setAutomine", False)
    try:
        killed = subprocess.Popen(line, cwd=net.folder, env=env, stdout=subprocess.DEVNULL)
        net.until(lambda: bool(net.node.ask("txpool_content")["pending"]), "transaction in the pool")
        killed.kill()
        killed.wait(20)
        again = subprocess.Popen([*line, "--json"], cwd=net.folder, env=env, stdout=subprocess.PIPE, text=True)
        net.until(lambda: net.is_connected(again.pid), "the next run at the node")
        time.sleep(2)  # so that it has found the key not rotated, and a rotation refused
        net.node.ask("anvil_mine", "0x1")
    finally:
        net.node.ask("evm_setAutomine", True)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0, out
    told = json.loads(out)
    assert (told["key_version"], "transaction" in told) == (2, False)
    assert one.current() == 2
    one.tpre("leave")


def test_join__killed_before_it_was_sent__registers_the_key_that_is_kept(net: OperatorsNet) -> None:
    answer(net.folder, "key", "new", "proxy", "--fund")
    one = Operator(net, net.folder / ".tpre", "proxy")
    one.killed("join", "nodekey.kept")
    pending = one.listed()
    status = one.tpre("status")
    assert (status["member"], one.states()) == (False, {1: "pending"})
    (note,) = one.findings("note")
    assert "not registered" in note["message"]
    assert one.tpre("join")["joined"] is True
    assert one.listed() == pending
    assert one.current() == 1
    one.tpre("leave")


def test_keystore_from_words__of_a_proxy__says_so_everywhere_and_rotates(net: OperatorsNet) -> None:
    one = net.newcomer()
    words = keystore.open_keystore(one.keystore, one.passphrase).to_words()
    backup = one.keystore.with_name("backup")
    shutil.move(one.keystore, backup)
    options = ("--words-file", "-", "--passphrase-file", str(one.keystore.with_suffix(".passphrase")))
    recovered = tpre(net.folder, "key", "recover", one.name, *options, "--home", str(one.home), stdin=words + "\n")
    assert recovered.code == exits.OK, recovered

    assert one.states() == {1: "missing"}
    assert "tpre proxy rotate" in one.said("status").out
    (error,) = one.findings("error")
    assert "the one that grants name now" in error["message"]
    assert "tpre proxy rotate" in error["remedy"]
    refused = one.said("run")
    assert refused.code == exits.KEY
    assert "node key, version 1" in refused.err
    assert "tpre proxy rotate" in refused.err
    assert one.tpre("run", code=exits.KEY)["error"] == "NodeKeyMissing"

    assert one.tpre("rotate")["key_version"] == 2
    assert one.states() == {1: "missing", 2: "held"}
    (warning,) = one.findings("warning")
    assert "version 1 is not in the keystore" in warning["message"]
    assert one.findings("error") == []
    backup.replace(one.keystore)
    assert one.states() == {1: "held", 2: "missing"}
    one.tpre("leave")


def test_run__another_copy_of_the_keystore_rotated__names_the_remedy(net: OperatorsNet) -> None:
    one = net.newcomer()
    theirs = Operator(net, one.home, f"{one.name}-copy")
    for suffix in (".json", ".passphrase"):
        shutil.copy(one.keystore.with_suffix(suffix), theirs.keystore.with_suffix(suffix))
    assert theirs.tpre("rotate")["key_version"] == 2
    assert one.states() == {1: "held", 2: "missing"}
    deployment = Deployment.load(net.folder / ".tpre/deployment.json")
    node_keys_of(keystore.unlock(one.keystore, one.passphrase), deployment).prepare(2)
    assert one.states() == {1: "held", 2: "other"}
    refused = one.said("run")
    assert refused.code == exits.KEY
    assert "open the keystore file that registered it" in refused.err
    (error,) = one.findings("error")
    assert "holds another" in error["message"]
    assert theirs.states() == {1: "held", 2: "held"}
    theirs.tpre("leave")


def test_status__of_another_proxy__knows_the_chain_alone(net: OperatorsNet) -> None:
    address = net.proxies[1].tpre("status")["address"]
    found = net.proxies[0].tpre("status", address)
    assert {one["state"] for one in found["key_versions"]} == {"unknown"}
    own = net.proxies[1].tpre("status", address)
    assert "unknown" not in {one["state"] for one in own["key_versions"]}


def test_doctor__key_older_than_the_period__reminds(net: OperatorsNet) -> None:
    one = net.proxies[1]
    assert one.tpre("status")["rotation_due"] is False
    assert one.findings("warning", "error") == []
    net.pass_days(91)
    assert one.tpre("status")["rotation_due"] is True
    assert "older than 90 days" in one.said("status").out
    (reminder,) = one.findings("warning")
    assert "days old" in reminder["message"]
    assert reminder["remedy"] == "rotate it: tpre proxy rotate"
    with (one.home / "tpre.toml").open("a") as settings:
        settings.write("rotate_days = 365\n")
    assert one.tpre("status")["rotation_due"] is False
    assert one.findings("warning", "error") == []


def test_steps__of_node_keys__are_all_tried() -> None:
    assert {step for step in STEPS if step.startswith(("keystore.", "nodekey."))} <= set(KILLS)
