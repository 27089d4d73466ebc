"""Properties: any t of n, never fewer; the paper's equations; what belongs to one label opens no other."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.scene import Scene, metadata
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.cfrag import BatchMismatch, NotEnoughCFrags, WrongResult
from tpre_offchain.crypto.curve import GT, R, Z, g2, msm, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, Failure, open_sealed
from tpre_offchain.crypto.keys import label_scalar
from tpre_offchain.crypto.polynomial import lagrange_at_zero
from tpre_offchain.types import Slot

SEEDS = st.integers(0, 2**32)


@st.composite
def committees(draw: st.DrawFn) -> tuple[Scene, list[int]]:
    """A scene and t of its slots, in any order."""
    size = draw(st.integers(1, 7))
    threshold = draw(st.integers(1, size))
    chosen = draw(st.permutations(range(1, size + 1)))[:threshold]
    return Scene(threshold, size, seed=draw(SEEDS)), list(chosen)


@settings(max_examples=20, deadline=None)
@given(committees(), st.integers(1, 3))
def test_convert__any_t_of_n__opens(case: tuple[Scene, list[int]], count: int) -> None:
    scene, slots = case
    capsules = [scene.capsule(sequence) for sequence in range(count)]
    result = scene.convert(slots, capsules)
    pre.verify_result(scene.round, scene.rekey.rekey.mask, [capsule.c1 for capsule in capsules], result.points)
    assert sorted(result.contributors) == sorted(slots)
    assert result.contributor_bitmap == sum(1 << slot - 1 for slot in slots)
    for sequence, (capsule, point) in enumerate(zip(capsules, result.points, strict=True)):
        assert scene.open(capsule, point) == metadata(f"{sequence}.csv")
        assert pre.decrypt_original(scene.label_secret, capsule.context, capsule.capsule) == metadata(f"{sequence}.csv")


@settings(max_examples=12, deadline=None)
@given(committees())
def test_convert__fewer_than_t__does_not_open(case: tuple[Scene, list[int]]) -> None:
    scene, slots = case
    capsule = scene.capsule()
    fewer = [scene.cfrags(slot, [capsule]) for slot in slots[:-1]]
    with pytest.raises(NotEnoughCFrags):
        pre.combine(fewer, scene.threshold)
    if not fewer:
        return
    # Interpolated all the same: it is another point, and both checks see it.
    weights = lagrange_at_zero(one.slot for one in fewer)
    forced = msm([one.cfrags.points[0] for one in fewer], [weights[one.slot] for one in fewer])
    with pytest.raises(WrongResult):
        pre.verify_result(scene.round, scene.rekey.rekey.mask, [capsule.c1], [forced])
    with pytest.raises(DecryptionFailed) as caught:
        scene.open(capsule, forced)
    assert caught.value.kind is Failure.WRONG_CONVERSION


def test_combine__every_choice_of_slots__is_the_same_point() -> None:
    scene = Scene(3, 5)
    capsules = [scene.capsule(0), scene.capsule(1)]
    results = {scene.convert(slots, capsules).points for slots in combinations(range(1, 6), 3)}
    assert len(results) == 1


@settings(max_examples=6, deadline=None)
@given(committees())
def test_convert__against_the_paper__gives_its_equations(case: tuple[Scene, list[int]]) -> None:
    """Eq. (4)-(11) with rk = g2^(b/a_L) cut into rk_i = g2^f(i), all from the scheme's own public and secret values."""
    scene, slots = case
    rekey, a, b = scene.rekey.rekey, scene.label_secret, scene.receiving_key.secret
    capsule = scene.capsule()
    z_k = pairing(capsule.c1 * pow(a, -1, R), g2())  # Z^k
    fragments = {slot: scene.kfrag(slot).fragment for slot in range(1, scene.size + 1)}
    # eq. (5), (6): rk_i = U g2^-s_i lie on a polynomial of degree t - 1 whose value at 0 is g2^(b/a).
    shares = {slot: rekey.masked_key - g2() * fragment for slot, fragment in fragments.items()}
    weights = lagrange_at_zero(slots)
    rk = msm([shares[slot] for slot in slots], [weights[slot] for slot in slots])
    assert rk == g2() * (b * pow(a, -1, R))
    # eq. (7): C_{b_i} = e(g^{ak}, rk_i)^{lambda_i}; eq. (8)-(10): their product is Z^{bk}.
    converted = GT.one()
    for slot in slots:
        converted = converted * pairing(capsule.c1, shares[slot]) ** weights[slot]
    assert converted == z_k**b
    assert converted == pre.paper_form(rekey, capsule.c1, scene.convert(slots, [capsule]).points[0])
    # eq. (7) as one proxy does it here, from w_i = c1^{s_i}
    w = scene.cfrags(slots[0], [capsule]).cfrags.points[0]
    ours = pairing(capsule.c1, rekey.masked_key) * pairing(-w, g2())
    assert ours == pairing(capsule.c1, shares[slots[0]])
    # eq. (11): (Z^{bk})^{1/b} = Z^k
    assert converted ** pow(b, -1, R) == z_k


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_labels__t_proxies_and_the_user_collude__open_their_own_label_only(seed: int) -> None:
    scene = Scene(2, 3, seed)
    capsule = scene.capsule()
    # What t proxies and the user have: s from their fragments, U, and b. Hence g2^(1/a_L).
    weights = lagrange_at_zero([Slot(1), Slot(3)])
    s = sum(scene.kfrag(slot).fragment * weights[slot] for slot in (1, 3)) % R
    stolen = (scene.rekey.rekey.masked_key - g2() * s) * pow(scene.receiving_key.secret, -1, R)
    assert pairing(scene.label_key, stolen) == Z()
    shared = pairing(capsule.c1, stolen)
    assert open_sealed(shared, scene.label_key, capsule.context, capsule.capsule)
    # The same owner's next epoch: neither the key itself nor what can be shifted by the public h opens it.
    later = Scene(2, 3, seed, epoch=1)
    other = later.capsule()
    difference = (label_scalar(later.grant_context.label) - label_scalar(scene.grant_context.label)) % R
    guesses = [
        pairing(other.c1, stolen),
        pairing(other.c1 * pow(difference, -1, R), stolen),
        pairing(other.c1, stolen) * pairing(other.c1, g2()) ** difference,
        pairing(other.c1, stolen + g2() * difference),
        pairing(other.c1, stolen + g2() * pow(difference, -1, R)),
    ]
    for guess in guesses:
        with pytest.raises(DecryptionFailed):
            open_sealed(guess, later.label_key, other.context, other.capsule)
    # The same conversions, pushed through the first label's grant: its own proxies' secret on the other's capsule.
    with pytest.raises(DecryptionFailed):
        scene.open(other, other.c1 * s)
    with pytest.raises(BatchMismatch):
        scene.convert([1, 3], [other])
