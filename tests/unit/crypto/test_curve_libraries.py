"""The curve libraries agree to the byte, mix, and are chosen as documented (SCHEME §1)."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
from typing import Any

import py_ecc.optimized_bls12_381
import pytest

from tpre_offchain.crypto import curve
from tpre_offchain.crypto.curve import G1, G2, GT, R
from tpre_offchain.errors import BackendUnavailable

# py_ecc re-exports implicitly, which strict typing does not follow.
ec: Any = py_ecc.optimized_bls12_381

ALL = ("mcl", "blst", "arkworks", "py_ecc")
FAST = ("mcl", "blst", "arkworks")


def require(name: str) -> None:
    if name not in curve.available_backends():
        pytest.skip(f"{name} is not installed")


@pytest.fixture
def rng() -> random.Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return random.Random(seed)


# --- agreement of the libraries -------------------------------------------------------------------


def test_compute__by_every_backend__gives_the_same_bytes(rng: random.Random) -> None:
    a, b, c = (rng.randrange(R) for _ in range(3))

    def outcome() -> dict[str, bytes]:
        p, q = curve.g1() * a, curve.g2() * b
        e = curve.pairing(p, q)
        return {
            "p": p.to_bytes(),
            "-p": (-p).to_bytes(),
            "p evm": p.to_evm(),
            "q": q.to_bytes(),
            "-q": (-q).to_bytes(),
            "q evm": q.to_evm(),
            "p identity": G1.identity().to_bytes() + G1.identity().to_evm(),
            "q identity": G2.identity().to_bytes() + G2.identity().to_evm(),
            "p sum": curve.msm([p, curve.g1()], [b, c]).to_bytes(),
            "q sum": curve.msm([q, curve.H2()], [a, c]).to_evm(),
            "e": e.to_bytes(),
            "e power": (e**c).to_bytes(),
            "e product": (e * curve.Z()).to_bytes(),
            "e inverse": e.inverse().to_bytes(),
            "one": GT.one().to_bytes(),
            "z": curve.Z().to_bytes(),
        }

    outcomes = {}
    for name in curve.available_backends():
        with curve.using_backend(name):
            outcomes[name] = outcome()
    assert "py_ecc" in outcomes
    assert len(outcomes) >= 2
    for name, values in outcomes.items():
        assert values == outcomes["py_ecc"], name


def test_pair__native_library__is_py_ecc_cubed() -> None:
    """Derived from py_ecc's own pairing, not from our backend: native == py_ecc ** 3 (SCHEME §1)."""
    field_order = ec.field_modulus
    cube = ec.pairing(ec.G2, ec.G1) ** 3
    native = curve.Z().to_bytes()
    tower = [int.from_bytes(native[i : i + 48], "big") for i in range(0, 576, 48)]
    # Fp12 = Fp[w] / (w^12 - 2 w^6 + 2): evaluate the tower at v = w^2, u = w^6 - 1 with -w for w.
    w = ec.FQ12([0, -1 % field_order] + [0] * 10)
    u = w**6 - ec.FQ12.one()
    rebuilt = ec.FQ12.zero()
    for place, power in enumerate((0, 2, 4, 1, 3, 5)):
        c0, c1 = tower[2 * place], tower[2 * place + 1]
        rebuilt += (u * c1 + ec.FQ12.one() * c0) * w**power
    assert rebuilt == cube


@pytest.mark.parametrize("left", ALL)
@pytest.mark.parametrize("right", ALL)
def test_combine__values_of_two_backends__converts(left: str, right: str) -> None:
    require(left)
    require(right)
    with curve.using_backend(left):
        p, q = curve.g1() * 5, curve.g2() * 7
        p_zero = G1.identity()
    with curve.using_backend(right):
        p2, q2 = curve.g1() * 5, curve.g2() * 7
        assert p == p2
        assert q == q2
        assert hash(p) == hash(p2)
        assert p + p2 == p2 * 2
        assert (q - q2).is_identity()
        assert p_zero == G1.identity()
        assert p2 + p_zero == p2
        assert p != p2 * 2
        assert curve.msm([p, p2], [1, 2]) == p * 3


