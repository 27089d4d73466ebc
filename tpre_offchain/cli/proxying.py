"""A proxy's own steps on the chain, from its keystore: join the pool, leave it, and how it stands."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tpre_offchain.errors import ConfigError
from tpre_offchain.failpoints import failpoint

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.call import Receipt
    from tpre_offchain.chain.abi.structs import Proof, ProxyInfo
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.contracts.key_standing import KeyStanding
    from tpre_offchain.chain.outbox.outbox import Outbox
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.clients.keys import Registry
    from tpre_offchain.clients.keystore import Keystore
    from tpre_offchain.clients.node_keys import NodeKeys
    from tpre_offchain.crypto.keys import ProxyKey
    from tpre_offchain.types import Address

NO_ADDRESS: Final = "0x" + "00" * 20
UNDER_WAY_S: Final = 120.0


class NoDeployment(ConfigError):
    """The file of the contracts' addresses did not appear in time."""

    default_retryable = True


@dataclass(frozen=True)
class Standing:
    """A proxy as the chain has it. ``info``: None if it never joined. ``active``: it can be drawn now.

    ``keys``: the versions of its node key, against what the keystore lists, if one was looked at.
    """

    address: str
    info: ProxyInfo | None
    active: bool
    credit_wei: int
    balance_wei: int
    keys: tuple[KeyStanding, ...] = ()
    time_s: int = 0
    """Of the block that ``keys`` are told of."""


async def wait_for_deployment(file: Path, wait_s: float) -> Deployment:
    """The deployment, once its file is there. Raises ``NoDeployment``, ``BadDeploymentFile``."""
    from tpre_offchain.chain.contracts.deployment import Deployment

    deadline = time.monotonic() + wait_s
    while not file.exists():
        if time.monotonic() >= deadline:
            raise NoDeployment(f"no deployment file {file}", hint="deploy with `tpre deploy`, or start a local net")
        await asyncio.sleep(0.05)
    return Deployment.load(file)


async def standing(
    connection: Connection, deployment: Deployment, address: str, held: Mapping[int, bytes] | None = None
) -> Standing:
    """How a proxy stands. ``held``: what ``node_keys_in`` gives for its keystore; None: it is not here."""
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.chain.contracts.key_standing import standings
    from tpre_offchain.chain.contracts.key_versions import read_key_history
    from tpre_offchain.types import Address

    contracts = Contracts.of(connection, deployment)
    account = Address(address)
    info: ProxyInfo | None = await contracts.proxies.proxy_of(account)
    if info is None or info.account == NO_ADDRESS:
        info = None
    head = await connection.latest()
    active = info is not None and info.activation_block <= head.number < info.exit_block
    credit = await contracts.treasury.credit_of(account)
    history = await read_key_history(connection, deployment, account)
    keys, time_s = standings(history, held), history.block.timestamp
    return Standing(address, info, active, credit, await connection.balance(account), keys, time_s)


def node_keys_of(keystore: Keystore, deployment: Deployment) -> NodeKeys:
    """The node keys that a keystore holds for this deployment's registry."""
    from tpre_offchain.clients.node_keys import NodeKeys

    return NodeKeys(keystore, registry_of(deployment), secrets.token_bytes)


def registry_of(deployment: Deployment) -> Registry:
    """Where this deployment counts versions of node keys."""
    from tpre_offchain.clients.keys import Registry

    return Registry.at(deployment.chain_id, deployment.address_of("ProxyRegistry"))


def node_keys_in(keystore: Path, deployment: Deployment) -> Mapping[int, bytes]:
    """keccak256 of the node keys that a keystore lists for this deployment's registry; needs no passphrase."""
    from tpre_offchain.clients.keystore import node_keys_listed

    here = registry_of(deployment)
    return {one.version: one.key_hash for one in node_keys_listed(keystore) if one.registry == here}


async def join(outbox: Outbox, deployment: Deployment, node_keys: NodeKeys, endpoint: str) -> Receipt | None:
    """Join the pool with a fresh node key, in the keystore before, and exactly the bond; None if it is in already.

    Raises a ``KeystoreError``: nothing was sent then.
    """
    from tpre_offchain.chain.contracts.deployed import Contracts

    contracts = Contracts.of(outbox.connection, deployment)
    info = await contracts.proxies.proxy_of(outbox.address)
    if info.account == outbox.address:
        return None
    version = info.key_version + 1  # one that left and returns goes on counting
    key = await asyncio.to_thread(node_keys.prepare, version)
    bond_wei = deployment.settings.proxies.bond_wei
    call = contracts.proxies.join(*_proven(deployment, outbox.address, key), endpoint, bond_wei)
    receipt = await outbox.ensure(call, key=f"join/{version}")
    failpoint("nodekey.registered")
    return receipt


