"""Accounts: their keys against the chain, and how long their money lasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tpre_offchain.chain.abi.structs import Role
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.rpc.connection import Block, Connection
from tpre_offchain.doctor.finding import Finding, broken, fine, note, warning
from tpre_offchain.types import Address

KeyHash = Callable[[Role, int], bytes]
"""keccak256 of the EIP-2537 bytes of the keystore's public key of a role and version; node keys: `node_keys.py`."""

ROUND_GAS: Final = {
    Role.DELEGATING: 550_000,  # publishes a record and grants a request
    Role.RECEIVING: 250_000,  # asks, and opens a round; what proxies earn is in the request's deposit
    Role.PROXY: 350_000,  # submits, proposes and votes
}
"""Gas of a role's part in one round, rounded up from the gas snapshots."""

_TIP_WEI: Final = 10**9
_WEI: Final = 10**18


@dataclass(frozen=True)
class KnownAccount:
    """An account whose keystore is here. ``key_hash``: None if the keystore was not opened."""

    name: str
    address: Address
    key_hash: KeyHash | None = None


async def check_account(
    connection: Connection, contracts: Contracts, head: Block, account: KnownAccount, rounds: int
) -> list[Finding]:
    """Registered keys are the keystore's; the balance lasts for ``rounds`` more rounds."""
    versions = {
        Role.DELEGATING: await contracts.keys.latest_version(account.address, Role.DELEGATING),
        Role.RECEIVING: await contracts.keys.latest_version(account.address, Role.RECEIVING),
        Role.PROXY: await _proxy_version(contracts, account.address),
    }
    roles = [role for role, version in versions.items() if version]
    if not roles:
        return [
            note("keys", "has no key on the chain yet", "the first verb that needs one registers it", account.name),
            await _balance(connection, head, account, list(Role), rounds),
        ]
    findings = [await _key(contracts, account, role, versions[role]) for role in roles if role is not Role.PROXY]
    if Role.PROXY in roles:
        findings.append(await _bond(contracts, account))
    return [*findings, await _balance(connection, head, account, roles, rounds)]


async def _proxy_version(contracts: Contracts, address: Address) -> int:
    info = await contracts.proxies.proxy_of(address)
    return info.key_version if info.account == address else 0


async def _key(contracts: Contracts, account: KnownAccount, role: Role, latest: int) -> Finding:
    what = f"{role.name.lower()} key"
    if account.key_hash is None:
        text = f"{what}, version {latest}: not compared, the keystore was not opened"
        return note("keys", text, "give --key and --passphrase-file", account.name)
    for version in range(1, latest + 1):
        if await contracts.keys.key_hash(account.address, role, version) != account.key_hash(role, version):
            text = f"{what}, version {version}: the chain has another one than the keystore"
            return broken(
                "keys", text, "open the keystore that registered it, or recover it from its words", account.name
            )
    return fine("keys", f"{what}, version {latest}: the keystore's", account.name)


async def _bond(contracts: Contracts, account: KnownAccount) -> Finding:
    info = await contracts.proxies.proxy_of(account.address)
    whole = (await contracts.proxies.settings()).bond_wei
    text = f"bond {_ether(info.bond)}, {info.served} rounds served, {info.missed} missed"
    if info.bond < whole:
        return warning(
            "bond", text, f"top the bond up to {_ether(whole)}: below half of it the proxy is put out", account.name
        )
    return fine("bond", text, account.name)


async def _balance(
    connection: Connection, head: Block, account: KnownAccount, roles: list[Role], rounds: int
) -> Finding:
    balance = await connection.balance(account.address)
    a_round = sum(ROUND_GAS[role] for role in roles) * (head.base_fee_wei + _TIP_WEI)
    lasts = balance // a_round
    remedy = f"send {_ether(max(0, rounds * a_round - balance))} to {account.address}"
    text = f"{_ether(balance)}, enough for {lasts:,} rounds at the present price of gas"
    if lasts == 0:
        return broken("balance", f"{_ether(balance)}, not enough for one round", remedy, account.name)
    if lasts < rounds:
        return warning("balance", text, remedy, account.name)
    return fine("balance", text, account.name)


def _ether(wei: int) -> str:
    return f"{wei / _WEI:.6f}".rstrip("0").rstrip(".") + " ETH"
