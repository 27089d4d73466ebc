"""SCHEME §9 in the generic-group model: who can reach Z^k of a record, and who cannot.

The names are the scheme's. Every case that fails stands beside one that succeeds: with one check or secret less.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.attacks.generic_group import Exponent, View, constant, over, plus, times, unknown

A = unknown("a")
ETA = unknown("eta")  # log of h2 to g2
H, OTHER_LABELS = 1001, (1002, 1003, 1004, 1005)  # h of labels: everybody knows them
B_KNOWN, B_KNOWN_TOO = constant(7001), constant(7002)  # delegatees who take part in the attack


def a_of(h: int) -> Exponent:
    """a_L."""
    return plus(A, constant(h))


def k_of(h: int, record: int) -> Exponent:
    return unknown(f"k {h} {record}")


def s_of(h: int, grant: int, slot: int = 0) -> Exponent:
    """s(slot) of a grant's polynomial of degree 1; s(0) = s."""
    return plus(unknown(f"s {h} {grant}"), times(constant(slot), unknown(f"s1 {h} {grant}")))


TARGET = k_of(H, 0)


# --- what is public ---------------------------------------------------------------------------------------------------


def setup() -> View:
    """A, h2, and the keys of two proxies."""
    return View((A, unknown("n1"), unknown("n2")), (ETA,))


def record(h: int, number: int) -> View:
    """c1 = A_L^k."""
    return View((times(a_of(h), k_of(h, number)),))


def rekey(h: int, grant: int, b: Exponent, slope: Exponent | None = None) -> View:
    """B, U, V, C_0, C_1, R; the pads are noise without e or ni. ``slope``: s(1) - s, where somebody knows of it."""
    s = s_of(h, grant)
    in_g1 = (times(a_of(h), s), times(a_of(h), slope or unknown(f"s1 {h} {grant}")), unknown(f"e {h} {grant}"))
    return View(in_g1, (b, plus(over(b, a_of(h)), s), times(ETA, s)))


def converted(h: int, grant: int, number: int) -> View:
    """W and the cfrags of two slots; the round is over."""
    c1 = times(a_of(h), k_of(h, number))
    return View(tuple(times(c1, s_of(h, grant, slot)) for slot in (0, 1, 2)))


def some_cfrags(h: int, grant: int, number: int, slots: range) -> View:
    c1 = times(a_of(h), k_of(h, number))
    return View(tuple(times(c1, s_of(h, grant, slot)) for slot in slots))


def collapsed(h: int) -> View:
    """t proxies and the delegatee of a label: g2^(1/a_L)."""
    return View((), (over(constant(1), a_of(h)),))


def raised_to_mask(h: int, grant: int, *points: Exponent) -> View:
    """P^s of chosen points."""
    return View(tuple(times(point, s_of(h, grant)) for point in points))


def powers_of_mask(h: int, grant: int, highest: int) -> View:
    """The oracle P -> P^s asked again and again, starting from g1, A, A_L^k' and R."""
    s, found = s_of(h, grant), []
    for start in (constant(1), A, times(a_of(h), k_of(h, 1)), unknown(f"e {h} {grant}"), unknown("n1")):
        found += [times(start, *([s] * power)) for power in range(1, highest + 1)]
    return View(tuple(found))


BASE = setup() + record(H, 0) + record(H, 1)
B_SECRET = unknown("b")

