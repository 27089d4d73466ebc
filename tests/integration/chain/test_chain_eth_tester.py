"""The chain layer and KeyRegistry in one process, on py-evm: a second EVM, with no node at all."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.integration.nets.eth_tester_transport import EthTesterTransport
from tpre_offchain.chain.abi import structs
from tpre_offchain.chain.abi.events import ReceivingKeyRegistered
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.contracts.key_registry import KeyRegistry
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.keys import Domain, Identity, ReceivingKey, prove_key
from tpre_offchain.deployment.deploy import creation, require_precompiles

pytestmark = pytest.mark.slow


@dataclass
class InProcess:
    """KeyRegistry on a chain in memory, and an account that can pay."""

    connection: Connection
    outbox: Outbox
    keys: KeyRegistry

    def proof_of(self, key: ReceivingKey) -> structs.Proof:
        domain = Domain(self.connection.chain_id, self.keys.address, *["0x" + "00" * 20] * 4)
        proof = prove_key(domain, self.outbox.address, key, os.urandom)
        return structs.Proof(proof.challenge, proof.response)


@pytest.fixture
async def in_process() -> AsyncIterator[InProcess]:
    transport = EthTesterTransport()
    account: LocalAccount = Account.create()
    transport.fund(account.address)
    connection = Connection([transport], 0)
    connection.chain_id = int(await connection.rpc("eth_chainId"), 16)
    async with connection, await Outbox.open(connection, account) as outbox:
        await require_precompiles(connection)
        # with known gas: an estimate would run the constructor's pairings a dozen times over
        receipt = await outbox.send(replace(creation("KeyRegistry", ()), gas_hint=6_000_000), simulate=False)
        assert receipt.contract_address is not None
        yield InProcess(connection, outbox, KeyRegistry(connection, checksum_address(receipt.contract_address)))


async def test_register__proof_holds_or_belongs_to_another_version__is_taken_or_refused(in_process: InProcess) -> None:
    w = in_process
    key = Identity.from_seed(bytes(range(32))).receiving_key()
    proof = w.proof_of(key)
    register = replace(w.keys.register_receiving_key(key.public.to_evm(), proof), gas_hint=500_000)
    receipt = await w.outbox.send(register, simulate=False)
    registered = receipt.one(ReceivingKeyRegistered)
    assert (registered.account, registered.version) == (w.outbox.address, 1)
    assert registered.key == key.public.to_evm()
    assert await w.keys.latest_version(w.outbox.address, structs.Role.RECEIVING) == 1
    assert await w.keys.key_hash(w.outbox.address, structs.Role.RECEIVING, 1) == keccak256(key.public.to_evm())

    # the same proof again is for version 1, and version 2 is due
    with pytest.raises(ContractRevert) as refused:
        await w.outbox.send(register)
    assert refused.value.name == "InvalidKeyProof"
    assert refused.value.arguments == {"account": w.outbox.address, "role": structs.Role.RECEIVING}
