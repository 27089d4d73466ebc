"""The next nonce of an account: read from the chain once, then counted here."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import Address


class Nonces:
    """Hands out nonces without gaps; a nonce given back is handed out again first."""

    next: int

    def __init__(self, connection: Connection, account: Address) -> None:
        self.next = 0
        self._connection = connection
        self._account = account
        self._returned: list[int] = []

    async def read_again(self, live: Callable[[], Iterable[int]]) -> None:
        """Starts from the chain: after all that the node knows of, pending included, and after our live ones."""
        known = await self._connection.nonce(self._account, "pending")
        self.next = max([known, *(nonce + 1 for nonce in live())])
        self._returned = []

    def take(self) -> int:
        """The lowest free nonce."""
        if self._returned:
            return heapq.heappop(self._returned)
        self.next += 1
        return self.next - 1

    def give_back(self, nonce: int) -> None:
        """Frees a nonce whose transaction was not accepted."""
        if nonce < self.next:
            heapq.heappush(self._returned, nonce)
        while self._returned and max(self._returned) == self.next - 1:
            self._returned.remove(self.next - 1)
            heapq.heapify(self._returned)
            self.next -= 1

    def take_gaps(self) -> list[int]:
        """Freed nonces below ones that are in use: something must fill them, or the higher ones wait for ever."""
        gaps, self._returned = sorted(self._returned), []
        return gaps
