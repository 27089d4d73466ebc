"""A committee played in this process: joined, and taking a round's steps one after the other, to count their gas."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tpre_offchain.bench.online.sharing import Sharing
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.events import RoundOpened
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.clients.facts.records import ChainRecord
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.session import domain_of
from tpre_offchain.crypto import hashing, pre
from tpre_offchain.crypto.keys import ProxyKey, prove_key
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.proxy.rounds.rounds import bitmap_of_slots, ranking
from tpre_offchain.types import Slot


@dataclass(frozen=True)
class Step:
    """One transaction of a round: its gas, and its calldata by zero and other bytes."""

    name: str
    gas: int
    zero_bytes: int
    other_bytes: int


@dataclass(frozen=True)
class PlayedProxy:
    """A proxy without a process."""

    keys: Keys
    outbox: Outbox
    node_key: ProxyKey


async def join(connection: Connection, deployment: Deployment, keys: Sequence[Keys]) -> list[PlayedProxy]:
    """Join the pool with funded accounts."""
    contracts, domain = Contracts.of(connection, deployment), domain_of(deployment)
    bond = deployment.settings.proxies.bond_wei
    proxies = []
    for one in keys:
        outbox = await Outbox.open(connection, one.account)
        key = ProxyKey.generate(1, secrets.token_bytes)
        proof = prove_key(domain, one.address, key, secrets.token_bytes)
        await outbox.send(contracts.proxies.join(key.public.to_evm(), _proof(proof), "", bond))
        proxies.append(PlayedProxy(one, outbox, key))
    return proxies


class Committee:
    """The proxies of a grant, in its slots."""

    def __init__(self, sharing: Sharing, proxies: Sequence[PlayedProxy], members: Sequence[structs.Member]) -> None:
        by_account = {proxy.keys.address: proxy for proxy in proxies}
        self._sharing = sharing
        self._members = tuple(members)
        self._proxies = {Slot(i): by_account[member.account] for i, member in enumerate(members, 1)}
        self._kfrags = {
            slot: pre.open_fragment(sharing.granted.verified, slot, proxy.node_key)
            for slot, proxy in self._proxies.items()
        }

    async def convert(self, records: Sequence[ChainRecord]) -> list[Step]:
        """One whole round with as many submissions and votes as it needs."""
        call = self._sharing.round_call(records)
        receipt = await self._sharing.user.outbox.send(call)
        opened = receipt.one(RoundOpened)
        steps = [_step("open", call, receipt)]
        order = ranking(opened.round_id, self._members)
        context = self._sharing.granted.verified.context
        chosen = sorted(order[: context.threshold])
        made = await asyncio.to_thread(self._cfrags, chosen, opened, records)
        for slot, (_, submit) in made.items():
            steps.append(await self._send("submit", slot, submit))
        verified = [
            pre.verify_cfrags(
                self._sharing.granted.verified, self._round(opened), [r.capsule.c1 for r in records], cfrags
            )
            for cfrags, _ in made.values()
        ]
        result = pre.combine(verified, context.threshold)
        points = [point.to_evm() for point in result.points]
        rounds, contributors = self._sharing.user.contracts.rounds, bitmap_of_slots(chosen)
        mask = self._sharing.granted.verified.rekey.mask.to_evm()
        leader = order[0]
        propose = rounds.propose(
            opened.round_id, self._members, opened.data, leader, contributors, mask, opened.capsules, points
        )
        steps.append(await self._send("propose", leader, propose))
        result_hash = hashing.result_hash(opened.round_id, contributors, 0, result.points)
        for slot in order[1 : len(self._members) // 2 + 1]:
            vote = rounds.vote(opened.round_id, self._members, _data_hash(opened), slot, result_hash, approve=True)
            steps.append(await self._send("vote", slot, vote))
        return steps

    def _cfrags(
        self, slots: Sequence[Slot], opened: RoundOpened, records: Sequence[ChainRecord]
    ) -> dict[Slot, tuple[pre.CFrags, Call]]:
        key = self._sharing.granted.label.key
        capsules = [pre.verify_capsule(key, record.context, record.capsule) for record in records]
        made = {}
        for slot in slots:
            cfrags = pre.reencrypt(self._kfrags[slot], self._round(opened), capsules, secrets.token_bytes)
            points = [point.to_evm() for point in cfrags.points]
            call = self._sharing.user.contracts.rounds.submit_cfrags(
                opened.round_id, self._members, _data_hash(opened), slot, points, _proof(cfrags.proof)
            )
            made[slot] = (cfrags, call)
        return made

    def _round(self, opened: RoundOpened) -> pre.RoundContext:
        return pre.RoundContext(self._sharing.user.domain, opened.round_id)

    async def _send(self, name: str, slot: Slot, call: Call) -> Step:
        return _step(name, call, await self._proxies[slot].outbox.send(call))


def _step(name: str, call: Call, receipt: Receipt) -> Step:
    zeros = call.data.count(0)
    return Step(name, receipt.gas_used, zeros, len(call.data) - zeros)


def _data_hash(opened: RoundOpened) -> bytes:
    data = opened.data
    return hashing.round_data_hash(
        data.label, data.mask_hash, data.rekey_rest, data.capsules_hash, data.record_ids_hash
    )


def _proof(proof: Proof) -> structs.Proof:
    return structs.Proof(proof.challenge, proof.response)
