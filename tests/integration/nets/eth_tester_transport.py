"""eth-tester (py-evm in this very process) behind our ``Transport``, so that the chain layer runs without a node."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import AsyncWeb3
from web3.datastructures import AttributeDict
from web3.providers.eth_tester import AsyncEthereumTesterProvider
from web3.types import RPCEndpoint


class EthTesterTransport:
    """One chain in memory; ``tester`` gives time travel and snapshots."""

    url = "http://eth-tester"

    def __init__(self, gas_limit: int = 60_000_000) -> None:
        genesis = PyEVMBackend.generate_genesis_params(overrides={"gas_limit": gas_limit})
        self.tester = EthereumTester(PyEVMBackend(genesis_parameters=genesis))
        # py-evm wants even the sender of a view to afford its gas
        self.fund("0x" + "00" * 20)
        provider = AsyncEthereumTesterProvider()
        provider.ethereum_tester = self.tester
        self._provider = provider
        self._web3 = AsyncWeb3(provider)

    def fund(self, account: str) -> None:
        """Gives an account 100 ETH."""
        fees = {"max_fee_per_gas": 10**10, "max_priority_fee_per_gas": 10**9}
        rich = self.tester.get_accounts()[0]
        self.tester.send_transaction({"from": rich, "to": account, "value": 10**20, "gas": 21_000, **fees})

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        """One request; a revert becomes the error object that nodes give."""
        send = await self._provider.request_func(self._web3, self._web3.middleware_onion)
        try:
            response = await send(RPCEndpoint(method), list(params))
        except TransactionFailed as failed:
            return {"error": {"code": 3, "message": "execution reverted", "data": _data_of(failed)}}
        except Exception as problem:  # noqa: BLE001  # eth-tester refuses with many kinds; a node has one
            return {"error": {"code": -32000, "message": f"{type(problem).__name__}: {problem}"}}
        if "error" in response:
            error: Any = response["error"]
            return {"error": error if isinstance(error, Mapping) else {"code": -32601, "message": str(error)}}
        return {"result": _plain(response.get("result"))}

    async def close(self) -> None:
        """Nothing is open."""


def _data_of(failed: TransactionFailed) -> str:
    # eth-tester gives revert data as the text of a Python bytes literal
    text = str(failed.args[0]).removeprefix("execution reverted: ") if failed.args else ""
    return "0x" + ast.literal_eval(text).hex() if text.startswith(("b'", 'b"')) else "0x"


def _plain(value: Any) -> Any:
    """web3's values as JSON-RPC has them: hex text everywhere."""
    if isinstance(value, Mapping | AttributeDict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return value
