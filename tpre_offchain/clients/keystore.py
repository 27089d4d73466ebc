"""Keystore files: an account's entropy and node keys, encrypted, of mode 0600, replaced as a whole (`keyfile.py`).

Owners, users and devices read theirs; the verbs and the daemon of a proxy change the node keys, and several of them may
at the same time. Each change is made to what the file holds at that moment, alone with it, and the bytes that it held
before are overwritten: they may hold a node key that is to be gone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tpre_offchain.clients.keyfile import (
    DEFAULT_COST,
    MAX_FILE_BYTES,
    Contents,
    EmptyPassphrase,
    FileKey,
    KeyFile,
    KeystoreCorrupt,
    ListedKey,
    ScryptCost,
    TooManyNodeKeys,
    WrongPassphrase,
    parse,
    seal,
)
from tpre_offchain.clients.keys import Keys, NodeKey
from tpre_offchain.clients.stored.files import alone_with, reading, replace_and_wipe, wipe_leftovers, write_new
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.errors import KeystoreError
from tpre_offchain.types import Address

__all__ = [
    "DEFAULT_COST",
    "EmptyPassphrase",
    "Keystore",
    "KeystoreCorrupt",
    "KeystoreExists",
    "KeystoreMissing",
    "KeystoreTooOpen",
    "KeystoreUnwritable",
    "ListedKey",
    "ScryptCost",
    "TooManyNodeKeys",
    "WrongPassphrase",
    "address_in_keystore",
    "change_passphrase",
    "create_keystore",
    "decrypt_keys",
    "encrypt_keys",
    "node_keys_listed",
    "open_keystore",
    "unlock",
]

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
NodeKeyChange = Callable[[tuple[NodeKey, ...]], Iterable[NodeKey]]
FileState = tuple[int, int, int]
"""Of a file that is replaced and never written to: inode, size, time of change in ns."""


class KeystoreMissing(KeystoreError):
    """There is no keystore at that path."""

    default_hint = "make one with `tpre key new`, or bring yours back with `tpre key recover`"


class KeystoreExists(KeystoreError):
    """A file is there already; a keystore is never overwritten by a new account."""

    default_hint = "choose another path; a key that is overwritten is lost, and what was encrypted for it with it"


class KeystoreTooOpen(KeystoreError):
    """Others than its owner may read or write the file."""


class KeystoreUnwritable(KeystoreError):
    """The file cannot be read or written there."""


# --- files ----------------------------------------------------------------------------------------


def create_keystore(path: Path, keys: Keys, passphrase: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> None:
    """Write ``keys`` to a new file of mode 0600; missing folders are made with mode 0700.

    ``random`` gives salt and nonce. Raises ``KeystoreExists``, ``KeystoreUnwritable`` or ``EmptyPassphrase``.
    """
    text = encrypt_keys(keys, passphrase, random, cost)
    try:
        write_new(path, text)
    except OSError as error:
        if path.exists():
            raise KeystoreExists(f"{path} exists") from None
        raise KeystoreUnwritable(f"cannot write {path}: {error.strerror}") from None


def open_keystore(path: Path, passphrase: str) -> Keys:
    """The account's keys in a file.

    Raises ``KeystoreMissing``, ``KeystoreTooOpen``, ``KeystoreUnwritable``, ``KeystoreCorrupt`` or ``WrongPassphrase``.
    """
    file = _read(path)
    return file.open(file.key(passphrase)).keys


def address_in_keystore(path: Path) -> Address:
    """Whose keystore it is; needs no passphrase and proves nothing. Raises what ``open_keystore`` raises."""
    return Address(_read(path).address)


def node_keys_listed(path: Path) -> tuple[ListedKey, ...]:
    """The node keys that a file lists; needs no passphrase and proves nothing. Raises what ``open_keystore`` raises."""
    return _read(path).listed


def change_passphrase(path: Path, old: str, new: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> None:
    """Encrypt a keystore under another passphrase, replacing the file atomically and overwriting what it was.

    Raises what ``open_keystore`` and ``create_keystore`` raise.
    """
    key = FileKey.fresh(new, random, cost)

    def rewritten(file: KeyFile) -> bytes:
        return seal(file.open(file.key(old)), key, random)

    _replace(path, rewritten)


def unlock(path: Path, passphrase: str) -> Keystore:
    """A keystore that stays open, to read and change its node keys. Raises what ``open_keystore`` raises."""
    place = path.resolve()  # what a link leads to is what is replaced and wiped
    file = _read(place)
    key = file.key(passphrase)
    return Keystore(place, file.open(key).keys, key)


@dataclass(frozen=True)
class Keystore:
    """An open keystore file. It holds what opens the file, not the passphrase."""

    path: Path
    keys: Keys
    _key: FileKey

    def node_keys(self) -> tuple[NodeKey, ...]:
        """Those that the file holds now. Raises what ``open_keystore`` raises."""
        return self._contents(_read(self.path)).node_keys

    def change(self, change: NodeKeyChange, random: Random) -> tuple[NodeKey, ...]:
        """Replace the node keys by what ``change`` makes of those that the file holds now; what it holds then.

        On return it is on the disk, and the old bytes are overwritten; with nothing to change, those that a killed
        program left. Raises what ``open_keystore`` raises, and ``TooManyNodeKeys``.
        """
        held: tuple[NodeKey, ...] = ()

        def rewritten(file: KeyFile) -> bytes | None:
            nonlocal held
            before = self._contents(file)
            held = tuple(change(before.node_keys))
            return None if held == before.node_keys else seal(Contents(self.keys, held), self._key, random)

        _replace(self.path, rewritten)
        return held

    def state(self) -> FileState | None:
        """What differs after each change of the file, without reading it; None if it is not there."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _contents(self, file: KeyFile) -> Contents:
        contents = file.open(self._key)
        if contents.keys != self.keys:
            raise KeystoreCorrupt(f"{file.name} is the keystore of another account now")
        return contents


