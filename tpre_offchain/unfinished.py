"""Files in which work under way is written down, so that a crash loses nothing: outbox, publish queue, cursor.

A disk that is full, read-only or broken gives an error that says so; what was written before stays as it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

from tpre_offchain.errors import StorageError

_DISK: Final = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY}
)
_PRIMARY: Final = 0xFF
"""An error code of SQLite is a primary one in its lowest byte, with details above."""


class StateUnwritable(StorageError):
    """What is to be done cannot be written down, so it was not begun. ``culprit``: the file or folder."""

    default_retryable = True
    default_hint = "free some space there, or name a folder on another disk; what was written down before is kept"


class StateDatabase(sqlite3.Connection):
    """A connection whose statements raise ``StateUnwritable`` where the disk is to blame. Made by ``open_database``."""

    path: str | Path = ":memory:"

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """One statement."""
        with _database_errors(self.path):
            return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        """One statement for each of the parameters."""
        with _database_errors(self.path):
            return super().executemany(sql, parameters)

    def executescript(self, sql_script: str, /) -> sqlite3.Cursor:
        """Several statements."""
        with _database_errors(self.path):
            return super().executescript(sql_script)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> Literal[False]:
        with _database_errors(self.path):
            return super().__exit__(kind, value, trace)


def open_database(path: str | Path, **options: Any) -> StateDatabase:
    """Connect, with the options of ``sqlite3.connect``. Raises ``StateUnwritable``."""
    with _database_errors(path):
        database = sqlite3.connect(path, factory=StateDatabase, **options)
    database.path = path
    return database


@contextmanager
def unfinished_in(place: Path) -> Iterator[None]:
    """An ``OSError`` of these lines is one of ``place``: raises ``StateUnwritable``."""
    try:
        yield
    except OSError as error:
        raise StateUnwritable(f"{error.strerror} in {place}", culprit=str(place)) from error


@contextmanager
def _database_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY not in _DISK:
            raise
        raise StateUnwritable(f"{error} in {path}", culprit=str(path)) from error
