"""KeyRegistry: delegating and receiving keys of accounts, versioned, with proof of knowledge (SCHEME §2)."""

from __future__ import annotations

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.structs import Proof, Role
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Address


class KeyRegistry(Contract):
    """Keys of roles 1 (delegating, G1, 128 bytes) and 2 (receiving, G2, 256 bytes); versions count from 1."""

    NAME = "KeyRegistry"

    async def latest_version(self, account: Address, role: Role) -> int:
        """Latest version of the account's key of a role; 0 if none."""
        return int(await self.view("latestVersion", account, role))

    async def key_hash(self, account: Address, role: Role, version: int) -> bytes:
        """keccak256 of the key's EIP-2537 bytes; 32 zero bytes if there is no such version."""
        return bytes(await self.view("keyHash", account, role, version))

    def register_delegating_key(self, key: bytes, proof: Proof) -> Call:
        """Registers the sender's next delegating key A = g1^a."""
        return self.transaction("registerDelegatingKey", key, proof, description="register the delegating key")

    def register_receiving_key(self, key: bytes, proof: Proof) -> Call:
        """Registers the sender's next receiving key B = g2^b."""
        return self.transaction("registerReceivingKey", key, proof, description="register the receiving key")
