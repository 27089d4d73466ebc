"""t-1 proxies and the user put everything together that they have."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from tests.property.scene import Scene, metadata
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.cfrag import NotEnoughCFrags, WrongResult
from tpre_offchain.crypto.curve import G1, H2, R, g2, msm, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, Failure, open_sealed
from tpre_offchain.crypto.polynomial import evaluate, lagrange_at_zero

T, N = 3, 5


def forced(scene: Scene, slots: tuple[int, ...], capsule: pre.VerifiedCapsule) -> G1:
    """What the colluders get if they combine what they have as if it were enough."""
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in slots)
    made = [scene.cfrags(slot, [capsule]) for slot in slots]
    return msm([one.cfrags.points[0] for one in made], [weights[one.slot] for one in made])


@pytest.mark.parametrize("slots", list(combinations(range(1, N + 1), T - 1)))
def test_collusion__t_minus_1_and_user__neither_check_nor_ciphertext_is_deceived(slots: tuple[int, ...]) -> None:
    scene = Scene(T, N)
    capsule = scene.capsule()
    with pytest.raises(NotEnoughCFrags):
        pre.combine([scene.cfrags(slot, [capsule]) for slot in slots], T)
    attempt = forced(scene, slots, capsule)
    with pytest.raises(WrongResult):  # the contract's check
        pre.verify_result(scene.round, scene.rekey.rekey.mask, [capsule.c1], [attempt])
    with pytest.raises(DecryptionFailed) as caught:
        scene.open(capsule, attempt)
    assert caught.value.kind is Failure.WRONG_CONVERSION
    # One more and the same computation opens it.
    one_more = next(slot for slot in range(1, N + 1) if slot not in slots)
    assert scene.open(capsule, forced(scene, (*slots, one_more), capsule)) == metadata("0.csv")


def test_collusion__t_minus_1_fragments__fit_every_secret_equally(seeded: Random) -> None:
    """Shamir's perfect secrecy, shown: for any s at all there is a polynomial through the colluders' fragments."""
    scene = Scene(T, N)
    held = {slot: scene.kfrag(slot).fragment for slot in (2, 4)}
    everybody = lagrange_at_zero(scene.kfrag(slot).slot for slot in (1, 2, 4))
    true = sum(scene.kfrag(slot).fragment * weight for slot, weight in everybody.items()) % R
    assert H2() * true == scene.rekey.rekey.mask
    for guess in (true, *(seeded.randrange(R) for _ in range(5))):
        coefficients = through({0: guess, **held})
        assert {slot: evaluate(coefficients, slot) for slot in held} == held
        assert evaluate(coefficients, 0) == guess
        # What tells the true one from the others is public and needs the discrete logarithm of V to be of use.
        assert (H2() * guess == scene.rekey.rekey.mask) == (guess == true)


def through(points: dict[int, int]) -> list[int]:
    """Coefficients of the polynomial of degree below len(points) through these points, mod r."""
    total = [0] * len(points)
    for x, y in points.items():
        basis, divisor = [1], 1
        for other in points:
            if other != x:
                basis = [(low - other * high) % R for low, high in zip([0, *basis], [*basis, 0], strict=True)]
                divisor = divisor * (x - other) % R
        weight = y * pow(divisor, -1, R) % R
        total = [(t + weight * b) % R for t, b in zip(total, basis, strict=True)]
    return total


def test_collusion__t_minus_1_and_user__the_masked_key_opens_nothing() -> None:
    """U alone, or freed of the colluders' fragments instead of s, is not g2^(b / a_L)."""
    scene = Scene(T, N)
    capsule = scene.capsule()
    inverse = pow(scene.receiving_key.secret, -1, R)
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in (1, 2))
    partial = sum(scene.kfrag(slot).fragment * weights[scene.kfrag(slot).slot] for slot in (1, 2)) % R
    for mask in (0, partial, scene.kfrag(1).fragment):
        bare = scene.rekey.rekey.masked_key + g2() * -mask
        shared = pairing(capsule.c1 * inverse, bare)
        with pytest.raises(DecryptionFailed):
            open_sealed(shared, scene.label_key, capsule.context, capsule.capsule)
