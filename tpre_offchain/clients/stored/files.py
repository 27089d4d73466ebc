"""Small files of which a reader sees the old state or the new one, never half of either.

``reading`` and ``alone_with`` are for a file that several programs use and whose old states are to be wiped: whoever
reads holds a shared lock of the file, whoever replaces it an exclusive one, so that nobody reads what is being wiped.
"""

from __future__ import annotations

import glob
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tpre_offchain.failpoints import failpoint

if sys.platform != "win32":
    import fcntl

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def write_new(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that must not exist. Raises ``FileExistsError`` or another ``OSError``."""
    make_private_folder(path.parent)
    with new_sibling(path) as (file, temporary):
        file.write(data)
        sync(file)
        os.link(temporary, path)  # unlike a rename, a link refuses to replace
    sync_folder(path.parent)


def write_over(path: Path, data: bytes) -> None:
    """Write a file of mode 0600, replacing what is there. Raises ``OSError``."""
    with new_sibling(path) as (file, temporary):
        file.write(data)
        sync(file)
        temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """The file that is at ``path``; nobody replaces it meanwhile. Raises ``OSError``."""
    with _locked(path, "rb", exclusive=False) as file:
        yield file


@contextmanager
def alone_with(path: Path) -> Iterator[BinaryIO]:
    """The file that is at ``path``; nobody else reads or replaces it meanwhile. Raises ``OSError``."""
    with _locked(path, "r+b", exclusive=True) as file:
        yield file


def replace_and_wipe(path: Path, data: bytes) -> None:
    """Replace a file as ``write_over`` does, and overwrite what it held; for whoever is ``alone_with`` it.

    What a program that was killed left half way is overwritten first. How much of it the disk forgets is up to the file
    system: SECURITY.md. Raises ``OSError``.
    """
    wipe_leftovers(path)
    old = _old_name(path)
    with new_sibling(path) as (file, temporary):
        file.write(data)
        sync(file)
        failpoint("keystore.written")
        _lock(file, exclusive=True)  # as soon as it is at ``path``, others wait for this one and not for the old one
        os.link(path, old)
        temporary.replace(path)
        sync_folder(path.parent)
        failpoint("keystore.replaced")
        wipe(old)
        sync_folder(path.parent)


def wipe_leftovers(path: Path) -> None:
    """Overwrite and remove what a killed ``replace_and_wipe`` left; for whoever is ``alone_with`` the file."""
    for leftover in leftovers_of(path):
        wipe(leftover)


def leftovers_of(path: Path) -> list[Path]:
    """Old and half-written states of a file."""
    parts = path.parent.glob(f".{glob.escape(path.name)}.*.part")
    return [*sorted(parts), *(old for old in [_old_name(path)] if old.exists())]


def _old_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def wipe(path: Path) -> None:
    """Overwrite a small file and remove it; one that has a second name keeps its content there. Raises ``OSError``."""
    with path.open("r+b") as file:
        found = os.fstat(file.fileno())
        if found.st_nlink == 1:
            file.write(bytes(found.st_size))
            sync(file)
    path.unlink()


@contextmanager
def _locked(path: Path, mode: str, *, exclusive: bool) -> Iterator[BinaryIO]:
    while True:
        with path.open(mode) as opened:
            file: BinaryIO = opened  # type: ignore[assignment]
            _lock(file, exclusive=exclusive)
            # it may have been replaced while we waited: then the lock is that of a file that is no more
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield file
                return


def _lock(file: BinaryIO, *, exclusive: bool) -> None:
    if sys.platform == "win32":
        return  # no such locks there: programs that use one file must take turns themselves
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
    except OSError:
        if exclusive:
            raise  # a file system without locks is good enough to read from, and not to replace


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, for its owner alone; one that exists is left as it is."""
    if not path.parent.is_dir():
        make_private_folder(path.parent)  # mkdir's own `parents` would make those with the default mode
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def sync(file: BinaryIO) -> None:
    """Have what was written reach the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Have a rename reach the disk, where the system can do that for folders."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def new_sibling(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file of mode 0600 next to ``path``, with its name; gone afterwards unless it was renamed.

    Raises ``OSError``.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    file = os.fdopen(descriptor, "wb")
    try:
        yield file, temporary
    finally:
        # whoever keeps the file has synced it; after a failure a full disk would only hide what failed
        with suppress(OSError):
            file.close()
        temporary.unlink(missing_ok=True)
