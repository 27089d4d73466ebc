"""What clients answer beside plain results, as they were heard to answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tpre_offchain.chain.abi.codec import EmptyAnswer, UndecodableData
from tpre_offchain.chain.contracts.treasury import Treasury
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import NoHead, RpcRefused
from tpre_offchain.types import Address


@dataclass
class Answering:
    """A transport that gives one answer to everything."""

    answer: Mapping[str, Any]
    url: str = "http://127.0.0.1:1"

    async def request(self, method: str, params: Sequence[Any], timeout_s: float) -> Mapping[str, Any]:
        if method == "eth_chainId":
            return {"result": "0x539"}
        return self.answer

    async def close(self) -> None:
        """Nothing is open."""


def connection(code: int, message: str) -> Connection:
    return Connection([Answering({"error": {"code": code, "message": message}})], 1337)


async def test_receipt__geth_has_not_indexed_it_yet__is_not_there_yet() -> None:
    assert await connection(-32000, "transaction indexing is in progress").receipt(bytes(32)) is None


async def test_receipt__any_other_refusal__raises() -> None:
    with pytest.raises(RpcRefused) as refused:
        await connection(-32000, "server is shutting down").receipt(bytes(32))
    assert (refused.value.code, refused.value.not_indexed_yet) == (-32000, False)


@pytest.mark.parametrize(
    ("answer", "error", "retryable"),
    [("0x", EmptyAnswer, True), ("0x" + "00" * 31, UndecodableData, False)],
)
async def test_view__node_without_an_answer__may_be_asked_again_and_one_with_a_wrong_one_not(
    answer: str, error: type[UndecodableData], retryable: bool
) -> None:
    treasury = Treasury(Connection([Answering({"result": answer})], 1337), Address("0x" + "11" * 20))
    with pytest.raises(UndecodableData, match=r"Treasury\.totalClaims") as told:
        await treasury.total_claims()
    assert (type(told.value), told.value.retryable) == (error, retryable)
    assert told.value.hint


async def test_latest__node_without_a_head__may_be_asked_again() -> None:
    with pytest.raises(NoHead) as told:
        await Connection([Answering({"result": None})], 1337).latest()
    assert told.value.retryable
