"""The cursor file: remembered, replaced, and begun anew where it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tpre_offchain.proxy.daemon.cursor import Cursor, Place
from tpre_offchain.types import RoundId

CHAIN = "31337/0xRounds"
PLACE = Place(7, b"\x07" * 32)
HUGE = RoundId((2**64 - 1) << 32 | 5)


def test_load__nothing_saved__none(tmp_path: Path) -> None:
    assert Cursor(tmp_path / "cursor.db", CHAIN).load() is None


@pytest.mark.parametrize("in_memory", [True, False])
def test_save__again__replaces(tmp_path: Path, in_memory: bool) -> None:
    cursor = Cursor(":memory:" if in_memory else tmp_path / "cursor.db", CHAIN)
    cursor.save(Place(6, b"\x06" * 32), [RoundId(1), RoundId(2)])
    cursor.save(PLACE, [HUGE])
    assert cursor.load() == (PLACE, frozenset({HUGE}))
    cursor.close()


def test_open__after_close__still_there(tmp_path: Path) -> None:
    first = Cursor(tmp_path / "cursor.db", CHAIN)
    first.save(PLACE, [HUGE])
    first.close()
    assert Cursor(tmp_path / "cursor.db", CHAIN).load() == (PLACE, frozenset({HUGE}))


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def _from_the_future(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()


def _other_schema(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE place (something TEXT)")
    db.close()


@pytest.mark.parametrize("damage", [_garbage, _cut, _from_the_future, _other_schema])
def test_open__damaged_file__set_aside_and_rebuilt(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "cursor.db"
    first = Cursor(path, CHAIN)
    first.save(PLACE, [HUGE])
    first.close()
    assert callable(damage)
    damage(path)
    second = Cursor(path, CHAIN)
    assert second.load() is None
    second.save(PLACE, [])
    assert second.load() == (PLACE, frozenset())
    assert len(list(tmp_path.glob("cursor.db.damaged-*"))) == 1
    second.close()


def test_open__other_deployment__not_mixed_up(tmp_path: Path) -> None:
    first = Cursor(tmp_path / "cursor.db", CHAIN)
    first.save(PLACE, [HUGE])
    first.close()
    assert Cursor(tmp_path / "cursor.db", "31337/0xOther").load() is None
