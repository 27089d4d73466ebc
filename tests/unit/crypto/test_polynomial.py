"""Secret sharing over the scalars: evaluation, interpolation, randomness (SCHEME §4, §6)."""

from __future__ import annotations

import itertools
import random
import secrets

import pytest

from tpre_offchain.crypto.curve import R
from tpre_offchain.crypto.polynomial import evaluate, lagrange_at_zero, random_polynomial, random_scalar
from tpre_offchain.errors import CryptoError, PolynomialError


@pytest.fixture
def rng() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


def test_evaluate__known_polynomial__gives_known_values() -> None:
    assert evaluate([5, 0, 2], 3) == 23
    assert evaluate([5, 0, 2], 0) == 5
    assert evaluate([R - 1], 10) == R - 1
    assert evaluate([0, 1], R + 4) == 4
    assert evaluate([1, 1], -2) == R - 1


def test_evaluate__no_coefficients__raises() -> None:
    with pytest.raises(PolynomialError, match="without coefficients"):
        evaluate([], 1)


def test_interpolate__known_slots__gives_known_coefficients() -> None:
    # Slots 1, 2, 3: 3, -3, 1.
    assert lagrange_at_zero([1, 2, 3]) == {1: 3, 2: R - 3, 3: 1}
    assert lagrange_at_zero([7]) == {7: 1}


@pytest.mark.parametrize(("threshold", "n"), [(1, 1), (1, 3), (2, 3), (3, 5), (5, 5)])
def test_interpolate__every_t_of_n__returns_the_secret(threshold: int, n: int, rng: random.Random) -> None:
    coefficients = random_polynomial(threshold, rng.randbytes)
    shares = {slot: evaluate(coefficients, slot) for slot in range(1, n + 1)}
    for slots in itertools.combinations(shares, threshold):
        weights = lagrange_at_zero(slots)
        assert sum(weights[i] * shares[i] for i in slots) % R == coefficients[0]


def test_interpolate__one_share_too_few__does_not_return_the_secret(rng: random.Random) -> None:
    coefficients = random_polynomial(3, rng.randbytes)
    weights = lagrange_at_zero([1, 4])
    assert sum(w * evaluate(coefficients, i) for i, w in weights.items()) % R != coefficients[0]


def test_interpolate__slots_in_another_order__is_the_same() -> None:
    assert lagrange_at_zero([5, 1, 9]) == lagrange_at_zero(iter([1, 9, 5]))


def test_interpolate__result_changed_by_a_caller__does_not_spoil_the_next() -> None:
    lagrange_at_zero([1, 2])[1] = 99
    assert lagrange_at_zero([1, 2]) == {1: 2, 2: R - 1}


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        ([], "no slots"),
        ([1, 2, 1], "twice"),
        ([0, 1], "not in"),
        ([-1, 1], "not in"),
        ([1, R], "not in"),
        ([1, R + 1], "not in"),
    ],
)
def test_interpolate__bad_slots__raises(slots: list[int], message: str) -> None:
    with pytest.raises(PolynomialError, match=message):
        lagrange_at_zero(slots)


def test_random_polynomial__shape_and_constant__are_as_asked(rng: random.Random) -> None:
    coefficients = random_polynomial(4, rng.randbytes)
    assert len(coefficients) == len(set(coefficients)) == 4
    assert all(0 < c < R for c in coefficients)
    assert random_polynomial(2, rng.randbytes, constant=R + 3)[0] == 3
    assert random_polynomial(1, rng.randbytes, constant=0) == (0,)


def test_random_polynomial__same_source_state__is_the_same() -> None:
    assert random_polynomial(3, random.Random(7).randbytes) == random_polynomial(3, random.Random(7).randbytes)
    assert random_polynomial(3, random.Random(7).randbytes) != random_polynomial(3, random.Random(8).randbytes)


@pytest.mark.parametrize("threshold", [0, -1])
def test_random_polynomial__threshold_below_one__raises(threshold: int) -> None:
    with pytest.raises(PolynomialError, match="below 1"):
        random_polynomial(threshold, secrets.token_bytes)


def test_random_scalar__48_bytes__are_reduced_as_one_number() -> None:
    assert random_scalar(lambda n: b"\xff" * n) == (2**384 - 1) % R
    assert random_scalar(lambda n: bytes(n - 1) + b"\x05") == 5


def test_random_scalar__zero_where_it_is_not_wanted__asks_again() -> None:
    answers = iter([R.to_bytes(48, "big"), (R + 9).to_bytes(48, "big")])
    assert random_scalar(lambda _: next(answers), nonzero=True) == 9
    assert random_scalar(bytes) == 0


def test_random_scalar__source_of_zeros__raises() -> None:
    with pytest.raises(CryptoError, match="nothing but zeros"):
        random_scalar(bytes, nonzero=True)


def test_random_scalar__source_returns_too_little__raises() -> None:
    with pytest.raises(CryptoError, match="32 bytes instead of 48"):
        random_scalar(lambda _: bytes(32))
