"""What is written down of work under way, where there is no room: an error that says so, and no harm to the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.outbox.fees import Fees
from tpre_offchain.chain.outbox.store import Attempt, OutboxStore
from tpre_offchain.proxy.daemon.cursor import Cursor, Place
from tpre_offchain.types import Address, RoundId
from tpre_offchain.unfinished import StateDatabase, StateUnwritable, open_database, unfinished_in

CALL = Call(Address("0x" + "11" * 20), bytes(20_000), description="large")
ATTEMPT = Attempt(bytes(32), bytes(20_000), Fees(1, 1))


def fill(database: StateDatabase) -> None:
    """Let the file not grow by a page: what SQLite then says is what it says of a full disk."""
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={pages}")


def make_room(database: StateDatabase) -> None:
    database.execute("PRAGMA max_page_count=100000")


def test_outbox_add__no_room__raises_and_goes_on_once_there_is(tmp_path: Path) -> None:
    store = OutboxStore(tmp_path / "outbox.db", "ledger")
    kept = store.add("first", 0, 21_000, CALL, ATTEMPT, 1.0)
    fill(store._db)
    for _ in range(2):  # the first must not leave a transaction open in which the second would fail otherwise
        with pytest.raises(StateUnwritable) as told:
            store.add("second", 1, 21_000, CALL, ATTEMPT, 2.0)
    assert (told.value.culprit, told.value.retryable) == (str(tmp_path / "outbox.db"), True)
    assert store.live() == [kept]
    make_room(store._db)
    again = store.add("second", 1, 21_000, CALL, ATTEMPT, 3.0)
    assert store.live() == [kept, again]
    store.close()


def test_cursor_save__no_room__raises_and_keeps_what_was(tmp_path: Path) -> None:
    cursor, place = Cursor(tmp_path / "cursor.db", "31337/0xRounds"), Place(7, b"\x07" * 32)
    cursor.save(place, [RoundId(1)])
    fill(cursor._db)
    with pytest.raises(StateUnwritable):
        cursor.save(Place(8, b"\x08" * 32), [RoundId(i) for i in range(5_000)])
    assert cursor.load() == (place, frozenset({RoundId(1)}))
    make_room(cursor._db)
    cursor.save(Place(8, b"\x08" * 32), [])
    assert cursor.load() == (Place(8, b"\x08" * 32), frozenset())
    assert list(tmp_path.glob("*.damaged-*")) == []
    cursor.close()


@pytest.mark.parametrize("make", [lambda path: OutboxStore(path, "x"), lambda path: Cursor(path, "x"), open_database])
def test_open__no_such_folder__raises(tmp_path: Path, make: Callable[[Path], object]) -> None:
    with pytest.raises(StateUnwritable) as told:
        make(tmp_path / "none" / "state.db")
    assert told.value.hint is not None


def test_execute__wrong_statement__is_no_fault_of_the_disk(tmp_path: Path) -> None:
    database = open_database(tmp_path / "state.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        database.execute("SELECT * FROM nowhere")
    database.close()


def test_unfinished_in__file_where_a_folder_should_be__raises(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateUnwritable, match="Not a directory"), unfinished_in(tmp_path):
        (tmp_path / "file" / "below").write_text("")
