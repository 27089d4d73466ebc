"""The attacks that SCHEME names as the reason for a check: each works with that check taken out and fails with it.

Taking a check out means replacing the one function that makes it; all the rest of the code runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.property.scene import DOMAIN, Scene, address, identity, metadata, proven_anew
from tpre_offchain.crypto import capsule as capsule_module
from tpre_offchain.crypto import hashing, kem, keys, kfrag, pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.cfrag import InvalidCFragProof, WrongResult
from tpre_offchain.crypto.curve import G1, G2, H2, R, Z, g1, g2, multi_pairing, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, Failure, open_sealed, xor
from tpre_offchain.crypto.keys import InvalidKeyProof, LabelPreimage, ReceivingKey, Role, label_scalar, verify_key_proof
from tpre_offchain.crypto.kfrag import BadFragment, InvalidGrantProof, MalformedGrant
from tpre_offchain.crypto.metadata import decode_metadata, encode_metadata
from tpre_offchain.crypto.polynomial import evaluate
from tpre_offchain.crypto.proofs import Proof, prove_knowledge
from tpre_offchain.types import GrantId, Slot

MALLORY = address("mallory")


def without(monkeypatch: pytest.MonkeyPatch, module: object, check: str, instead: object) -> None:
    assert hasattr(module, check)
    monkeypatch.setattr(module, check, instead)


def always(*_args: object) -> bool:
    return True


def nothing(*_args: object) -> None:
    return None


# --- rogue receiving key: SCHEME §2 ---------------------------------------------------------------


def rogue_receiving_key(scene: Scene) -> tuple[G2, list[Proof]]:
    """B = g2^(a_L + 1), from an owner who registered one scalar in both roles; with the proofs that mallory can try."""
    secret = identity(scene.owner).delegating_key().secret
    careless = ReceivingKey(secret, g2() * secret)
    theirs = keys.prove_key(DOMAIN, address(scene.owner), careless, scene.random)
    shift = label_scalar(scene.grant_context.label) + 1
    shifted = Proof(theirs.challenge, (theirs.response + theirs.challenge * shift) % R)
    return careless.public + g2() * shift, [theirs, shifted]


def test_rogue_receiving_key__unproven__lets_anyone_read(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(2, 3)
    rogue, proofs = rogue_receiving_key(scene)
    without(monkeypatch, keys, "knowledge_is_proven", always)
    accepted = verify_key_proof(DOMAIN, Role.RECEIVING, MALLORY, 1, rogue, proofs[0])
    assert accepted.public == rogue
    # The owner grants the label to it, and the committee converts a record.
    posted = pre.generate_kfrags(scene.label_secret, rogue, scene.grant_context, scene.random)
    rekey = pre.verify_rekey(scene.grant_context, scene.label_key, rogue, posted)
    capsule = scene.capsule()
    cfrags = []
    for slot in (1, 2):
        fragment = pre.open_fragment(rekey, Slot(slot), scene.proxies[slot - 1])
        made = pre.reencrypt(fragment, scene.round, [capsule], scene.random)
        cfrags.append(pre.verify_cfrags(rekey, scene.round, [capsule], made))
    result = pre.combine(cfrags, 2).points[0]
    # Anyone who watches: Z^{(a_L + 1) k} / Z^{a_L k} = Z^k. Nobody knows b, nobody needs it.
    shared = pre.paper_form(rekey.rekey, capsule.c1, result) * pairing(-capsule.c1, g2())
    message = open_sealed(shared, scene.label_key, capsule.context, capsule.capsule)
    assert decode_metadata(message) == metadata("0.csv")


def test_rogue_receiving_key__proof_asked_for__is_not_taken() -> None:
    scene = Scene(2, 3)
    rogue, proofs = rogue_receiving_key(scene)
    for proof in proofs:
        with pytest.raises(InvalidKeyProof) as caught:
            verify_key_proof(DOMAIN, Role.RECEIVING, MALLORY, 1, rogue, proof)
        assert caught.value.culprit == MALLORY


# --- shifted delegating key: SCHEME §2 ------------------------------------------------------------


def shifted_delegating_key(scene: Scene) -> tuple[LabelPreimage, G1, list[Proof]]:
    """A' = A g1^(h - h'), whose label key for mallory is the owner's own; with the proofs that mallory can try."""
    preimage = LabelPreimage(MALLORY, 1, 8, 0)
    theirs = identity(scene.owner).delegating_key()
    proof = keys.prove_key(DOMAIN, address(scene.owner), theirs, scene.random)
    shift = label_scalar(scene.grant_context.label) - label_scalar(pre.label_of(DOMAIN, preimage))
    shifted = Proof(proof.challenge, (proof.response + proof.challenge * shift) % R)
    return preimage, theirs.public + g1() * shift, [proof, shifted]


