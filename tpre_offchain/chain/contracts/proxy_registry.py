"""ProxyRegistry: proxies with their node keys, endpoints, bonds and activity, and the draw of committees."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.structs import Member, Proof, ProxyInfo, ProxySettings
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Address


class ProxyRegistry(Contract):
    """A proxy is active at block b when activation_block <= b < exit_block."""

    NAME = "ProxyRegistry"

    async def draw(self, seed: bytes, pool_size: int, at_block: int, n: int) -> tuple[Member, ...]:
        """The ``n`` proxies that a 32-byte seed draws of those active at a block, in slot order (SPEC §7)."""
        return tuple(await self.view("draw", seed, pool_size, at_block, n))

    async def pool_size(self) -> int:
        """Places in the pool, those of proxies that left included."""
        return int(await self.view("poolSize"))

    async def active_count(self) -> int:
        """Proxies that are in the pool now."""
        return int(await self.view("activeCount"))

    async def proxy_of(self, account: Address) -> ProxyInfo:
        """The proxy of an account."""
        info: ProxyInfo = await self.view("proxyOf", account)
        return info

    async def proxy_at(self, index: int) -> ProxyInfo:
        """The proxy at a place of the pool."""
        info: ProxyInfo = await self.view("proxyAt", index)
        return info

    async def proxy_key_hash(self, account: Address, version: int) -> bytes:
        """keccak256 of a version of the proxy's 128-byte node key; 32 zero bytes if none."""
        return bytes(await self.view("proxyKeyHash", account, version))

    async def require_bonded(self, account: Address) -> None:
        """Raises ``ContractRevert`` (NotBonded) unless the account's bond can still be penalized."""
        await self.view("requireBonded", account)

    async def settings(self) -> ProxySettings:
        """Bond, penalties and cooldowns."""
        found: ProxySettings = await self.view("settings")
        return found

    def join(self, key: bytes, proof: Proof, endpoint: str, bond_wei: int) -> Call:
        """Joins with N = g1^n (G1, 128 bytes), its proof of possession and exactly the bond."""
        return self.transaction(
            "join",
            key,
            proof,
            endpoint,
            value=bond_wei,
            description="join as a proxy",
            done_errors=frozenset({"AlreadyProxy"}),
        )

    def rotate_key(self, key: bytes, proof: Proof) -> Call:
        """Replaces the node key; at most once an exit cooldown."""
        return self.transaction("rotateKey", key, proof, description="rotate the node key")

    def set_endpoint(self, endpoint: str) -> Call:
        """Changes the published endpoint."""
        return self.transaction("setEndpoint", endpoint, description="change the endpoint")

    def top_up_bond(self, amount_wei: int) -> Call:
        """Adds to the bond."""
        return self.transaction("topUpBond", value=amount_wei, description="top up the bond")

    def leave(self) -> Call:
        """Leaves the pool from the next block; the bond follows after the cooldown."""
        return self.transaction("leavePool", description="leave the pool", done_errors=frozenset({"ProxyIsLeaving"}))

    def withdraw_bond(self) -> Call:
        """Credits the bond once the cooldown is over."""
        return self.transaction("withdrawBond", description="take the bond back")


def slot_of(committee: Sequence[Member], account: Address) -> int | None:
    """The slot of an account in a committee, from 1, or None."""
    for slot, member in enumerate(committee, start=1):
        if member.account == account:
            return slot
    return None
