"""blst, alone and with mcl's multiplication: every way to multiply and to pair, against arkworks; when it is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from tests.unit.crypto.test_curve_libraries import in_fresh_process
from tpre_offchain.crypto.curve import G1, G2, GT, R, available_backends, g1, g2, multi_pairing, z_to_secret
from tpre_offchain.crypto.curve import libraries as curve_libraries
from tpre_offchain.crypto.curve import using_backend as using
from tpre_offchain.crypto.curve.arkworks import ArkworksBackend
from tpre_offchain.crypto.curve.known_answers import answers, require_known_answers
from tpre_offchain.errors import BackendUnavailable, NotInSubgroup, NotOnCurve

THROUGH_C = [name for name in ("mcl", "blst") if name in available_backends()]
pytestmark = pytest.mark.skipif(not THROUGH_C, reason="ckzg exports no blst here")

USES = 40
"""More than a value is used for before its table is made."""
EDGES = (0, 1, 2, 3, 63, 64, 65, R // 2, R // 2 + 1, R - 2, R - 1, 2**128 - 1, 2**128, 2**254)


@pytest.fixture(params=THROUGH_C)
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    with using(request.param):
        yield curve_libraries.load(request.param)


class Sides:
    """The same group of the backend and of arkworks, where every point is made twice."""

    def __init__(self, backend: Any, name: str) -> None:
        self.tried, self.trusted = getattr(backend, name), getattr(ArkworksBackend(), name)

    def point(self, scalar: int) -> tuple[Any, Any]:
        return tuple(group.multiply(group.generator(), scalar) for group in (self.tried, self.trusted))

    def assert_equal(self, tried: Any, trusted: Any, what: object) -> None:
        if self.trusted.is_identity(trusted):
            assert self.tried.is_identity(tried), what
        else:
            assert self.tried.to_coordinates(tried) == self.trusted.to_coordinates(trusted), what


@pytest.fixture(params=["g1", "g2"])
def sides(request: pytest.FixtureRequest, backend: Any) -> Sides:
    return Sides(backend, request.param)


def scalars(seeded: Random, count: int) -> list[int]:
    """Edges, scalars of the full length and short ones."""
    drawn = (seeded.randrange(1 << seeded.randrange(1, 255)) for _ in range(count))
    return [*EDGES, *(seeded.randrange(R) for _ in range(count)), *drawn]


# --- multiplication -------------------------------------------------------------------------------


def test_multiply__in_each_way__is_what_arkworks_says(sides: Sides, seeded: Random) -> None:
    base, trusted = sides.point(seeded.randrange(2, R))
    fixed = sides.tried.fix(base)
    for scalar in scalars(seeded, USES):
        expected = sides.trusted.multiply(trusted, scalar)
        ways: tuple[Callable[[], Any], ...] = (
            lambda scalar=scalar: sides.tried.multiply_secret(base, scalar),  # type: ignore[misc]
            lambda scalar=scalar: sides.tried.multiply(base, scalar),  # type: ignore[misc]
            lambda scalar=scalar: sides.tried.multiply(fixed, scalar),  # type: ignore[misc]
        )
        for number, way in enumerate(ways):
            sides.assert_equal(way(), expected, (number, scalar))
    assert fixed.multiples.if_worth_it() is not None


@pytest.mark.parametrize("scalar", [0, 1, R - 1])
def test_multiply__identity__is_the_identity(sides: Sides, scalar: int) -> None:
    nothing = sides.tried.identity()
    for point in (nothing, sides.tried.fix(nothing)):
        assert sides.tried.is_identity(sides.tried.multiply_secret(point, scalar))
        assert sides.tried.is_identity(sides.tried.multiply(point, scalar))


def test_msm__points_and_scalars_of_all_kinds__is_the_sum_and_changes_no_operand(sides: Sides, seeded: Random) -> None:
    table = sides.point(seeded.randrange(1, R))
    table = (sides.tried.fix(table[0]), table[1])
    for _ in range(USES):
        pool = [table, sides.point(0), sides.point(seeded.randrange(R)), sides.point(seeded.randrange(R))]
        pairs = [seeded.choice(pool) for _ in range(seeded.randrange(1, 6))]
        chosen = [seeded.choice(scalars(seeded, 2)) for _ in pairs]
        before = [bytes(point) for point, _ in pairs]
        found = sides.tried.msm([point for point, _ in pairs], chosen)
        sides.assert_equal(found, sides.trusted.msm([point for _, point in pairs], chosen), chosen)
        assert [bytes(point) for point, _ in pairs] == before


def test_msm__many_points__is_the_sum(sides: Sides, seeded: Random) -> None:
    pairs = [sides.point(seeded.randrange(R)) for _ in range(40)]
    chosen = [seeded.randrange(1 << 128) for _ in pairs]
    found = sides.tried.msm([point for point, _ in pairs], chosen)
    sides.assert_equal(found, sides.trusted.msm([point for _, point in pairs], chosen), chosen)


# --- decoding -------------------------------------------------------------------------------------


def test_from_coordinates_and_x__any_point__comes_back(sides: Sides, seeded: Random) -> None:
    point, _ = sides.point(seeded.randrange(1, R))
    coordinates = sides.tried.to_coordinates(point)
    assert sides.tried.equal(sides.tried.from_coordinates(coordinates), point)
    half = len(coordinates) // 2
    both = [sides.tried.from_x(coordinates[:half], larger) for larger in (False, True)]
    assert any(sides.tried.equal(one, point) for one in both)
    assert sides.tried.equal(both[0], sides.tried.negate(both[1]))


def test_from_x__small_x__is_rejected_with_the_reason(sides: Sides) -> None:
    kinds: set[str] = set()
    for i in range(12):
        x = (i,) if sides.tried.name == "G1" else (i, 1)
        found = []
        for group in (sides.tried, sides.trusted):
            with pytest.raises((NotOnCurve, NotInSubgroup)) as caught:
                group.from_x(x, False)
            found.append(caught.type.__name__)
        assert found[0] == found[1], x
        kinds.add(found[0])
    assert kinds == {"NotOnCurve", "NotInSubgroup"}


# --- pairings -------------------------------------------------------------------------------------


def test_pairing__fixed_points_met_again__gives_the_same_value(backend: Any, seeded: Random) -> None:
    points = [g1() * seeded.randrange(1, R) for _ in range(3)]
    keys = [g2() * seeded.randrange(1, R) for _ in range(3)]
    fixed = [key.fixed() for key in keys]
    for count in (1, 2, 3):
        expected = multi_pairing(list(zip(points[:count], keys[:count], strict=True)))
        for _ in range(4):
            assert multi_pairing(list(zip(points[:count], fixed[:count], strict=True))) == expected
    halves = ([fixed[0], keys[1]], [keys[0], fixed[1]])
    for half in halves:
        assert multi_pairing(list(zip(points[:2], half, strict=True))) == multi_pairing(
            list(zip(points[:2], keys[:2], strict=True))
        )


def test_pairing__with_identities__leaves_them_out(backend: Any, seeded: Random) -> None:
    point, key = g1() * seeded.randrange(1, R), g2() * seeded.randrange(1, R)
    alone = multi_pairing([(point, key)])
    for nothing in (G1.identity(), point - point):
        for second in (key, key.fixed(), g2()):
            assert multi_pairing([(nothing, second)]) == GT.one()
            assert multi_pairing([(point, key), (nothing, second)]) == alone
            assert multi_pairing([(nothing, second), (point, key)]) == alone
    for absent in (G2.identity(), key - key, (key - key).fixed()):
        assert multi_pairing([(point, absent), (point, key), (point, absent)]) == alone


def test_z_to_secret__any_integer__is_the_power(seeded: Random) -> None:
    for name in available_backends():
        with using(name):
            z = multi_pairing([(g1(), g2())])
            exponents = [seeded.randrange(R)] if name == "py_ecc" else [0, 1, R - 1, R + 5, -3, seeded.randrange(R)]
            for exponent in exponents:
                assert z_to_secret(exponent) == z**exponent, (name, exponent)


# --- what it takes to be taken --------------------------------------------------------------------


def test_known_answers__of_an_independent_library__are_those_asked_for() -> None:
    require_known_answers(ArkworksBackend())


def test_known_answers__library_that_errs__is_not_taken(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = type(backend.g1).multiply_secret
    monkeypatch.setattr(type(backend.g1), "multiply_secret", lambda group, p, k: right(group, p, k ^ 1))
    with pytest.raises(BackendUnavailable, match="computes something else"):
        require_known_answers(backend)
    # nor one whose errors are those of a decoder
    monkeypatch.setattr(type(backend.g1), "to_coordinates", lambda group, _: (1, 2) * (1 if group.name == "G1" else 2))
    with pytest.raises(BackendUnavailable, match="computes something else"):
        require_known_answers(backend)
    monkeypatch.undo()
    assert answers(backend) == answers(ArkworksBackend())


def test_load__structures_of_another_size__is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from tpre_offchain.crypto.curve import blst_functions

    monkeypatch.setattr(blst_functions, "_STRUCTURES", {**blst_functions._STRUCTURES, "p2": 9})
    with pytest.raises(BackendUnavailable, match="other sizes"):
        blst_functions._load()


WITHOUT_SYMBOLS = """
import sys, types
# an extension module that exports no function of blst is what a build that hides them looks like
import _ctypes
from importlib.machinery import ModuleSpec
hidden = types.ModuleType("{module}")
hidden.__spec__, hidden.__file__ = ModuleSpec("{module}", None), _ctypes.__file__
hidden._pymcl = hidden
sys.modules["{module}"] = hidden
from tpre_offchain.crypto import curve
from tpre_offchain.errors import BackendUnavailable
print(*curve.available_backends(), "|", curve.active_backend(), curve.g1() * 2 == curve.g1().times_secret(2))
try:
    with curve.using_backend("{backend}"):
        pass
except BackendUnavailable as error:
    print(error)
"""


def test_load__ckzg_that_hides_the_symbols__falls_back_to_arkworks_in_silence() -> None:
    run = in_fresh_process(WITHOUT_SYMBOLS.format(module="ckzg", backend="blst"))
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "arkworks py_ecc | arkworks True",
        "this build of ckzg does not export blst's functions",
    ]


def test_load__blst_that_computes_something_else__falls_back_to_arkworks_in_silence() -> None:
    run = in_fresh_process(
        "from tpre_offchain.crypto.curve import available_backends, active_backend, known_answers\n"
        "known_answers._SHA256 = '00'\n"
        "print(*available_backends(), '|', active_backend())"
    )
    assert (run.stdout.strip(), run.stderr) == ("arkworks py_ecc | arkworks", "")


@pytest.mark.skipif("mcl" not in available_backends(), reason="pymcl is not installed")
def test_load__pymcl_that_hides_the_symbols__falls_back_to_blst_in_silence() -> None:
    run = in_fresh_process(WITHOUT_SYMBOLS.format(module="pymcl", backend="mcl"))
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "blst arkworks py_ecc | blst True",
        "this build of pymcl does not export mcl's C functions",
    ]
