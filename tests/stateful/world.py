"""One granted access, made once: what the state machine starts each example from, and the cryptography it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.property.scene import identity, metadata, node_key, source
from tests.stateful.evm import Evm
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.ids import make_record_id, make_round_id
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.draw import make_draw, verify_draw
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.keys import LabelPreimage, prove_key
from tpre_offchain.crypto.kfrag import mask_hash, rekey_rest, rekey_tail
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.types import Address, Epoch, GrantId, RecordId, RoundId, Slot, StreamId

THRESHOLD, SIZE = 2, 3
RECORDS = 3
BAD_RECORD = 1
"""The record whose capsule proof does not hold."""
PRICE_WEI = 10**16
"""Of one conversion."""
QUOTA = 9
GRANT_SECONDS = 400
ETHER = 10**18

SETTINGS = replace(
    LOCAL,
    # two upheld challenges leave a proxy with less than half of its bond; every missed round costs
    proxies=replace(LOCAL.proxies, miss_limit=0),
    rounds=replace(LOCAL.rounds, challenge_penalty_wei=3 * ETHER // 10),
)
FEE = SETTINGS.rounds.fee_per_cfrag_wei
RESERVE_WEI = THRESHOLD * FEE + PRICE_WEI
"""What a round sets aside for a record."""
DEPOSIT_WEI = 7 * RESERVE_WEI
STREAM, GRANT = StreamId(1), GrantId(1)


def proof(value: Any) -> structs.Proof:
    return structs.Proof(value.challenge, value.response)


@dataclass(frozen=True)
class Record:
    """A published record as the contracts know it."""

    id: RecordId
    capsule: pre.Capsule
    cid_hash: bytes

    @property
    def ref(self) -> structs.RecordRef:
        return structs.RecordRef(self.id, self.capsule.c1.to_evm(), self.capsule.seal_hash(self.cid_hash, keccak(b"")))

    def report(self, position: int) -> structs.CapsuleReport:
        c = self.capsule
        return structs.CapsuleReport(
            position, c.c1.to_evm(), c.c2, c.c3_hash, proof(c.proof), self.cid_hash, keccak(b"")
        )


class World:
    """The chain after the grant. Accounts: an owner, a user, a stranger, and the committee by slot."""

    grant_seconds = GRANT_SECONDS

    def __init__(self, evm: Evm | None = None) -> None:
        self.evm = evm or Evm(SETTINGS)
        self.owner, self.user, self.stranger = self.evm.accounts[1], self.evm.accounts[2], self.evm.accounts[6]
        self.random = source(7)
        names = ("KeyRegistry", "ProxyRegistry", "RecordRegistry", "GrantRegistry", "ConversionRounds")
        self.domain = Domain(self.evm.chain_id, *(self.evm.addresses[name] for name in names))
        self._register()
        self.records = tuple(self._publish(sequence) for sequence in range(RECORDS))
        self._grant()
        self.start = self.evm.snapshot()

    # --- the way to the grant ---

    def _register(self) -> None:
        a, b = identity("owner").delegating_key(), identity("user").receiving_key()
        shown = proof(prove_key(self.domain, self.owner, a, self.random))
        self.evm.send(self.owner, "KeyRegistry", "registerDelegatingKey", a.public.to_evm(), shown)
        shown = proof(prove_key(self.domain, self.user, b, self.random))
        self.evm.send(self.user, "KeyRegistry", "registerReceivingKey", b.public.to_evm(), shown)
        bond = SETTINGS.proxies.bond_wei
        for account in self.evm.accounts[3 : 3 + SIZE]:
            key = node_key(account)
            shown = proof(prove_key(self.domain, account, key, self.random))
            self.evm.send(account, "ProxyRegistry", "join", key.public.to_evm(), shown, "", value=bond)
        terms = structs.Terms(1, 2, PRICE_WEI)
        self.evm.send(self.owner, "RecordRegistry", "createStream", keccak(b"stream"), "", terms)

    @cached_property
    def preimage(self) -> LabelPreimage:
        return LabelPreimage(self.owner, 1, STREAM, 0)

    @cached_property
    def label_key(self) -> G1:
        return pre.label_key(identity("owner").delegating_key().public, pre.label_of(self.domain, self.preimage))

    def _publish(self, sequence: int) -> Record:
        record_id = make_record_id(STREAM, self.owner, sequence)
        context = pre.RecordContext(self.domain, self.preimage, record_id)
        secret = identity("owner").publisher_secret
        capsule = pre.encrypt(self.label_key, context, metadata(f"{sequence}.csv"), secret, self.random)
        if sequence == BAD_RECORD:
            capsule = replace(capsule, proof=replace(capsule.proof, response=capsule.proof.response ^ 1))
        cid_hash = keccak(sequence.to_bytes(1, "big"))
        c = capsule
        record = structs.RecordInput(c.c1.to_evm(), c.c2, c.c3, proof(c.proof), cid_hash)
        self.evm.send(self.owner, "RecordRegistry", "publish", STREAM, Epoch(0), sequence, record)
        return Record(record_id, capsule, cid_hash)

    def _grant(self) -> None:
        asked = structs.AccessRequest(STREAM, Epoch(0), Epoch(0), THRESHOLD, SIZE, PRICE_WEI)
        self.evm.send(self.user, "GrantRegistry", "requestAccess", asked, value=DEPOSIT_WEI)
        draw, self.committee = self.draw(GRANT)
        context = self.grant_context
        secret = pre.label_secret(identity("owner").delegating_key().secret, context.label)
        receiving_key = identity("user").receiving_key()
        made = pre.generate_kfrags(secret, receiving_key.public, context, self.random)
        self.rekey = pre.verify_rekey(context, self.label_key, receiving_key.public, made)
        rekey = structs.Rekey(
            epoch=Epoch(0),
            delegating_key=identity("owner").delegating_key().public.to_evm(),
            masked_key=made.masked_key.to_evm(),
            mask=made.mask.to_evm(),
            commitments=tuple(point.to_evm() for point in made.commitments),
            ephemeral=made.ephemeral.to_evm(),
            ephemeral_proof=proof(made.ephemeral_proof),
            pads=tuple(made.pads),
        )
        self.expiry = self.evm.now + self.grant_seconds
        self.evm.send(
            self.owner,
            "GrantRegistry",
            "grant",
            GRANT,
            self.expiry,
            QUOTA,
            draw,
            receiving_key.public.to_evm(),
            (rekey,),
            structs.NO_FIRST_ROUND,
        )

    def draw(self, grant_id: GrantId) -> tuple[structs.DrawProof, tuple[structs.Member, ...]]:
        """The owner's part in a request's draw, and the committee that it gives."""
        x, _ = self.evm.call("GrantRegistry", "drawInputOf", grant_id)
        key = identity("owner").delegating_key()
        made = verify_draw(key.public, x, make_draw(key, x, self.random))
        access = self.evm.call("GrantRegistry", "accessOf", grant_id)
        of = (access.pool_size, access.request_block, access.committee_size)
        committee = tuple(self.evm.call("ProxyRegistry", "draw", made.seed, *of))
        return structs.DrawProof(made.draw.gamma.to_evm(), proof(made.draw.proof)), committee

    @cached_property
    def grant_context(self) -> pre.GrantContext:
        keys = (node_key(member.account).public for member in self.committee)
        return pre.GrantContext(
            domain=self.domain,
            grant_id=GRANT,
            delegator=self.owner,
            delegator_key_version=1,
            delegatee=self.user,
            delegatee_key_version=1,
            threshold=THRESHOLD,
            members=tuple(
                pre.Member(member.account, member.key_version, key)
                for member, key in zip(self.committee, keys, strict=True)
            ),
            label=pre.label_of(self.domain, self.preimage),
        )

    # --- what rounds need ---

    def proxy(self, slot: int) -> Address:
        """The account of a slot."""
        return self.committee[slot - 1].account

    @cached_property
    def mask(self) -> bytes:
        return self.rekey.rekey.mask.to_evm()

    @cached_property
    def hashes(self) -> tuple[bytes, bytes]:
        """maskHash and rekeyRest."""
        made = self.rekey.rekey
        return mask_hash(made), rekey_rest(self.grant_context, self.label_key, made)

    @cached_property
    def challenge_keys(self) -> structs.ChallengeKeys:
        made = self.rekey.rekey
        commitments = tuple(point.to_evm() for point in made.commitments)
        return structs.ChallengeKeys(self.label_key.to_evm(), commitments, rekey_tail(self.grant_context, made))

    def round_data(self, records: Sequence[int]) -> structs.RoundData:
        chosen = [self.records[j] for j in records]
        capsules = keccak(b"".join(record.capsule.c1.to_evm() for record in chosen))
        ids = keccak(b"".join(record.id.to_bytes(32, "big") for record in chosen))
        return structs.RoundData(self.grant_context.label, *self.hashes, capsules, ids)

    def round_key(self, data: structs.RoundData) -> bytes:
        """SPEC §9, written out here again."""
        committee = keccak(b"".join(member.word.to_bytes(32, "big") for member in self.committee))
        return keccak(committee + data_hash(data))

    @cache  # noqa: B019 - there is one world
    def kfrag(self, slot: int) -> pre.VerifiedKFrag:
        account = self.proxy(slot)
        return pre.open_fragment(self.rekey, Slot(slot), node_key(account))

    @cache  # noqa: B019
    def cfrags(self, round_id: RoundId, slot: int, records: tuple[int, ...]) -> pre.CFrags:
        """Good cfrags. The bad record's capsule is converted as well: a proxy would not, but its point is in order."""
        capsules = [self.taken(j) for j in records]
        return pre.reencrypt(self.kfrag(slot), pre.RoundContext(self.domain, round_id), capsules, self.random)

    def taken(self, j: int) -> pre.VerifiedCapsule:
        context = pre.RecordContext(self.domain, self.preimage, self.records[j].id)
        return pre.VerifiedCapsule(self.label_key, context, self.records[j].capsule)

    @cache  # noqa: B019
    def results(self, records: tuple[int, ...]) -> tuple[G1, ...]:
        """W of each record: the same from any t slots, so those of the first t."""
        capsules = [self.taken(j) for j in records]
        context = pre.RoundContext(self.domain, make_round_id(GRANT, 0))
        batches = []
        for slot in range(1, THRESHOLD + 1):
            made = pre.reencrypt(self.kfrag(slot), context, capsules, self.random)
            batches.append(pre.verify_cfrags(self.rekey, context, capsules, made))
        return tuple(pre.combine(batches, THRESHOLD).points)


def data_hash(data: structs.RoundData) -> bytes:
    """roundDataHash."""
    return keccak(data.label + data.mask_hash + data.rekey_rest + data.capsules_hash + data.record_ids_hash)


def link_of(slot: int, excluded: int, cfrags: Sequence[bytes], shown: structs.Proof) -> bytes:
    """A submission's link of the round's hash chain (SPEC §9)."""
    kinds = ["uint8", "uint128", "bytes32", "uint128", "uint256"]
    return keccak(encode(kinds, [slot, excluded, keccak(b"".join(cfrags)), shown.challenge, shown.response]))
