"""A proxy's own steps, told from the chain's answers alone."""

from __future__ import annotations

import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tpre_offchain.chain.abi.codec import CONTRACT_NAMES
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.cli import proxying
from tpre_offchain.clients import keystore
from tpre_offchain.clients.errors import KeystoreMismatch, NodeKeyMissing
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.node_keys import NodeKeys
from tpre_offchain.crypto.hashing import points_hash
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.types import Address

DEPLOYMENT = Deployment(31337, 1, dict.fromkeys(CONTRACT_NAMES, Address("0x" + "11" * 20)), LOCAL)


class Registry:
    """A ProxyRegistry of one account. ``taken``: hashes of its keys, by version."""

    def __init__(self, account: Address, *, member: bool = True) -> None:
        self.account = account if member else proxying.NO_ADDRESS
        self.taken: dict[int, bytes] = {}

    async def proxy_of(self, _: Address) -> Any:
        return SimpleNamespace(account=self.account, key_version=max(self.taken, default=0))

    async def proxy_key_hash(self, _: Address, version: int) -> bytes:
        return self.taken.get(version, bytes(32))

    def rotate_key(self, key: bytes, _: object) -> bytes:
        return key


class Sender:
    """An outbox whose transaction is refused, for one with the key of hash ``mined_before()`` waits to be mined."""

    def __init__(self, registry: Registry, account: Address, mined_before: Any) -> None:
        self.asked = 0
        self.connection, self.address = self, account
        self._registry = registry
        self._mined_before = mined_before

    async def call(self, *_: object) -> bytes:
        return b""

    async def nonce(self, _: Address, block: str = "latest") -> int:
        self.asked += block == "latest"
        if self.asked == 2:
            self._registry.taken[2] = self._mined_before()
        return 2 if block == "pending" or self.asked == 2 else 1

    async def send(self, _: object, key: str) -> Any:
        raise ContractRevert("RotationTooSoon", {"allowed_at_block": 9_000}, "IProxyRegistry", b"")


@pytest.fixture
def keys(tmp_path: Path) -> NodeKeys:
    path, account = tmp_path / "k.json", Keys.generate(secrets.token_bytes)
    keystore.create_keystore(path, account, "p", secrets.token_bytes, keystore.ScryptCost(log2_n=10))
    return proxying.node_keys_of(keystore.unlock(path, "p"), DEPLOYMENT)


@pytest.fixture
def account(keys: NodeKeys) -> Address:
    return Address(keys._keystore.keys.address)


@pytest.fixture
def registry(account: Address, monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(account)
    monkeypatch.setattr(Contracts, "of", lambda *_: SimpleNamespace(proxies=made))
    return made


async def test_rotate__refused_because_our_own_waits_to_be_mined__is_done(
    keys: NodeKeys, account: Address, registry: Registry
) -> None:
    sender = Sender(registry, account, lambda: points_hash([keys.held()[2].public]))
    registry.taken[1] = bytes(32)
    assert await proxying.rotate(cast("Any", sender), DEPLOYMENT, keys) == (2, None)


async def test_rotate__refused_because_anothers_waits_to_be_mined__raises(
    keys: NodeKeys, account: Address, registry: Registry
) -> None:
    registry.taken[1] = bytes(32)
    with pytest.raises(ContractRevert):
        await proxying.rotate(cast("Any", Sender(registry, account, lambda: b"\x05" * 32)), DEPLOYMENT, keys)


async def test_rotate__refused_from_the_start__prepares_no_key(
    keys: NodeKeys, account: Address, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> bytes:
        raise ContractRevert("RotationTooSoon", {"allowed_at_block": 9_000}, "IProxyRegistry", b"")

    sender = Sender(registry, account, bytes)
    monkeypatch.setattr(sender, "call", refused)
    with pytest.raises(ContractRevert):
        await proxying.rotate(cast("Any", sender), DEPLOYMENT, keys)
    assert keys.held() == {}


async def test_require_current_key__held_missing_or_other__tells_them_apart(
    keys: NodeKeys, account: Address, registry: Registry
) -> None:
    nowhere = cast("Any", None)
    registry.taken[1] = points_hash([keys.prepare(1).public])
    await proxying.require_current_key(nowhere, DEPLOYMENT, keys, account)
    registry.taken[2] = b"\x05" * 32
    with pytest.raises(NodeKeyMissing, match="version 2") as missing:
        await proxying.require_current_key(nowhere, DEPLOYMENT, keys, account)
    assert missing.value.version == 2
    assert "tpre proxy rotate" in (missing.value.hint or "")
    keys.prepare(2)
    with pytest.raises(KeystoreMismatch) as other:
        await proxying.require_current_key(nowhere, DEPLOYMENT, keys, account)
    assert "tpre proxy rotate" in (other.value.hint or "")
    registry.account = proxying.NO_ADDRESS
    await proxying.require_current_key(nowhere, DEPLOYMENT, keys, account)  # no grant can name it
