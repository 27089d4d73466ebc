"""A capsule is copied, as it is or re-randomised, and published under the attacker's stream or another name.

tests/attacks/test_named_attacks.py shows what a conversion of it would give away; here the copies go through the real
contracts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from eth_utils.crypto import keccak

from tests.attacks.ground import Ground
from tests.property.scene import Scene, identity, metadata
from tests.stateful.world import BAD_RECORD, GRANT, Record, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.ids import make_record_id, make_round_id
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.curve import R, g2, multi_pairing, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, open_sealed
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.types import Address

FACTORS = pytest.mark.parametrize("r", [1, 12345], ids=["copied", "re-randomised"])


def copy_of(record: Record, r: int) -> pre.Capsule:
    """c1^r with the best proof that can be had without k."""
    theirs = record.capsule.proof
    return replace(record.capsule, c1=record.capsule.c1 * r, proof=Proof(theirs.challenge, theirs.response * r % R))


@dataclass
class Published:
    """The attacker's record as a round takes it."""

    record: Record
    ground: Ground

    @property
    def report(self) -> tuple[object, ...]:
        data, ids = self.papers
        position = ids.index(self.record.id)
        keys = self.ground.challenge_keys
        return (make_round_id(GRANT, 0), self.ground.committee, data, ids, (self.record.report(position),), keys, 0)

    @property
    def records(self) -> list[Record]:
        return sorted((self.ground.records[0], self.record), key=lambda one: one.id)

    @property
    def papers(self) -> tuple[structs.RoundData, tuple[int, ...]]:
        capsules = keccak(b"".join(one.capsule.c1.to_evm() for one in self.records))
        ids = tuple(one.id for one in self.records)
        hashed = keccak(b"".join(one.to_bytes(32, "big") for one in ids))
        label = self.ground.grant_context.label
        return structs.RoundData(label, *self.ground.hashes, capsules, hashed), ids


def publish_as(ground: Ground, publisher: Address, stream: int, capsule: pre.Capsule, sequence: int = 0) -> Record:
    cid_hash = keccak(b"copy")
    c = capsule
    record = structs.RecordInput(c.c1.to_evm(), c.c2, c.c3, proof(c.proof), cid_hash)
    ground.evm.send(publisher, "RecordRegistry", "publish", stream, 0, sequence, record)
    return Record(make_record_id(stream, publisher, sequence), capsule, cid_hash)  # type: ignore[arg-type]


@FACTORS
def test_copied_capsule__by_a_device_of_the_stream__is_reported_and_leaves_the_round(ground: Ground, r: int) -> None:
    stream = ground.preimage.stream_id
    ground.evm.send(ground.owner, "RecordRegistry", "setPublisher", stream, ground.stranger, True)
    mine = Published(publish_as(ground, ground.stranger, stream, copy_of(ground.records[0], r)), ground)
    refs = tuple(one.ref for one in mine.records)
    ground.evm.send(ground.user, "ConversionRounds", "openRound", GRANT, 0, *ground.hashes, refs)
    # no proxy converts it
    context = pre.RecordContext(ground.domain, ground.preimage, mine.record.id)
    with pytest.raises(InvalidCapsuleProof):
        pre.verify_capsule(ground.label_key, context, mine.record.capsule)
    # and anyone takes it out; the record that it was copied from cannot be taken out
    honest = replace(mine, record=ground.records[0])
    data, ids = mine.papers
    good = (*mine.report[:2], data, ids, (ground.records[0].report(ids.index(honest.record.id)),), *mine.report[5:])
    refused = ground.refused("CapsuleIsGood", ground.stranger, "ConversionRounds", "reportCapsules", *good)
    assert refused == (make_round_id(GRANT, 0), ground.records[0].id)
    ground.evm.send(ground.stranger, "ConversionRounds", "reportCapsules", *mine.report)
    position = ids.index(mine.record.id)
    assert ground.evm.call("ConversionRounds", "roundOf", make_round_id(GRANT, 0)).excluded == 1 << position


