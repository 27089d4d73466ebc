"""Posts messages about rounds to other members' endpoints, and believes nothing that comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

import aiohttp

from tpre_offchain.chain.abi.structs import Signature
from tpre_offchain.chain.signing import Sign
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.typed_data import message_digest
from tpre_offchain.errors import ProtocolError
from tpre_offchain.proxy.messages import COMPACT_BYTES, read_json
from tpre_offchain.types import Address, RoundId, Slot

SLOT_HEADER: Final = "X-TPRE-Slot"
SIGNATURE_HEADER: Final = "X-TPRE-Signature"
ANSWER_BYTES: Final = 4_096
NO_ROUND: Final = 404
BUSY: Final = 503
NOT_YET_S: Final = 0.02
"""Until a member that has not seen the round yet, or is busy, is asked again; doubled each time."""
ASK_AGAIN_S: Final = 0.5
AnswerT = TypeVar("AnswerT")


class PeerSilent(ProtocolError):
    """A member did not do what it was asked over HTTP: away, late, or unwilling."""

    default_retryable = True


class ExchangeClient:
    """Close it. ``sign``: the account's 65-byte signature of a digest."""

    def __init__(self, domain: Domain, sign: Sign) -> None:
        self._domain = domain
        self._sign = sign
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def post(
        self,
        url: str,
        recipient: Address,
        round_id: RoundId,
        slot: Slot,
        subject: str,
        body: bytes,
        timeout_s: Callable[[], float],
    ) -> bytes:
        """What a member answered (at most 4,096 bytes). Raises ``PeerSilent``.

        ``slot``: the sender's. A member that does not know the round yet, or has too much to do, is asked again until
        ``timeout_s`` is over, which may grow meanwhile.
        """
        headers = {
            SLOT_HEADER: str(slot),
            SIGNATURE_HEADER: self._sign(message_digest(self._domain, round_id, recipient, subject, body)).hex(),
            "Content-Type": "application/json",
        }
        where = f"{url.rstrip('/')}/rounds/{round_id:x}/{subject}"
        try:
            status, answer = await _within(timeout_s, self._until_heard(where, body, headers))
        except TimeoutError:
            raise PeerSilent("no answer in time", culprit=recipient) from None
        except (aiohttp.ClientError, ValueError, OSError) as problem:
            raise PeerSilent(f"not reached: {type(problem).__name__}", culprit=recipient) from None
        if status != 200:
            raise PeerSilent(f"slot {slot}'s message was answered with {status}", culprit=recipient)
        return answer

    async def _until_heard(self, where: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        pause_s = NOT_YET_S
        while True:
            status, answer = await self._once(where, body, headers)
            if status not in (NO_ROUND, BUSY):
                return status, answer
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, ASK_AGAIN_S)

    async def _once(self, where: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        # a redirect would take the call where `may_be_called` did not look
        async with self._session.post(where, data=body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.content.read(ANSWER_BYTES)

    @staticmethod
    def signature_in(answer: bytes) -> Signature | None:
        """The signed vote in an answer; None for anything else."""
        with suppress(ValueError):
            found = read_json(answer, 1)
            text = found.get("signature") if isinstance(found, dict) else None
            value = bytes.fromhex(text) if isinstance(text, str) else b""
            if len(value) == COMPACT_BYTES:
                return Signature(value[:32], value[32:])
        return None


async def _within(limit_s: Callable[[], float], work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """What ``work`` gives. Raises ``TimeoutError`` where it takes longer than the limit as it is by then."""
    started, task = time.monotonic(), asyncio.create_task(work)
    try:
        while not task.done():
            left_s = started + limit_s() - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            await asyncio.wait([task], timeout=left_s)
        return task.result()
    finally:
        task.cancel()
