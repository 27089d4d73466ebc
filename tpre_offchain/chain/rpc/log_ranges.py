"""Reading logs over any range of blocks from a node that limits how much it answers at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.rpc.errors import EndpointDown, RpcRefused

FIRST_RANGE = 10_000
LARGEST_RANGE = 100_000
GROW_AFTER = 4
MANY_LOGS = 2_000
SILENCES = 3


class LogRanges:
    """Remembers the range of blocks that the node last answered for: halves on refusal, grows back after successes."""

    size: int

    def __init__(self, size: int = FIRST_RANGE) -> None:
        self.size = size
        self._successes = 0

    async def collect(self, ask: Callable[[int, int], Awaitable[list[Log]]], first: int, last: int) -> list[Log]:
        """All of ``first..last``, asked piece by piece.

        Raises what ``ask`` raises once a range of one block is refused, or the refusal is not about size.
        """
        logs: list[Log] = []
        silences = 0
        while first <= last:
            end = min(last, first + self.size - 1)
            try:
                found = await ask(first, end)
            except (RpcRefused, EndpointDown) as refused:
                silences += isinstance(refused, EndpointDown)
                if end == first or silences > SILENCES or not _may_be_too_much(refused):
                    raise
                self._shrink(end - first + 1)
                continue
            logs += found
            self._grow(len(found))
            first = end + 1
        return logs

    def _shrink(self, asked: int) -> None:
        self.size = max(1, asked // 2)
        self._successes = 0

    def _grow(self, found: int) -> None:
        self._successes += 1
        if self._successes >= GROW_AFTER and found < MANY_LOGS:
            self.size = min(LARGEST_RANGE, self.size * 2)
            self._successes = 0


def _may_be_too_much(refused: RpcRefused | EndpointDown) -> bool:
    # a node that gives up on a question looks like one that is down; a smaller question tells the two apart
    return isinstance(refused, EndpointDown) or refused.asks_too_much
