"""A further grant of the ground's user, with its own committee, and rounds of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from eth_utils.crypto import keccak

from tests.attacks.ground import SECOND, Ground
from tests.property.scene import identity, node_key
from tests.stateful.world import data_hash, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.kfrag import mask_hash, rekey_rest
from tpre_offchain.types import Address, RecordId, RoundId, Slot


class Given:
    """Grant ``SECOND``, t of n over epoch 0; ``before``: what happens just in front of the request."""

    def __init__(
        self, g: Ground, t: int, n: int, *, quota: int, deposit: int, before: Callable[[], None] = lambda: None
    ) -> None:
        self.g, self.id, self.t = g, SECOND, t
        asked = replace(g.asked, threshold=t, committee_size=n)
        before()
        fee = g.evm.call("GrantRegistry", "redrawFeeOf", g.user, asked.stream_id, False)
        g.evm.send(g.user, "GrantRegistry", "requestAccess", asked, value=deposit + fee)
        self.committee = g.draw(self.id)[1]
        self.context = replace(g.context_of(self.id, g.user), threshold=t)
        user = identity("user").receiving_key().public
        made = g.made_for(self.context, user)
        self.rekey = pre.verify_rekey(self.context, g.label_key, user, made)
        self.hashes = (mask_hash(made), rekey_rest(self.context, g.label_key, made))
        g.evm.send(g.owner, *g.grant_call(user, g.rekey_struct(made), quota=quota))

    def account(self, slot: int) -> Address:
        return self.committee[slot - 1].account

    def round(self, index: int) -> RoundId:
        return make_round_id(self.id, index)

    def data(self, c1s: Sequence[bytes], ids: Sequence[RecordId]) -> structs.RoundData:
        hashed = keccak(b"".join(one.to_bytes(32, "big") for one in ids))
        return structs.RoundData(self.context.label, *self.hashes, keccak(b"".join(c1s)), hashed)

    def papers(self, records: Sequence[int]) -> structs.RoundData:
        chosen = [self.g.records[j] for j in records]
        return self.data([one.capsule.c1.to_evm() for one in chosen], [one.id for one in chosen])

    def open(self, *records: int) -> None:
        refs = tuple(self.g.records[j].ref for j in records)
        self.g.evm.send(self.g.user, "ConversionRounds", "openRound", self.id, 0, *self.hashes, refs)

    def submit(self, index: int, slot: int, *records: int, sender: Address | None = None) -> pre.CFrags:
        g, key = self.g, node_key(self.account(slot))
        kfrag = pre.open_fragment(self.rekey, Slot(slot), key)
        capsules = [g.taken(j) for j in records]
        made = pre.reencrypt(kfrag, pre.RoundContext(g.domain, self.round(index)), capsules, g.random)
        points = tuple(point.to_evm() for point in made.points)
        call = (self.round(index), self.committee, data_hash(self.papers(records)), slot, points, proof(made.proof))
        g.evm.send(sender or self.account(slot), "ConversionRounds", "submitCfrags", *call)
        return made

    def close(self, index: int, *records: int) -> None:
        hashed = data_hash(self.papers(records))
        self.g.evm.send(self.g.stranger, "ConversionRounds", "close", self.round(index), self.committee, hashed)

