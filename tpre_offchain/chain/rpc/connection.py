"""The connection to a chain: JSON-RPC over several endpoints with failover, typed errors and counted calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.abi.reverts import decode_revert
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.rpc.errors import EndpointDown, EndpointsDisagree, NoHead, RpcRefused, StalePeer, WrongChain
from tpre_offchain.chain.rpc.log_ranges import LogRanges
from tpre_offchain.chain.rpc.transport import Transport, open_transport, public_url
from tpre_offchain.chain.rpc.transport_errors import TransportFailed
from tpre_offchain.chain.rpc.websocket import WS_SCHEMES
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

CallHook = Callable[[str, float, bool], None]
"""Told of every RPC call: method, seconds, whether an answer came."""

REQUEST_TIMEOUT_S = 10.0
BACKOFF_S = 5.0
STALE_BLOCKS = 32
ZERO_ADDRESS = Address("0x" + "00" * 20)


@dataclass(frozen=True)
class Block:
    """A block's header, as far as we need it. Hashes are 32 bytes; ``timestamp`` is unix time."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee_wei: int
    gas_limit: int

    @classmethod
    def from_rpc(cls, raw: Mapping[str, Any]) -> Block:
        """From the JSON-RPC form of a block."""
        return cls(
            number=int(raw["number"], 16),
            hash=bytes.fromhex(raw["hash"][2:]),
            parent_hash=bytes.fromhex(raw["parentHash"][2:]),
            timestamp=int(raw["timestamp"], 16),
            base_fee_wei=int(raw.get("baseFeePerGas") or "0x0", 16),
            gas_limit=int(raw["gasLimit"], 16),
        )


@dataclass
class _Endpoint:
    transport: Transport
    checked: bool = False
    """Its chain id was compared with ours."""
    down_until: float = 0.0
    disagrees: EndpointsDisagree | None = None
    """Set aside: it has another chain than the endpoint that is believed."""


