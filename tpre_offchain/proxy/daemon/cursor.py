"""Where a proxy is on the chain: a convenience that saves a rescan. Losing it costs time, never correctness."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from tpre_offchain.types import RoundId
from tpre_offchain.unfinished import StateDatabase, open_database

IN_MEMORY = ":memory:"
SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS place (
    only INTEGER PRIMARY KEY CHECK (only = 1), chain TEXT NOT NULL, block INTEGER NOT NULL, hash BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS open_round (id TEXT PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A block whose events have all been taken in. ``block_hash``: 32 bytes, to notice a reorganised chain."""

    block_number: int
    block_hash: bytes


class Cursor:
    """A SQLite file with the place and the rounds still open, for one chain and deployment.

    ``chain``: names both, such as ``31337/0xRounds``; a file that was written for another is treated as damaged.
    A damaged file is renamed aside and begun anew. Every method may raise ``StateUnwritable``.
    """

    def __init__(self, path: Path | str, chain: str) -> None:
        self._path = path
        self._chain = chain
        self._db = self._open()

    def load(self) -> tuple[Place, frozenset[RoundId]] | None:
        """The saved place and open rounds, None if nothing was saved."""
        row = self._db.execute("SELECT block, hash FROM place").fetchone()
        if row is None:
            return None
        rounds = self._db.execute("SELECT id FROM open_round").fetchall()
        return Place(row[0], row[1]), frozenset(RoundId(int(text, 16)) for (text,) in rounds)

    def save(self, place: Place, open_rounds: Iterable[RoundId]) -> None:
        """Replace what was saved, in one transaction."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO place VALUES (1, ?, ?, ?)", (self._chain, place.block_number, place.block_hash)
            )
            self._db.execute("DELETE FROM open_round")
            self._db.executemany("INSERT INTO open_round VALUES (?)", [(hex(round_id),) for round_id in open_rounds])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _open(self) -> StateDatabase:
        try:
            return self._open_checked()
        except sqlite3.DatabaseError as damage:
            if self._path == IN_MEMORY:
                raise
            aside = self._set_aside()
            structlog.get_logger().warning("cursor_rebuilt", reason=str(damage), old_file=aside.name)
            return self._open_checked()

    def _open_checked(self) -> StateDatabase:
        db = open_database(self._path)
        try:
            _prepare(db, self._chain)
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self) -> Path:
        path = Path(self._path)
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).unlink()
        return aside


def _prepare(db: sqlite3.Connection, chain: str) -> None:
    """Raises ``sqlite3.DatabaseError`` where the file is not a cursor of ours for this chain."""
    db.execute("PRAGMA journal_mode=WAL")
    # a lost save only means a longer rescan: no fsync for every block
    db.execute("PRAGMA synchronous=OFF")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA_VERSION):
        raise sqlite3.DatabaseError(f"schema version {version}, not {SCHEMA_VERSION}")
    db.executescript(_SCHEMA)
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    row = db.execute("SELECT chain, block, hash FROM place").fetchone()
    db.execute("SELECT id FROM open_round").fetchall()
    if row is not None and row[0] != chain:
        raise sqlite3.DatabaseError("written for another chain or deployment")
