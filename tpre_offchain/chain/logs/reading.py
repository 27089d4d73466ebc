"""Reading the logs of a deployment's contracts, from a node and from an archive of what it may have pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.logs.archive import LogArchive, merged
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import RpcRefused
from tpre_offchain.types import Address


@dataclass(frozen=True)
class LogReader:
    """Logs as a node has them; with an ``archive``, those too that it alone has."""

    connection: Connection
    archive: LogArchive | None = None

    async def get_logs(
        self, addresses: Sequence[Address], from_block: int, to_block: int, topics: Sequence[Any] = ()
    ) -> list[Log]:
        """All logs of some contracts in a range of blocks, both ends included, in order.

        ``topics`` as in `eth_getLogs`. Raises ``RpcRefused`` and ``EndpointDown``.
        """
        archive, ask = self.archive, self.connection.get_logs
        if archive is None:
            return await ask(addresses, from_block, to_block, topics)
        kept = archive.matching(addresses, from_block, to_block, topics)
        try:
            return merged(await ask(addresses, from_block, to_block, topics), kept)
        except RpcRefused:
            if from_block > archive.to_block:
                raise
            # a node that says that it has pruned the beginning has the rest
            return merged(await ask(addresses, archive.to_block + 1, to_block, topics), kept)

    async def export(self, addresses: Sequence[Address], from_block: int) -> LogArchive:
        """An archive of all logs of some contracts up to the head. Raises as ``get_logs`` does."""
        head = (await self.connection.latest()).number
        logs = await self.get_logs(addresses, from_block, head)
        return LogArchive(self.connection.chain_id, frozenset(addresses), from_block, head, tuple(logs))
