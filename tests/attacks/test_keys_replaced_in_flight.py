"""Somebody in between shows each a key of his own: B and N_i to the owner, A to a publisher, U to the chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.attacks.ground import SECOND, Ground
from tests.property.scene import identity, metadata, node_key
from tests.stateful.world import GRANT, proof
from tpre_offchain.chain.abi import ids, structs
from tpre_offchain.chain.abi.ids import make_round_id
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.curve import G2
from tpre_offchain.crypto.keys import InvalidKeyProof, Role, prove_key, verify_key_proof
from tpre_offchain.crypto.kfrag import BadFragment, InvalidGrantProof, MalformedGrant
from tpre_offchain.types import Address, Slot, StreamId


def granted(ground: Ground, receiving_key: G2, rekey: pre.Rekey) -> tuple[Any, ...]:
    return ground.grant_call(receiving_key, ground.rekey_struct(rekey))


def test_receiving_key__replaced_before_the_owner_sees_it__grants_nothing(ground: Ground) -> None:
    context = ground.ask_again()
    mallory, user = identity("mallory").receiving_key(), identity("user").receiving_key()
    for_mallory = ground.made_for(context, mallory.public)
    # By itself it is a perfect grant to mallory: what the committee converts, he reads.
    verified = pre.verify_rekey(context, ground.label_key, mallory.public, for_mallory)
    place = pre.RecordContext(ground.domain, ground.preimage, ground.records[0].id)
    capsule = pre.verify_capsule(ground.label_key, place, ground.records[0].capsule)
    rounds, made = pre.RoundContext(ground.domain, make_round_id(SECOND, 0)), []
    for slot in (1, 2):
        key = node_key(context.members[slot - 1].account)
        one = pre.reencrypt(pre.open_fragment(verified, Slot(slot), key), rounds, [capsule], ground.random)
        made.append(pre.verify_cfrags(verified, rounds, [capsule], one))
    result = pre.combine(made, 2).points[0]
    assert pre.decrypt_reencrypted(mallory, verified, place, capsule.capsule, result) == metadata("0.csv")
    # The chain knows the hash of the user's key, and holds the re-key against the key itself.
    ground.refused("KeyMismatch", ground.owner, *granted(ground, mallory.public, for_mallory))
    ground.refused("MalformedGrant", ground.owner, *granted(ground, user.public, for_mallory))
    with pytest.raises(MalformedGrant):
        pre.verify_rekey(context, ground.label_key, user.public, for_mallory)


def test_delegating_key__replaced_before_the_publisher_sees_it__makes_a_record_that_is_found_out(
    ground: Ground,
) -> None:
    mallory = identity("mallory").delegating_key()
    place = pre.RecordContext(ground.domain, ground.preimage, ids.make_record_id(StreamId(1), ground.owner, 3))
    theirs = pre.label_key(mallory.public, place.label)
    secret = identity("owner").publisher_secret
    capsule = pre.encrypt(theirs, place, metadata("3.csv"), secret, ground.random)
    # mallory reads what was sealed for him: a publisher must hold A against the chain, and our clients do
    assert pre.decrypt_original(pre.label_secret(mallory.secret, place.label), place, capsule) == metadata("3.csv")
    with pytest.raises(InvalidCapsuleProof):
        pre.verify_capsule(ground.label_key, place, capsule)
    # nor does the owner grant anything under mallory's key
    context = ground.ask_again()
    rekey = pre.generate_kfrags(
        pre.label_secret(mallory.secret, context.label), identity("user").receiving_key().public, context, ground.random
    )
    struct = replace(ground.rekey_struct(rekey), delegating_key=mallory.public.to_evm())
    user = identity("user").receiving_key().public
    ground.refused("InvalidDrawProof", ground.owner, *ground.grant_call(user, struct))


def test_proxy_key__replaced_before_the_owner_sees_it__voids_the_grant(ground: Ground) -> None:
    context = ground.ask_again()
    victim, mallory = Address(context.members[0].account), node_key("mallory")
    seen = replace(context, members=(replace(context.members[0], public_key=mallory.public), *context.members[1:]))
    user = identity("user").receiving_key().public
    rekey = ground.made_for(seen, user)
    # mallory holds slot 1's fragment now, and the chain cannot see it: the pads are ciphertexts
    assert pre.open_fragment(pre.verify_rekey(seen, ground.label_key, user, rekey), Slot(1), mallory).fragment
    ground.evm.send(ground.owner, *granted(ground, user, rekey))
    # the proxy whose slot it is finds it out, shows it, and the grant is void before it has served
    true = pre.verify_rekey(context, ground.label_key, user, rekey)
    key = node_key(victim)
    with pytest.raises(BadFragment) as caught:
        pre.open_fragment(true, Slot(1), key)
    assert caught.value.culprit == ground.owner
    shown = pre.prove_complaint(true, Slot(1), key, ground.random)
    committee = ground.draw(SECOND)[1]
    call = ("GrantRegistry", "complain", SECOND, committee, ground.rekey_struct(rekey), 1)
    ground.evm.send(victim, *call, key.public.to_evm(), shown.shared.to_evm(), proof(shown.proof))
    assert ground.evm.call("GrantRegistry", "accessOf", SECOND).status is structs.Status.VOIDED


@pytest.mark.parametrize("field", ["masked_key", "mask", "commitments", "ephemeral", "pads"])
def test_rekey__one_value_replaced_on_its_way_to_the_chain__is_refused(ground: Ground, field: str) -> None:
    context = ground.ask_again()
    user, mallory = identity("user").receiving_key().public, identity("mallory").receiving_key().public
    rekey = ground.made_for(context, user)
    other = ground.made_for(context, mallory)
    replaced = replace(rekey, **{field: getattr(other, field)})
    # the proof of R binds all of it
    ground.refused("InvalidEphemeralProof", ground.owner, *granted(ground, user, replaced))
    with pytest.raises(InvalidGrantProof):
        pre.verify_rekey(context, ground.label_key, user, replaced)
    ground.evm.send(ground.owner, *granted(ground, user, rekey))


def test_registration__key_and_proof_taken_over_by_another_account__is_refused(ground: Ground) -> None:
    key = identity("newcomer").receiving_key()
    shown = prove_key(ground.domain, ground.stranger, key, ground.random)
    call = ("KeyRegistry", "registerReceivingKey", key.public.to_evm(), proof(shown))
    thief = ground.evm.accounts[7]
    assert ground.refused("InvalidKeyProof", thief, *call) == (thief, Role.RECEIVING)
    with pytest.raises(InvalidKeyProof):
        verify_key_proof(ground.domain, Role.RECEIVING, thief, 1, key.public, shown)
    ground.evm.send(ground.stranger, *call)


def test_receiving_key__user_registers_another_after_the_grant__changes_nothing_of_it(ground: Ground) -> None:
    """The grant names the version that it was made for; a stolen account cannot turn it to a new key."""
    thief_key = identity("thief").receiving_key(2)
    shown = proof(prove_key(ground.domain, ground.user, thief_key, ground.random))
    ground.evm.send(ground.user, "KeyRegistry", "registerReceivingKey", thief_key.public.to_evm(), shown)
    access = ground.evm.call("GrantRegistry", "accessOf", GRANT)
    assert access.delegatee_key_version == 1
    made = ground.made_for(ground.grant_context, thief_key.public)
    call = ("GrantRegistry", "addRekeys", GRANT, ground.committee, thief_key.public.to_evm())
    ground.refused("KeyMismatch", ground.owner, *call, (ground.rekey_struct(made),))
