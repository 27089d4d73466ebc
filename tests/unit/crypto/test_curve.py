"""Group laws and pairings, by every curve library (SCHEME §1).

py_ecc takes 0.4 s for a pairing and is used sparingly.
"""

from __future__ import annotations

import copy
import hashlib
import random
import secrets
from collections.abc import Iterator
from typing import Any

import py_ecc.optimized_bls12_381
import pytest
from py_ecc.bls.hash_to_curve import hash_to_G2
from py_ecc.bls.point_compression import compress_G2

from tpre_offchain.crypto import curve
from tpre_offchain.crypto.curve import G1, G2, GT, R
from tpre_offchain.errors import CryptoError

# py_ecc re-exports implicitly, which strict typing does not follow.
ec: Any = py_ecc.optimized_bls12_381

ALL = ("mcl", "blst", "arkworks", "py_ecc")
FAST = ("mcl", "blst", "arkworks")
GROUPS: tuple[Any, ...] = (G1, G2)


def require(name: str) -> None:
    if name not in curve.available_backends():
        pytest.skip(f"{name} is not installed")


@pytest.fixture(params=ALL)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    require(request.param)
    with curve.using_backend(request.param):
        yield request.param


@pytest.fixture(params=FAST)
def fast_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    require(request.param)
    with curve.using_backend(request.param):
        yield request.param


@pytest.fixture
def rng() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


# --- constants ------------------------------------------------------------------------------------


def test_order__against_py_ecc__is_equal() -> None:
    assert ec.curve_order == R


@pytest.mark.parametrize(
    ("group", "compressed"),
    [
        (
            G1,
            "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb",
        ),
        (
            G2,
            (
                "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
                "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
            ),
        ),
    ],
)
def test_generator__of_every_backend__is_the_standard_one(backend: str, group: Any, compressed: str) -> None:
    assert group.generator().to_bytes().hex() == compressed


def test_derive_h2__by_rfc_9380__matches_the_constant() -> None:
    # py_ecc annotates the hash function with the type of its result.
    sha256: Any = hashlib.sha256
    high, low = compress_G2(hash_to_G2(b"TPRE-V1/h2", b"TPRE-V1-BLS12381G2_XMD:SHA-256_SSWU_RO_H2", sha256))
    assert curve.H2().to_bytes() == high.to_bytes(48, "big") + low.to_bytes(48, "big")
    assert curve.H2() != curve.g2()


def test_z__of_every_backend__is_the_pairing_of_the_generators(backend: str) -> None:
    assert curve.Z() == curve.pairing(curve.g1(), curve.g2())
    assert curve.Z() is curve.Z()
    assert curve.Z() != GT.one()


def test_sizes__of_every_form__are_as_declared(fast_backend: str) -> None:
    assert len(curve.g1().to_bytes()) == curve.G1_BYTES
    assert len(curve.g1().to_evm()) == curve.G1_EVM
    assert len(curve.g2().to_bytes()) == curve.G2_BYTES
    assert len(curve.g2().to_evm()) == curve.G2_EVM
    assert len(curve.Z().to_bytes()) == curve.GT_BYTES


# --- group laws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_combine__points__obeys_the_group_laws(backend: str, group: Any, rng: random.Random) -> None:
    a, b = rng.randrange(1, 2**64), rng.randrange(1, 2**64)
    g, zero = group.generator(), group.identity()
    p, q = g * a, g * b
    assert p + q == q + p == g * (a + b)
    assert p - q == g * (a - b)
    assert p - p == zero
    assert p + zero == zero + p == p
    assert p + p == p * 2
    assert (p * -1) * -1 == p
    assert -zero == zero
    assert p + -p == zero
    assert b * p == p * b
    assert p != q
    assert p != zero


@pytest.mark.parametrize("group", GROUPS)
def test_multiply__any_integer__is_taken_modulo_r(backend: str, group: Any) -> None:
    g = group.generator()
    assert (g * 0).is_identity()
    assert (g * R).is_identity()
    assert g * (R + 5) == g * 5
    assert g * -1 == -g == g * (R - 1)
    assert g * (2**400 + 1) == g * ((2**400 + 1) % R)
    assert not g.is_identity()


@pytest.mark.parametrize("group", GROUPS)
def test_msm__points_and_scalars__is_the_sum_of_multiples(backend: str, group: Any) -> None:
    g = group.generator()
    points = [g, g * 5, group.identity(), -g]
    assert curve.msm(points, [3, -1, 7, R + 2]) == g * (3 - 5 - 2)
    assert curve.msm([g * 7], [0]).is_identity()
    assert curve.msm([g * 7], [2]) == g * 14


