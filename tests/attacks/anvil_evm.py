"""An anvil that does what `tests.stateful.evm` does with py-evm: every precompile in native code, every transaction
mined."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from eth_utils.address import to_checksum_address

from tests.integration.nets.local_nodes import LocalNode
from tests.stateful.evm import Evm
from tpre_offchain.chain.abi.codec import load_abi
from tpre_offchain.chain.contracts.deployment import DeploymentSettings
from tpre_offchain.deployment.deploy import ORDER, constructor_arguments, creation, predict_addresses
from tpre_offchain.types import Address

GAS = 16_700_000
"""Under the limit of a transaction on Osaka."""
MINED_S = 20.0


class AnvilEvm(Evm):
    """What the stateful tests do with py-evm, done with anvil over JSON-RPC. Accounts are the node's own, unlocked."""

    def __init__(self, node: LocalNode, settings: DeploymentSettings) -> None:
        self.node = node
        self.accounts = [Address(to_checksum_address(account)) for account in node.ask("eth_accounts")]
        self.chain_id = int(node.ask("eth_chainId"), 16)
        self.now = int(node.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16) + 1
        self.abis = {name: load_abi(name) for name in ORDER}
        nonce = int(node.ask("eth_getTransactionCount", self.accounts[0], "latest"), 16)
        self.addresses = predict_addresses(self.accounts[0], nonce)
        arguments = constructor_arguments(self.addresses, settings)
        for name in ORDER:
            data = creation(name, arguments[name]).data
            self._mine({"from": self.accounts[0], "data": data, "gas": GAS}, name)

    def _mine(self, transaction: dict[str, Any], what: str) -> None:
        receipt = self.mined(transaction)
        assert receipt["status"] == "0x1", f"{what} failed"

    def mined(self, transaction: dict[str, Any]) -> dict[str, Any]:
        """The receipt of a transaction, whatever came of it. ``now`` moves on by a second."""
        self._set_time()
        done = self.node.ask("eth_sendTransaction", self._raw({"gas": GAS, **transaction}))
        self.now += 1
        deadline = time.monotonic() + MINED_S
        while (receipt := self.node.ask("eth_getTransactionReceipt", done)) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.002)
        return dict(receipt)

    def try_send(
        self, sender: Address, contract: str, function: str, *arguments: Any, value: int = 0, gas: int = GAS
    ) -> int:
        """Gas used by a transaction that must be mined and fail."""
        data = self.abis[contract].functions[function].encode(*arguments)
        receipt = self.mined({"from": sender, "to": self.addresses[contract], "data": data, "value": value, "gas": gas})
        assert receipt["status"] == "0x0", f"{contract}.{function} was taken"
        return int(receipt["gasUsed"], 16)

    def gas_of(self, sender: Address, contract: str, function: str, *arguments: Any, value: int = 0) -> int:
        """Gas used by a transaction that must succeed."""
        data = self.abis[contract].functions[function].encode(*arguments)
        receipt = self.mined({"from": sender, "to": self.addresses[contract], "data": data, "value": value})
        assert receipt["status"] == "0x1", f"{contract}.{function} failed"
        return int(receipt["gasUsed"], 16)

    def call(self, contract: str, function: str, *arguments: Any, sender: Address | None = None, value: int = 0) -> Any:
        """The result of a call at ``now``. Raises ``Reverted``."""
        abi = self.abis[contract].functions[function]
        to = self.addresses[contract]
        output = self.raw_call(sender or self.accounts[0], to, abi.encode(*arguments), value)
        return abi.decode_result(output)

    def raw_call(self, sender: str, to: str, data: bytes, value: int = 0, gas: int = GAS) -> bytes:
        """Output of a call at ``now``. Raises ``Reverted``, or ``AssertionError`` for a failure without a custom error.
        Output of a call at ``now``. Raises ``Reverted``, or ``AssertionError`` for a failure without a custom error."""
        request = self._raw({"from": sender, "to": to, "data": data, "value": value, "gas": gas})
        answer = self._reply(
            "eth_call", request, "latest", {}, {"time": hex(self.now), "number": hex(self.block_number())}
        )
        if "error" in answer:
            shown = answer["error"].get("data") or "0x"
            raise self._reverted(bytes.fromhex(shown[2:]), str(answer["error"]))
        return bytes.fromhex(answer["result"][2:])

    def _reply(self, method: str, *params: Any) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.node.url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            answer: dict[str, Any] = json.load(response)
        return answer

    def _raw(self, transaction: dict[str, Any]) -> dict[str, Any]:
        return {key: _shown(value) for key, value in transaction.items()}

    def _set_time(self) -> None:
        self.node.ask("evm_setNextBlockTimestamp", self.now)

    def balance(self, address: Address) -> int:
        return int(self.node.ask("eth_getBalance", address, "latest"), 16)

    def block_number(self) -> int:
        return int(self.node.ask("eth_blockNumber"), 16) + 1

    def mine(self, blocks: int = 1) -> None:
        self._set_time()
        self.node.ask("anvil_mine", hex(blocks), "0x1")
        self.now += blocks

    def snapshot(self) -> tuple[Any, int]:
        return self.node.ask("evm_snapshot"), self.now

    def revert(self, snapshot: tuple[Any, int]) -> None:
        assert self.node.ask("evm_revert", snapshot[0])
        self.now = snapshot[1]


def _shown(value: str | int | bytes) -> str:
    if isinstance(value, int):
        return hex(value)
    return "0x" + value.hex() if isinstance(value, bytes) else value
