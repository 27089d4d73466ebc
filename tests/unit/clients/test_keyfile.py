"""The keystore file's bytes: the version before, and files that no program of ours writes, made with the passphrase."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.clients.test_node_keys import CHEAP, PASSPHRASE, THERE, opened
from tpre_offchain.clients import keyfile, keystore
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.node_keys import NodeKeys
from tpre_offchain.crypto.curve import R, encode_scalar


@pytest.fixture
def path(tmp_path: Path, seeded: Random) -> Path:
    path = tmp_path / "proxy.json"
    keystore.create_keystore(path, Keys.generate(seeded.randbytes), PASSPHRASE, seeded.randbytes, CHEAP)
    return path


@pytest.fixture
def node_keys(path: Path, seeded: Random) -> NodeKeys:
    return opened(path, seeded)


def forged(path: Path, change: Callable[[dict[str, Any], bytes], bytes]) -> None:
    """Write the file anew as one who knows the passphrase: ``change`` edits the header, and gives what is sealed."""
    file = keyfile.parse(path.read_bytes(), path.name)
    key = file.key(PASSPHRASE)
    held = file.open(key)
    plain = held.keys.entropy + b"".join(encode_scalar(one.key.secret) for one in held.node_keys)
    document = json.loads(path.read_bytes())
    document.pop("checksum")
    document["cipher"].pop("ciphertext")
    plain = change(document, plain)
    nonce = bytes.fromhex(document["cipher"]["nonce"])
    sealed = AESGCM(key.secret).encrypt(nonce, plain, keyfile._canonical(document))
    document["cipher"]["ciphertext"] = sealed.hex()
    path.write_text(json.dumps({**document, "checksum": keyfile.checksum(document)}))


def test_open__file_of_version_1__has_no_node_keys_and_takes_some(path: Path, seeded: Random) -> None:
    def as_before(document: dict[str, Any], plain: bytes) -> bytes:
        document["version"] = 1
        del document["node_keys"]
        return plain

    forged(path, as_before)
    keys = keystore.open_keystore(path, PASSPHRASE)
    old = opened(path, seeded)
    assert old.held() == {}
    key = old.prepare(3)
    assert json.loads(path.read_text())["version"] == 2
    assert opened(path, seeded).held() == {3: key}
    assert keystore.open_keystore(path, PASSPHRASE) == keys


def _twice(document: dict[str, Any], plain: bytes) -> bytes:
    document["node_keys"].append(document["node_keys"][-1])
    return plain + plain[-32:]


def _swapped(document: dict[str, Any], plain: bytes) -> bytes:
    document["node_keys"].reverse()
    return plain[:32] + plain[64:] + plain[32:64]


def _scalars_swapped(_: dict[str, Any], plain: bytes) -> bytes:
    return plain[:32] + plain[64:] + plain[32:64]


def _cut(document: dict[str, Any], plain: bytes) -> bytes:
    return plain[:-32]


def _one_more(document: dict[str, Any], plain: bytes) -> bytes:
    return plain + bytes(31) + b"\x01"


def _scalar(value: int) -> Callable[[dict[str, Any], bytes], bytes]:
    return lambda _, plain: plain[:-32] + value.to_bytes(32, "big")


def _field(**fields: Any) -> Callable[[dict[str, Any], bytes], bytes]:
    def change(document: dict[str, Any], plain: bytes) -> bytes:
        document["node_keys"][-1].update(fields)
        return plain

    return change


def _no_list(document: dict[str, Any], plain: bytes) -> bytes:
    document["node_keys"] = {}
    return plain


def _no_object(document: dict[str, Any], plain: bytes) -> bytes:
    document["node_keys"][0] = 5
    return plain


FORGERIES: dict[str, Callable[[dict[str, Any], bytes], bytes]] = {
    "twice": _twice,
    "out of order": _swapped,
    "other scalars than listed": _scalars_swapped,
    "cut": _cut,
    "one that is not listed": _one_more,
    "scalar of zero": _scalar(0),
    "scalar too large": _scalar(R),
    "version zero": _field(version=0),
    "version too large": _field(version=1 << 16),
    "version true": _field(version=True),
    "version in text": _field(version="2"),
    "no chain": _field(chain_id=0),
    "upper-case address": _field(registry="0x" + "AA" * 20),
    "address too short": _field(registry="0x" + "aa" * 19),
    "hash too short": _field(key_hash="00" * 31),
    "another hash": _field(key_hash="00" * 32),
    "one field more": _field(more=1),
    "no list": _no_list,
    "no object in it": _no_object,
}


@pytest.mark.parametrize("name", FORGERIES)
def test_open__list_that_no_program_of_ours_writes__is_corrupt(
    path: Path, node_keys: NodeKeys, seeded: Random, name: str
) -> None:
    node_keys.prepare(1)
    node_keys.prepare(2)
    forged(path, lambda _, plain: plain)
    assert set(opened(path, seeded).held()) == {1, 2}  # the forger's tools are right
    forged(path, FORGERIES[name])
    with pytest.raises(keystore.KeystoreCorrupt):
        keystore.open_keystore(path, PASSPHRASE)


@pytest.mark.parametrize("field", ["version", "registry", "chain_id", "key_hash"])
def test_open__list_changed_without_the_passphrase__does_not_open(path: Path, node_keys: NodeKeys, field: str) -> None:
    node_keys.prepare(1)
    document = json.loads(path.read_text())
    other = {"version": 7, "registry": THERE.address.replace("a", "b"), "chain_id": 5, "key_hash": "11" * 32}
    document["node_keys"][0][field] = other[field]
    document.pop("checksum")
    path.write_text(json.dumps({**document, "checksum": keyfile.checksum(document)}))
    with pytest.raises(keystore.WrongPassphrase):
        keystore.open_keystore(path, PASSPHRASE)