def test_msm__unequal_lengths__raises() -> None:
    with pytest.raises(CryptoError, match="2 points but 1 scalars"):
        curve.msm([curve.g1(), curve.g1()], [1])


def test_msm__no_points__raises() -> None:
    empty: list[G1] = []
    with pytest.raises(CryptoError, match="no group"):
        curve.msm(empty, [])


def test_msm__points_of_two_groups__raises() -> None:
    mixed: Any = [curve.g1(), curve.g2()]
    with pytest.raises(CryptoError, match="one group"):
        curve.msm(mixed, [1, 1])


def test_add__points_of_two_groups__raises(fast_backend: str) -> None:
    left: Any = curve.g1()
    with pytest.raises(TypeError):
        left + curve.g2()
    with pytest.raises(TypeError):
        left - curve.g2()
    assert left != curve.g2()


def test_multiply__by_something_else__raises() -> None:
    p: Any = curve.g1()
    with pytest.raises(TypeError):
        p * 1.5
    with pytest.raises(TypeError):
        p * p


def test_assign__to_a_point__raises() -> None:
    p: Any = curve.g1()
    with pytest.raises(AttributeError, match="immutable"):
        p._native = None
    with pytest.raises(AttributeError):
        p.note = 1
    assert copy.deepcopy(p) is p


def test_hash__equal_points__is_equal(backend: str) -> None:
    assert len({curve.g1() * 6, curve.g1() * 3 + curve.g1() * 3, curve.g1() * 7}) == 2
    # The identity is reached by different computations and stays one value.
    assert len({curve.g1() - curve.g1(), G1.identity(), curve.g1() * 0}) == 1


def test_repr__of_values__is_short_and_hides_gt() -> None:
    assert repr(curve.g1()) == "G1(97f1d3a73197d794…)"
    assert repr(curve.g2()) == "G2(93e02b6052719f60…)"
    assert repr(curve.Z()) == "GT(…)"


# --- pairing --------------------------------------------------------------------------------------


def test_pair__multiples__is_bilinear(fast_backend: str, rng: random.Random) -> None:
    a, b = rng.randrange(1, R), rng.randrange(1, R)
    e = curve.pairing(curve.g1() * a, curve.g2() * b)
    assert e == curve.Z() ** (a * b)
    assert e == curve.pairing(curve.g1() * (a * b), curve.g2())
    assert e != curve.Z() ** (a * b + 1)
    p, q = curve.g1() * a, curve.g2() * b
    assert curve.pairing(p + curve.g1(), q) == e * curve.pairing(curve.g1(), q)
    assert curve.pairing(p, q + curve.g2()) == e * curve.pairing(p, curve.g2())


def test_pair__with_py_ecc__is_bilinear_too() -> None:
    with curve.using_backend("py_ecc"):
        assert curve.pairing(curve.g1() * 6, -curve.g2()) == curve.Z() ** -6


def test_power__in_gt__obeys_the_laws(fast_backend: str, rng: random.Random) -> None:
    a, b = rng.randrange(R), rng.randrange(R)
    z = curve.Z()
    assert z**a * z**b == z ** (a + b)
    assert (z**a) ** b == z ** (a * b)
    assert z**0 == GT.one() == z**R
    assert z**1 == z
    assert z**-a == (z**a).inverse()
    assert z * z.inverse() == GT.one()
    assert z * GT.one() == z
    assert z ** (R + 16) == z**16
    assert hash(z**2) == hash(z * z)


def test_multi_pair__several_pairs__is_their_product(fast_backend: str) -> None:
    p, q = curve.g1(), curve.g2()
    pairs = [(p * 3, q), (p, q * 4), (G1.identity(), q), (p, G2.identity())]
    assert curve.multi_pairing(pairs) == curve.Z() ** 7
    assert curve.multi_pairing([]) == GT.one()
    assert curve.multi_pairing(pairs[2:]) == GT.one()


def test_product_is_one__right_and_wrong_pairs__tells_them_apart(backend: str) -> None:
    p, q = curve.g1(), curve.g2()
    assert curve.pairing_product_is_one([(p * 6, q), (p * -2, q * 3)])
    assert not curve.pairing_product_is_one([(p * 6, q), (p * -2, q * 4)])


def test_product_is_one__nothing_to_multiply__is_true(fast_backend: str) -> None:
    assert curve.pairing_product_is_one([])
    assert curve.pairing_product_is_one([(G1.identity(), curve.g2())])


def test_pair__arguments_exchanged__raises() -> None:
    p: Any = curve.g1()
    q: Any = curve.g2()
    with pytest.raises(CryptoError, match="in this order"):
        curve.pairing(q, p)
    with pytest.raises(CryptoError, match="in this order"):
        curve.pairing_product_is_one([(p, p)])
