"""Decoding of points and scalars is strict: every fault has its own error, in every library (SCHEME §1)."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from py_ecc.bls.point_compression import modular_squareroot_in_FQ2
from py_ecc.fields import optimized_bls12_381_FQ2 as FQ2

from tpre_offchain.crypto import curve
from tpre_offchain.crypto.curve import G1, G2, R
from tpre_offchain.crypto.curve.backend import P
from tpre_offchain.errors import (
    CryptoError,
    DecodingError,
    IdentityPoint,
    NonCanonical,
    NotInSubgroup,
    NotOnCurve,
    WrongLength,
)

GROUPS: tuple[Any, ...] = (G1, G2)


@pytest.fixture(params=("mcl", "blst", "arkworks", "py_ecc"), autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param not in curve.available_backends():
        pytest.skip(f"{request.param} is not installed")
    with curve.using_backend(request.param):
        yield request.param


def compressed(x: tuple[int, ...], flags: int = 0x80) -> bytes:
    """x with c0 first, as the coordinates are in the tests; on the wire c1 is first."""
    data = bytearray(b"".join(c.to_bytes(48, "big") for c in reversed(x)))
    data[0] |= flags
    return bytes(data)


def evm(*coordinates: int) -> bytes:
    return b"".join(c.to_bytes(64, "big") for c in coordinates)


def off_subgroup_g1() -> tuple[int, int]:
    """A point of the curve that is not in G1: x = 4."""
    x = 4
    y = pow(x**3 + 4, (P + 1) // 4, P)
    assert y * y % P == x**3 + 4
    return x, y


def off_subgroup_g2() -> tuple[int, int, int, int]:
    """The first point of the twist with x = (i, 1): one in 2^253 of them is in G2."""
    for i in range(1, 100):
        x = FQ2((i, 1))
        y = modular_squareroot_in_FQ2(x * x * x + FQ2((4, 4)))
        if y is not None:
            y0, y1 = (int(c) for c in y.coeffs)
            return i, 1, y0, y1
    raise AssertionError("no point found")


def off_curve_x(degree: int) -> tuple[int, ...]:
    """An x that no point of the curve has."""
    if degree == 1:
        return (next(x for x in range(1, 100) if pow(x**3 + 4, (P - 1) // 2, P) != 1),)
    for i in range(1, 100):
        x = FQ2((i, 1))
        if modular_squareroot_in_FQ2(x * x * x + FQ2((4, 4))) is None:
            return i, 1
    raise AssertionError("no x found")


def assert_rejected(group: Any, decode: Any, data: bytes, error: type[DecodingError]) -> None:
    with pytest.raises(DecodingError) as caught:
        decode(data)
    # Exactly this class: a test that takes any DecodingError cannot tell the reasons apart.
    assert type(caught.value) is error
    assert caught.value.what == group.__name__
    assert str(caught.value).startswith(f"{group.__name__}: ")
    assert not caught.value.retryable


# --- accepted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_decode__what_was_encoded__is_the_same_point(group: Any) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    scalar = random.Random(seed).randrange(1, R)
    for point in (group.generator(), group.generator() * scalar, -(group.generator() * scalar)):
        for form in (group.from_bytes(point.to_bytes()), group.from_evm(point.to_evm())):
            assert form == point
            assert form.to_bytes() == point.to_bytes()
            assert form.to_evm() == point.to_evm()
            assert form + point == point * 2


def test_decode__buffer_changed_afterwards__does_not_change_the_point() -> None:
    data: Any = bytearray(curve.g1().to_bytes())
    point = G1.from_bytes(data)
    data[:] = bytes(48)
    assert point.to_bytes() == curve.g1().to_bytes()


@pytest.mark.parametrize("group", GROUPS)
def test_encode__opposite_points__differ_in_the_sign_flag_alone(group: Any) -> None:
    plus, minus = group.generator().to_bytes(), (-group.generator()).to_bytes()
    assert plus[0] ^ minus[0] == 0x20
    assert plus[1:] == minus[1:]


@pytest.mark.parametrize("group", GROUPS)
def test_encode__identity__has_both_forms(group: Any) -> None:
    size = curve.G1_BYTES if group is G1 else curve.G2_BYTES
    assert group.identity().to_bytes() == bytes([0xC0]) + bytes(size - 1)
    assert group.identity().to_evm() == bytes(curve.G1_EVM if group is G1 else curve.G2_EVM)


# --- rejected -------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_decode__wrong_length__raises(group: Any) -> None:
    short, long = group.generator().to_bytes(), group.generator().to_evm()
    for data in (b"", short[:-1], short + b"\0", long):
        assert_rejected(group, group.from_bytes, data, WrongLength)
    for data in (b"", long[:-1], long + b"\0", short):
        assert_rejected(group, group.from_evm, data, WrongLength)


@pytest.mark.parametrize("group", GROUPS)
def test_decode__identity__raises(group: Any) -> None:
    assert_rejected(group, group.from_bytes, group.identity().to_bytes(), IdentityPoint)
    assert_rejected(group, group.from_evm, group.identity().to_evm(), IdentityPoint)


@pytest.mark.parametrize("group", GROUPS)
def test_decode__compression_flag_missing__raises(group: Any) -> None:
    data = group.generator().to_bytes()
    assert_rejected(group, group.from_bytes, bytes([data[0] & 0x7F]) + data[1:], NonCanonical)
    assert_rejected(group, group.from_bytes, bytes(len(data)), NonCanonical)
    assert_rejected(group, group.from_bytes, bytes([0x40]) + bytes(len(data) - 1), NonCanonical)


@pytest.mark.parametrize("group", GROUPS)
def test_decode__identity_spelled_otherwise__raises(group: Any) -> None:
    data = group.generator().to_bytes()
    size = len(data)
    assert_rejected(group, group.from_bytes, bytes([0xE0]) + bytes(size - 1), NonCanonical)
    assert_rejected(group, group.from_bytes, bytes([0xC0]) + bytes(size - 2) + b"\x01", NonCanonical)
    assert_rejected(group, group.from_bytes, bytes([0xC1]) + bytes(size - 1), NonCanonical)
    assert_rejected(group, group.from_bytes, bytes([data[0] | 0x40]) + data[1:], NonCanonical)


def test_decode__g1_field_element_not_below_p__raises() -> None:
    # x + p fits into the 381 bits for a small x: a second spelling of a point that exists.
    x, y = off_subgroup_g1()
    assert_rejected(G1, G1.from_bytes, compressed((x + P,)), NonCanonical)
    assert_rejected(G1, G1.from_bytes, compressed((P,)), NonCanonical)
    assert_rejected(G1, G1.from_evm, evm(x + P, y), NonCanonical)
    assert_rejected(G1, G1.from_evm, evm(x, y + P), NonCanonical)
    assert_rejected(G1, G1.from_evm, evm(P, 2), NonCanonical)


def test_decode__g2_field_element_not_below_p__raises() -> None:
    point = off_subgroup_g2()
    x0, x1, *_ = point
    assert_rejected(G2, G2.from_bytes, compressed((x0 + P, x1)), NonCanonical)
    assert_rejected(G2, G2.from_bytes, compressed((x0, x1 + P)), NonCanonical)
    for i in range(4):
        shifted = [c + P * (place == i) for place, c in enumerate(point)]
        assert_rejected(G2, G2.from_evm, evm(*shifted), NonCanonical)


@pytest.mark.parametrize("group", GROUPS)
def test_decode__evm_padding_not_zero__raises(group: Any) -> None:
    data = group.generator().to_evm()
    for word in range(0, len(data), 64):
        for place in (word, word + 15):
            spoiled = bytearray(data)
            spoiled[place] ^= 1
            assert_rejected(group, group.from_evm, bytes(spoiled), NonCanonical)


@pytest.mark.parametrize("group", GROUPS)
def test_decode__not_on_the_curve__raises(group: Any) -> None:
    x = off_curve_x(1 if group is G1 else 2)
    assert_rejected(group, group.from_bytes, compressed(x), NotOnCurve)
    assert_rejected(group, group.from_bytes, compressed(x, 0xA0), NotOnCurve)
    data = bytearray(group.generator().to_evm())
    data[-1] ^= 1
    assert_rejected(group, group.from_evm, bytes(data), NotOnCurve)
    assert_rejected(group, group.from_evm, evm(*([1] * (len(data) // 64))), NotOnCurve)


def test_decode__g2_coefficients_exchanged__raises() -> None:
    # The likeliest mistake with Fp2: c1 before c0 where EIP-2537 has c0 first.
    data = curve.g2().to_evm()
    exchanged = data[64:128] + data[:64] + data[192:] + data[128:192]
    assert_rejected(G2, G2.from_evm, exchanged, NotOnCurve)


def test_decode__g1_outside_the_subgroup__raises() -> None:
    x, y = off_subgroup_g1()
    for flags in (0x80, 0xA0):
        assert_rejected(G1, G1.from_bytes, compressed((x,), flags), NotInSubgroup)
    assert_rejected(G1, G1.from_evm, evm(x, y), NotInSubgroup)
    assert_rejected(G1, G1.from_evm, evm(x, P - y), NotInSubgroup)


def test_decode__g1_of_order_three__raises() -> None:
    # x = 0, y = 2: some libraries take x = 0 for the identity.
    for flags in (0x80, 0xA0):
        assert_rejected(G1, G1.from_bytes, compressed((0,), flags), NotInSubgroup)
    assert_rejected(G1, G1.from_evm, evm(0, 2), NotInSubgroup)
    assert_rejected(G1, G1.from_evm, evm(0, P - 2), NotInSubgroup)


def test_decode__g2_outside_the_subgroup__raises() -> None:
    x0, x1, y0, y1 = off_subgroup_g2()
    for flags in (0x80, 0xA0):
        assert_rejected(G2, G2.from_bytes, compressed((x0, x1), flags), NotInSubgroup)
    assert_rejected(G2, G2.from_evm, evm(x0, x1, y0, y1), NotInSubgroup)


def test_decode__g2_with_x_zero__raises() -> None:
    # 4 + 4u is no square, or this would be another case of the subgroup.
    root = modular_squareroot_in_FQ2(FQ2((4, 4)))
    expected = NotOnCurve if root is None else NotInSubgroup
    for flags in (0x80, 0xA0):
        assert_rejected(G2, G2.from_bytes, compressed((0, 0), flags), expected)


def test_decode__any_flipped_bit_of_a_g1_point__never_gives_the_same_point(backend: str) -> None:
    good = (curve.g1() * 77).to_bytes()
    for bit in range(0, 384, 1 if backend != "py_ecc" else 37):
        data = bytearray(good)
        data[bit // 8] ^= 0x80 >> bit % 8
        try:
            point = G1.from_bytes(bytes(data))
        except DecodingError:
            continue
        assert bit == 2, "only the sign flag leads to another point of the subgroup"
        assert point == -(curve.g1() * 77)


# --- scalars --------------------------------------------------------------------------------------


def test_encode_scalar__and_back__is_the_same() -> None:
    for scalar in (0, 1, R - 1):
        assert curve.decode_scalar(curve.encode_scalar(scalar)) == scalar
    assert curve.encode_scalar(258) == bytes(30) + b"\x01\x02"


@pytest.mark.parametrize("scalar", [-1, R, 2**256])
def test_encode_scalar__out_of_range__raises_without_showing_it(scalar: int) -> None:
    with pytest.raises(CryptoError) as caught:
        curve.encode_scalar(scalar)
    assert str(scalar) not in str(caught.value)


@pytest.mark.parametrize("data", [b"", bytes(31), bytes(33)])
def test_decode_scalar__wrong_length__raises(data: bytes) -> None:
    with pytest.raises(WrongLength, match="instead of 32") as caught:
        curve.decode_scalar(data)
    assert caught.value.to_dict()["what"] == "scalar"


@pytest.mark.parametrize("scalar", [R, R + 1, 2**256 - 1])
def test_decode_scalar__not_below_r__raises(scalar: int) -> None:
    with pytest.raises(NonCanonical, match="scalar"):
        curve.decode_scalar(scalar.to_bytes(32, "big"))
