"""A real chain with a stream, a user and a committee, for tests of proxies: what is not the proxy is played here."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.integration.nets.nursery import Nursery
from tests.integration.nets.proxy_processes import ProxyProcess, anvil_node, fork, launch
from tests.integration.nets.tempo import OUTBOX, PACE_JSON, WORKER
from tests.integration.nets.told import events_told
from tpre_offchain.chain.abi import ids, structs
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    Event,
    LeaderProposed,
    RecordPublished,
    RekeyPosted,
    RoundFinalized,
    RoundOpened,
)
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.draw import make_draw, verify_draw
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.keys import Identity, LabelPreimage, ProxyKey, label_key, label_of, label_secret, prove_key
from tpre_offchain.crypto.kfrag import GrantContext, Member, Rekey, VerifiedRekey, make_rekey, rekey_rest, verify_rekey
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.crypto.pre import Capsule, RecordContext, decrypt_reencrypted, encrypt
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.deployment.deploy import deploy
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.proxy.rounds.grants import rekey_of
from tpre_offchain.proxy.rounds.rounds import ranking
from tpre_offchain.types import Epoch, GrantId, RecordId, RoundId, Slot, StreamId

RICH_WEI = 1_000 * 10**18
QUICK = replace(LOCAL, rounds=replace(LOCAL.rounds, round_seconds=40, vote_seconds=3, challenge_seconds=2))
NO_STREAM = StreamId(0)


@dataclass
class Party:
    """An account with its keys."""

    account: LocalAccount
    identity: Identity
    outbox: Outbox
    node_key: ProxyKey

    @property
    def address(self) -> Any:
        return self.outbox.address


@dataclass
class World:
    """Owner, user, proxies and their contracts on one chain."""

    url: str
    connection: Connection
    deployment: Deployment
    contracts: Contracts
    owner: Party
    user: Party
    proxies: list[Party]
    folder: Path
    nursery: Nursery
    stream_id: StreamId = NO_STREAM
    processes: dict[int, ProxyProcess] = field(default_factory=dict)

    @property
    def domain(self) -> Domain:
        at = self.deployment.address_of
        names = ("KeyRegistry", "ProxyRegistry", "RecordRegistry", "GrantRegistry", "ConversionRounds")
        return Domain(self.connection.chain_id, *(at(name) for name in names))

    @property
    def preimage(self) -> LabelPreimage:
        return LabelPreimage(self.owner.address, 1, self.stream_id, 0)

    # --- owner and user -----------------------------------------------------------------------------------------------

    async def create_stream(self) -> None:
        key = self.owner.identity.delegating_key()
        proof = _proof(prove_key(self.domain, self.owner.address, key, secrets.token_bytes))
        await self.owner.outbox.send(self.contracts.keys.register_delegating_key(key.public.to_evm(), proof))
        receiving = self.user.identity.receiving_key()
        proof = _proof(prove_key(self.domain, self.user.address, receiving, secrets.token_bytes))
        await self.user.outbox.send(self.contracts.keys.register_receiving_key(receiving.public.to_evm(), proof))
        call = self.contracts.records.create_stream(bytes(32), "test", structs.Terms(1, 3))
        await self.owner.outbox.send(call)
        self.stream_id = StreamId(await self.contracts.records.stream_count())

    async def publish(self, sequence: int, *, bad_proof: bool = False) -> RecordPublished:
        """Publish a record, whose metadata's name is its number."""
        record_id = ids.make_record_id(self.stream_id, self.owner.address, sequence)
        A_L = label_key(self.owner.identity.delegating_key().public, label_of(self.domain, self.preimage))
        metadata = Metadata(
            secrets.token_bytes(32), b"\x01\x55\x12\x20" + bytes(32), bytes(32), 1, 1, 1, "text/plain", str(sequence)
        )
        context = RecordContext(self.domain, self.preimage, record_id)
        capsule = encrypt(A_L, context, metadata, self.owner.identity.publisher_secret, secrets.token_bytes)
        proof = _proof(capsule.proof)
        if bad_proof:
            proof = replace(proof, response=proof.response ^ 1)
        record = structs.RecordInput(capsule.c1.to_evm(), capsule.c2, capsule.c3, proof, bytes(32), "")
        call = self.contracts.records.publish(self.stream_id, Epoch(0), sequence, record)
        return (await self.owner.outbox.send(call)).one(RecordPublished)

    async def grant(self, threshold: int, committee: int) -> GrantId:
        """Request and grant."""
        request = structs.AccessRequest(self.stream_id, Epoch(0), Epoch(0), threshold, committee, purpose="test")
        await self.user.outbox.send(self.contracts.grants.request_access(request, 10**18))
        grant_id = GrantId(await self.contracts.grants.grant_count())
        await self.connection.rpc("anvil_mine", "0x1")
        key = self.owner.identity.delegating_key()
        x, _ = await self.contracts.grants.draw_input_of(grant_id)
        draw = verify_draw(key.public, x, make_draw(key, x, secrets.token_bytes))
        access = await self.contracts.grants.access_of(grant_id)
        members = await self.contracts.proxies.draw(draw.seed, access.pool_size, access.request_block, committee)
        context = self._context(grant_id, threshold, members)
        a_L = label_secret(self.owner.identity.delegating_key().secret, context.label)
        B = self.user.identity.receiving_key().public
        rekey = make_rekey(a_L, B, context, secrets.token_bytes)
        call = self.contracts.grants.grant(
            grant_id,
            int(time.time()) + 86_400,
            1_000,
            structs.DrawProof(draw.draw.gamma.to_evm(), _proof(draw.draw.proof)),
            B.to_evm(),
            [self._rekey_struct(rekey)],
        )
        receipt = await self.owner.outbox.send(call)
        assert receipt.one(RekeyPosted).label == context.label
        return grant_id

    def _context(self, grant_id: GrantId, threshold: int, members: Sequence[structs.Member]) -> GrantContext:
        keys = {proxy.address: proxy.node_key.public for proxy in self.proxies}
        return GrantContext(
            domain=self.domain,
            grant_id=grant_id,
            delegator=self.owner.address,
            delegator_key_version=1,
            delegatee=self.user.address,
            delegatee_key_version=1,
            threshold=threshold,
            members=tuple(Member(m.account, m.key_version, keys[m.account]) for m in members),
            label=label_of(self.domain, self.preimage),
        )

    def _rekey_struct(self, rekey: Rekey) -> structs.Rekey:
        return structs.Rekey(
            epoch=Epoch(0),
            delegating_key=self.owner.identity.delegating_key().public.to_evm(),
            masked_key=rekey.masked_key.to_evm(),
            mask=rekey.mask.to_evm(),
            commitments=tuple(c.to_evm() for c in rekey.commitments),
            ephemeral=rekey.ephemeral.to_evm(),
            ephemeral_proof=_proof(rekey.ephemeral_proof),
            pads=rekey.pads,
        )

    async def committee_of(self, grant_id: GrantId) -> tuple[structs.Member, ...]:
        """The grant's committee, from its event."""
        return [e for e in await self.events() if isinstance(e, AccessGranted) and e.grant_id == grant_id][-1].committee

    async def rekey_of(self, grant_id: GrantId) -> VerifiedRekey:
        """The grant's re-key as the user reads it from the chain."""
        access = await self.contracts.grants.access_of(grant_id)
        members = await self.committee_of(grant_id)
        posted = [e for e in await self.events() if isinstance(e, RekeyPosted) and e.grant_id == grant_id][-1]
        context = self._context(grant_id, access.threshold, members)
        A_L = label_key(self.owner.identity.delegating_key().public, context.label)
        return verify_rekey(context, A_L, self.user.identity.receiving_key().public, rekey_of(posted))

    async def open_round(self, grant_id: GrantId, records: Sequence[RecordPublished]) -> RoundId:
        rekey = await self.rekey_of(grant_id)
        refs = [structs.RecordRef(e.record_id, e.record.c1, _seal_hash(e.record)) for e in records]
        call = self.contracts.rounds.open_round(
            grant_id,
            Epoch(0),
            hashing.points_hash([rekey.rekey.mask]),
            rekey_rest(rekey.context, rekey.label_key, rekey.rekey),
            sorted(refs, key=lambda ref: ref.record_id),
        )
        return (await self.user.outbox.send(call)).one(RoundOpened).round_id

    # --- what came of it ----------------------------------------------------------------------------------------------

    async def events(self) -> tuple[Event, ...]:
        return await events_told(self.connection, self.deployment, (await self.connection.latest()).number)

    async def of_round(self, round_id: RoundId, kind: type[Any]) -> list[Any]:
        return [e for e in await self.events() if isinstance(e, kind) and e.round_id == round_id]

    async def reaches(self, round_id: RoundId, kind: type[Any], timeout_s: float = 30) -> Any:
        """Wait for an event of the round."""
        return (await self.all_of([round_id], kind, 1, timeout_s))[-1]

    async def all_of(
        self, rounds: Collection[RoundId], kind: type[Any], count: int, timeout_s: float = 30
    ) -> list[Any]:
        """Wait for so many events of these rounds."""
        deadline, seen = time.monotonic() + timeout_s, b""
        while True:
            if seen != (seen := (await self.connection.latest()).hash):
                found = [e for e in await self.events() if isinstance(e, kind) and e.round_id in rounds]
                if len(found) >= count:
                    return found
            if time.monotonic() > deadline:
                logs = {number: proxy.log_path.read_text()[-3000:] for number, proxy in self.processes.items()}
                raise AssertionError(f"{len(found)} {kind.__name__} of {count}: {logs}")
            await asyncio.sleep(0.03)

    async def read_results(self, grant_id: GrantId, round_id: RoundId) -> dict[RecordId, str]:
        """The names that the user reads from the finalized results."""
        final: RoundFinalized = await self.reaches(round_id, RoundFinalized)
        proposals: list[LeaderProposed] = await self.of_round(round_id, LeaderProposed)
        proposal = next(p for p in proposals if p.result_hash == final.result_hash)
        opened: RoundOpened = (await self.of_round(round_id, RoundOpened))[0]
        kept = [r for j, r in enumerate(opened.record_ids) if not proposal.excluded >> j & 1]
        published = {e.record_id: e.record for e in await self.events() if isinstance(e, RecordPublished)}
        rekey, names = await self.rekey_of(grant_id), {}
        for record_id, point in zip(kept, proposal.results, strict=True):
            record = published[record_id]
            proof = Proof(record.proof.challenge, record.proof.response)
            capsule = Capsule(G1.from_evm(record.c1), record.c2, record.c3, proof)
            context = RecordContext(self.domain, self.preimage, record_id)
            key = self.user.identity.receiving_key()
            names[record_id] = decrypt_reencrypted(key, rekey, context, capsule, G1.from_evm(point)).name
        return names

    # --- proxies ------------------------------------------------------------------------------------------------------

    async def join_all(self) -> None:
        for proxy in self.proxies:
            key = proxy.node_key
            proof = _proof(prove_key(self.domain, proxy.address, key, secrets.token_bytes))
            bond = self.deployment.settings.proxies.bond_wei
            await proxy.outbox.send(self.contracts.proxies.join(key.public.to_evm(), proof, "", bond))

    async def start(self, *numbers: int, **worker: Any) -> None:
        """Start worker processes, all at once, and wait until they are ready. ``from_nothing``: not forked."""
        launched = await asyncio.gather(*(asyncio.to_thread(self._launch, number, dict(worker)) for number in numbers))
        self.processes |= dict(zip(numbers, launched, strict=True))
        await asyncio.gather(*(self.processes[number].ready() for number in numbers))

    def _launch(self, number: int, worker: dict[str, Any]) -> ProxyProcess:
        proxy, from_nothing = self.proxies[number], worker.pop("from_nothing", False)
        config = {
            "rpc_urls": worker.pop("rpc_urls", [self.url]),
            "deployment": self.deployment.to_json(),
            "account_key": proxy.account.key.hex(),
            "node_keys": {"1": f"{proxy.node_key.secret:064x}"},
            "state_dir": str(self.folder / f"proxy-{number}"),
            "exchange": worker.pop("exchange", None),
            "worker": {**WORKER, **worker},
        }
        name = f"proxy-{number}"
        if from_nothing:
            return launch(config, self.folder, name)
        return fork(self.nursery, config | {"pace": PACE_JSON}, self.folder, name)

    def stop_all(self) -> None:
        for proxy in self.processes.values():
            proxy.kill()

    async def ranked(self, grant_id: GrantId, index: int = 0) -> list[int]:
        """Numbers of the committee's proxies in the rank order of a round that may not be open yet."""
        committee = await self.committee_of(grant_id)
        order = ranking(ids.make_round_id(grant_id, index), committee)
        return [self.number_of(committee[slot - 1].account) for slot in order]

    async def submit_nonsense(self, number: int, round_id: RoundId) -> int:
        """Play a lying proxy: post cfrags that are no conversions. Returns its slot."""
        opened: RoundOpened = (await self.of_round(round_id, RoundOpened))[0]
        committee = await self.committee_of(opened.grant_id)
        slot = next(i for i, m in enumerate(committee, 1) if m.account == self.proxies[number].address)
        data = opened.data
        data_hash = hashing.round_data_hash(
            data.label, data.mask_hash, data.rekey_rest, data.capsules_hash, data.record_ids_hash
        )
        call = self.contracts.rounds.submit_cfrags(
            round_id, committee, data_hash, Slot(slot), opened.capsules, structs.Proof(1, 1)
        )
        await self.proxies[number].outbox.send(call)
        return slot

    def number_of(self, account: str) -> int:
        return next(i for i, proxy in enumerate(self.proxies) if proxy.address == account)