UNREACHABLE = {
    "outsider": BASE + rekey(H, 1, B_SECRET),
    "outsider with a converted record": BASE + rekey(H, 1, B_SECRET) + converted(H, 1, 1),
    "outsider with the target converted for somebody": BASE + rekey(H, 1, B_SECRET) + converted(H, 1, 0),
    "delegatee before any conversion": BASE + rekey(H, 1, B_KNOWN),
    "delegatee with other records converted": BASE
    + record(H, 2)
    + rekey(H, 1, B_KNOWN)
    + converted(H, 1, 1)
    + converted(H, 1, 2)
    + View((), (), (k_of(H, 1), k_of(H, 2))),
    "delegatee with t-1 cfrags of the target": BASE + rekey(H, 1, B_KNOWN) + some_cfrags(H, 1, 0, range(1, 2)),
    "delegatee with a static Diffie-Hellman oracle on s": BASE + rekey(H, 1, B_KNOWN) + powers_of_mask(H, 1, 3),
    "two colluding delegatees": BASE
    + record(H, 2)
    + rekey(H, 1, B_KNOWN)
    + rekey(H, 2, B_KNOWN_TOO)
    + converted(H, 1, 1)
    + converted(H, 2, 2),
    "two colluding delegatees, the target converted for a third": BASE
    + rekey(H, 1, B_KNOWN)
    + rekey(H, 2, B_KNOWN_TOO)
    + rekey(H, 3, B_SECRET)
    + converted(H, 3, 0),
    "delegatee and four other labels fully collapsed": sum(
        (collapsed(h) + record(h, 0) for h in OTHER_LABELS), BASE + rekey(H, 1, B_KNOWN) + converted(H, 1, 1)
    ),
    "the capsule pushed through another label's grant": BASE
    + rekey(H, 1, B_KNOWN)
    + rekey(OTHER_LABELS[0], 9, B_KNOWN)
    + raised_to_mask(OTHER_LABELS[0], 9, times(a_of(H), k_of(H, 0))),
    "t proxies without the delegatee": BASE
    + rekey(H, 1, B_SECRET)
    + View((), (over(B_SECRET, a_of(H)),))  # U g2^-s
    + converted(H, 1, 0),
    "t-1 proxies with the delegatee": BASE
    + rekey(H, 1, B_KNOWN, slope=plus(constant(424242), times(constant(-1), s_of(H, 1))))  # s(1) = 424242
    + record(H, 2)
    + converted(H, 1, 1)
    + converted(H, 1, 2),
}


@pytest.mark.parametrize("who", sorted(UNREACHABLE))
def test_key_of_a_record__attacker_of_scheme_9__is_out_of_reach(who: str, seeded: Random) -> None:
    assert not UNREACHABLE[who].reaches(TARGET, seeded)


ONE_STEP_MORE = {
    "delegatee with the target converted": BASE + rekey(H, 1, B_KNOWN) + converted(H, 1, 0),
    "delegatee with t cfrags of the target": BASE + rekey(H, 1, B_KNOWN) + some_cfrags(H, 1, 0, range(1, 3)),
    "t proxies with the delegatee, on this label": BASE + rekey(H, 1, B_KNOWN) + collapsed(H),
    "capsule without its proof: converted under another record's name": BASE
    + rekey(H, 1, B_KNOWN)
    + raised_to_mask(H, 1, times(constant(5), a_of(H), k_of(H, 0))),
    "outsider, if the delegatee's key were g2^(a_L + 1) for want of its proof": BASE
    + rekey(H, 1, plus(a_of(H), constant(1)))
    + converted(H, 1, 0),
    "delegatee, if the logarithm of h2 were known": setup()
    + record(H, 0)
    + rekey(H, 1, B_KNOWN)
    + View((), (s_of(H, 1),)),
    "delegatee of another label, were there no labels: h is the same": BASE + collapsed(H),
}


@pytest.mark.parametrize("who", sorted(ONE_STEP_MORE))
def test_key_of_a_record__one_check_or_secret_less__is_reached(who: str, seeded: Random) -> None:
    assert ONE_STEP_MORE[who].reaches(TARGET, seeded)


def test_paper_without_labels__delegatee_and_t_proxies__open_everything(seeded: Random) -> None:
    """In the paper c1 = g^(a k) and the collapse gives g^(1/a): it opens what was never granted."""
    never_granted = View((A, times(A, unknown("k"))), (over(constant(1), A),))
    assert never_granted.reaches(unknown("k"), seeded)


def test_span__of_known_answers__is_found(seeded: Random) -> None:
    """The model itself: x y is in the span of (x; y) and not of (x; 1), and constants count as known."""
    x, y = unknown("x"), unknown("y")
    assert View((x,), (y,)).reaches(times(x, y), seeded)
    assert View((x,), (y,)).reaches(plus(times(constant(3), x, y), constant(9), x), seeded)
    assert not View((x,)).reaches(times(x, y), seeded)
    assert not View((x, y)).reaches(times(x, y), seeded)
    assert View((x,), (over(constant(1), x),)).reaches(constant(1), seeded)
    assert not View((x,), (y,)).reaches(over(y, x), seeded)
    assert View((), (), (x,)).reaches(times(constant(2), x), seeded)
