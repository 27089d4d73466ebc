"""The outbox's memory in SQLite: what was signed, under which nonce, and what became of it.

Deleting the file costs time, never correctness: nonces are read from the chain again, and every step of the protocol
is safe to repeat. Signed transactions are kept whole (they are public once sent); keys never are.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.outbox.fees import Fees
from tpre_offchain.types import Address
from tpre_offchain.unfinished import StateDatabase, open_database

KEEP_S = 7 * 86_400

_SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
    id INTEGER PRIMARY KEY, ledger TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, nonce INTEGER NOT NULL,
    recipient TEXT, data BLOB NOT NULL, value TEXT NOT NULL, gas INTEGER NOT NULL, contract TEXT NOT NULL,
    description TEXT NOT NULL, created REAL NOT NULL, fee TEXT NOT NULL DEFAULT '0', tx_hash BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS one_live_per_key ON transactions (ledger, key) WHERE state = 'live';
CREATE UNIQUE INDEX IF NOT EXISTS one_live_per_nonce ON transactions (ledger, nonce) WHERE state = 'live';
CREATE INDEX IF NOT EXISTS by_key ON transactions (ledger, key);
CREATE INDEX IF NOT EXISTS by_nonce ON transactions (ledger, nonce);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY, tx_id INTEGER NOT NULL REFERENCES transactions (id) ON DELETE CASCADE,
    hash BLOB NOT NULL, raw BLOB NOT NULL, max_fee TEXT NOT NULL, tip TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempts_of ON attempts (tx_id);
"""

_POSTED = "id, key, nonce, gas, recipient, data, value, contract, description"


class State(StrEnum):
    """What became of a transaction."""

    LIVE = "live"  # signed, perhaps sent, not known to be mined
    DONE = "done"  # mined, did what it should
    REVERTED = "reverted"  # mined, refused by the contract
    LOST = "lost"  # can never be mined: not accepted, or its nonce was used otherwise


@dataclass(frozen=True)
class Attempt:
    """One signed form of a transaction; a replacement is another."""

    tx_hash: bytes
    raw: bytes = field(repr=False)
    fees: Fees


@dataclass(frozen=True)
class Posted:
    """A transaction in the outbox: its call, its nonce, and every signed form of it, oldest first."""

    id: int
    key: str
    nonce: int
    gas: int
    call: Call
    attempts: tuple[Attempt, ...]

    def with_attempt(self, attempt: Attempt) -> Posted:
        """The same transaction with one more signed form."""
        return replace(self, attempts=(*self.attempts, attempt))