@asynccontextmanager
async def world(folder: Path, proxies: int = 5, *node_arguments: str) -> AsyncIterator[World]:
    """Everything up to a stream and joined proxies, none of them running yet."""
    async with anvil_node(*node_arguments) as address:
        nursery = Nursery()
        url = f"ws://{address}"
        async with await Connection.open([url]) as connection:
            parties = [await _party(connection) for _ in range(proxies + 3)]
            deployer, owner, user, *members = parties
            deployment = await deploy(connection, deployer.account, QUICK)
            contracts = Contracts.of(connection, deployment)
            made = World(url, connection, deployment, contracts, owner, user, members, folder, nursery)
            try:
                await made.join_all()
                await made.create_stream()
                yield made
            finally:
                made.stop_all()
                for party in parties:
                    await party.outbox.close()


async def _party(connection: Connection) -> Party:
    account: LocalAccount = Account.create()
    await connection.rpc("anvil_setBalance", account.address, hex(RICH_WEI))
    outbox = await Outbox.open(connection, account, settings=OUTBOX)
    return Party(
        account, Identity.from_seed(secrets.token_bytes(32)), outbox, ProxyKey.generate(1, secrets.token_bytes)
    )


def _proof(proof: Proof) -> structs.Proof:
    return structs.Proof(proof.challenge, proof.response)


def _seal_hash(record: structs.RecordInput) -> bytes:
    return hashing.seal_hash(
        record.c2,
        hashing.keccak256(record.c3),
        record.proof.challenge,
        record.proof.response,
        record.cid_hash,
        hashing.keccak256(record.tags.encode()),
    )
