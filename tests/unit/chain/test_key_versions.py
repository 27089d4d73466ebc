"""How long a version of a node key is kept, and how it stands: from what the chain told, without a chain."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak

from tpre_offchain.chain.abi.events import BondWithdrawn, Event, ProxyJoined, ProxyKeyRotated
from tpre_offchain.chain.abi.log import LogPosition
from tpre_offchain.chain.contracts.key_standing import DAY_S, KeyState, standings
from tpre_offchain.chain.contracts.key_versions import KeyHistory, KeyVersion, NamedGrant, _versions, margin_of
from tpre_offchain.chain.rpc.connection import Block
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.doctor.finding import Level
from tpre_offchain.doctor.node_keys import check_node_keys
from tpre_offchain.types import Address, GrantId

PROXY = Address("0x" + "11" * 20)
MARGIN_S = 80


def at(block: int) -> LogPosition:
    return LogPosition(PROXY, block, bytes(32), bytes(32), 0, timestamp=1_000 * block)


def joined(version: int, block: int) -> Event:
    key = bytes([version]) * 128
    return ProxyJoined(at=at(block), proxy=PROXY, index=0, key_version=version, key=key, endpoint="", bond=1)


def rotated(version: int, block: int) -> Event:
    return ProxyKeyRotated(at=at(block), proxy=PROXY, key_version=version, key=bytes([version]) * 128)


def withdrawn(block: int) -> Event:
    return BondWithdrawn(at=at(block), proxy=PROXY, amount=1)


def hash_of(version: int) -> bytes:
    return bytes(keccak(bytes([version]) * 128))


def history(time_s: int, *versions: KeyVersion) -> KeyHistory:
    return KeyHistory(Block(9, bytes(32), bytes(32), time_s, 1, 1), MARGIN_S, versions)


def version(number: int, retired_s: int | None = None, *ends: int, since_s: int = 0) -> KeyVersion:
    grants = tuple(NamedGrant(GrantId(i), end_s) for i, end_s in enumerate(ends, 1))
    block = None if retired_s is None else 5
    return KeyVersion(number, hash_of(number), since_s, 1, retired_s, block, grants)


def test_margin_of__settings__is_the_longest_that_a_round_can_run() -> None:
    assert margin_of(LOCAL.rounds) == LOCAL.rounds.round_seconds + 2 * LOCAL.rounds.vote_seconds == MARGIN_S


def test_versions__joined_rotated_left_and_back__each_ends_with_the_next() -> None:
    found = _versions([joined(1, 3), rotated(2, 5), withdrawn(8), joined(3, 11), rotated(4, 12)])
    spans = [(one.version, one.since_block, one.retired_block, one.retired_s) for one in found]
    assert spans == [(1, 3, 5, 5_000), (2, 5, 8, 8_000), (3, 11, 12, 12_000), (4, 12, None, None)]
    assert [one.key_hash for one in found] == [hash_of(number) for number in (1, 2, 3, 4)]
    assert _versions([joined(1, 3), withdrawn(4)])[0].retired_s == 4_000
    assert _versions([]) == []


@pytest.mark.parametrize(
    ("one", "until_s"),
    [
        (version(1), None),
        (version(1, None, 10_000), None),  # the current one, whatever its grants
        (version(1, 500), 500 + MARGIN_S),  # named by none: its own retirement may still be undone
        (version(1, 500, 400), 500 + MARGIN_S),
        (version(1, 500, 400, 900, 700), 900 + MARGIN_S),
    ],
)
def test_kept_until__by_its_grants__is_the_last_end_and_the_margin(one: KeyVersion, until_s: int | None) -> None:
    assert one.kept_until_s(MARGIN_S) == until_s
    if until_s is not None:
        assert history(until_s, one).over == frozenset()
        assert history(until_s + 1, one).over == {1}


def test_live_grants__at_the_second_of_the_end__is_over() -> None:
    one = version(1, 500, 900, 800)
    assert [one.live_grants(time_s) for time_s in (799, 800, 899, 900)] == [2, 1, 1, 0]


# --- against what is held -------------------------------------------------------------------------

OTHER = b"\x05" * 32


@pytest.mark.parametrize(
    ("held", "states"),
    [
        ({1: 1, 2: 2, 3: 3}, ["held", "held", "held"]),
        ({2: 2, 3: 3}, ["erased", "held", "held"]),
        ({3: 3}, ["erased", "missing", "held"]),
        ({}, ["erased", "missing", "missing"]),
        ({1: 9, 2: 9, 3: 9}, ["erased", "other", "other"]),
        ({2: 2, 3: 3, 4: 4}, ["erased", "held", "held", "pending"]),
        (None, ["unknown", "unknown", "unknown"]),
    ],
)
def test_standings__what_is_held__against_the_chain(held: dict[int, int] | None, states: list[str]) -> None:
    told = history(1_000, version(1, 100, 200), version(2, 300, 5_000), version(3, None, 6_000))
    hashes = None if held is None else {number: hash_of(key) for number, key in held.items()}
    found = standings(told, hashes)
    assert [one.state.value for one in found] == states
    assert [one.is_current for one in found[:3]] == [False, False, True]
    assert [one.live_grants for one in found[:3]] == [0, 1, 1]


def test_standings__held_and_told_by_nobody__is_unknown() -> None:
    (known, strange) = standings(history(1_000, version(2)), {1: hash_of(1), 2: hash_of(2)})
    assert (known.state, strange.version, strange.state) == (KeyState.HELD, 1, KeyState.UNKNOWN)


def findings(told: KeyHistory, held: dict[int, bytes], days: int = 90) -> list[tuple[Any, str, str]]:
    found = check_node_keys(told, held, "proxy", rotate_days=days)
    assert all(one.subject == "proxy" and one.check == "node_key" for one in found)
    return [(one.level, one.message, one.remedy) for one in found]


def test_check_node_keys__all_held_and_none_over__is_fine() -> None:
    told = history(1_000, version(1, 100, 5_000), version(2))
    found = findings(told, {1: hash_of(1), 2: hash_of(2)})
    assert [level for level, *_ in found] == [Level.OK, Level.OK]
    assert "1 live grants" in found[0][1]
    assert findings(history(1_000), {}) == []  # never a proxy


@pytest.mark.parametrize(
    ("held", "level", "said", "remedy"),
    [
        ({1: hash_of(1)}, Level.ERROR, "version 2 is the one that grants name now", "tpre proxy rotate"),
        ({1: hash_of(1), 2: OTHER}, Level.ERROR, "holds another", "tpre proxy rotate"),
        ({2: hash_of(2)}, Level.WARNING, "version 1 is not in the keystore, 1 live grants", "backup"),
        ({1: hash_of(1), 2: hash_of(2), 3: OTHER}, Level.NOTE, "version 3 is made and not registered", "rotate"),
    ],
)
def test_check_node_keys__something_amiss__says_what_to_do(
    held: dict[int, bytes], level: Level, said: str, remedy: str
) -> None:
    found = findings(history(1_000, version(1, 100, 5_000), version(2)), held)
    ((_, message, todo),) = [one for one in found if one[0] is level]
    assert said in message
    assert remedy in todo


def test_check_node_keys__over_and_still_held__is_to_be_erased() -> None:
    told = history(1_000, version(1, 100, 200), version(2))
    found = findings(told, {1: hash_of(1), 2: hash_of(2)})
    ((_, message, remedy),) = [one for one in found if one[0] is Level.WARNING]
    assert "over, and still in the keystore" in message
    assert "tpre proxy run" in remedy
    assert {level for level, *_ in findings(told, {2: hash_of(2)})} == {Level.OK}


def test_check_node_keys__older_than_the_period__reminds() -> None:
    old = history(100 * DAY_S, version(1, since_s=10 * DAY_S - 1))
    held = {1: hash_of(1)}
    assert [level for level, *_ in findings(old, held, 90)] == [Level.OK, Level.WARNING]
    assert [level for level, *_ in findings(old, held, 91)] == [Level.OK]
    retired = history(100 * DAY_S, version(1, 99 * DAY_S, 200 * DAY_S), version(2, since_s=99 * DAY_S))
    assert {level for level, *_ in findings(retired, {1: hash_of(1), 2: hash_of(2)})} == {Level.OK}
