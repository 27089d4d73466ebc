"""Puts the six contracts on a chain.

The deployer's key comes from the environment variable TPRE_DEPLOYER_KEY, never from the command line; on a development
node (anvil, hardhat) its first well-known account is used where the variable is not set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import HexAddress, HexStr
from web3.types import Nonce
from web3.utils.address import get_create_address

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.codec import encode_values, load_abi
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.contracts.deployment import Deployment, DeploymentSettings
from tpre_offchain.chain.outbox.outbox import Outbox, OutboxSettings
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.deployment.settings import LOCAL
from tpre_offchain.errors import ChainError, ConfigError
from tpre_offchain.types import Address

ORDER = ("KeyRegistry", "Treasury", "ProxyRegistry", "RecordRegistry", "GrantRegistry", "ConversionRounds")
"""Contracts name later ones by the addresses that the deployer's next nonces give."""

DEPLOYER_KEY = "TPRE_DEPLOYER_KEY"
DEVELOPMENT_CLIENTS = ("anvil", "hardhat")
# the first account of "test test test test test test test test test test test junk", which every such node funds
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"

G1 = bytes.fromhex(
    "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    "0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1"
)
TWICE_G1 = bytes.fromhex(
    "000000000000000000000000000000000572cbea904d67468808c8eb50a9450c9721db309128012543902d0ac358a62ae28f75bb8f1c7c42c39a8c5529bf0f4e"
    "00000000000000000000000000000000166a9d8cabc673a322fda673779d8e3822ba3ecb8670e461f73bb9021d5fd76a4c56d9d4cd16bd1bba86881979749d28"
)
G1ADD = Address("0x000000000000000000000000000000000000000b")


class NoPrecompiles(ChainError):
    """The chain has not the BLS12-381 precompiles of EIP-2537; nothing was deployed."""

    default_hint = "use a chain with the Prague upgrade or later"


class NoDeployerKey(ConfigError):
    """No account to deploy with."""

    default_hint = f"put the deployer's private key into the environment variable {DEPLOYER_KEY}"


class UnexpectedAddress(ChainError):
    """A contract came to another address than its siblings were told: another transaction of the deployer came in
    between. The contracts deployed so far are of no use."""

    default_retryable = True
    default_hint = "deploy again, with an account that nothing else uses meanwhile"


async def deploy(
    connection: Connection,
    account: LocalAccount,
    settings: DeploymentSettings = LOCAL,
    *,
    outbox_settings: OutboxSettings | None = None,
) -> Deployment:
    """Deploys all contracts with ``account``, which must send nothing else meanwhile.

    Raises ``NoPrecompiles``, ``UnexpectedAddress``, ``InsufficientFunds``, and ``ContractRevert`` for bad settings.
    """
    await require_precompiles(connection)
    async with await Outbox.open(connection, account, settings=outbox_settings) as outbox:
        addresses = predict_addresses(outbox.address, await connection.nonce(outbox.address))
        first_block = 0
        for name in ORDER:
            call = creation(name, constructor_arguments(addresses, settings)[name])
            # a sibling's constructor may call none of the others, so each can be simulated before its time
            receipt = await outbox.send(call)
            if checksum_address(receipt.contract_address or "0x" + "00" * 20) != addresses[name]:
                raise UnexpectedAddress(f"{name} is at {receipt.contract_address}, not at {addresses[name]}")
            first_block = first_block or receipt.block_number
    deployment = Deployment(connection.chain_id, first_block, addresses, settings)
    await deployment.verify(connection)
    return deployment


async def require_precompiles(connection: Connection) -> None:
    """A known answer from G1ADD, before any gas is spent. Raises ``NoPrecompiles``."""
    found = await connection.call(Call(G1ADD, G1 + G1, description="G1ADD"))
    if found != TWICE_G1:
        raise NoPrecompiles(f"chain {connection.chain_id} does not answer G1ADD (EIP-2537)")


def predict_addresses(deployer: Address, nonce: int) -> dict[str, Address]:
    """Addresses of the contracts in ``ORDER``, deployed with consecutive nonces from ``nonce`` on."""
    return {
        name: checksum_address(get_create_address(HexAddress(HexStr(deployer)), Nonce(nonce + position)))
        for position, name in enumerate(ORDER)
    }


def constructor_arguments(addresses: Mapping[str, Address], settings: DeploymentSettings) -> dict[str, tuple[Any, ...]]:
    """The arguments of each contract's constructor."""
    keys, treasury, proxies, records, grants, rounds = (addresses[name] for name in ORDER)
    return {
        "KeyRegistry": (),
        "Treasury": (proxies, grants, rounds),
        "ProxyRegistry": (treasury, grants, rounds, settings.proxies),
        "RecordRegistry": (keys,),
        "GrantRegistry": (keys, proxies, records, treasury, rounds, settings.grants),
        "ConversionRounds": (grants, proxies, records, treasury, settings.rounds),
    }


def creation(name: str, arguments: tuple[Any, ...]) -> Call:
    """The call that creates a contract. Raises ``AbiMissing``, ``BadArgument``."""
    abi = load_abi(name)
    encoded = encode_values(abi.constructor, arguments, f"{name}'s constructor")
    return Call(None, bytes.fromhex(abi.creation_code[2:]) + encoded, description=f"deploy {name}", contract=name)


async def deployer_account(connection: Connection) -> LocalAccount:
    """The account to deploy with, from the environment or a development node. Raises ``NoDeployerKey``."""
    key = os.environ.get(DEPLOYER_KEY)
    if not key:
        client = str(await connection.rpc("web3_clientVersion")).lower()
        if not client.startswith(DEVELOPMENT_CLIENTS):
            raise NoDeployerKey(f"{DEPLOYER_KEY} is not set, and the node is no development node")
        key = DEVELOPMENT_KEY
    try:
        account: LocalAccount = Account.from_key(key)
    except Exception:  # noqa: BLE001  # eth_account raises many kinds, and some quote the key
        raise NoDeployerKey(f"{DEPLOYER_KEY} is no private key") from None
    return account
