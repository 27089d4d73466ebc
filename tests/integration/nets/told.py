"""All that a deployment's contracts have logged, for tests that look again and again: each log is decoded once."""

from __future__ import annotations

from functools import lru_cache

from tpre_offchain.chain.abi.decoding import decode_log
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.rpc.connection import Connection


async def events_told(connection: Connection, deployment: Deployment, to_block: int) -> tuple[Event, ...]:
    """From the deployment to a block, in the order of the chain."""
    logs = await connection.get_logs(list(deployment.addresses.values()), deployment.deploy_block, to_block)
    return tuple(event for event in map(_decoded, logs) if event is not None)


@lru_cache(maxsize=1 << 15)
def _decoded(log: Log) -> Event | None:
    return decode_log(log)
