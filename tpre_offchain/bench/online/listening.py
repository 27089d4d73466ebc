"""Events of rounds as a client sees them: pushed by the node, with the moment at which each came in."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self

from tpre_offchain.chain.abi.decoding import decode_log
from tpre_offchain.chain.abi.events import Event, RoundFinalized
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.rpc.websocket import WebSocketTransport
from tpre_offchain.types import Address, RoundId

REQUEST_TIMEOUT_S: Final = 10.0


class RoundLost(AssertionError):
    """A measured round was not finalized in time."""


@dataclass(frozen=True)
class Seen:
    """An event and when it came in, by ``time.perf_counter``."""

    event: Event
    at_s: float


@dataclass
class RoundListener:
    """Use as ``async with``. ``seen``: what came in, by round."""

    url: str
    contract: Address
    seen: dict[RoundId, list[Seen]] = field(default_factory=dict)
    _finalized: dict[RoundId, asyncio.Event] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._socket = WebSocketTransport(self.url)
        question: list[Any] = ["logs", {"address": self.contract}]
        await self._socket.request("eth_subscribe", question, REQUEST_TIMEOUT_S)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._socket.close()

    async def finalized(self, round_id: RoundId, timeout_s: float) -> float:
        """The moment at which the round was seen to be finalized. Raises ``RoundLost``."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._of(round_id).wait()
        except TimeoutError:
            names = [type(one.event).__name__ for one in self.seen.get(round_id, [])]
            raise RoundLost(f"round {round_id:#x} after {timeout_s:g} s: {names}") from None
        return next(one.at_s for one in self.seen[round_id] if isinstance(one.event, RoundFinalized))

    async def _listen(self) -> None:
        while True:
            await self._socket.notified.wait()
            now = time.perf_counter()
            self._socket.notified.clear()
            while self._socket.notices:
                event = decode_log(Log.from_rpc(self._socket.notices.popleft()))
                round_id = getattr(event, "round_id", None)
                if event is None or round_id is None:
                    continue
                self.seen.setdefault(round_id, []).append(Seen(event, now))
                if isinstance(event, RoundFinalized):
                    self._of(round_id).set()

    def _of(self, round_id: RoundId) -> asyncio.Event:
        return self._finalized.setdefault(round_id, asyncio.Event())