async def rotate(outbox: Outbox, deployment: Deployment, node_keys: NodeKeys) -> tuple[int, Receipt | None]:
    """Replace the node key by a fresh one, in the keystore before, which new committees name; its version.

    None for the transaction: a run that was killed had sent it, and it is mined by now. Raises ``ContractRevert``
    (NotProxy, ProxyIsLeaving, RotationTooSoon), or a ``KeystoreError``: nothing was sent then.
    """
    from tpre_offchain.chain.abi.reverts import ContractRevert
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.crypto.hashing import points_hash
    from tpre_offchain.crypto.keys import ProxyKey

    proxies, me = Contracts.of(outbox.connection, deployment).proxies, outbox.address
    version = (await proxies.proxy_of(me)).key_version + 1
    # a rotation that is refused now must not leave a key behind that grows old until it is allowed
    tried = proxies.rotate_key(*_proven(deployment, me, ProxyKey.generate(version, secrets.token_bytes)))
    await outbox.connection.call(tried, me)
    key = await asyncio.to_thread(node_keys.prepare, version)
    try:
        call = proxies.rotate_key(*_proven(deployment, me, key))
        receipt: Receipt | None = await outbox.send(call, key=f"rotate/{version}")
    except ContractRevert:
        # what is in its way may be the same, sent by a run that was killed, and not mined yet
        await _nothing_under_way(outbox)
        if await proxies.proxy_key_hash(me, version) != points_hash([key.public]):
            raise
        receipt = None
    failpoint("nodekey.registered")
    return version, receipt


async def _nothing_under_way(outbox: Outbox) -> None:
    """Wait until no transaction of the account is in the node's pool, for as long as one should take."""
    with suppress(TimeoutError):
        async with asyncio.timeout(UNDER_WAY_S):
            mined, known = await _nonces(outbox)
            while mined < known:
                await asyncio.sleep(0.5)
                mined, known = await _nonces(outbox)


async def _nonces(outbox: Outbox) -> tuple[int, int]:
    """How many transactions of the account are mined, and how many the node knows."""
    chain = outbox.connection
    return await chain.nonce(outbox.address), await chain.nonce(outbox.address, "pending")


async def withdraw_bond(outbox: Outbox, deployment: Deployment) -> Receipt:
    """Have the bond credited after the cooldown. Raises ``ContractRevert`` (ProxyNotLeaving, CooldownNotOver)."""
    from tpre_offchain.chain.contracts.deployed import Contracts

    return await outbox.send(Contracts.of(outbox.connection, deployment).proxies.withdraw_bond())


async def withdraw_credit(outbox: Outbox, deployment: Deployment) -> Receipt:
    """Have the whole credit paid out. Raises ``ContractRevert`` (NothingToWithdraw)."""
    from tpre_offchain.chain.contracts.deployed import Contracts

    return await outbox.send(Contracts.of(outbox.connection, deployment).treasury.withdraw(outbox.address))


async def leave(outbox: Outbox, deployment: Deployment) -> Receipt | None:
    """Leave the pool from the next block on; None if it is leaving already."""
    from tpre_offchain.chain.contracts.deployed import Contracts

    return await outbox.ensure(Contracts.of(outbox.connection, deployment).proxies.leave())


async def require_current_key(
    connection: Connection, deployment: Deployment, node_keys: NodeKeys, account: Address
) -> None:
    """The version that new committees name is held, and is the chain's; one that is no member needs none.

    Raises ``NodeKeyMissing``, ``KeystoreMismatch``.
    """
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.clients.errors import KeystoreMismatch, NodeKeyMissing
    from tpre_offchain.crypto.hashing import points_hash

    proxies = Contracts.of(connection, deployment).proxies
    info = await proxies.proxy_of(account)
    if info.account != account:
        return
    key = node_keys.held().get(info.key_version)
    if key is None:
        raise NodeKeyMissing(account, info.key_version)
    expected, ours = await proxies.proxy_key_hash(account, info.key_version), points_hash([key.public])
    if expected != ours:
        hint = "open the keystore file that registered it, or make the next version: tpre proxy rotate"
        raise KeystoreMismatch(account, "node", info.key_version, expected, ours, hint)


def _proven(deployment: Deployment, account: str, key: ProxyKey) -> tuple[bytes, Proof]:
    """A node key as the registry takes it (128 bytes), and its proof of possession."""
    from tpre_offchain.chain.abi.structs import Proof
    from tpre_offchain.clients.session import domain_of
    from tpre_offchain.crypto.keys import prove_key

    proof = prove_key(domain_of(deployment), account, key, secrets.token_bytes)
    return key.public.to_evm(), Proof(proof.challenge, proof.response)
