"""Treasury: all ETH of the system, held under keys or credited to accounts."""

from __future__ import annotations

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Address, GrantId


class Treasury(Contract):
    """Credits and held amounts, in wei."""

    NAME = "Treasury"

    async def credit_of(self, account: Address) -> int:
        """What the account may withdraw."""
        return int(await self.view("creditOf", account))

    async def held_under(self, key: bytes) -> int:
        """What is held under a key (``grant_key``, ``bond_key``)."""
        return int(await self.view("heldUnder", key))

    async def total_claims(self) -> int:
        """Sum of all credits and held amounts."""
        return int(await self.view("totalClaims"))

    def withdraw(self, to: Address) -> Call:
        """Pays the sender's whole credit to ``to``."""
        return self.transaction("withdraw", to, description="withdraw the credit")


def grant_key(grant_id: GrantId) -> bytes:
    """The key of a grant's money (SPEC §8)."""
    return grant_id.to_bytes(32, "big")


def bond_key(proxy: Address) -> bytes:
    """The key of a proxy's bond (SPEC §8)."""
    return (int(proxy, 16) << 96).to_bytes(32, "big")
