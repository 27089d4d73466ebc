"""Something valid is used again where it does not belong: another chain, contract, round or grant, or twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.ground import Ground
from tests.property.scene import Scene, identity
from tests.stateful.world import FEE, GRANT, SETTINGS, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.cfrag import InvalidCFragProof
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.keys import InvalidKeyProof, Role, prove_key, verify_key_proof
from tpre_offchain.crypto.kfrag import InvalidGrantProof
from tpre_offchain.types import RoundId, Slot

OTHER = "0x" + "99" * 20
ELSEWHERE = ["chain_id", "key_registry", "proxy_registry", "record_registry", "grant_registry", "rounds"]


def moved(domain: Domain, field: str) -> Domain:
    """The same deployment, but for one address or the chain."""
    changes: dict[str, object] = {field: domain.chain_id + 1 if field == "chain_id" else OTHER}
    return replace(domain, **changes)  # type: ignore[arg-type]


# --- another chain, another contract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["chain_id", "key_registry"])
def test_key_proof__of_another_chain_or_registry__is_refused_by_both(ground: Ground, field: str) -> None:
    key = identity("newcomer").receiving_key()
    there = prove_key(moved(ground.domain, field), ground.stranger, key, ground.random)
    with pytest.raises(InvalidKeyProof):
        verify_key_proof(ground.domain, Role.RECEIVING, ground.stranger, 1, key.public, there)
    call = ("KeyRegistry", "registerReceivingKey", key.public.to_evm())
    assert ground.refused("InvalidKeyProof", ground.stranger, *call, proof(there)) == (ground.stranger, Role.RECEIVING)
    here = prove_key(ground.domain, ground.stranger, key, ground.random)
    ground.evm.send(ground.stranger, *call, proof(here))
    # and once it has been taken, it does not make a second version
    ground.refused("InvalidKeyProof", ground.stranger, *call, proof(here))


@pytest.mark.parametrize("field", ["chain_id", "rounds"])
def test_cfrags__of_another_chain_or_contract__lose_the_bond(ground: Ground, field: str) -> None:
    played = ground.open(0)
    capsule = taken(ground, 0)
    there = pre.RoundContext(moved(ground.domain, field), played.id)
    ground.submit(played, 1, pre.reencrypt(ground.kfrag(1), there, [capsule], ground.random))
    ground.submit(played, 2)
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    ground.refused("CfragIsGood", ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 2))
    assert ground.evm.call("ConversionRounds", "roundOf", played.id).challenged == 1


def taken(ground: Ground, record: int) -> pre.VerifiedCapsule:
    context = pre.RecordContext(ground.domain, ground.preimage, ground.records[record].id)
    return pre.verify_capsule(ground.label_key, context, ground.records[record].capsule)


@pytest.mark.parametrize("field", ["chain_id", "grant_registry"])
def test_rekey__of_another_chain_or_contract__is_no_grant_here(ground: Ground, field: str) -> None:
    there = replace(ground.grant_context, domain=moved(ground.domain, field))
    with pytest.raises(InvalidGrantProof):
        pre.verify_rekey(there, ground.label_key, identity("user").receiving_key().public, ground.rekey.rekey)


@pytest.mark.parametrize("field", ["chain_id", "record_registry"])
def test_capsule__of_another_chain_or_contract__is_of_another_label(ground: Ground, field: str) -> None:
    context = pre.RecordContext(moved(ground.domain, field), ground.preimage, ground.records[0].id)
    assert context.label != ground.grant_context.label
    with pytest.raises(InvalidCapsuleProof):
        pre.verify_capsule(ground.label_key, context, ground.records[0].capsule)


# --- another round ----------------------------------------------------------------------------------------------------


def test_cfrags__of_another_round_of_the_same_record__lose_the_bond(ground: Ground) -> None:
    first, second = ground.open(0), ground.open(0, index=1)
    ground.submit(first, 1)
    ground.refused("CfragIsGood", ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(first, 1))
    old = ground.cfrags(first.id, 1, first.records)
    capsules = [taken(ground, 0)]
    pre.verify_cfrags(ground.rekey, pre.RoundContext(ground.domain, first.id), capsules, old)
    with pytest.raises(InvalidCFragProof):
        pre.verify_cfrags(ground.rekey, pre.RoundContext(ground.domain, second.id), capsules, old)
    ground.submit(second, 1, old)
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(second, 1))
    penalty = SETTINGS.rounds.challenge_penalty_wei
    assert ground.evm.call("Treasury", "creditOf", ground.stranger) == penalty // 2


def test_votes__for_the_result_of_another_round__are_not_counted(ground: Ground) -> None:
    first, second = ground.open(0), ground.open(0, index=1)
    for played in (first, second):
        for slot in (1, 2):
            ground.submit(played, slot)
        ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    # the same points W, the same contributors: the round alone differs
    other = ground.result_hash(first, 0b11)
    papers = (second.id, ground.committee, ground.papers(second)[1], 1)
    ground.refused("WrongResultHash", ground.proxy(1), "ConversionRounds", "vote", *papers, other, True)
    ground.evm.send(ground.proxy(1), "ConversionRounds", "vote", *papers, ground.result_hash(second, 0b11), True)
    assert ground.phase(second) is structs.Phase.FINALIZED


def test_submission_proposal_and_vote__twice__are_counted_once(ground: Ground) -> None:
    played = ground.open(0)
    ground.submit(played, 1)
    ground.refused(
        "AlreadySubmitted", ground.proxy(1), "ConversionRounds", "submitCfrags", *ground.submission(played, 1)
    )
    ground.submit(played, 2)
    propose = ("ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    ground.evm.send(ground.proxy(3), *propose)
    ground.refused("WrongPhase", ground.proxy(3), *propose)
    vote = ("ConversionRounds", "vote", played.id, ground.committee, ground.papers(played)[1])
    hashed = ground.result_hash(played, 0b11)
    ground.refused("AlreadyVoted", ground.proxy(3), *vote, 3, hashed, True)  # the proposal was its vote
    ground.evm.send(ground.proxy(1), *vote, 1, hashed, True)
    ground.evm.now += SETTINGS.rounds.challenge_seconds + 1
    claim = (
        "ConversionRounds",
        "claimFees",
        ground.committee,
        1,
        [structs.ClaimedRound(played.id, ground.papers(played)[1])],
    )
    ground.evm.send(ground.stranger, *claim)
    ground.evm.send(ground.stranger, *claim)
    assert ground.evm.call("Treasury", "creditOf", ground.proxy(1)) == FEE


# --- another grant ----------------------------------------------------------------------------------------------------


def test_rekey__of_another_grant_to_the_same_user__is_refused(ground: Ground) -> None:
    context, receiving_key = ground.ask_again(), identity("user").receiving_key().public
    old = ground.rekey_struct(ground.rekey.rekey)
    ground.refused("InvalidEphemeralProof", ground.owner, *ground.grant_call(receiving_key, old))
    fresh = ground.rekey_struct(ground.made_for(context, receiving_key))
    ground.evm.send(ground.owner, *ground.grant_call(receiving_key, fresh))


def test_cfrags__of_another_grants_round__do_not_verify() -> None:
    """Two grants of one label to one user, to the same committee: other polynomials, hence other cfrags."""
    scene, other = Scene(2, 3), Scene(2, 3, seed=2)
    assert scene.label_key == other.label_key
    capsule = scene.capsule()
    made = pre.reencrypt(other.kfrag(1), other.round, [capsule], other.random)
    pre.verify_cfrags(other.rekey, other.round, [capsule], made)
    for context in (scene.round, other.round, pre.RoundContext(scene.round.domain, RoundId(6 << 32))):
        with pytest.raises(InvalidCFragProof) as caught:
            pre.verify_cfrags(scene.rekey, context, [capsule], made)
        assert caught.value.slot == Slot(1)


def test_grant__its_own_rekey_posted_again__is_refused(ground: Ground) -> None:
    receiving_key = identity("user").receiving_key().public.to_evm()
    call = ("GrantRegistry", "addRekeys", GRANT, ground.committee, receiving_key)
    ground.refused("RekeyExists", ground.owner, *call, (ground.rekey_struct(ground.rekey.rekey),))
