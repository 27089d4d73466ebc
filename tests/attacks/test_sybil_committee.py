"""One person joins n times to own a committee: what the draw and the bond give, and what they do not, in numbers.

They give: no place for a join that comes after the request; the chance of the hypergeometric distribution and no
better; a price that grows with the pool. They do not give one proxy a person: whoever holds most of the bonds holds
most committees.
"""

from __future__ import annotations

import re
from math import comb
from pathlib import Path

import pytest

from tests.attacks.ground import SECOND, Ground
from tests.property.scene import node_key
from tests.stateful.evm import Reverted
from tests.stateful.world import SETTINGS, proof
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.deployment.settings import LOCAL, MAINNET_LIKE
from tpre_offchain.types import Address

ETHER = 10**18
DRAWS = 400


def at_least(wanted: int, drawn: int, marked: int, pool: int) -> float:
    """Chance that a uniform draw without putting back has at least so many of the marked."""
    ways = sum(comb(marked, k) * comb(pool - marked, drawn - k) for k in range(wanted, drawn + 1) if k <= marked)
    return ways / comb(pool, drawn)


def table(root: Path, heading: str) -> list[list[float]]:
    """The numbers of the rows of a table of SECURITY.md, found by the beginning of its first line."""
    lines = (root / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(heading)) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([float(number.replace(",", "")) for number in re.findall(r"[\d,]+\.?\d*", line)])
    return rows


def test_security_md__chances_of_owning_a_committee__are_the_exact_ones(project_root: Path) -> None:
    rows = table(project_root, "| committee | pool |")
    assert len(rows) >= 6
    for t, n, pool, attackers, per_cent in rows:
        exact = 100 * at_least(int(t), int(n), int(attackers), int(pool))
        assert per_cent == pytest.approx(exact, abs=0.005), (t, n, pool, attackers)


def test_price__of_an_even_chance__is_the_bonds_of_all_others_together() -> None:
    """Of a 3-of-5 committee among 20 honest proxies: as many again, 20 bonds, and they come back after the cooldown."""
    needed = next(m for m in range(1, 60) if at_least(3, 5, m, 20 + m) >= 0.5)
    assert needed == 20
    assert needed * MAINNET_LIKE.proxies.bond_wei == 40 * ETHER
    assert needed * LOCAL.proxies.bond_wei == 20 * ETHER


def test_price__of_a_redraw__bounds_how_often_a_user_with_few_proxies_may_try() -> None:
    """A user with 4 of 20 proxies needs 1 / 3.2% = 31 requests for one committee with 3 of his; each redraw costs."""
    tries = 1 / at_least(3, 5, 4, 20)
    assert round(tries) == 31
    assert round(tries) * MAINNET_LIKE.grants.redraw_fee_wei == 155 * ETHER // 1000


# --- the real draw ----------------------------------------------------------------------------------------------------


def join(ground: Ground, account: Address, name: str) -> None:
    ground.evm.node.ask("anvil_setBalance", account, hex(100 * ETHER))
    ground.evm.node.ask("anvil_impersonateAccount", account)
    key = node_key(name)
    shown = proof(prove_key(ground.domain, account, key, ground.random))
    bond = SETTINGS.proxies.bond_wei
    ground.evm.send(account, "ProxyRegistry", "join", key.public.to_evm(), shown, "", value=bond)


def newcomer(number: int) -> Address:
    return Address(f"0x{0xA77ACC00 + number:040x}")


def test_join__once_the_request_is_there__comes_too_late_for_its_committee(ground: Ground) -> None:
    """The committee is a function of the request's block; who joins in that block or after it is in no place of it."""
    ground.evm.send(ground.user, "GrantRegistry", "requestAccess", ground.asked, value=ETHER)
    ground.evm.mine()
    committee = ground.draw(SECOND)[1]
    for number in range(6):
        join(ground, newcomer(number), f"sybil {number}")
    assert ground.draw(SECOND)[1] == committee
    ground.evm.send(ground.user, "GrantRegistry", "withdrawRequest", 2)
    ground.evm.send(ground.user, "GrantRegistry", "requestAccess", ground.asked, value=ETHER)
    ground.evm.mine()
    pool = {ground.evm.call("ProxyRegistry", "proxyAt", index).account.lower() for index in range(9)}
    assert {newcomer(number) for number in range(6)} < pool  # joined in time for this one


