"""A net of real processes to do harm to: anvil, the contracts, workers forked by the nursery, an owner and a user."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.faults.stage.ledger import EventT, Ledger, read_ledger, require_solvent
from tests.faults.stage.rpc_proxy import RpcProxy
from tests.integration.nets.local_nodes import LocalNode, start_anvil
from tests.integration.nets.nursery import Child, Nursery
from tests.integration.nets.tempo import OUTBOX, PACE_JSON, WORKER
from tpre_offchain.chain.abi.events import CfragChallenged, CfragsSubmitted
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.chain.abi.structs import RecordInput, Round
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment, DeploymentSettings
from tpre_offchain.chain.contracts.treasury import bond_key
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients import Keys, Owner, Session, User
from tpre_offchain.clients.facts.points import chain_proof, chain_record
from tpre_offchain.clients.publishing import publishing
from tpre_offchain.clients.session import domain_of
from tpre_offchain.crypto.keys import ProxyKey, prove_key
from tpre_offchain.deployment.deploy import deploy
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.proxy.rounds.rounds import bitmap_of_slots, ranking
from tpre_offchain.types import Address, GrantId, RecordId, RoundId, StreamId

RICH_WEI = 1_000 * 10**18
QUICK = replace(LOCAL, rounds=replace(LOCAL.rounds, round_seconds=30, vote_seconds=3, challenge_seconds=1))
PATIENCE_S = 45.0
STATES_IN_MEMORY = ("--prune-history", "512")
"""Of anvil: a reorganisation back to a block whose state it has put on disk leaves it without any contract."""
T = TypeVar("T")


def _same(value: T) -> T:
    return value


@dataclass(frozen=True)
class Share:
    """A stream with one record, granted to the user."""

    stream_id: StreamId
    record_id: RecordId
    grant_id: GrantId
    data: bytes = field(repr=False)


@dataclass
class Proxy:
    """One proxy; ``child`` while it runs."""

    number: int
    keys: Keys
    node_key: ProxyKey
    child: Child | None = None

    @property
    def address(self) -> str:
        return self.keys.address


@dataclass
class Scene:
    """The net. Owner and user work in this process; ``role`` runs their programs as processes of their own."""

    node: LocalNode
    deployment: Deployment
    nursery: Nursery
    folder: Path
    chance: random.Random
    proxies: list[Proxy]
    owner: Owner
    user: User
    endpoint: RpcProxy
    """A way to the node that may be put in trouble; nobody uses it unless told so."""
    changed: set[int] = field(default_factory=set)
    """Proxies that a test has stopped or started in another way than ``all_up`` does."""
    known: Ledger | None = None
    """As it was last read."""

    # --- proxies ----------------------------------------------------------------------------------

    def start(self, *numbers: int, failpoint: str | None = None, **config: Any) -> None:
        """Start proxies and wait until they are ready. ``config`` adds to the program's, see ``proxy_child``."""
        for number in numbers:
            self.launch(number, failpoint=failpoint, **config)
        for number in numbers:
            self.ready(number)

    def launch(self, number: int, *, failpoint: str | None = None, **config: Any) -> None:
        """Start a proxy without waiting for it."""
        proxy = self.proxies[number]
        if proxy.child is not None:
            proxy.child.kill()
        self.changed.add(number)
        worker = {**WORKER, **config.pop("worker", {})}
        program = {
            "rpc_urls": config.pop("rpc_urls", [self.node.ws_url, self.node.url]),
            "deployment": self.deployment.to_json(),
            "account_key": proxy.keys.account.key.hex(),
            "node_keys": {"1": f"{proxy.node_key.secret:064x}"},
            "state_dir": str(self.state_of(number)),
            "health_port": None,
            "worker": worker,
            "pace": PACE_JSON,
            **config,
        }
        proxy.child = self.nursery.start("proxy", program, self.folder, f"proxy-{number}", failpoint=failpoint)

    def ready(self, number: int, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a proxy has read the chain: its log tells, which a bad disk does not stop."""
        child = self.child(number)

        def is_ready() -> bool:
            assert not child.ended(), f"proxy {number} ended: {child.tail()}"
            return any(line.get("event") == "ready" for line in child.logs())

        self.until(is_ready, f"proxy {number} ready", timeout_s)

    def state_of(self, number: int) -> Path:
        return self.folder / f"proxy-{number}"

    def child(self, number: int) -> Child:
        child = self.proxies[number].child
        assert child is not None
        return child

    def kill(self, *numbers: int) -> None:
        self.changed.update(numbers)
        for number in numbers:
            self.child(number).kill()

    def running(self) -> list[int]:
        return [one.number for one in self.proxies if one.child is not None and not one.child.ended()]

    def all_up(self) -> None:
        """Start whoever does not run, honest and whole again."""
        self.start(*(one.number for one in self.proxies if one.number not in self.running()))
        self.changed.clear()

    def restart_honest(self, *numbers: int) -> None:
        """Start these anew as honest proxies."""
        self.start(*sorted(numbers))

    def only(self, *numbers: int) -> None:
        """Kill all others."""
        self.kill(*(number for number in self.running() if number not in numbers))

    def ranked(self, grant_id: GrantId, ahead: int = 0) -> list[int]:
        """Numbers of the grant's committee in the rank order of its next round, or of a later one."""
        grants = self.contracts.grants
        access = self.user.session.run(grants.access_of(grant_id))
        committee = self.user.session.run(self.user.session.grants.granted_committee(grant_id, access))
        order = ranking(make_round_id(grant_id, access.rounds + ahead), committee)
        return [self.number_of(committee[slot - 1].account) for slot in order]

    def number_of(self, account: str) -> int:
        return next(one.number for one in self.proxies if one.address == account)

    def bond_of(self, number: int) -> int:
        """What a proxy has at stake, in wei."""
        return self.run(self.contracts.treasury.held_under(bond_key(Address(self.proxies[number].address))))

    def forget_state(self, number: int) -> None:
        """Cursor and outbox of a stopped proxy are gone."""
        shutil.rmtree(self.state_of(number), ignore_errors=True)

    # --- owner and user ---------------------------------------------------------------------------

    def share(self, threshold: int = 3, committee: int = 5, data: bytes | None = None) -> Share:
        """A record in a stream of its own, granted."""
        data = self.chance.randbytes(600) if data is None else data
        stream = self.owner.create_stream(f"stream-{self.chance.random()}", minimum=(1, committee))
        record = self.owner.publish(stream, data)
        asked = self.user.request(stream, threshold=threshold, committee=committee)
        self.owner.grant(asked)
        return Share(stream.stream_id, record.record_id, asked.grant_id, data)

    def share_tampered(self, capsule: Callable[[RecordInput], RecordInput]) -> Share:
        """What a lying publisher puts on the chain: honest values, changed just before they are sent."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(publishing, "chain_record", lambda *args: capsule(chain_record(*args)))
            return self.share()

    def open_round(self, share: Share) -> RoundId:
        return self.user.open_round(share.grant_id, [share.record_id]).round_id

    def open_unchecked(self, share: Share) -> RoundId:
        """The same by a user whose program does not look at capsules before it pays for their conversion."""
        records = self.user.session.records
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "convertible", records.records_by_id)
            return self.open_round(share)

    def require_readable(self, share: Share, timeout_s: float = PATIENCE_S) -> None:
        """The user reads the very bytes."""
        output = self.folder / f"read-{self.chance.random()}"
        try:
            self.user.fetch(share.grant_id, share.record_id, output, timeout_s=timeout_s)
            assert output.read_bytes() == share.data
        finally:
            output.unlink(missing_ok=True)

    def role(self, role: str, keys: Keys, *, failpoint: str | None = None, **config: Any) -> Child:
        """Run a program of ``roles``; wait for its child."""
        program = {
            "role": role,
            "entropy": keys.entropy.hex(),
            "rpc_urls": [self.node.url],
            "deployment": self.deployment.to_json(),
            "store": f"local:{self.folder / 'blobs'}",
            "state": str(self.folder / "state"),
            "timeout_s": PATIENCE_S,
            **config,
        }
        return self.nursery.start("role", program, self.folder, f"{role}-{keys.address[:10]}", failpoint=failpoint)

    def new_keys(self) -> Keys:
        keys = Keys(self.chance.randbytes(32))
        self.node.ask("anvil_setBalance", keys.address, hex(RICH_WEI))
        return keys

    # --- the chain --------------------------------------------------------------------------------

    @property
    def contracts(self) -> Contracts:
        return self.user.session.contracts

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.user.session.run(work)

    def head(self) -> int:
        """Number of the newest block."""
        return int(self.node.ask("eth_blockNumber"), 16)

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by empty ones: their transactions are gone, and in nobody's pool.

        anvil 1.7.1 may lose the state of a block, and not its logs, if it mines by itself meanwhile: it may not.
        """
        self.node.ask("evm_setAutomine", False)
        try:
            self.node.ask("anvil_mine", "0x1")
            self.node.ask("anvil_reorg", depth + 1, [])
            self.node.ask("anvil_mine", "0x1")
        finally:
            self.node.ask("evm_setAutomine", True)

    def waiting_transactions(self) -> list[dict[str, str]]:
        """In the node's pool, not mined."""
        accounts = self.node.ask("txpool_content")["pending"].values()
        return [one for of_account in accounts for one in of_account.values()]

    def ledger(self) -> Ledger:
        self.known = self.run(read_ledger(self.user.session.connection, self.deployment, self.known))
        return self.known

    def round(self, round_id: RoundId) -> Round:
        return self.run(self.contracts.rounds.round_of(round_id))

    def contradicts_itself(self, round_id: RoundId) -> bool:
        """Whether the node's logs name other submissions of a round than its state has, on one block."""
        while True:
            block, told, stored = self.head(), self.ledger(), self.round(round_id)
            if self.head() == block:
                break
        challenged = {one.slot for one in told.of(CfragChallenged, round_id)}
        standing = {one.slot for one in told.of(CfragsSubmitted, round_id)} - challenged
        return bitmap_of_slots(standing) != stored.submitted

    def reaches(
        self, round_id: RoundId, kind: type[EventT], timeout_s: float = PATIENCE_S, *, count: int = 1
    ) -> EventT:
        """Wait for an event of a round."""
        found: list[EventT] = []

        def there() -> bool:
            found[:] = self.ledger().of(kind, round_id)
            return len(found) >= count

        self.until(there, f"{kind.__name__} of {round_id:#x}", timeout_s)
        return found[-1]

    def require_clean(self) -> None:
        """Nothing was submitted or paid twice, and the treasury holds what it owes; no worker met a fault of ours."""
        ledger = self.ledger()
        assert ledger.repeated() == []
        assert ledger.overpaid() == []
        self.run(require_solvent(self.user.session.connection, self.deployment))
        crashes = [line for one in self.proxies if one.child for line in one.child.logs() if _is_crash(line)]
        assert crashes == []

    def until(self, true: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {timeout_s:g} s\n{self.tails()}")
            time.sleep(0.05)

    def tails(self) -> str:
        """The end of every proxy's log, for a failure's message."""
        return "\n".join(f"--- proxy {one.number}\n{one.child.tail()[-1500:]}" for one in self.proxies if one.child)


def _is_crash(line: Mapping[str, Any]) -> bool:
    return line.get("event") == "step_crashed"


@contextmanager
def scene(
    folder: Path, seed: object, proxies: int = 5, settings: DeploymentSettings = QUICK, *node_options: str
) -> Iterator[Scene]:
    """A fresh net, all of its proxies joined and none running yet; everything ends with the block."""
    chance = random.Random(f"{seed}")
    node = start_anvil(*STATES_IN_MEMORY, *node_options)
    try:
        with Nursery() as nursery, RpcProxy(node) as endpoint:
            players = [
                Proxy(number, Keys(chance.randbytes(32)), ProxyKey.generate(1, chance.randbytes))
                for number in range(proxies)
            ]
            owner, user = Keys(chance.randbytes(32)), Keys(chance.randbytes(32))
            for keys in (owner, user, *(one.keys for one in players)):
                node.ask("anvil_setBalance", keys.address, hex(RICH_WEI))
            deployment = asyncio.run(_deploy(node, settings, players, chance))
            session = partial(
                Session.open,
                rpc=node.url,
                deployment=deployment,
                store=f"local:{folder / 'blobs'}",
                outbox_settings=OUTBOX,
            )
            with session(keys=owner) as owners, session(keys=user) as users:
                yield Scene(node, deployment, nursery, folder, chance, players, Owner(owners), User(users), endpoint)
    finally:
        node.stop()


async def _deploy(
    node: LocalNode, settings: DeploymentSettings, players: list[Proxy], chance: random.Random
) -> Deployment:
    async with await Connection.open([node.url]) as connection:
        deployer = Keys(chance.randbytes(32))
        await connection.rpc("anvil_setBalance", deployer.address, hex(RICH_WEI))
        deployment = await deploy(connection, deployer.account, settings)
        await asyncio.gather(*(_join(connection, deployment, player, chance) for player in players))
    return deployment


async def _join(connection: Connection, deployment: Deployment, player: Proxy, chance: random.Random) -> None:
    contracts, key = Contracts.of(connection, deployment), player.node_key
    proof = chain_proof(prove_key(domain_of(deployment), player.keys.address, key, chance.randbytes))
    async with await Outbox.open(connection, player.keys.account) as outbox:
        await outbox.send(contracts.proxies.join(key.public.to_evm(), proof, "", deployment.settings.proxies.bond_wei))
