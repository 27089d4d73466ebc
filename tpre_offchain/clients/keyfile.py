"""The bytes of a keystore file: an account's entropy and its node keys, encrypted under a passphrase.

    {"format": "tpre-keystore", "version": 2, "address": "0x…",
     "node_keys": [{"chain_id": 1, "registry": "0x…", "version": 1, "key_hash": keccak256 of N's 128 bytes}, …],
     "kdf": {"name": "scrypt", "log2_n": 17, "r": 8, "p": 1, "salt": 32 bytes in hex},
     "cipher": {"name": "aes-256-gcm", "nonce": 12 bytes, "ciphertext": 32 * (1 + node keys) + 16 bytes},
     "checksum": SHA-256 of the canonical JSON of all the rest}

Encrypted are the entropy and, in the order of the list, the scalars of the node keys. The list is in clear, ascending
by registry and version: which versions are held can be told without the passphrase, and the keys are on the chain
anyway. Version 1 knew no node keys and has no list; it is read, and never written.

The key is scrypt(NFKC(passphrase)); everything but ciphertext and checksum is authenticated with it. The checksum tells
a damaged file from a wrong passphrase; it protects against accidents only. The address is in clear, so that a tool can
say whose file it is without asking for the passphrase.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tpre_offchain.clients.keys import ENTROPY_BYTES, Keys, NodeKey, Registry
from tpre_offchain.crypto.curve import decode_scalar, encode_scalar
from tpre_offchain.crypto.hashing import Random, points_hash
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.errors import DecodingError, KeystoreError

FORMAT: Final = "tpre-keystore"
VERSION: Final = 2
WITHOUT_NODE_KEYS: Final = 1
MAX_NODE_KEYS: Final = 512
"""More than any proxy needs: it rotates once in a cooldown, and no grant lives for ever."""
MAX_FILE_BYTES: Final = 2048 + 512 * MAX_NODE_KEYS

_SALT_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SCALAR_BYTES: Final = 32
_TAG_BYTES: Final = 16
_FIELDS: Final = frozenset({"format", "version", "address", "kdf", "cipher"})
_LISTED: Final = frozenset({"chain_id", "registry", "version", "key_hash"})
_ADDRESS: Final = re.compile("0x[0-9a-f]{40}")
_MAX_KEY_VERSION: Final = 0xFFFF


class KeystoreCorrupt(KeystoreError):
    """The file is no keystore of this format, or it was damaged."""

    default_hint = (
        "restore the file from a copy, or recover the account from its 24 words, which bring no node keys"
    )


class WrongPassphrase(KeystoreError):
    """The passphrase does not open the keystore."""

    default_hint = "try again, or recover the account from its 24 words"


class EmptyPassphrase(KeystoreError):
    """A keystore is not written without a passphrase."""


class TooManyNodeKeys(KeystoreError):
    """The keystore holds as many node keys as it may."""

    default_hint = (
        "run the proxy: it erases versions that no grant needs"
    )


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


@dataclass(frozen=True, slots=True)
class FileKey:
    """What a passphrase gives for one salt: it opens the file, and writes it anew at no further cost."""

    cost: ScryptCost
    salt: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def derive(cls, passphrase: str, salt: bytes, cost: ScryptCost) -> FileKey:
        """Takes scrypt's time and memory."""
        # NFKC, as BIP-39 does: the same passphrase typed on another keyboard must give the same bytes.
        secret = unicodedata.normalize("NFKC", passphrase).encode()
        return cls(cost, salt, Scrypt(salt=salt, length=32, n=1 << cost.log2_n, r=cost.r, p=cost.p).derive(secret))

    @classmethod
    def fresh(cls, passphrase: str, random: Random, cost: ScryptCost = DEFAULT_COST) -> FileKey:
        """For a new file. Raises ``EmptyPassphrase``."""
        if not passphrase:
            raise EmptyPassphrase("the passphrase is empty")
        return cls.derive(passphrase, random(_SALT_BYTES), cost)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A node key as the file lists it in clear. ``key_hash``: keccak256 of its 128 bytes, as the registry stores it."""

    registry: Registry
    version: int
    key_hash: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """What a keystore holds. ``node_keys``: ascending by registry and version."""

    keys: Keys
    node_keys: tuple[NodeKey, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file's fields, whole and of the right kinds; nothing is decrypted yet. Made by ``parse``."""

    name: str
    address: str
    cost: ScryptCost
    salt: bytes
    listed: tuple[ListedKey, ...]
    _nonce: bytes
    _sealed: bytes = field(repr=False)
    _header: bytes = field(repr=False)

    def key(self, passphrase: str) -> FileKey:
        """What this passphrase gives for this file; whether it opens it is seen by opening."""
        return FileKey.derive(passphrase, self.salt, self.cost)

    def open(self, key: FileKey) -> Contents:
        """The contents. Raises ``WrongPassphrase``, ``KeystoreCorrupt``."""
        if (key.salt, key.cost) != (self.salt, self.cost):
            raise WrongPassphrase(f"{self.name} was written under another passphrase since it was opened")
        try:
            plain = AESGCM(key.secret).decrypt(self._nonce, self._sealed, self._header)
        except InvalidTag:
            raise WrongPassphrase(f"the passphrase does not open {self.name}") from None
        keys = Keys(plain[:ENTROPY_BYTES])
        if keys.address != self.address:
            raise KeystoreCorrupt(
                f"{self.name} says that it is of {self.address}, but holds the keys of {keys.address}"
            )
        return Contents(keys, tuple(self._node_key(plain, i) for i in range(len(self.listed))))

    def _node_key(self, plain: bytes, place: int) -> NodeKey:
        listed, start = self.listed[place], ENTROPY_BYTES + place * _SCALAR_BYTES
        try:
            key = ProxyKey.of_secret(decode_scalar(plain[start : start + _SCALAR_BYTES]), listed.version)
        except DecodingError:
            raise KeystoreCorrupt(f"{self.name} holds no scalar as version {listed.version}") from None
        if points_hash([key.public]) != listed.key_hash:
            raise KeystoreCorrupt(f"{self.name} holds another node key than it lists as version {listed.version}")
        return NodeKey(listed.registry, key)


