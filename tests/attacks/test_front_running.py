"""A watcher of the mempool sends first what another has sent: a submission, a proposal, a complaint, a challenge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.ground import SECOND, Ground
from tests.property.scene import bad_fragments, identity, node_key
from tests.stateful.world import FEE, GRANT, SETTINGS, proof
from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto import hashing, pre
from tpre_offchain.crypto.complaint import InvalidComplaintProof
from tpre_offchain.crypto.curve import R, g1
from tpre_offchain.crypto.kem import xor
from tpre_offchain.types import Slot


def test_submission__copied_by_an_outsider_or_into_another_slot__earns_nothing(ground: Ground) -> None:
    played = ground.open(0)
    honest = ground.submission(played, 1)
    # the same words from another account
    for thief in (ground.stranger, ground.proxy(2)):
        ground.refused("NotInSlot", thief, "ConversionRounds", "submitCfrags", *honest)
    # a member puts them into its own slot: taken, and paid for, since the proof names the proxy and its Y_i
    copied = replace(ground.cfrags(played.id, 1, played.records), slot=Slot(2))
    ground.submit(played, 2, copied)
    ground.submit(played, 1)
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 2))
    bond = ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(2)).bond
    assert bond == SETTINGS.proxies.bond_wei - SETTINGS.rounds.challenge_penalty_wei
    # the thief is out, the victim's stands, the third member completes the round
    ground.refused("SlotChallenged", ground.proxy(2), "ConversionRounds", "submitCfrags", *ground.submission(played, 2))
    ground.submit(played, 3)
    assert ground.phase(played) is structs.Phase.PROPOSING


def test_proposal__copied_by_an_outsider__is_refused(ground: Ground) -> None:
    played = ground.open(0)
    ground.submit(played, 1)
    ground.submit(played, 2)
    ground.refused("NotInSlot", ground.stranger, "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))


def test_proposal__copied_by_another_member__takes_the_lead_and_neither_fee_nor_result(ground: Ground) -> None:
    """What is not prevented: a member can lead in place of another. It gains no wei by it, and W is the same."""
    played = ground.open(0)
    ground.submit(played, 1)
    ground.submit(played, 2)
    ground.evm.send(ground.proxy(3), "ConversionRounds", "propose", *ground.proposal(played, 3, 0b11))
    ground.refused("WrongPhase", ground.proxy(1), "ConversionRounds", "propose", *ground.proposal(played, 1, 0b11))
    hashed = ground.papers(played)[1]
    papers = (played.id, ground.committee, hashed)
    result_hash = ground.result_hash(played, 0b11)
    ground.evm.send(ground.proxy(1), "ConversionRounds", "vote", *papers, 1, result_hash, True)
    ground.evm.now += SETTINGS.rounds.challenge_seconds + 1
    claims = [structs.ClaimedRound(played.id, hashed)]
    for slot in (1, 2):
        ground.evm.send(ground.proxy(3), "ConversionRounds", "claimFees", ground.committee, slot, claims)
        assert ground.evm.call("Treasury", "creditOf", ground.proxy(slot)) == FEE
    ground.refused("NotSubmitted", ground.proxy(3), "ConversionRounds", "claimFees", ground.committee, 3, claims)
    assert ground.evm.call("Treasury", "creditOf", ground.proxy(3)) == 0


def test_proposal__naming_who_did_not_submit__is_refused(ground: Ground) -> None:
    played = ground.open(0)
    ground.submit(played, 1)
    ground.submit(played, 2)
    propose = ("ConversionRounds", "propose")
    ground.refused("ContributorsNotSubmitted", ground.proxy(3), *propose, *ground.proposal(played, 3, 0b101))
    ground.refused("WrongContributorCount", ground.proxy(3), *propose, *ground.proposal(played, 3, 0b1))


# --- complaints -------------------------------------------------------------------------------------------------------


def grant_with_bad_pads(ground: Ground) -> tuple[pre.VerifiedRekey, structs.Rekey]:
    """A second grant, live on the chain, in which the owner has dealt every slot a wrong fragment."""
    context, receiving_key = ground.ask_again(), identity("user").receiving_key().public
    with bad_fragments():
        bad = ground.made_for(context, receiving_key)
    struct = ground.rekey_struct(bad)
    ground.evm.send(ground.owner, *ground.grant_call(receiving_key, struct, quota=1))
    return pre.verify_rekey(context, ground.label_key, receiving_key, bad), struct


def test_complaint__copied_by_others__is_refused_and_the_victims_still_counts(ground: Ground) -> None:
    rekey, struct = grant_with_bad_pads(ground)
    committee = ground.draw(SECOND)[1]
    victim, thief = committee[0].account, committee[1].account
    key = node_key(victim)
    honest = pre.prove_complaint(rekey, Slot(1), key, ground.random)
    shown = (key.public.to_evm(), honest.shared.to_evm(), proof(honest.proof))
    call = ("GrantRegistry", "complain", SECOND, committee, struct)
    for other in (ground.stranger, thief):
        ground.refused("NotInSlot", other, *call, 1, *shown)
    # in the thief's own slot: with the victim's key, and with its own
    ground.refused("KeyMismatch", thief, *call, 2, *shown)
    own = node_key(thief).public.to_evm()
    ground.refused("InvalidComplaintProof", thief, *call, 2, own, *shown[1:])
    with pytest.raises(InvalidComplaintProof):
        pre.verify_complaint(rekey, replace(honest, slot=Slot(2)))
    ground.evm.send(victim, *call, 1, *shown)
    assert ground.evm.call("GrantRegistry", "accessOf", SECOND).status is structs.Status.VOIDED


def test_complaint__invented_against_a_good_fragment__is_refused_or_costs_its_maker(ground: Ground) -> None:
    """The pad that would make a good fragment look bad is any K but N_i^e, and no other K can be proven."""
    account = ground.proxy(1)
    key = node_key(account)
    true = pre.prove_complaint(ground.rekey, Slot(1), key, ground.random)
    call = ("GrantRegistry", "complain", GRANT, ground.committee, ground.rekey_struct(ground.rekey.rekey), 1)
    forged = replace(true, shared=true.shared + g1())
    assert not fragments_agree(ground, forged, true)
    shown = (key.public.to_evm(), forged.shared.to_evm(), proof(true.proof))
    ground.refused("InvalidComplaintProof", account, *call, *shown)
    ground.evm.send(account, *call, key.public.to_evm(), true.shared.to_evm(), proof(true.proof))
    assert ground.evm.call("GrantRegistry", "accessOf", GRANT).status is structs.Status.GRANTED
    bond = ground.evm.call("ProxyRegistry", "proxyOf", account).bond
    assert bond == SETTINGS.proxies.bond_wei - SETTINGS.grants.complaint_penalty_wei


def fragments_agree(ground: Ground, one: pre.Complaint, other: pre.Complaint) -> bool:
    made = ground.rekey.rekey
    ctx = ground.grant_context.hash(made.masked_key, made.mask, made.commitments)
    label = ground.grant_context.label
    first, second = (hashing.pad(ctx, label, Slot(1), complaint.shared) for complaint in (one, other))
    return int.from_bytes(xor(made.pads[0], first), "big") % R == int.from_bytes(xor(made.pads[0], second), "big") % R


# --- what front-running does reach ------------------------------------------------------------------------------------


def test_challenge__sent_first_by_a_copier__takes_the_reward_and_the_liar_pays_once(ground: Ground) -> None:
    """What is not prevented: the reward goes to whoever is mined first. The bad cfrag is out in either case."""
    played = ground.open(0)
    good = ground.cfrags(played.id, 1, played.records)
    ground.submit(played, 1, replace(good, points=tuple(-point for point in good.points)))
    shown = ground.challenge(played, 1)
    copier = ground.evm.accounts[7]
    ground.evm.send(copier, "ConversionRounds", "challengeCfrags", *shown)
    ground.refused("NotSubmitted", ground.stranger, "ConversionRounds", "challengeCfrags", *shown)
    penalty = SETTINGS.rounds.challenge_penalty_wei
    assert ground.evm.call("Treasury", "creditOf", copier) == penalty // 2
    assert ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(1)).bond == SETTINGS.proxies.bond_wei - penalty


def test_record__published_first_by_a_copier__goes_under_the_copiers_name(ground: Ground) -> None:
    record = ground.records[0]
    c = record.capsule
    copied = structs.RecordInput(c.c1.to_evm(), c.c2, c.c3, proof(c.proof), record.cid_hash)
    call = ("RecordRegistry", "publish", ground.preimage.stream_id, 0)
    ground.refused("NotPublisher", ground.stranger, *call, 0, copied)
    ground.evm.send(ground.owner, "RecordRegistry", "setPublisher", ground.preimage.stream_id, ground.stranger, True)
    ground.evm.send(ground.stranger, *call, 0, copied)  # a place of its own: nobody's sequence moved
    ground.evm.send(ground.owner, *call, 3, copied)