class OutboxStore:
    """The table of one account on one chain; ``ledger`` names both, so one file serves many.

    A damaged file is renamed aside and begun anew. Every method may raise ``StateUnwritable``.
    """

    def __init__(self, path: str | Path, ledger: str) -> None:
        self._ledger = ledger
        try:
            self._db = _open(path)
        except sqlite3.OperationalError:
            raise  # nothing is wrong with the file
        except sqlite3.DatabaseError:
            _set_aside(Path(path))
            self._db = _open(path)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def add(self, key: str, nonce: int, gas: int, call: Call, attempt: Attempt, now: float) -> Posted:
        """Writes a signed transaction down, before it is sent. Raises ``sqlite3.IntegrityError`` for a live key."""
        with self._transaction():
            row = self._db.execute(
                "INSERT INTO transactions (ledger, key, state, nonce, recipient, data, value, gas, contract,"
                " description, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._ledger,
                    key,
                    State.LIVE,
                    nonce,
                    call.to,
                    call.data,
                    str(call.value),
                    gas,
                    call.contract,
                    call.description,
                    now,
                ),
            )
            posted = Posted(int(row.lastrowid or 0), key, nonce, gas, call, ())
            return self._attach(posted, attempt)

    def add_attempt(self, posted: Posted, attempt: Attempt) -> Posted:
        """Writes a replacement down, before it is sent."""
        with self._transaction():
            return self._attach(posted, attempt)

    def finish(self, posted: Posted, state: State, tx_hash: bytes | None = None, fee_wei: int = 0) -> None:
        """Records what became of a transaction."""
        self._db.execute(
            "UPDATE transactions SET state = ?, tx_hash = ?, fee = ? WHERE id = ?",
            (state, tx_hash, str(fee_wei), posted.id),
        )

    def live(self, since: float = 0.0) -> list[Posted]:
        """All transactions not known to be mined, by nonce; of those signed since a moment."""
        rows = self._db.execute(
            f"SELECT {_POSTED} FROM transactions WHERE ledger = ? AND state = 'live' AND created >= ?"  # noqa: S608
            " ORDER BY nonce",
            (self._ledger, since),
        ).fetchall()
        return [self._posted(row) for row in rows]

    def live_of(self, key: str) -> Posted | None:
        """The transaction of a key that is not known to be mined."""
        row = self._db.execute(
            f"SELECT {_POSTED} FROM transactions WHERE ledger = ? AND key = ? AND state = 'live'",  # noqa: S608
            (self._ledger, key),
        ).fetchone()
        return None if row is None else self._posted(row)

    def settled_at(self, nonce: int) -> Posted | None:
        """The transaction of a nonce that was mined, as far as is known."""
        row = self._db.execute(
            f"SELECT {_POSTED} FROM transactions WHERE ledger = ? AND nonce = ?"  # noqa: S608
            " AND state IN ('done', 'reverted') ORDER BY id DESC",
            (self._ledger, nonce),
        ).fetchone()
        return None if row is None else self._posted(row)

    def done_hash(self, key: str) -> bytes | None:
        """Hash of the mined transaction that did what the key stands for, if there was one."""
        row = self._db.execute(
            "SELECT tx_hash FROM transactions WHERE ledger = ? AND key = ? AND state = 'done' ORDER BY id DESC",
            (self._ledger, key),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def fees_since(self, moment: float) -> int:
        """Gas fees in wei: of those mined since a moment what they cost, of live ones what they may cost at most."""
        mined = self._db.execute(
            "SELECT fee FROM transactions WHERE ledger = ? AND created >= ? AND state IN ('done', 'reverted')",
            (self._ledger, moment),
        )
        spent = sum(int(fee) for (fee,) in mined)
        return spent + sum(posted.gas * posted.attempts[-1].fees.max_fee_wei for posted in self.live())

    def prune(self, before: float) -> None:
        """Forgets what was settled before a moment."""
        self._db.execute(
            "DELETE FROM transactions WHERE ledger = ? AND state != 'live' AND created < ?", (self._ledger, before)
        )

    def _transaction(self) -> _Commit:
        return _Commit(self._db)

    def _attach(self, posted: Posted, attempt: Attempt) -> Posted:
        self._db.execute(
            "INSERT INTO attempts (tx_id, hash, raw, max_fee, tip) VALUES (?, ?, ?, ?, ?)",
            (posted.id, attempt.tx_hash, attempt.raw, str(attempt.fees.max_fee_wei), str(attempt.fees.tip_wei)),
        )
        return posted.with_attempt(attempt)

    def _posted(self, row: Iterable[Any]) -> Posted:
        tx_id, key, nonce, gas, recipient, data, value, contract, description = row
        rows = self._db.execute("SELECT hash, raw, max_fee, tip FROM attempts WHERE tx_id = ? ORDER BY id", (tx_id,))
        attempts = tuple(Attempt(h, raw, Fees(int(fee), int(tip))) for h, raw, fee, tip in rows.fetchall())
        call = Call(
            to=None if recipient is None else Address(str(recipient)),
            data=data,
            value=int(str(value)),
            description=str(description),
            contract=str(contract),
        )
        return Posted(int(str(tx_id)), str(key), int(str(nonce)), int(str(gas)), call, attempts)


def _open(path: str | Path) -> StateDatabase:
    db = open_database(path, isolation_level=None, timeout=10)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # a crash of the process loses nothing; after a power cut the chain tells what a lost row would have
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.executescript(_SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> None:
    """A file that is no database of ours is kept under another name, for whoever wants to know why."""
    path.rename(path.with_name(f"{path.name}.damaged-{time.time_ns()}"))
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class _Commit:
    """One SQLite transaction: committed at the end, rolled back on an exception."""

    def __init__(self, db: StateDatabase) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            # a full disk may have undone it already
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
