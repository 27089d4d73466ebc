"""A full or read-only disk, made real: mounted in a namespace that only this process sees.

Needs the right to make namespaces, as root or for everybody; ``possible`` tells.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 0x1000, 0x4000, 1 << 18
SMALL = b"size=256k,mode=700"
LEFT_BYTES = 64 << 10
BALLAST = "ballast"


def possible() -> bool:
    """Whether this system lets us: tried in a child that ends at once."""
    if sys.platform != "linux":
        return False
    pid = os.fork()
    if pid == 0:
        try:
            for kind in ("read-only", "full"):
                mount(kind, Path("/tmp"))  # noqa: S108 - seen by this child alone
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def mount(kind: str, folder: Path) -> None:
    """Put a disk over ``folder``, for this process: ``full`` has no byte left, ``nearly-full`` has ``LEFT_BYTES``,
    ``read-only`` shows what is in the folder and takes nothing.

    Raises ``OSError``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    _check(libc.unshare(CLONE_NEWNS | (0 if uid == 0 else CLONE_NEWUSER)))
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    target = os.fsencode(folder)
    if kind == "read-only":
        _check(libc.mount(target, target, None, MS_BIND, None))
        _check(libc.mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None))
    else:
        _check(libc.mount(b"tmpfs", target, b"tmpfs", 0, SMALL))
        fill(folder, LEFT_BYTES if kind == "nearly-full" else 0)


def fill(folder: Path, left_bytes: int = 0) -> None:
    """Write until nothing more fits, then leave so much room."""
    with (folder / BALLAST).open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(file.tell() - left_bytes)


def files_in(folder: Path) -> list[str]:
    """Names of all files below a folder, without the ballast."""
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != BALLAST
    )


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
