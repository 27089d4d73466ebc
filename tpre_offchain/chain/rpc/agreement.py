"""Whether the endpoints of a connection show the same chain.

Nothing is averaged: the first endpoint that answers, in the order in which they were named, is believed, and one that
has other blocks than it is set aside until it agrees again. Its answers are not taken, even where it alone is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tpre_offchain.chain.rpc.connection import Block, Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, EndpointsDisagree, RpcRefused, WrongChain

DEPTH: Final = 2
"""How far below the lower of two heads they are compared, in blocks: above, honest nodes may differ for a moment."""
SETTLE_S: Final = 2.0
"""Until a difference is looked at a second time: a reorganisation reaches one node before another."""
LOOK_TIMEOUT_S: Final = 3.0


async def open_agreeing(urls: Sequence[str], chain_id: int) -> Connection:
    """Connect, as ``Connection.open`` does. Raises ``EndpointsDisagree`` too, if two of the endpoints do."""
    connection = await Connection.open(urls, chain_id)
    try:
        for disagreement in await check_agreement(connection):
            raise disagreement
    except BaseException:
        await connection.close()
        raise
    return connection


async def check_agreement(connection: Connection, settle_s: float = SETTLE_S) -> list[EndpointsDisagree]:
    """Compare the endpoints that answer, set aside those that disagree twice, take back those that agree again.

    Returns what there is to report: a disagreement for each endpoint that is set aside now.
    """
    if len(connection.urls) < 2:
        return []
    found = await _look(connection)
    if any(found.values()):
        await asyncio.sleep(settle_s)
        again = await _look(connection)
        found = {index: again[index] if first else first for index, first in found.items() if index in again}
    return connection.set_aside(found)


async def _look(connection: Connection) -> dict[int, EndpointsDisagree | None]:
    """Endpoints that could be compared with the one that is believed, by their place; None for those that agree."""
    heads = await asyncio.gather(*(_block(connection, index, None) for index in range(len(connection.urls))))
    answered = {index: head for index, head in enumerate(heads) if head is not None}
    believed = next((index for index in answered if not connection.is_aside(index)), None)
    if believed is None:
        return {}
    others = [index for index in answered if index != believed]
    compared = await asyncio.gather(*(_compare(connection, believed, other, answered) for other in others))
    return {index: result for index, (known, result) in zip(others, compared, strict=True) if known}


async def _compare(
    connection: Connection, believed: int, other: int, heads: dict[int, Block]
) -> tuple[bool, EndpointsDisagree | None]:
    """Whether the two could be compared, and how they disagree."""
    number = max(0, min(heads[believed].number, heads[other].number) - DEPTH)
    ours, theirs = await asyncio.gather(*(_block(connection, index, number) for index in (believed, other)))
    if ours is None or theirs is None:
        return False, None
    if ours.hash == theirs.hash:
        return True, None
    return True, EndpointsDisagree(number, connection.urls[believed], connection.urls[other])


async def _block(connection: Connection, index: int, number: int | None) -> Block | None:
    """A block as one endpoint has it, the head if no number is given; None if it does not say."""
    where = "latest" if number is None else hex(number)
    try:
        raw = await connection.rpc_of(index, "eth_getBlockByNumber", where, False, timeout_s=LOOK_TIMEOUT_S)
    except (EndpointDown, RpcRefused, WrongChain):
        return None
    return None if raw is None else Block.from_rpc(raw)
