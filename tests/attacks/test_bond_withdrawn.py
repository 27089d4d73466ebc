"""A proxy posts bad cfrags and takes its bond away before anyone challenges them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.attacks.ground import Ground, Played
from tests.stateful.world import SETTINGS
from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto import pre
from tpre_offchain.deployment.settings import PRESETS

PENALTY = SETTINGS.rounds.challenge_penalty_wei
COOLDOWN_BLOCKS = SETTINGS.proxies.exit_cooldown_blocks
COOLDOWN_S = SETTINGS.proxies.exit_cooldown_seconds


def bad_cfrags(ground: Ground, played: Played, slot: int) -> pre.CFrags:
    good = ground.cfrags(played.id, slot, played.records)
    return replace(good, points=tuple(point + point for point in good.points))


def bond_of(ground: Ground, slot: int) -> int:
    return int(ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(slot)).bond)


def test_withdraw_bond__right_after_bad_cfrags__refused_and_the_bond_pays(ground: Ground) -> None:
    played = ground.open(0)
    ground.submit(played, 1, bad_cfrags(ground, played, 1))
    liar = ground.proxy(1)
    ground.evm.send(liar, "ProxyRegistry", "leavePool")
    ground.refused("CooldownNotOver", liar, "ProxyRegistry", "withdrawBond")
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    assert ground.evm.call("Treasury", "creditOf", ground.stranger) == PENALTY // 2
    assert bond_of(ground, 1) == SETTINGS.proxies.bond_wei - PENALTY


def leave_and_wait(ground: Ground, slot: int, seconds: int) -> None:
    """All blocks of the cooldown pass, and this much of its time."""
    ground.evm.send(ground.proxy(slot), "ProxyRegistry", "leavePool")
    left_at = ground.evm.now - 1
    move_exit_back(ground, slot, COOLDOWN_BLOCKS)
    ground.evm.now = left_at + seconds


def move_exit_back(ground: Ground, slot: int, blocks: int) -> None:
    """As if so many blocks had been mined since: the exit's block number in the contract's storage is made smaller.

    Mining 8,192 blocks would take most of the time that all these tests have.
    """
    before = ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(slot))
    contract, account = ground.evm.addresses["ProxyRegistry"], int(ground.proxy(slot), 16)
    for position in range(16):
        key = "0x" + keccak(encode(["uint256", "uint256"], [before.index, position])).hex()
        place = int(ground.evm.node.ask("eth_getStorageAt", contract, key, "latest"), 16)
        if place % 2**160 == account:
            moved = place - (blocks << 200)
            ground.evm.node.ask("anvil_setStorageAt", contract, key, f"0x{moved:064x}")
    after = ground.evm.call("ProxyRegistry", "proxyOf", ground.proxy(slot))
    assert after == replace(before, exit_block=before.exit_block - blocks)


def test_submit__in_the_last_seconds_of_the_exit__refused_while_the_bond_is_about_to_leave(ground: Ground) -> None:
    leave_and_wait(ground, 1, COOLDOWN_S - 3)
    played = ground.open(0)
    liar = ground.proxy(1)
    # The bond is still there, and in two blocks it is not: without the refusal nobody could challenge in time.
    assert bond_of(ground, 1) == SETTINGS.proxies.bond_wei
    arguments = ground.submission(played, 1, bad_cfrags(ground, played, 1))
    ground.refused("NotBonded", liar, "ConversionRounds", "submitCfrags", *arguments)
    ground.evm.now += 2
    ground.evm.send(liar, "ProxyRegistry", "withdrawBond")
    assert bond_of(ground, 1) == 0
    ground.refused("NotBonded", liar, "ConversionRounds", "submitCfrags", *arguments)


def test_submit__in_the_first_half_of_the_exit__is_taken_and_paid_for(ground: Ground) -> None:
    leave_and_wait(ground, 1, COOLDOWN_S // 2 - 5)
    played = ground.open(0)
    ground.submit(played, 1, bad_cfrags(ground, played, 1))
    ground.submit(played, 2)
    # nobody looks until the round has expired and was closed, and then the whole challenge window passes
    ground.evm.now += SETTINGS.rounds.round_seconds + 2 * SETTINGS.rounds.vote_seconds
    committee, hashed = ground.committee, ground.papers(played)[1]
    ground.evm.send(ground.stranger, "ConversionRounds", "close", played.id, committee, hashed)
    ground.evm.now += SETTINGS.rounds.challenge_seconds - 2
    ground.refused("CooldownNotOver", ground.proxy(1), "ProxyRegistry", "withdrawBond")
    ground.evm.send(ground.stranger, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    assert ground.phase(played) is structs.Phase.EXPIRED
    assert ground.evm.call("Treasury", "creditOf", ground.stranger) == PENALTY // 2


def test_challenge__by_the_liar_itself_before_others__still_costs_half_of_the_penalty(ground: Ground) -> None:
    """Sent first from a second account it earns the reward; the other half is burned, so lying is not for free."""
    played = ground.open(0)
    ground.submit(played, 1, bad_cfrags(ground, played, 1))
    second_account = ground.evm.accounts[7]
    ground.evm.send(second_account, "ConversionRounds", "challengeCfrags", *ground.challenge(played, 1))
    back = ground.evm.call("Treasury", "creditOf", second_account)
    assert bond_of(ground, 1) + back == SETTINGS.proxies.bond_wei - PENALTY // 2


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_settings__every_preset__second_half_of_the_exit_outlasts_round_votes_and_challenge(name: str) -> None:
    settings = PRESETS[name]
    rounds = settings.rounds
    longest = rounds.round_seconds + 2 * rounds.vote_seconds + rounds.challenge_seconds
    assert settings.proxies.exit_cooldown_seconds // 2 > longest
    assert rounds.challenge_penalty_wei <= settings.proxies.bond_wei // 2  # a proxy that may submit can pay
