"""t proxies and the user put everything together: this label is theirs, and nothing else is.

Beside each refusal stands the paper's scheme, which is ours with every label scalar equal: there the same computation
opens all.
"""

from __future__ import annotations

import pytest

from tests.property.scene import Scene, metadata
from tpre_offchain.crypto import keys, pre
from tpre_offchain.crypto.curve import G2, R, g1, g2, pairing, pairing_product_is_one
from tpre_offchain.crypto.kem import DecryptionFailed, open_sealed
from tpre_offchain.crypto.keys import label_scalar
from tpre_offchain.crypto.metadata import decode_metadata
from tpre_offchain.crypto.polynomial import lagrange_at_zero


def collapse(scene: Scene) -> G2:
    """g2^(1/a_L), from t fragments, U and b; nobody's secret but the colluders' own is used."""
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in range(1, scene.threshold + 1))
    s = sum(scene.kfrag(slot).fragment * weight for slot, weight in weights.items()) % R
    unmasked = scene.rekey.rekey.masked_key + g2() * -s
    return unmasked * pow(scene.receiving_key.secret, -1, R)


def attempts(stolen: G2, scene: Scene, other: Scene) -> list[G2]:
    """What one would try on another label: the key as it is, scaled by what is known of the two labels, and sums with
    public points."""
    h, h_other = label_scalar(scene.grant_context.label), label_scalar(other.grant_context.label)
    scaled = [stolen * h, stolen * h_other, stolen * (h * pow(h_other, -1, R) % R), stolen * ((h_other - h) % R)]
    theirs = other.rekey.rekey
    return [
        stolen,
        *scaled,
        stolen + g2() * ((h_other - h) % R),
        theirs.masked_key,
        stolen + theirs.masked_key,
        theirs.mask,
    ]


def read(stolen: G2, capsule: pre.VerifiedCapsule) -> pre.Metadata:
    shared = pairing(capsule.c1, stolen)
    message = open_sealed(shared, capsule.label_key, capsule.context, capsule.capsule)
    return decode_metadata(message)


OTHERS = {
    "another epoch": Scene(2, 3, epoch=1, seed=3),
    "another owner": Scene(2, 3, owner="somebody", seed=4),
    "another user of another epoch": Scene(2, 3, user="somebody", epoch=2, seed=5),
}


def test_collusion__t_and_user__open_the_label_that_the_user_may_read() -> None:
    """Stated, not prevented: no conversion and no chain is needed for this label any more."""
    scene = Scene(2, 3)
    assert read(collapse(scene), scene.capsule(4)) == metadata("4.csv")


def test_collusion__t_and_user__hold_a_signature_on_this_label_alone() -> None:
    """g2^(1/(a+h)) is a Boneh-Boyen signature on h under A: it verifies for this label and for no other."""
    scene, other = Scene(2, 3), OTHERS["another epoch"]
    stolen = collapse(scene)
    pair = (-g1(), g2())
    assert pairing_product_is_one([(scene.label_key, stolen), pair])
    assert not pairing_product_is_one([(other.label_key, stolen), pair])
    assert not any(pairing_product_is_one([(other.label_key, one), pair]) for one in attempts(stolen, scene, other))


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_collusion__t_and_user_on_another_label__open_nothing(name: str) -> None:
    scene, other = Scene(2, 3), OTHERS[name]
    assert other.grant_context.label != scene.grant_context.label
    capsule = other.capsule()
    for one in attempts(collapse(scene), scene, other):
        with pytest.raises(DecryptionFailed):
            read(one, capsule)
    # The record itself is good: who may read it does.
    assert other.open(capsule, other.convert([1, 2], [capsule]).points[0]) == metadata("0.csv")


def test_collusion__t_and_user_of_one_epoch__their_conversion_is_of_no_use_in_the_next() -> None:
    scene, later = Scene(2, 3), OTHERS["another epoch"]
    capsule = later.capsule()
    fragments = {slot: scene.kfrag(slot).fragment for slot in (1, 2)}
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in (1, 2))
    s = sum(fragments[slot] * weights[scene.kfrag(slot).slot] for slot in (1, 2)) % R
    pushed = capsule.c1 * s  # the old committee converts whatever it is shown
    for rekey in (scene.rekey, later.rekey):
        with pytest.raises(DecryptionFailed):
            pre.decrypt_reencrypted(scene.receiving_key, rekey, capsule.context, capsule.capsule, pushed)


def test_mask__used_for_two_epochs__would_carry_the_old_committee_over() -> None:
    """Why s is fresh for every label (SCHEME §4): with that randomness again, t old proxies convert more."""
    scene, careless = Scene(2, 3), Scene(2, 3, epoch=1, seed=1)
    assert careless.rekey.rekey.mask == scene.rekey.rekey.mask
    capsule = careless.capsule()
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in (1, 2))
    s = sum(scene.kfrag(slot).fragment * weight for slot, weight in weights.items()) % R
    assert careless.open(capsule, capsule.c1 * s) == metadata("0.csv")


def test_paper_without_labels__t_and_user__open_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check taken out: one scalar for all labels, as in the paper's c1 = g^(a k)."""
    monkeypatch.setattr(keys, "label_scalar", lambda _label: 1)
    scene, later = Scene(2, 3), Scene(2, 3, epoch=1)
    assert read(collapse(scene), later.capsule()) == metadata("0.csv")