def _read(path: Path) -> KeyFile:
    with _errors_of(path), reading(path) as file:
        return _parsed(file, path)


def _replace(path: Path, rewritten: Callable[[KeyFile], bytes | None]) -> None:
    """Replace a file by what ``rewritten`` makes of it, None to leave it, alone with it."""
    path = path.resolve()
    with _errors_of(path), alone_with(path) as file:
        text = rewritten(_parsed(file, path))
        if text is None:
            wipe_leftovers(path)
        else:
            replace_and_wipe(path, text)


def _parsed(file: BinaryIO, path: Path) -> KeyFile:
    # The mode is asked of the file that was opened, not of the name: the name could be moved in between.
    mode = os.fstat(file.fileno()).st_mode
    if os.name == "posix" and mode & _OTHERS:
        raise KeystoreTooOpen(
            f"{path} is open to others: mode {stat.S_IMODE(mode):04o}", hint=f"run: chmod 600 {path.name}"
        )
    data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise KeystoreCorrupt(f"{path.name} has more than {MAX_FILE_BYTES} bytes")
    return parse(data, path.name)


class _errors_of:  # noqa: N801 - reads as a phrase
    """An ``OSError`` of these lines is one of that keystore."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise KeystoreMissing(f"no keystore at {self._path}") from None
        if isinstance(error, OSError):
            raise KeystoreUnwritable(f"cannot read or write {self._path}: {error.strerror}") from None


# --- contents -------------------------------------------------------------------------------------


def encrypt_keys(keys: Keys, passphrase: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> bytes:
    """The keystore file of an account without node keys. Raises ``EmptyPassphrase``."""
    return seal(Contents(keys), FileKey.fresh(passphrase, random, cost), random)


def decrypt_keys(data: bytes, passphrase: str, name: str = "keystore") -> Keys:
    """The account's keys in a keystore file's bytes. Raises ``KeystoreCorrupt`` or ``WrongPassphrase``."""
    file = parse(data, name)
    return file.open(file.key(passphrase)).keys
