"""An account's keys on the chain: registered on first need, and never used unless they are the keystore's."""

from __future__ import annotations

from tpre_offchain.chain.abi.events import DelegatingKeyRegistered, ReceivingKeyRegistered
from tpre_offchain.chain.abi.structs import Role
from tpre_offchain.chain.contracts.key_registry import KeyRegistry
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.clients.errors import KeystoreMismatch
from tpre_offchain.clients.facts.points import chain_proof
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.results import RegisteredKey, Transaction
from tpre_offchain.clients.stopwatch import Stopwatch
from tpre_offchain.crypto.hashing import Domain, Random, points_hash
from tpre_offchain.crypto.keys import DelegatingKey, ReceivingKey, prove_key
from tpre_offchain.types import Address

FIRST_VERSION = 1


class Registration:
    """Registers the delegating and the receiving key of one account."""

    def __init__(self, contract: KeyRegistry, outbox: Outbox, keys: Keys, domain: Domain, random: Random) -> None:
        self._contract = contract
        self._outbox = outbox
        self._keys = keys
        self._domain = domain
        self._random = random

    async def ensure_delegating(self) -> RegisteredKey:
        """Have this account's delegating key on the chain. Raises ``KeystoreMismatch``."""
        latest = await self._contract.latest_version(self._keys.address, Role.DELEGATING)
        if latest:
            await self.delegating_key(latest)
            return RegisteredKey("delegating", latest, None)
        return await self._register_delegating(FIRST_VERSION)

    async def ensure_receiving(self) -> RegisteredKey:
        """Have this account's receiving key on the chain. Raises ``KeystoreMismatch``."""
        latest = await self._contract.latest_version(self._keys.address, Role.RECEIVING)
        if latest:
            await self.receiving_key(latest)
            return RegisteredKey("receiving", latest, None)
        return await self._register_receiving(FIRST_VERSION)

    async def rotate_delegating(self) -> RegisteredKey:
        """Register the next version of the delegating key. Raises ``KeystoreMismatch``."""
        latest = (await self.ensure_delegating()).version
        return await self._register_delegating(latest + 1)

    async def rotate_receiving(self) -> RegisteredKey:
        """Register the next version of the receiving key. Raises ``KeystoreMismatch``."""
        latest = (await self.ensure_receiving()).version
        return await self._register_receiving(latest + 1)

    async def delegating_key(self, version: int) -> DelegatingKey:
        """Our delegating key of a version, the same as the chain's. Raises ``KeystoreMismatch``."""
        key = self._keys.identity.delegating_key(version)
        await self._require_same(Role.DELEGATING, version, points_hash([key.public]))
        return key

    async def receiving_key(self, version: int) -> ReceivingKey:
        """Our receiving key of a version, the same as the chain's. Raises ``KeystoreMismatch``."""
        key = self._keys.identity.receiving_key(version)
        await self._require_same(Role.RECEIVING, version, points_hash([key.public]))
        return key

    async def _register_delegating(self, version: int) -> RegisteredKey:
        watch = Stopwatch()
        with watch.stage("keygen"):
            key = self._keys.identity.delegating_key(version)
            proof = prove_key(self._domain, self._keys.address, key, self._random)
        call = self._contract.register_delegating_key(key.public.to_evm(), chain_proof(proof))
        receipt = await self._outbox.send(call, key=f"register-delegating/{version}")
        taken = receipt.one(DelegatingKeyRegistered).version
        return RegisteredKey("delegating", taken, Transaction.of(receipt), watch.times_ms())

    async def _register_receiving(self, version: int) -> RegisteredKey:
        watch = Stopwatch()
        with watch.stage("keygen"):
            key = self._keys.identity.receiving_key(version)
            proof = prove_key(self._domain, self._keys.address, key, self._random)
        call = self._contract.register_receiving_key(key.public.to_evm(), chain_proof(proof))
        receipt = await self._outbox.send(call, key=f"register-receiving/{version}")
        taken = receipt.one(ReceivingKeyRegistered).version
        return RegisteredKey("receiving", taken, Transaction.of(receipt), watch.times_ms())

    async def _require_same(self, role: Role, version: int, ours: bytes) -> None:
        address: Address = self._keys.address
        theirs = await self._contract.key_hash(address, role, version)
        if theirs != ours:
            raise KeystoreMismatch(address, role.name.lower(), version, theirs, ours)
