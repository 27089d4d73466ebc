"""What clients answer beside plain results, as they were heard to answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tpre_offchain.chain.connection import Connection
from tpre_offchain.chain.rpc_errors import RpcRefused


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
