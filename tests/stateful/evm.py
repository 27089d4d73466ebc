"""The deployed contracts in py-evm, in this process, at times that the test sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester, PyEVMBackend

from tpre_offchain.chain.abi.codec import ContractAbi, decode_values, load_abi
from tpre_offchain.chain.contracts.deployment import DeploymentSettings
from tpre_offchain.deployment.deploy import ORDER, constructor_arguments, creation, predict_addresses
from tpre_offchain.types import Address

GAS = 8_000_000
PRICE = 10**10  # wei per gas, above every base fee of an idle chain


class Reverted(Exception):
    """A call failed with a custom error: its name and its arguments in order."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        super().__init__(f"{name}{arguments}")
        self.name, self.arguments = name, arguments


class Evm:
    """Six contracts on a Prague chain. ``now`` is the time that the next call or transaction sees, in seconds."""

    def __init__(self, settings: DeploymentSettings) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        self.accounts: Sequence[Address] = [Address(account) for account in self.tester.get_accounts()]
        self.chain_id: int = self.tester.backend.chain.chain_id
        self.now: int = self.tester.backend.chain.header.timestamp + 1
        self.abis: dict[str, ContractAbi] = {name: load_abi(name) for name in ORDER}
        self.addresses = predict_addresses(self.accounts[0], 0)
        arguments = constructor_arguments(self.addresses, settings)
        for name in ORDER:
            data = creation(name, arguments[name]).data
            self._mine({"from": self.accounts[0], "data": data, "gas": 14_000_000}, name)

    def send(self, sender: Address, contract: str, function: str, *arguments: Any, value: int = 0) -> None:
        """Mines a transaction at ``now``. Raises ``Reverted`` with the error that it failed with."""
        data = self.abis[contract].functions[function].encode(*arguments)
        transaction = {"from": sender, "to": self.addresses[contract], "data": data, "gas": GAS, "value": value}
        try:
            self._mine(transaction, f"{contract}.{function}")
        except AssertionError:
            self.call(contract, function, *arguments, sender=sender, value=value)
            raise

    def _mine(self, transaction: dict[str, Any], what: str) -> None:
        self._set_time()
        data = "0x" + transaction.pop("data").hex()
        done = self.tester.send_transaction({**transaction, "data": data, "gas_price": PRICE})
        self.now += 1
        assert self.tester.get_transaction_receipt(done)["status"] == 1, f"{what} failed"

    def call(self, contract: str, function: str, *arguments: Any, sender: Address | None = None, value: int = 0) -> Any:
        """The result of a call at ``now``. Raises ``Reverted``."""
        self._set_time()
        abi = self.abis[contract].functions[function]
        computation = self._execute(sender or self.accounts[0], self.addresses[contract], abi.encode(*arguments), value)
        if computation.is_error:
            raise self._reverted(bytes(computation.output), repr(computation.error))
        return abi.decode_result(bytes(computation.output))

    def _execute(self, sender: Address, to: Address, data: bytes, value: int) -> Any:
        vm = self.tester.backend.chain.get_vm()
        raw_sender = bytes.fromhex(sender[2:])
        unsigned = vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(raw_sender),
            gas_price=PRICE,
            gas=GAS,
            to=bytes.fromhex(to[2:]),
            value=value,
            data=data,
        )
        before = vm.state.snapshot()
        computation = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=raw_sender))
        vm.state.revert(before)
        return computation

    def _reverted(self, output: bytes, otherwise: str) -> Exception:
        for abi in self.abis.values():
            if (error := abi.errors.get(output[:4])) is not None:
                return Reverted(error.name, decode_values(error.inputs, output[4:], error.name))
        return AssertionError(f"no custom error: {output.hex() or otherwise}")

    def _set_time(self) -> None:
        chain = self.tester.backend.chain
        chain.header = chain.header.copy(timestamp=self.now)

    def sign(self, account: Address, digest: bytes) -> bytes:
        """65 bytes r ‖ s ‖ v of a digest, v 27 or 28."""
        key = self.tester.backend.account_keys[list(self.accounts).index(account)]
        signature: bytes = key.sign_msg_hash(digest).to_bytes()
        return signature[:-1] + bytes([signature[-1] + 27])

    def balance(self, address: Address) -> int:
        """Wei."""
        return int(self.tester.get_balance(address))

    def block_number(self) -> int:
        """Of the block that the next transaction comes into."""
        return int(self.tester.backend.chain.header.block_number)

    def mine(self, blocks: int = 1) -> None:
        """Empty blocks."""
        for _ in range(blocks):
            self._set_time()
            self.tester.mine_blocks(1)
            self.now += 1

    def snapshot(self) -> tuple[Any, int]:
        """State and time. A revert runs the snapshot's block again, so an empty one is put on top."""
        self.mine()
        return self.tester.take_snapshot(), self.now

    def revert(self, snapshot: tuple[Any, int]) -> None:
        """Back to a snapshot, any number of times."""
        self.tester.revert_to_snapshot(snapshot[0])
        self.now = snapshot[1]