class Connection:
    """A chain behind one or more endpoints. Made by ``open``; close it, or use it as an async context manager.

    ``calls`` counts RPC requests by method. An endpoint that does not answer rests for some seconds while the next one
    is used; the one that answered last is asked first.
    """

    chain_id: int
    calls: Counter[str]

    def __init__(
        self,
        transports: Sequence[Transport],
        chain_id: int,
        *,
        on_call: CallHook | None = None,
        clock: Callable[[], float] = time.monotonic,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self.chain_id = chain_id
        self.calls = Counter()
        self._endpoints = [_Endpoint(transport) for transport in transports]
        self._preferred = 0
        self._on_call = on_call
        self._clock = clock
        self._request_timeout_s = request_timeout_s
        self._highest_seen = 0
        self._ranges = LogRanges()

    @classmethod
    async def open(
        cls,
        urls: Sequence[str],
        expected_chain_id: int | None = None,
        *,
        on_call: CallHook | None = None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> Connection:
        """Connects to the first endpoint that answers. Without an expected chain id, that one's is taken.

        Raises ``EndpointDown`` if none answers, ``WrongChain`` if one serves another chain.
        """
        if not urls:
            raise EndpointDown("no RPC URL given", retryable=False)
        try:
            transports = [open_transport(url) for url in urls]
        except ValueError as problem:
            raise EndpointDown(str(problem), retryable=False) from problem
        connection = cls(transports, 0, on_call=on_call, request_timeout_s=request_timeout_s)
        try:
            connection.chain_id = expected_chain_id or int(await connection.rpc("eth_chainId"), 16)
            await connection.latest()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes every endpoint."""
        for endpoint in self._endpoints:
            await endpoint.transport.close()

    @property
    def url(self) -> str:
        """The endpoint that is asked first."""
        return self._endpoints[self._preferred].transport.url

    @property
    def websocket_urls(self) -> tuple[str, ...]:
        """The endpoints that can push."""
        asked = [e.transport.url for e in self._endpoints if e.disagrees is None]
        return tuple(url for url in asked if url.startswith(WS_SCHEMES))

    @property
    def urls(self) -> tuple[str, ...]:
        """All endpoints in the order in which they were named, without what may be secret in a URL."""
        return tuple(public_url(endpoint.transport.url) for endpoint in self._endpoints)

    async def rpc(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """One JSON-RPC call, over the first endpoint that answers and is not set aside.

        Raises ``RpcRefused`` for a node's error object, ``EndpointDown`` where no endpoint answers, ``WrongChain``.
        """
        failure = EndpointDown("no endpoint is left to ask")
        for index in self._order():
            try:
                response = await self._response_of(index, method, params, timeout_s)
            except EndpointDown as problem:
                failure = problem
                continue
            self._preferred = index
            return _result(method, response)
        for endpoint in self._endpoints:
            if endpoint.disagrees is not None:
                text = f"{failure.message}; not asked instead: {endpoint.disagrees.message}"
                raise EndpointDown(text, culprit=failure.culprit, hint=endpoint.disagrees.hint) from failure
        raise failure

    async def rpc_of(self, index: int, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """One JSON-RPC call, over the endpoint of that place in ``urls`` alone. Raises what ``rpc`` raises."""
        return _result(method, await self._response_of(index, method, params, timeout_s))

    def is_aside(self, index: int) -> bool:
        """Whether the endpoint of that place in ``urls`` is set aside."""
        return self._endpoints[index].disagrees is not None

    def set_aside(self, found: Mapping[int, EndpointsDisagree | None]) -> list[EndpointsDisagree]:
        """Set endpoints aside, or take them back where the value is None; returns the disagreements that stand.

        See ``agreement``, which finds them.
        """
        for index, disagreement in found.items():
            self._endpoints[index].disagrees = disagreement
        if self.is_aside(self._preferred):
            self._preferred = next((i for i in range(len(self._endpoints)) if not self.is_aside(i)), self._preferred)
        return [endpoint.disagrees for endpoint in self._endpoints if endpoint.disagrees is not None]

    def _order(self) -> list[int]:
        now, count = self._clock(), len(self._endpoints)
        circle = [(self._preferred + step) % count for step in range(count)]
        circle = [index for index in circle if not self.is_aside(index)]
        # those at rest come last: when all are down, the one to wake first is tried, not refused
        return sorted(circle, key=lambda index: max(0.0, self._endpoints[index].down_until - now))

    async def _response_of(
        self, index: int, method: str, params: Sequence[Any], timeout_s: float | None
    ) -> Mapping[str, Any]:
        endpoint = self._endpoints[index]
        try:
            if not endpoint.checked and self.chain_id:
                await self._check_chain(endpoint)
            return await self._request(endpoint, method, params, timeout_s)
        except TransportFailed as problem:
            endpoint.down_until = self._clock() + BACKOFF_S
            raise EndpointDown(f"{method}: {problem}", culprit=public_url(endpoint.transport.url)) from problem

    async def _check_chain(self, endpoint: _Endpoint) -> None:
        actual = int(_result("eth_chainId", await self._request(endpoint, "eth_chainId", (), None)), 16)
        if actual != self.chain_id:
            raise WrongChain(self.chain_id, actual, public_url(endpoint.transport.url))
        endpoint.checked = True

    async def _request(
        self, endpoint: _Endpoint, method: str, params: Sequence[Any], timeout_s: float | None
    ) -> Mapping[str, Any]:
        self.calls[method] += 1
        started = self._clock()
        answered = False
        try:
            response = await endpoint.transport.request(method, params, timeout_s or self._request_timeout_s)
            answered = True
            return response
        finally:
            if self._on_call is not None:
                self._on_call(method, self._clock() - started, answered)

    async def latest(self) -> Block:
        """The chain's head. Raises ``NoHead``, and ``StalePeer`` where the endpoint is far behind another one."""
        raw = await self.rpc("eth_getBlockByNumber", "latest", False)
        if raw is None:
            raise NoHead("the node has no latest block")
        block = Block.from_rpc(raw)
        behind = self._highest_seen - block.number
        if behind > STALE_BLOCKS and len(self._endpoints) > 1:
            stale = self._endpoints[self._preferred]
            stale.down_until = self._clock() + BACKOFF_S
            raise StalePeer(behind, public_url(stale.transport.url))
        self._highest_seen = max(self._highest_seen, block.number)
        return block

    async def block(self, number: int) -> Block | None:
        """A block by number, or None where the chain has none."""
        raw = await self.rpc("eth_getBlockByNumber", hex(number), False)
        return None if raw is None else Block.from_rpc(raw)

    async def call(self, call: Call, sender: Address | None = None, block: int | str = "latest") -> bytes:
        """The result of a call that changes nothing. Raises ``ContractRevert``."""
        where = hex(block) if isinstance(block, int) else block
        try:
            return _bytes(await self.rpc("eth_call", call.as_rpc(sender or ZERO_ADDRESS), where))
        except RpcRefused as refused:
            raise as_revert(refused, call) from refused

    async def estimate_gas(self, call: Call, sender: Address) -> int:
        """The gas that a transaction needs now. Raises ``ContractRevert``."""
        try:
            return int(await self.rpc("eth_estimateGas", call.as_rpc(sender)), 16)
        except RpcRefused as refused:
            raise as_revert(refused, call) from refused

    async def receipt(self, tx_hash: bytes) -> Receipt | None:
        """The receipt of a mined transaction, or None while it is not mined."""
        try:
            raw = await self.rpc("eth_getTransactionReceipt", "0x" + tx_hash.hex())
        except RpcRefused as refused:
            if refused.not_indexed_yet:
                return None
            raise
        return None if raw is None else Receipt.from_rpc(raw)

    async def nonce(self, account: Address, block: str = "latest") -> int:
        """The number of the account's transactions, mined (``latest``) or known (``pending``)."""
        return int(await self.rpc("eth_getTransactionCount", account, block), 16)

    async def balance(self, account: Address) -> int:
        """The account's balance in wei."""
        return int(await self.rpc("eth_getBalance", account, "latest"), 16)

    async def code(self, address: Address) -> bytes:
        """The contract code at an address; empty if there is none."""
        return _bytes(await self.rpc("eth_getCode", address, "latest"))

    async def get_logs(
        self, addresses: Sequence[Address], from_block: int, to_block: int, topics: Sequence[Any] = ()
    ) -> list[Log]:
        """All logs of some contracts in a range of blocks, both ends included, in order.

        Asks in ranges that halve when the node finds one too large and grow back. Raises ``RpcRefused`` and
        ``EndpointDown``.
        """

        async def ask(start: int, end: int) -> list[Log]:
            question: dict[str, Any] = {"fromBlock": hex(start), "toBlock": hex(end)}
            question["address"] = [checksum_address(address) for address in addresses]
            if topics:
                question["topics"] = list(topics)
            return [Log.from_rpc(raw) for raw in await self.rpc("eth_getLogs", question)]

        return await self._ranges.collect(ask, from_block, to_block)


def as_revert(refused: RpcRefused, call: Call) -> ChainError:
    """A node's error object as the contract's revert, where it is one; else the error itself."""
    data = refused.revert_data
    return refused if data is None else decode_revert(data, call.contract, call.description)


def _result(method: str, response: Mapping[str, Any]) -> Any:
    error = response.get("error")
    if error is None:
        return response.get("result")
    if isinstance(error, str):
        raise RpcRefused(method, 0, error, None)
    raise RpcRefused(method, int(error.get("code", 0)), str(error.get("message", "")), error.get("data"))


def _bytes(value: Any) -> bytes:
    return bytes.fromhex(cast("str", value)[2:])