def test_copied_capsule__opened_in_a_round_without_the_check__would_give_the_record_away(ground: Ground) -> None:
    """What the report prevents: the user's own W of the copy opens the record that it was copied from."""
    r = 12345
    wanted = ground.records[0]
    converted = wanted.capsule.c1 * r  # the copy's c1
    for_copy = [pre.VerifiedCapsule(ground.label_key, context_of(ground, wanted), copy_of(wanted, r))]  # unverified
    rounds = pre.RoundContext(ground.domain, make_round_id(GRANT, 0))
    made = [pre.reencrypt(ground.kfrag(slot), rounds, for_copy, ground.random) for slot in (1, 2)]
    verified = [pre.verify_cfrags(ground.rekey, rounds, [converted], one) for one in made]
    result = pre.combine(verified, 2).points[0] * pow(r, -1, R)
    key = identity("user").receiving_key()
    opened = pre.decrypt_reencrypted(key, ground.rekey, context_of(ground, wanted), wanted.capsule, result)
    assert opened == metadata("0.csv")


def context_of(ground: Ground, record: Record) -> pre.RecordContext:
    return pre.RecordContext(ground.domain, ground.preimage, record.id)


@FACTORS
def test_copied_capsule__under_the_attackers_own_stream__is_of_no_label_of_the_grant(ground: Ground, r: int) -> None:
    """The attacker owns the stream, the grant and the committee's answers on it; the capsule is still the victim's."""
    mallory = ground.stranger
    key = identity("mallory").delegating_key()
    shown = proof(prove_key(ground.domain, mallory, key, ground.random))
    ground.evm.send(mallory, "KeyRegistry", "registerDelegatingKey", key.public.to_evm(), shown)
    ground.evm.send(mallory, "RecordRegistry", "createStream", keccak(b"mine"), "", structs.Terms(1, 1))
    record = publish_as(ground, mallory, 2, copy_of(ground.records[0], r))
    # it does not come into the victim's round
    args = (GRANT, 0, *ground.hashes, (record.ref,))
    assert ground.refused("UnknownRecord", ground.user, "ConversionRounds", "openRound", *args) == (record.id,)
    # and under mallory's label the proof does not hold
    preimage = replace(ground.preimage, owner=mallory, stream_id=2)
    context = pre.RecordContext(ground.domain, preimage, record.id)
    label_key = pre.label_key(key.public, context.label)
    with pytest.raises(InvalidCapsuleProof):
        pre.verify_capsule(label_key, context, record.capsule)


def test_copied_capsule__converted_under_the_attackers_grant_all_the_same__opens_nothing() -> None:
    """Converted with mallory's re-key all the same, it gives him Z^(k a_L / a'), which he had without help."""
    victim, mallory = Scene(2, 3), Scene(2, 3, owner="mallory", user="mallory", seed=9)
    wanted = victim.capsule(3)
    pushed = pre.VerifiedCapsule(mallory.label_key, wanted.context, wanted.capsule)
    weights = [mallory.kfrag(1), mallory.kfrag(2)]
    points = [wanted.c1 * one.fragment for one in weights]
    result = points[0] * 2 + points[1] * -1  # Lagrange at 0 for slots 1 and 2
    b = mallory.receiving_key.secret
    shared = multi_pairing([
        (wanted.c1 * pow(b, -1, R), mallory.rekey.rekey.masked_key),
        (result * -pow(b, -1, R), g2()),
    ])  # fmt: skip
    assert shared == pairing(wanted.c1 * pow(mallory.label_secret, -1, R), g2())
    for label_key in (victim.label_key, mallory.label_key):
        with pytest.raises(DecryptionFailed):
            open_sealed(shared, label_key, pushed.context, wanted.capsule)


def test_record_with_a_false_proof__in_the_only_place__ends_the_round(ground: Ground) -> None:
    played = ground.open(BAD_RECORD)
    data, _ = ground.papers(played)
    shown = (played.id, ground.committee, data, (ground.records[BAD_RECORD].id,))
    report = (*shown, (ground.records[BAD_RECORD].report(0),), ground.challenge_keys, 0)
    ground.evm.send(ground.stranger, "ConversionRounds", "reportCapsules", *report)
    assert ground.phase(played) is structs.Phase.ENDED
