"""The user's cache folder: what lies in it is whole, and is the user's own."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tpre_offchain.errors import StorageError

if sys.platform != "win32":
    import fcntl


class CacheUnusable(StorageError):
    """The cache folder cannot be written, or others can write to it."""

    default_hint = "another folder can be named by XDG_CACHE_HOME"


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/tpre``, else ``~/.cache/tpre``; nothing is made by naming it. Raises ``CacheUnusable``."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # others are to be ignored, says XDG
        return given / "tpre"
    try:
        return Path.home() / ".cache" / "tpre"
    except RuntimeError:
        raise CacheUnusable("this user has no home folder") from None


def find_kept(name: str) -> Path | None:
    """The entry, or None where it is not there or there is no cache. Raises ``CacheUnusable`` for one of others."""
    try:
        folder = cache_folder()
        if not (folder / name).is_dir():
            return None
    except (CacheUnusable, OSError):
        return None
    _require_own(folder)
    return folder / name


def keep(name: str, fill: Callable[[Path], None]) -> Path:
    """The entry: where it is missing, ``fill`` writes it into an empty folder, which then gets its name, or is removed.

    Of processes that want it at once, one fills and the others wait. Raises ``CacheUnusable``, and what ``fill`` does.
    """
    folder = cache_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_own(folder)
        with _alone(folder / ".lock"):
            if not (folder / name).is_dir():
                _fill(folder, name, fill)
    except OSError as problem:
        raise CacheUnusable(f"cannot write to {folder}: {problem.strerror or problem}") from problem
    return folder / name


def _fill(folder: Path, name: str, fill: Callable[[Path], None]) -> None:
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed: nobody else is here
    part.mkdir(mode=0o700)
    try:
        fill(part)
        part.rename(folder / name)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is here; the lock ends with the process, however that ends."""
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_own(folder: Path) -> None:
    """We run what lies here: nobody else may be able to put it there. Raises ``CacheUnusable``."""
    if sys.platform == "win32":
        return
    found = folder.stat()
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CacheUnusable(f"others can write to {folder}", hint=f"chmod 700 {folder}, if it is yours; or remove it")
