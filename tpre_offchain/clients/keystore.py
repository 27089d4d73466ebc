"""The keystore: an account's 32 bytes of entropy in one file, encrypted under a passphrase.

A JSON file of mode 0600, written atomically:

    {"format": "tpre-keystore", "version": 1, "address": "0x…",
     "kdf": {"name": "scrypt", "log2_n": 17, "r": 8, "p": 1, "salt": 32 bytes in hex},
     "cipher": {"name": "aes-256-gcm", "nonce": 12 bytes, "ciphertext": 48 bytes},
     "checksum": SHA-256 of the canonical JSON of all the rest}

The key is scrypt(NFKC(passphrase)); everything but ciphertext and checksum is authenticated with it. The checksum tells
a damaged file from a wrong passphrase; it protects against accidents only. The address is in clear, so that a tool can
say whose file it is without asking for the passphrase.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.stored.files import write_new, write_over
from tpre_offchain.crypto.hashing import Random
from tpre_offchain.errors import KeystoreError
from tpre_offchain.types import Address

FORMAT: Final = "tpre-keystore"
VERSION: Final = 1
MAX_FILE_BYTES: Final = 4096

_SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEALED_BYTES: Final = 32 + 16
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeystoreMissing(KeystoreError):
    """There is no keystore at that path."""

    default_hint = "make one with `tpre key new`, or bring yours back with `tpre key recover`"


class KeystoreExists(KeystoreError):
    """A file is there already; a keystore is never overwritten by a new account."""

    default_hint = "choose another path; a key that is overwritten is lost, and what was encrypted for it with it"


class KeystoreCorrupt(KeystoreError):
    """The file is no keystore of this format, or it was damaged."""

    default_hint = "restore the file from a copy, or recover the account from its 24 words"


class KeystoreTooOpen(KeystoreError):
    """Others than its owner may read or write the file."""


class KeystoreUnwritable(KeystoreError):
    """The file cannot be read or written there."""


class WrongPassphrase(KeystoreError):
    """The passphrase does not open the keystore."""

    default_hint = "try again, or recover the account from its 24 words"


class EmptyPassphrase(KeystoreError):
    """A keystore is not written without a passphrase."""


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """Work that one guess of the passphrase takes: 128 * r * 2^log2_n bytes of memory, p times.

    The default takes 128 MiB and some 0.4 s. Raises ``KeystoreError`` outside 2^10..2^20, r 1..16, p 1..16: a file from
    elsewhere must not exhaust the machine that opens it.
    """

    log2_n: int = 17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        if not (10 <= self.log2_n <= 20 and 1 <= self.r <= 16 and 1 <= self.p <= 16):
            raise KeystoreError(f"scrypt cost out of range: 2^{self.log2_n}, r {self.r}, p {self.p}")


DEFAULT_COST: Final = ScryptCost()


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
    """The keys in a file.

    Raises ``KeystoreMissing``, ``KeystoreTooOpen``, ``KeystoreUnwritable``, ``KeystoreCorrupt`` or ``WrongPassphrase``.
    """
    return decrypt_keys(_read(path), passphrase, path.name)


def address_in_keystore(path: Path) -> Address:
    """Whose keystore it is; needs no passphrase and proves nothing. Raises what ``open_keystore`` raises."""
    return Address(str(_parse(_read(path), path.name)["address"]))


def change_passphrase(path: Path, old: str, new: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> None:
    """Encrypt a keystore under another passphrase, replacing the file atomically.

    Raises what ``open_keystore`` and ``create_keystore`` raise.
    """
    keys = open_keystore(path, old)
    text = encrypt_keys(keys, new, random, cost)
    try:
        write_over(path, text)
    except OSError as error:
        raise KeystoreUnwritable(f"cannot write {path}: {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        # The mode is asked of the file that was opened, not of the name: the name could be moved in between.
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise KeystoreMissing(f"no keystore at {path}") from None
    except OSError as error:
        raise KeystoreUnwritable(f"cannot read {path}: {error.strerror}") from None
    if os.name == "posix" and mode & _OTHERS:
        raise KeystoreTooOpen(
            f"{path} is open to others: mode {stat.S_IMODE(mode):04o}", hint=f"run: chmod 600 {path.name}"
        )
    return data


# --- contents -------------------------------------------------------------------------------------


def encrypt_keys(keys: Keys, passphrase: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> bytes:
    """The keystore file of ``keys``. Raises ``EmptyPassphrase``."""
    if not passphrase:
        raise EmptyPassphrase("the passphrase is empty")
    salt, nonce = random(_SALT_BYTES), random(_NONCE_BYTES)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "address": keys.address,
        "kdf": {"name": "scrypt", "log2_n": cost.log2_n, "r": cost.r, "p": cost.p, "salt": salt.hex()},
        "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex()},
    }
    sealed = AESGCM(_derive(passphrase, salt, cost)).encrypt(nonce, keys.entropy, _canonical(header))
    body = {**header, "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex(), "ciphertext": sealed.hex()}}
    return json.dumps({**body, "checksum": _checksum(body)}, indent=2).encode() + b"\n"


def decrypt_keys(data: bytes, passphrase: str, name: str = "keystore") -> Keys:
    """The keys in a keystore file's bytes. Raises ``KeystoreCorrupt`` or ``WrongPassphrase``."""
    body = _parse(data, name)
    kdf, cipher = body["kdf"], body["cipher"]
    try:
        cost = ScryptCost(int(kdf["log2_n"]), int(kdf["r"]), int(kdf["p"]))
        salt = _hex(kdf["salt"], _SALT_BYTES)
        nonce = _hex(cipher["nonce"], _NONCE_BYTES)
        sealed = _hex(cipher["ciphertext"], _SEALED_BYTES)
    except (KeyError, TypeError, ValueError, KeystoreError):
        raise KeystoreCorrupt(f"{name}: a field is missing or of the wrong kind") from None
    header = {**body, "cipher": {key: value for key, value in cipher.items() if key != "ciphertext"}}
    try:
        entropy = AESGCM(_derive(passphrase, salt, cost)).decrypt(nonce, sealed, _canonical(header))
    except InvalidTag:
        raise WrongPassphrase(f"the passphrase does not open {name}") from None
    keys = Keys(entropy)
    if keys.address != body["address"]:
        raise KeystoreCorrupt(f"{name} says that it is of {body['address']}, but holds the keys of {keys.address}")
    return keys


def _parse(data: bytes, name: str) -> dict[str, Any]:
    """The file's fields but the checksum, which holds."""
    try:
        document = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise KeystoreCorrupt(f"{name} is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise KeystoreCorrupt(f"{name} is no keystore of tpre")
    if document.get("version") != VERSION:
        raise KeystoreCorrupt(f"{name} is of version {document.get('version')!r}", hint="use the program that wrote it")
    checksum = document.pop("checksum", None)
    if checksum != _checksum(document):
        raise KeystoreCorrupt(f"{name} was damaged: its checksum does not hold")
    shaped = isinstance(document.get("kdf"), dict) and isinstance(document.get("cipher"), dict)
    if not shaped or not isinstance(document.get("address"), str):
        raise KeystoreCorrupt(f"{name}: a field is missing or of the wrong kind")
    return document


def _derive(passphrase: str, salt: bytes, cost: ScryptCost) -> bytes:
    # NFKC, as BIP-39 does: the same passphrase typed on another keyboard must give the same bytes.
    secret = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt=salt, length=32, n=1 << cost.log2_n, r=cost.r, p=cost.p).derive(secret)


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _hex(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes instead of {size}")
    return data