def seal(contents: Contents, key: FileKey, random: Random) -> bytes:
    """The file of some contents. Raises ``TooManyNodeKeys``."""
    node_keys = sorted(contents.node_keys, key=lambda one: one.place)
    if len(node_keys) > MAX_NODE_KEYS:
        raise TooManyNodeKeys(f"{len(node_keys)} node keys; a keystore holds {MAX_NODE_KEYS}")
    nonce, cost = random(_NONCE_BYTES), key.cost
    header = {
        "format": FORMAT,
        "version": VERSION,
        "address": contents.keys.address,
        "node_keys": [_listed(one) for one in node_keys],
        "kdf": {"name": "scrypt", "log2_n": cost.log2_n, "r": cost.r, "p": cost.p, "salt": key.salt.hex()},
        "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex()},
    }
    plain = contents.keys.entropy + b"".join(encode_scalar(one.key.secret) for one in node_keys)
    sealed = AESGCM(key.secret).encrypt(nonce, plain, _canonical(header))
    body = {**header, "cipher": {"name": "aes-256-gcm", "nonce": nonce.hex(), "ciphertext": sealed.hex()}}
    return json.dumps({**body, "checksum": checksum(body)}, indent=2).encode() + b"\n"


def parse(data: bytes, name: str) -> KeyFile:
    """The fields of a file, its checksum verified. Raises ``KeystoreCorrupt``."""
    body = _checked(data, name)
    try:
        kdf, cipher = body["kdf"], body["cipher"]
        listed = _list_of(body.get("node_keys", []))
        return KeyFile(
            name=name,
            address=_text(body["address"]),
            cost=ScryptCost(int(kdf["log2_n"]), int(kdf["r"]), int(kdf["p"])),
            salt=_hex(kdf["salt"], _SALT_BYTES),
            listed=listed,
            _nonce=_hex(cipher["nonce"], _NONCE_BYTES),
            _sealed=_hex(cipher["ciphertext"], ENTROPY_BYTES + _SCALAR_BYTES * len(listed) + _TAG_BYTES),
            _header=_canonical({**body, "cipher": {k: v for k, v in cipher.items() if k != "ciphertext"}}),
        )
    except (KeyError, TypeError, ValueError, AttributeError, KeystoreError):
        raise KeystoreCorrupt(f"{name}: a field is missing or of the wrong kind") from None


def _checked(data: bytes, name: str) -> dict[str, Any]:
    """The file's fields but the checksum, which holds; those of its version, and no others."""
    try:
        document = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise KeystoreCorrupt(f"{name} is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise KeystoreCorrupt(f"{name} is no keystore of tpre")
    version = document.get("version")
    if version not in (WITHOUT_NODE_KEYS, VERSION):
        raise KeystoreCorrupt(f"{name} is of version {version!r}", hint="use the program that wrote it")
    if document.pop("checksum", None) != checksum(document):
        raise KeystoreCorrupt(f"{name} was damaged: its checksum does not hold")
    if document.keys() != (_FIELDS if version == WITHOUT_NODE_KEYS else _FIELDS | {"node_keys"}):
        raise KeystoreCorrupt(f"{name}: a field is missing, or one more than there should be")
    return document


def _list_of(entries: Any) -> tuple[ListedKey, ...]:
    """The list of node keys. Raises ``ValueError`` for one that ``seal`` would not have written."""
    if not isinstance(entries, list) or len(entries) > MAX_NODE_KEYS:
        raise ValueError("no list, or too long a one")
    listed = tuple(_listed_key(entry) for entry in entries)
    places = [(one.registry, one.version) for one in listed]
    if places != sorted(set(places)):
        raise ValueError("a version is there twice, or out of order")
    return listed


def _listed_key(entry: Mapping[str, Any]) -> ListedKey:
    if entry.keys() != _LISTED or not _ADDRESS.fullmatch(entry["registry"]):
        raise ValueError("not an entry of the list")
    chain_id, version = entry["chain_id"], entry["version"]
    if type(chain_id) is not int or type(version) is not int or chain_id < 1 or not 1 <= version <= _MAX_KEY_VERSION:
        raise ValueError("no chain id, or no version")
    return ListedKey(Registry(chain_id, entry["registry"]), version, _hex(entry["key_hash"], 32))


def _listed(one: NodeKey) -> dict[str, Any]:
    return {
        "chain_id": one.registry.chain_id,
        "registry": one.registry.address,
        "version": one.key.version,
        "key_hash": points_hash([one.key.public]).hex(),
    }


def checksum(body: Mapping[str, Any]) -> str:
    """Of all fields but itself."""
    return hashlib.sha256(_canonical(body)).hexdigest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _hex(text: str, size: int) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != size or data.hex() != text:
        raise ValueError(f"not {size} bytes in lower-case hex")
    return data