@pytest.mark.parametrize(
    ("left", "right"), [("mcl", "blst"), ("blst", "arkworks"), ("arkworks", "mcl"), ("arkworks", "py_ecc")]
)
def test_multiply__gt_of_two_backends__is_converted(left: str, right: str) -> None:
    require(left)
    require(right)
    with curve.using_backend(left):
        z = curve.Z()
        p = curve.g1() * 4
    with curve.using_backend(right):
        assert z == curve.Z()
        assert (z * curve.Z()).to_bytes() == (z**2).to_bytes()
        if right in FAST:
            assert curve.pairing(p, curve.g2()) == z**4


# --- choice of the library ------------------------------------------------------------------------


def test_use_backend__inside_and_after__is_active_and_restored() -> None:
    before = curve.active_backend()
    with curve.using_backend("py_ecc"):
        assert curve.active_backend() == "py_ecc"
        with curve.using_backend("arkworks"):
            assert curve.active_backend() == "arkworks"
        assert curve.active_backend() == "py_ecc"
    assert curve.active_backend() == before


def test_use_backend__unknown_name__raises() -> None:
    with pytest.raises(BackendUnavailable, match="'relic'") as caught, curve.using_backend("relic"):
        pass
    assert caught.value.hint == "one of mcl, blst, arkworks, py_ecc"
    assert not caught.value.retryable


def in_fresh_process(source: str, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"import sys; sys.path[:0] = {sys.path!r}\n"
    command = [sys.executable, "-c", path + source]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(sys.platform not in {"linux", "darwin"}, reason="ckzg's module hides blst elsewhere")
def test_available_backends__where_ckzg_shows_blst__has_it() -> None:
    # or all tests of blst would be skipped the day that it is not taken
    assert "blst" in curve.available_backends()


def test_choose_backend__by_environment__is_used() -> None:
    source = "from tpre_offchain.crypto import curve; print(curve.active_backend())"
    assert in_fresh_process(source, TPRE_CURVE="py_ecc").stdout.strip() == "py_ecc"
    assert in_fresh_process(source, TPRE_CURVE="arkworks").stdout.strip() == "arkworks"
    if "blst" in curve.available_backends():
        assert in_fresh_process(source, TPRE_CURVE="blst").stdout.strip() == "blst"
    assert in_fresh_process(source).stdout.strip() == curve.available_backends()[0]


def test_choose_backend__unknown_in_environment__raises() -> None:
    run = in_fresh_process("from tpre_offchain.crypto import curve; curve.g1()", TPRE_CURVE="nonsense")
    assert run.returncode != 0
    assert "BackendUnavailable" in run.stderr


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        (("pymcl",), "blst blst arkworks py_ecc True"),
        (("pymcl", "ckzg"), "arkworks arkworks py_ecc True"),
        (("pymcl", "ckzg", "py_arkworks_bls12381"), "py_ecc py_ecc True"),
    ],
)
def test_choose_backend__preferred_ones_not_installed__is_the_next(hidden: tuple[str, ...], expected: str) -> None:
    require("blst")
    # A finder that does not know a module is what a machine without it looks like.
    source = f"""
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {hidden} else find(name, package)
from tpre_offchain.crypto import curve
from tpre_offchain.errors import BackendUnavailable
print(curve.active_backend(), *curve.available_backends(), (curve.g1() * 2 - curve.g1() == curve.g1()))
try:
    with curve.using_backend("mcl"):
        pass
except BackendUnavailable as error:
    print(error, "|", error.hint)
print("pymcl" in sys.modules)
"""
    lines = in_fresh_process(source).stdout.splitlines()
    assert lines == [expected, "curve backend 'mcl' is not installed | pip install pymcl", "False"]