def test_join__same_account_or_key_twice__has_one_place(ground: Ground) -> None:
    account, key = ground.proxy(1), node_key(ground.proxy(1))
    bond = SETTINGS.proxies.bond_wei
    again = proof(prove_key(ground.domain, account, key, ground.random))
    call = ("ProxyRegistry", "join", key.public.to_evm(), again, "")
    ground.refused("AlreadyProxy", account, *call, value=bond)
    # a second account that knows the key (its owner's) cannot bring it in: it would open two slots
    second = proof(prove_key(ground.domain, ground.stranger, key, ground.random))
    ground.refused("ProxyKeyTaken", ground.stranger, *call[:3], second, "", value=bond)
    ground.refused("WrongBond", ground.stranger, *call[:3], second, "", value=bond - 1)


def test_draw__pool_with_sybils__takes_them_as_often_as_the_distribution_says(ground: Ground) -> None:
    """Seven sybils beside three honest: the contract's draw of 3, from many seeds, against the exact chance of two."""
    for number in range(7):
        join(ground, newcomer(number), f"sybil {number}")
    sybils = {newcomer(number) for number in range(7)}
    block = ground.evm.block_number()
    owned = 0
    for seed in range(DRAWS):  # fixed seeds: the count is always the same
        members = ground.evm.call("ProxyRegistry", "draw", seed.to_bytes(32, "big"), 10, block, 3)
        owned += sum(member.account.lower() in sybils for member in members) >= 2
    expected = at_least(2, 3, 7, 10)
    deviation = (expected * (1 - expected) / DRAWS) ** 0.5
    assert abs(owned / DRAWS - expected) < 4 * deviation


# --- holes in the pool: what the bond does not prevent ----------------------------------------------------------------


def undrawable(n: int, honest: int, holes: int, steps: int = 256) -> float:
    """Chance that 256 steps through a pool do not find n active proxies."""
    pool = honest + holes
    if pool <= steps:
        return 0.0 if honest >= n else 1.0
    return 1 - at_least(n, steps, honest, pool)


def test_security_md__chances_of_a_draw_that_fails__are_the_exact_ones(project_root: Path) -> None:
    """A known limit: that many bonds, held at once for one cooldown and then taken back, leave so many empty places."""
    rows = table(project_root, "| n | active |")
    assert len(rows) >= 4
    for n, honest, holes, per_cent in rows:
        exact = 100 * undrawable(int(n), int(honest), int(holes))
        assert per_cent == pytest.approx(exact, abs=0.005), (n, honest, holes)


def draw_fails(ground: Ground, seed: int, pool: int, block: int) -> bool:
    try:
        ground.evm.call("ProxyRegistry", "draw", seed.to_bytes(32, "big"), pool, block, 3)
    except Reverted as problem:
        return problem.name == "CommitteeUndrawable"
    return False


@pytest.mark.parametrize("pool", [256, 300, 1_000])
def test_draw__pool_of_empty_places__fails_as_often_as_stated(ground: Ground, pool: int) -> None:
    """The three proxies in a pool whose other places are empty; a pool of 256 never fails."""
    block, failed, draws = ground.evm.block_number(), 0, 60
    for seed in range(draws):
        failed += draw_fails(ground, seed, pool, block)
    expected = undrawable(3, 3, pool - 3)
    assert (failed == 0) == (pool == 256)
    assert abs(failed / draws - expected) <= 4 * (expected * (1 - expected) / draws) ** 0.5
