"""Small files of which a reader sees the old state or the new one, never half of either."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

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
