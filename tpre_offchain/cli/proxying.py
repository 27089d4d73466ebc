"""A proxy's own steps on the chain, from its keystore: join the pool, leave it, and how it stands."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tpre_offchain.errors import ConfigError

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.call import Receipt
    from tpre_offchain.chain.abi.structs import Proof, ProxyInfo
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.outbox.outbox import Outbox
    from tpre_offchain.chain.rpc.connection import Connection
    from tpre_offchain.clients.keys import Keys
    from tpre_offchain.crypto.keys import ProxyKey

NO_ADDRESS: Final = "0x" + "00" * 20
VERSIONS_AHEAD: Final = 8


class NoDeployment(ConfigError):
    """The file of the contracts' addresses did not appear in time."""

    default_retryable = True


@dataclass(frozen=True)
class Standing:
    """A proxy as the chain has it. ``info``: None if it never joined. ``active``: it can be drawn now."""

    address: str
    info: ProxyInfo | None
    active: bool
    credit_wei: int
    balance_wei: int


async def wait_for_deployment(file: Path, wait_s: float) -> Deployment:
    """The deployment, once its file is there. Raises ``NoDeployment``, ``BadDeploymentFile``."""
    from tpre_offchain.chain.contracts.deployment import Deployment

    deadline = time.monotonic() + wait_s
    while not file.exists():
        if time.monotonic() >= deadline:
            raise NoDeployment(f"no deployment file {file}", hint="deploy with `tpre deploy`, or start a local net")
        await asyncio.sleep(0.05)
    return Deployment.load(file)


async def standing(connection: Connection, deployment: Deployment, address: str) -> Standing:
    """How a proxy stands."""
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.types import Address

    contracts = Contracts.of(connection, deployment)
    account = Address(address)
    info: ProxyInfo | None = await contracts.proxies.proxy_of(account)
    if info is None or info.account == NO_ADDRESS:
        info = None
    head = await connection.latest()
    active = info is not None and info.activation_block <= head.number < info.exit_block
    credit = await contracts.treasury.credit_of(account)
    return Standing(address, info, active, credit, await connection.balance(account))


async def join(outbox: Outbox, deployment: Deployment, keys: Keys, endpoint: str) -> Receipt | None:
    """Join the pool with the next version of the node key and exactly the bond; None if it is in already."""
    from tpre_offchain.chain.contracts.deployed import Contracts

    contracts = Contracts.of(outbox.connection, deployment)
    info = await contracts.proxies.proxy_of(keys.address)
    if info.account == keys.address:
        return None
    version = info.key_version + 1  # one that left and returns goes on counting
    bond_wei = deployment.settings.proxies.bond_wei
    call = contracts.proxies.join(*_proven(deployment, keys, version), endpoint, bond_wei)
    return await outbox.ensure(call, key=f"join/{version}")


async def rotate(outbox: Outbox, deployment: Deployment, keys: Keys) -> tuple[int, Receipt]:
    """Replace the node key by its next version, which new committees name; that version and the transaction.

    Raises ``ContractRevert`` (NotProxy, ProxyIsLeaving, RotationTooSoon).
    """
    from tpre_offchain.chain.contracts.deployed import Contracts

    proxies = Contracts.of(outbox.connection, deployment).proxies
    version = (await proxies.proxy_of(keys.address)).key_version + 1
    receipt = await outbox.send(proxies.rotate_key(*_proven(deployment, keys, version)), key=f"rotate/{version}")
    return version, receipt


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


async def held_keys(connection: Connection, deployment: Deployment, keys: Keys) -> dict[int, ProxyKey]:
    """The node keys of all versions that the chain has of this account, and of some that may follow.

    With those ahead, `tpre proxy rotate` needs no restart of a proxy that serves. Raises ``KeystoreMismatch``.
    """
    from tpre_offchain.chain.contracts.deployed import Contracts
    from tpre_offchain.clients.errors import KeystoreMismatch
    from tpre_offchain.crypto.hashing import points_hash

    proxies = Contracts.of(connection, deployment).proxies
    info = await proxies.proxy_of(keys.address)
    held: dict[int, ProxyKey] = {}
    for version in range(1, info.key_version + 1 + VERSIONS_AHEAD):
        key = keys.identity.proxy_key(version)
        expected = await proxies.proxy_key_hash(keys.address, version)
        if any(expected) and expected != points_hash([key.public]):
            raise KeystoreMismatch(keys.address, "proxy", version, expected, points_hash([key.public]))
        held[version] = key
    return held


def _proven(deployment: Deployment, keys: Keys, version: int) -> tuple[bytes, Proof]:
    """A version of the node key as the registry takes it (128 bytes), and its proof of possession."""
    from tpre_offchain.chain.abi.structs import Proof
    from tpre_offchain.clients.session import domain_of
    from tpre_offchain.crypto.keys import prove_key

    key = keys.identity.proxy_key(version)
    proof = prove_key(domain_of(deployment), keys.address, key, secrets.token_bytes)
    return key.public.to_evm(), Proof(proof.challenge, proof.response)