def test_shifted_delegating_key__unproven__grants_the_owners_label(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(2, 3)
    preimage, shifted, proofs = shifted_delegating_key(scene)
    without(monkeypatch, keys, "knowledge_is_proven", always)
    accepted = verify_key_proof(DOMAIN, Role.DELEGATING, MALLORY, 1, shifted, proofs[0])
    assert isinstance(accepted.public, G1)
    label = pre.label_of(DOMAIN, preimage)
    assert pre.label_key(accepted.public, label) == scene.label_key
    # Mallory posts the owner's re-key as his own grant, without knowing any secret of it, and it is well formed.
    context = replace(scene.grant_context, grant_id=GrantId(6), delegator=MALLORY, label=label)
    copied = proven_anew(context, scene.label_key, scene.rekey.rekey, 5, scene.random)
    pre.verify_rekey(context, pre.label_key(accepted.public, label), scene.receiving_key.public, copied)


def test_shifted_delegating_key__proof_asked_for__is_not_taken() -> None:
    scene = Scene(2, 3)
    _, shifted, proofs = shifted_delegating_key(scene)
    for proof in proofs:
        with pytest.raises(InvalidKeyProof) as caught:
            verify_key_proof(DOMAIN, Role.DELEGATING, MALLORY, 1, shifted, proof)
        assert caught.value.culprit == MALLORY


# --- copied R and a complaint: SCHEME §4 ----------------------------------------------------------


def grant_with_copied_ephemeral(victim: Scene) -> tuple[Scene, pre.Rekey]:
    """Mallory's own grant to the same committee, with the victim's R and pads that open to rubbish."""
    mallory = Scene(2, 3, seed=9, owner="mallory")
    own = pre.generate_kfrags(mallory.label_secret, mallory.receiving_key.public, mallory.grant_context, mallory.random)
    theirs = victim.rekey.rekey
    return mallory, replace(own, ephemeral=theirs.ephemeral, ephemeral_proof=theirs.ephemeral_proof)


def test_copied_ephemeral__unproven__complaint_publishes_the_other_grants_fragment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    victim = Scene(2, 3)
    mallory, copied = grant_with_copied_ephemeral(victim)
    without(monkeypatch, kfrag, "_require_ephemeral_proof", nothing)
    accepted = mallory.verified(copied)
    stolen = {}
    for slot in (Slot(1), Slot(2)):
        honest = mallory.proxies[slot - 1]
        with pytest.raises(BadFragment):
            pre.open_fragment(accepted, slot, honest)
        complaint = pre.prove_complaint(accepted, slot, honest, mallory.random)
        assert pre.verify_complaint(accepted, complaint).upheld
        # K = N_i^e is the victim's too: whoever reads the complaint opens the victim's pad.
        stolen[slot] = kfrag.unmask_fragment(victim.rekey, slot, complaint.shared)
    assert stolen == {slot: victim.kfrag(slot).fragment for slot in (1, 2)}


def test_copied_ephemeral__proof_asked_for__is_not_granted() -> None:
    victim = Scene(2, 3)
    mallory, copied = grant_with_copied_ephemeral(victim)
    with pytest.raises(InvalidGrantProof) as caught:
        mallory.verified(copied)
    assert caught.value.culprit == MALLORY


# --- re-key changed on the way to a proxy ---------------------------------------------------------


def changed_pad(scene: Scene) -> tuple[G1, pre.Rekey]:
    pads = scene.rekey.rekey.pads
    return scene.label_key, scene.tampered(pads=(xor(pads[0], bytes(31) + b"\1"), *pads[1:]))


def changed_label_key(scene: Scene) -> tuple[G1, pre.Rekey]:
    return scene.label_key + g1(), scene.rekey.rekey


ON_THE_WAY = pytest.mark.parametrize("changed", [changed_pad, changed_label_key])
"""An honest grant as slot 1's own node could tell it, so that the slot's fragment seems to be bad."""


@ON_THE_WAY
def test_changed_rekey__not_bound__complaint_publishes_the_true_fragment(
    changed: Callable[[Scene], tuple[G1, pre.Rekey]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(2, 3)
    without(monkeypatch, kfrag, "_require_ephemeral_proof", nothing)
    told, key = pre.bind_rekey(scene.grant_context, *changed(scene)), scene.proxies[0]
    with pytest.raises(BadFragment):
        pre.open_fragment(told, Slot(1), key)
    # The contract would refuse this complaint, since it keeps the hash of another re-key; but K has been sent by then.
    complaint = pre.prove_complaint(told, Slot(1), key, scene.random)
    assert kfrag.unmask_fragment(scene.rekey, Slot(1), complaint.shared) == scene.kfrag(Slot(1)).fragment


@ON_THE_WAY
def test_changed_rekey__bound__is_refused_before_anything_is_shown(
    changed: Callable[[Scene], tuple[G1, pre.Rekey]],
) -> None:
    scene = Scene(2, 3)
    with pytest.raises(InvalidGrantProof):
        pre.bind_rekey(scene.grant_context, *changed(scene))


# --- copied capsule: SCHEME §3 --------------------------------------------------------------------


@pytest.mark.parametrize("r", [1, 12345], ids=["copied", "re-randomised"])
def test_copied_capsule__unproven__another_record_is_converted_under_its_name(
    r: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(2, 3)
    wanted, decoy = scene.capsule(3), scene.record_context(7)
    copy = replace(wanted.capsule, c1=wanted.c1 * r)
    with monkeypatch.context() as patch:
        without(patch, capsule_module, "knowledge_is_proven", always)
        accepted = pre.verify_capsule(scene.label_key, decoy, copy)
        result = scene.convert([1, 3], [accepted]).points[0]
    # Only record 7 was ever converted; record 3 opens.
    assert scene.open(wanted, result * pow(r, -1, R)) == metadata("3.csv")


@pytest.mark.parametrize("r", [1, 12345], ids=["copied", "re-randomised"])
def test_copied_capsule__proof_asked_for__is_not_converted(r: int) -> None:
    scene = Scene(2, 3)
    wanted = scene.capsule(3)
    theirs = wanted.capsule.proof
    for proof in (theirs, Proof(theirs.challenge, theirs.response * r % R)):
        copy = replace(wanted.capsule, c1=wanted.c1 * r, proof=proof)
        with pytest.raises(InvalidCapsuleProof) as caught:
            pre.verify_capsule(scene.label_key, scene.record_context(7), copy)
        assert caught.value.culprit == address("device")


# --- crafted c2: SCHEME §3 ------------------------------------------------------------------------


def crafted(scene: Scene) -> tuple[pre.Capsule, G1]:
    """A capsule and the wrong W with which it opens: c1 is right, c2 hides sigma with what this W leads to.

    Made by a publisher who works with the delegatee, hence knows b.
    """
    context, message = scene.record_context(), encode_metadata(metadata("crafted"))
    place, sigma = context.encode(), bytes(range(32))
    k = hashing.capsule_scalar(sigma, scene.label_key, place)
    c1, wrong = scene.label_key * k, g1() * 1234567
    inverse = pow(scene.receiving_key.secret, -1, R)
    shared = multi_pairing([(c1 * inverse, scene.rekey.rekey.masked_key), (wrong * -inverse, g2())])
    assert shared != Z() ** k
    c2 = xor(sigma, hashing.sigma_mask(shared, c1, scene.label_key, place))
    aad = c1.to_bytes() + c2 + place
    c3 = AESGCM(hashing.metadata_key(sigma, place)).encrypt(bytes(12), message, aad)
    unproven = pre.Capsule(c1, c2, c3, Proof(0, 0))
    proof = prove_knowledge(scene.label_key, k, unproven.transcript(scene.label_key, context), scene.random)
    return replace(unproven, proof=proof), wrong


def test_crafted_c2__shared_value_unchecked__opens_under_a_wrong_conversion_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(2, 3)
    capsule, wrong = crafted(scene)
    verified = pre.verify_capsule(scene.label_key, scene.record_context(), capsule)
    without(monkeypatch, kem, "_require_shared", nothing)
    assert scene.open(verified, wrong) == metadata("crafted")
    with pytest.raises(DecryptionFailed):
        scene.open(verified, scene.convert([1, 2], [verified]).points[0])


def test_crafted_c2__shared_value_checked__does_not_open() -> None:
    scene = Scene(2, 3)
    capsule, wrong = crafted(scene)
    verified = pre.verify_capsule(scene.label_key, scene.record_context(), capsule)
    with pytest.raises(DecryptionFailed) as caught:
        scene.open(verified, wrong)
    assert caught.value.kind is Failure.WRONG_CONVERSION


# --- rho without V: SCHEME §4 ---------------------------------------------------------------------


def rho_without_mask(_context: bytes, ephemeral: G1, pads: tuple[bytes, ...]) -> int:
    """What rho would be if it did not bind U and V."""
    return hashing.hash_128("TPRE-V1/grant-check", ephemeral.to_evm(), hashing.keccak256(b"".join(pads)))


def forged_mask(scene: Scene) -> pre.Rekey:
    """V' = V g2^d and U' = U g2^(d rho): both equations are broken, their combination by that rho is not."""
    rekey, e = scene.rekey.rekey, 5
    rho, d = rho_without_mask(b"", g1() * e, rekey.pads), 99
    forged = replace(rekey, masked_key=rekey.masked_key + g2() * (d * rho), mask=rekey.mask + g2() * d)
    return proven_anew(scene.grant_context, scene.label_key, forged, e, scene.random)


def test_forged_mask__rho_without_it__is_granted_and_condemns_right_results(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene(2, 3)
    without(monkeypatch, hashing, "grant_check_scalar", rho_without_mask)
    accepted = scene.verified(forged_mask(scene))
    capsule = scene.capsule()
    right = scene.convert([1, 2], [capsule])
    pre.verify_result(scene.round, scene.rekey.rekey.mask, [capsule.c1], right.points)
    with pytest.raises(WrongResult):
        pre.verify_result(scene.round, accepted.rekey.mask, [capsule.c1], right.points)


def test_forged_mask__rho_binds_the_whole_grant__is_not_granted() -> None:
    scene = Scene(2, 3)
    with pytest.raises(MalformedGrant) as caught:
        scene.verified(forged_mask(scene))
    assert caught.value.culprit == address("owner")


def forged_for_its_own_rho(scene: Scene, fixed: str) -> pre.Rekey:
    """One of U and V is chosen, the other made to fit the rho that the code gives for the choice, as if rho were fixed.

    The check passes if rho does not depend on the other.
    """
    rekey, e, d = scene.rekey.rekey, 5, 99
    chosen = replace(rekey, **{fixed: getattr(rekey, fixed) + g2() * d})
    ctx = scene.grant_context.hash(chosen.masked_key, chosen.mask, chosen.commitments)
    rho = hashing.grant_check_scalar(ctx, g1() * e, rekey.pads)
    if fixed == "masked_key":
        forged = replace(chosen, mask=rekey.mask + g2() * (d * pow(rho, -1, R)))
    else:
        forged = replace(chosen, masked_key=rekey.masked_key + g2() * (d * rho))
    return proven_anew(scene.grant_context, scene.label_key, forged, e, scene.random)


@pytest.mark.parametrize("fixed", ["masked_key", "mask"])
def test_forged_mask__made_to_fit_the_rho_of_the_other__is_not_granted(fixed: str) -> None:
    scene = Scene(2, 3)
    with pytest.raises(MalformedGrant):
        scene.verified(forged_for_its_own_rho(scene, fixed))


# --- zero fragment: SCHEME §4 ---------------------------------------------------------------------


def grant_with_zero_fragment(scene: Scene) -> pre.VerifiedRekey:
    """A well-formed grant whose polynomial vanishes at slot 2: s(x) = s - (s / 2) x."""
    s, e = 1000, 5
    coefficients = [s, -s * pow(2, -1, R) % R]
    inverse = pow(scene.label_secret, -1, R)
    masked_key = scene.receiving_key.public * inverse + g2() * s
    mask = H2() * s
    commitments = tuple(scene.label_key * coefficient for coefficient in coefficients)
    context = scene.grant_context
    ctx = context.hash(masked_key, mask, commitments)
    pads = tuple(
        xor(
            hashing.word(evaluate(coefficients, slot)),
            hashing.pad(ctx, context.label, slot, context.member(slot).public_key * e),
        )
        for slot in context.slots()
    )
    unproven = pre.Rekey(masked_key, mask, commitments, g1(), Proof(0, 0), pads)
    return scene.verified(proven_anew(context, scene.label_key, unproven, e, scene.random))


def zero_allowed(grant: pre.VerifiedRekey, fragment: int, commitment: G1) -> bool:
    return fragment < R and grant.label_key * fragment == commitment


def test_zero_fragment__taken__makes_an_honest_proxy_the_culprit(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(2, 3)
    grant = grant_with_zero_fragment(scene)
    without(monkeypatch, kfrag, "fragment_is_good", zero_allowed)
    fragment = pre.open_fragment(grant, Slot(2), scene.proxies[1])
    capsule = scene.capsule()
    made = pre.reencrypt(fragment, scene.round, [capsule], scene.random)
    with pytest.raises(InvalidCFragProof) as caught:
        pre.verify_cfrags(grant, scene.round, [capsule], made)
    assert caught.value.culprit == address("proxy 2")


def test_zero_fragment__checked__names_the_delegator() -> None:
    scene = Scene(2, 3)
    grant = grant_with_zero_fragment(scene)
    key = scene.proxies[1]
    with pytest.raises(BadFragment) as caught:
        pre.open_fragment(grant, Slot(2), key)
    assert caught.value.culprit == address("owner")
    verdict = pre.verify_complaint(grant, pre.prove_complaint(grant, Slot(2), key, scene.random))
    assert (verdict.upheld, verdict.fragment) == (True, 0)
