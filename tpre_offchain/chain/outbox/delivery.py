"""Getting one signed transaction mined: sending, waiting for the receipt, replacing it when it is stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tpre_offchain.chain.abi.call import Receipt
from tpre_offchain.chain.outbox.errors import Refusal, StuckTransaction, classify_refusal
from tpre_offchain.chain.outbox.fees import Fees, bumped_fees, outbid_fees
from tpre_offchain.chain.outbox.store import Posted
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.rpc.errors import EndpointDown, RpcRefused, StalePeer
from tpre_offchain.types import Address

Bump = Callable[[Fees, int, int], Fees | None]
SignAgain = Callable[[Posted, Bump], Awaitable[Posted | None]]

NONCE_HIGH_RETRIES = 20
NONCE_HIGH_WAIT_S = 0.025


@dataclass(frozen=True)
class Pace:
    """How often to ask for a receipt, in seconds, and when to lose patience.

    The wait between questions grows from ``poll_first_s`` to ``poll_fast_s`` while the transaction is younger than
    ``fast_for_s``, then to ``poll_slow_s``. ``sync_for_s``: for a call that sends and waits. Every ``look_s`` the
    nonces before ours and the newest block are looked at: where its base fee is above what we offer, the fee is raised
    at once. Otherwise it is raised after ``stuck_after_s``, at most ``replacements`` times.
    """

    poll_first_s: float = 0.005
    poll_fast_s: float = 0.05
    fast_for_s: float = 2.0
    poll_slow_s: float = 1.0
    growth: float = 1.4
    sync_for_s: float = 15.0
    look_s: float = 3.0
    stuck_after_s: float = 45.0
    replacements: int = 6

    def next_wait(self, wait_s: float, age_s: float) -> float:
        """The wait after one of ``wait_s``, for a transaction of that age."""
        return min(wait_s * self.growth, self.poll_fast_s if age_s < self.fast_for_s else self.poll_slow_s)


class Refused(Exception):
    """The node will not take the transaction, and none of its signed forms is mined; internal to the outbox."""

    def __init__(self, posted: Posted, meaning: Refusal, cause: RpcRefused) -> None:
        super().__init__(meaning.value)
        self.posted = posted
        self.meaning = meaning
        self.cause = cause

    @property
    def nonce_is_taken(self) -> bool:
        """Whether another transaction has or gets this nonce, or ours ran ahead of the chain."""
        return self.meaning in {Refusal.NONCE_LOW, Refusal.NONCE_HIGH, Refusal.REPLACEMENT_CHEAP}


async def probe_sync_sending(connection: Connection) -> bool:
    """Whether the node has ``eth_sendRawTransactionSync``, which sends and waits for the receipt in one call."""
    try:
        await connection.rpc("eth_sendRawTransactionSync", "0x")
    except RpcRefused as refused:
        return not refused.unsupported
    return True


class Delivery:
    """Sends what the outbox has signed and written down."""

    def __init__(
        self,
        connection: Connection,
        account: Address,
        pace: Pace,
        sync_sending: bool,
        *,
        sign_again: SignAgain,
        unblock: Callable[[int, int, int], None],
        is_first: Callable[[int], bool],
    ) -> None:
        self._connection = connection
        self._account = account
        self._pace = pace
        self._sync = sync_sending
        self._sign_again = sign_again
        self._unblock = unblock
        self._is_first = is_first

    async def submit(self, posted: Posted) -> asyncio.Task[Receipt | None] | None:
        """Sends the latest signed form. Where the node sends and waits in one call, returns that call's task.

        Raises ``Refused``. An endpoint that does not answer is no error here: the transaction
        may have arrived, and ``receipt_of`` finds out.
        """
        if self._sync:
            return asyncio.create_task(self._send_and_wait(posted))
        await self._send(posted)
        return None

    async def receipt_of(self, posted: Posted, early: asyncio.Task[Receipt | None] | None) -> Receipt:
        """Follows a transaction until it is mined. Raises ``Refused``, ``StuckTransaction``."""
        if early is not None:
            posted, receipt = await self._beside(early, posted)
            if receipt is not None:
                return receipt
        for _ in range(self._pace.replacements + 1):
            posted, receipt = await self._poll(posted, self._pace.stuck_after_s)
            if receipt is not None:
                return receipt
            posted = await self._push(posted)
        raise _stuck(posted)

    async def _beside(self, early: asyncio.Task[Receipt | None], posted: Posted) -> tuple[Posted, Receipt | None]:
        """What comes of the call that sends and waits; it is given up once its transaction is replaced."""
        while not (await asyncio.wait({early}, timeout=min(self._pace.look_s, self._pace.stuck_after_s)))[0]:
            looked = await self._look(posted)
            if looked is not posted:
                early.cancel()
                return looked, None
        return posted, early.result()

    async def _look(self, posted: Posted) -> Posted:
        """Looks at what may keep a transaction from being mined; the same, or its replacement.

        Again and again: what closes a gap may be refused for a while, as when fees have risen. Of many that wait, the
        first looks for gaps: those after it wait for it.
        """
        try:
            if self._is_first(posted.nonce):
                await self._close_gap(posted)
            return await self._offer_more(posted, outbid_fees) or posted
        except (EndpointDown, StalePeer):
            return posted  # as long as patience lasts, the endpoint may come back

    async def _close_gap(self, posted: Posted) -> None:
        mined = await self._connection.nonce(self._account)
        known = await self._connection.nonce(self._account, "pending")
        # those between may be lost with a reorganisation; a node that still holds ours may count them as known
        self._unblock(mined, posted.nonce, known)
        if known <= posted.nonce:
            await self.send_again(posted)  # the node has dropped it, as anvil does with what it cannot mine

    async def _send_and_wait(self, posted: Posted) -> Receipt | None:
        raw = "0x" + posted.attempts[-1].raw.hex()
        try:
            async with asyncio.timeout(self._pace.sync_for_s):
                # the outer limit is ours alone: a chain of slow blocks must not look like a dead endpoint
                found = await self._connection.rpc(
                    "eth_sendRawTransactionSync", raw, timeout_s=4 * self._pace.sync_for_s
                )
            return Receipt.from_rpc(found) if found else None
        except (TimeoutError, EndpointDown):
            return None
        except RpcRefused as refused:
            return await self._judge(posted, refused)

    async def _send(self, posted: Posted) -> None:
        raw = "0x" + posted.attempts[-1].raw.hex()
        for retries_left in reversed(range(NONCE_HIGH_RETRIES)):
            try:
                await self._connection.rpc("eth_sendRawTransaction", raw)
                return
            except EndpointDown:
                return
            except RpcRefused as refused:
                if retries_left == 0 or classify_refusal(refused.node_message) is not Refusal.NONCE_HIGH:
                    await self._judge(posted, refused)
                    return
                # a node without a queue takes it once those before it are mined
                await asyncio.sleep(NONCE_HIGH_WAIT_S)

    async def _judge(self, posted: Posted, refused: RpcRefused) -> Receipt | None:
        """What a refusal means. Returns a receipt, or None where the transaction is to be waited for."""
        meaning = classify_refusal(refused.node_message)
        if meaning in {Refusal.KNOWN, Refusal.WAITING}:
            return None
        # a node may mine a transaction and still answer with an error: hardhat does so for a revert
        receipt = await self._mined(posted)
        if receipt is not None:
            return receipt
        raise Refused(posted, meaning, refused)

    async def _poll(self, posted: Posted, patience_s: float) -> tuple[Posted, Receipt | None]:
        """Asks for the receipt as long as patience lasts; the transaction as it was last sent."""
        clock = asyncio.get_running_loop().time
        started, wait_s = clock(), self._pace.poll_first_s
        look_at = started + self._pace.look_s
        while (age_s := clock() - started) < patience_s:
            try:
                receipt = await self._mined(posted)
            except EndpointDown:
                receipt = None  # as in a look
            if receipt is not None:
                return posted, receipt
            if clock() >= look_at:
                posted = await self._look(posted)
                look_at = clock() + self._pace.look_s
            await asyncio.sleep(wait_s)
            wait_s = self._pace.next_wait(wait_s, age_s)
        return posted, None

    async def _mined(self, posted: Posted) -> Receipt | None:
        for attempt in reversed(posted.attempts):
            receipt = await self._connection.receipt(attempt.tx_hash)
            if receipt is not None:
                return receipt
        return None

    async def _push(self, posted: Posted) -> Posted:
        """Finds out why a transaction is not mined, and does something about it."""
        mined = await self._connection.nonce(self._account)
        if mined > posted.nonce:
            if await self._mined(posted) is not None:
                return posted
            raise Refused(posted, Refusal.NONCE_LOW, RpcRefused("eth_getTransactionCount", 0, "nonce used", None))
        if mined < posted.nonce:
            self._unblock(mined, posted.nonce, mined)
            await self.send_again(posted)
            return posted
        dearer = await self._offer_more(posted, bumped_fees)
        if dearer is None:
            raise _stuck(posted)
        return dearer

    async def _offer_more(self, posted: Posted, bump: Bump) -> Posted | None:
        """Replaces a transaction; None where nothing more is to be offered."""
        dearer = await self._sign_again(posted, bump)
        if dearer is not None:
            await self.send_again(dearer)
        return dearer

    async def send_again(self, posted: Posted) -> None:
        """Sends the latest signed form once more, whatever the node says."""
        try:
            await self._connection.rpc("eth_sendRawTransaction", "0x" + posted.attempts[-1].raw.hex())
        except (RpcRefused, EndpointDown):
            return  # known, or already mined, or the node is away: the next round of polling tells


def _stuck(posted: Posted) -> StuckTransaction:
    return StuckTransaction(posted.call.description, posted.nonce, tuple(one.tx_hash for one in posted.attempts))
