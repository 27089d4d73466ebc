"""mcl by its C functions against mcl by pymcl's Python classes, tables and prepared pairings included."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tpre_offchain.crypto.curve import GT, H2, R, Z, available_backends, g1, g2, multi_pairing
from tpre_offchain.crypto.curve import libraries as curve_libraries
from tpre_offchain.crypto.curve import using_backend as using
from tpre_offchain.errors import BackendUnavailable, NotInSubgroup, NotOnCurve

pytestmark = pytest.mark.skipif("mcl" not in available_backends(), reason="pymcl is not installed")

USES = 70
"""More than a value is used for before its table is made."""


@pytest.fixture
def by_c() -> Any:
    from tpre_offchain.crypto.curve.mcl_c import MclBackend

    return MclBackend()


@pytest.fixture
def by_classes() -> Any:
    from tpre_offchain.crypto.curve.mcl import MclBackend

    return MclBackend()


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_multiply__generator_before_and_after_its_table__is_what_pymcl_says(
    by_c: Any, by_classes: Any, name: str, seeded: Random
) -> None:
    fast, plain = getattr(by_c, name), getattr(by_classes, name)
    for scalar in [1, 2, 255, 256, R - 1, *(seeded.randrange(1, R) for _ in range(USES))]:
        found = fast.to_coordinates(fast.multiply(fast.generator(), scalar))
        assert found == plain.to_coordinates(plain.multiply(plain.generator(), scalar)), scalar
    assert fast.is_identity(fast.multiply(fast.generator(), 0))


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_msm__many_points__is_the_sum_and_changes_no_operand(by_c: Any, name: str, seeded: Random) -> None:
    group = getattr(by_c, name)
    points = [group.multiply(group.generator(), seeded.randrange(1, R)) for _ in range(6)] + [group.identity()]
    before = [bytes(point) for point in points]
    scalars = [*(seeded.randrange(R) for _ in range(5)), 0, 7]
    total = group.identity()
    for point, scalar in zip(points, scalars, strict=True):
        total = group.add(total, group.multiply(point, scalar))
    assert group.equal(group.msm(points, scalars), total)
    assert [bytes(point) for point in points] == before


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_from_coordinates_and_x__any_point__comes_back(by_c: Any, name: str, seeded: Random) -> None:
    group = getattr(by_c, name)
    point = group.multiply(group.generator(), seeded.randrange(1, R))
    coordinates = group.to_coordinates(point)
    assert group.equal(group.from_coordinates(coordinates), point)
    half = len(coordinates) // 2
    both = [group.from_x(coordinates[:half], larger) for larger in (False, True)]
    assert any(group.equal(one, point) for one in both)
    assert group.equal(both[0], group.negate(both[1]))


def test_from_x__small_x_of_g1__is_rejected_with_the_reason(by_c: Any, by_classes: Any) -> None:
    kinds: set[str] = set()
    for x in range(12):
        found = []
        for backend in (by_c, by_classes):
            with pytest.raises((NotOnCurve, NotInSubgroup)) as caught:
                backend.g1.from_x((x,), False)
            found.append(caught.type.__name__)
        assert found[0] == found[1], x
        kinds.add(found[0])
    assert kinds == {"NotOnCurve", "NotInSubgroup"}


def test_pairing__fixed_points_met_again__gives_the_same_value(seeded: Random) -> None:
    with using("mcl"):
        points = [g1() * seeded.randrange(1, R) for _ in range(2)]
        keys = [g2() * seeded.randrange(1, R) for _ in range(2)]
        fixed = [key.fixed() for key in keys]
        expected = multi_pairing(list(zip(points, keys, strict=True)))
        for _ in range(4):
            assert multi_pairing(list(zip(points, fixed, strict=True))) == expected
        nothing = g1() - g1()
        halves = ([fixed[0], keys[1]], [keys[0], fixed[1]], [fixed[0], keys[1] - keys[1]])
        for half in halves:
            pairs = list(zip(points, half, strict=True))
            assert multi_pairing(pairs) == multi_pairing(pairs[:1]) * multi_pairing(pairs[1:])
        for left in ([nothing, points[1]], [points[0], nothing], [nothing, nothing]):
            pairs = list(zip(left, fixed, strict=True))
            assert multi_pairing(pairs) == multi_pairing(list(zip(left, keys, strict=True)))


def test_power__z_before_and_after_its_table__is_that_of_an_ordinary_value(seeded: Random) -> None:
    with using("mcl"):
        plain = multi_pairing([(g1() * 1, g2() * 1)])
        for exponent in [0, 1, 256, R - 1, *(seeded.randrange(R) for _ in range(USES))]:
            assert Z() ** exponent == plain**exponent
        assert Z() ** 0 == GT.one()
        assert H2().fixed() == H2()


def test_load__c_functions_not_exported__falls_back_to_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    imported = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if "mcl_c" in (name, *(rest[2] or () if len(rest) > 2 else ())):
            raise BackendUnavailable("not exported")
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    # not through `load`, which would remember it
    assert type(curve_libraries._load_mcl()).__module__.endswith("curve.mcl")
