"""The transaction outbox (PROTOCOL §3): one signing account, safe to kill at any line.

A transaction is simulated, signed, written down, and only then sent; a restart finds what was under way and follows
it to its end. Nonces come from the chain, stuck transactions are replaced with higher fees, fees have a daily cap.

    receipt = await outbox.send(rounds.vote(...), key=f"vote:{round_id}")
    await outbox.ensure(rounds.submit_cfrags(...))          # None if another has taken the step already
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

from eth_account.signers.local import LocalAccount

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.reverts import ContractRevert, Reverted, decode_revert
from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.chain.outbox.delivery import Bump, Delivery, Refused, probe_sync_sending
from tpre_offchain.chain.outbox.errors import InsufficientFunds, NonceConflict, Refusal, SpendCapReached
from tpre_offchain.chain.outbox.fees import Fees, outbid_fees
from tpre_offchain.chain.outbox.nonces import Nonces
from tpre_offchain.chain.outbox.pricing import Pricing, sign_call
from tpre_offchain.chain.outbox.settings import OutboxSettings
from tpre_offchain.chain.outbox.store import KEEP_S, Attempt, OutboxStore, Posted, State
from tpre_offchain.chain.rpc.connection import Connection, as_revert
from tpre_offchain.chain.signing import signing_key
from tpre_offchain.failpoints import failpoint
from tpre_offchain.types import Address

__all__ = ["Outbox", "OutboxSettings"]

DAY_S = 86_400
TRANSACTION_GAS_LIMIT = 16_777_216  # of a transaction since Osaka (EIP-7825)
GAS_MARGIN = 1.2
FILLER_GAS = 21_000
FILLER_KEY = "fill:"
POST_RETRIES = 4
SAME_INTENT_S = 3_600


class Outbox:
    """Sends transactions of one account. Made by ``open``; close it, or use it as an async context manager."""

    def __init__(
        self,
        connection: Connection,
        account: LocalAccount,
        store: OutboxStore,
        settings: OutboxSettings,
        *,
        sync_sending: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.connection = connection
        self.address: Address = checksum_address(account.address)
        self.settings = settings
        self._key = signing_key(account)
        self._store = store
        self._clock = clock
        self._nonces = Nonces(connection, self.address)
        self._delivery = Delivery(
            connection,
            self.address,
            settings.pace,
            sync_sending,
            sign_again=self._sign_again,
            unblock=self._unblock,
            is_first=lambda nonce: nonce == min(self._followed, default=nonce),
        )
        self._followed: set[int] = set()
        """Nonces of transactions that are waited for."""
        self._tasks: dict[str, asyncio.Task[Receipt]] = {}
        self._background: set[asyncio.Task[object]] = set()
        self._recovered: list[asyncio.Task[Receipt]] = []
        self._left_over: dict[tuple[Address | None, bytes, int], str] = {}
        """What an earlier run left under way, by what it does: recipient, data, value."""
        self._posting = asyncio.Lock()
        self._in_flight = asyncio.Semaphore(settings.in_flight)
        self._pricing = Pricing(connection, settings, clock)

    @classmethod
    async def open(
        cls,
        connection: Connection,
        account: LocalAccount,
        path: str | Path = ":memory:",
        settings: OutboxSettings | None = None,
    ) -> Outbox:
        """Opens the outbox and takes up what an earlier run left under way.

        ``path``: its SQLite file, or ``:memory:``. Raises ``EndpointDown``.
        """
        genesis = await connection.block(0)
        ledger = f"{connection.chain_id}:{genesis.hash.hex() if genesis else ''}:{account.address}"
        store = OutboxStore(path, ledger)
        outbox = cls(
            connection,
            account,
            store,
            settings or OutboxSettings(),
            sync_sending=await probe_sync_sending(connection),
        )
        await outbox._recover()
        return outbox

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Outbox({self.address})"

    async def close(self) -> None:
        """Stops following transactions; what is under way is taken up by the next ``open`` on the same file."""
        tasks: list[asyncio.Task[Any]] = [*self._tasks.values(), *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._store.close()

    async def send(self, call: Call, *, key: str | None = None, simulate: bool = True) -> Receipt:
        """Sends a transaction and waits until it is mined.

        ``key`` names the logical action: while one of that key is under way, no second is sent and the caller gets
        the first one's receipt; one that was mined is not repeated unless a reorganisation took it away. Without a key
        each call is an action of its own, but for the first that is the same, to the byte, as what an earlier run left
        under way within the last hour: a program that starts again after a crash does not pay twice. ``simulate``:
        ask the node first, so that a revert costs nothing; with it off and a gas hint, the whole is one RPC call.

        Raises ``ContractRevert`` (refused in simulation), ``Reverted`` (mined and refused), ``InsufficientFunds``,
        ``SpendCapReached``, ``NonceConflict``, ``StuckTransaction``, ``EndpointDown``.
        """
        name = key or self._left_over.pop(_intent(call), None) or f"once:{uuid.uuid4()}"
        if name not in self._tasks:
            self._start(name, self._perform(call, name, simulate=simulate))
        # the transaction outlives a caller that is cancelled
        return await asyncio.shield(self._tasks[name])

    async def ensure(self, call: Call, *, key: str | None = None, simulate: bool = True) -> Receipt | None:
        """``send``, where "taken already, by us or by another" is a normal end: None then."""
        try:
            return await self.send(call, key=key, simulate=simulate)
        except ContractRevert as revert:
            if revert.means_done(call):
                return None
            raise

    async def left_over_is_settled(self) -> None:
        """Waits until what an earlier run left under way is mined or given up."""
        if self._recovered:
            await asyncio.wait(self._recovered)

    def pending(self) -> list[Posted]:
        """Transactions that are not known to be mined, by nonce."""
        return self._store.live()

    # --- one transaction ----------------------------------------------------------------------------

    def _start(self, name: str, work: Coroutine[Any, Any, Receipt]) -> asyncio.Task[Receipt]:
        task = asyncio.create_task(work)
        self._tasks[name] = task

        def settle(finished: asyncio.Task[Receipt]) -> None:
            self._tasks.pop(name, None)
            if not finished.cancelled():
                finished.exception()  # taken note of: a recovered transaction may have nobody waiting for it

        task.add_done_callback(settle)
        return task

    async def _perform(self, call: Call, key: str, *, simulate: bool) -> Receipt:
        earlier = self._store.done_hash(key)
        if earlier is not None:
            receipt = await self.connection.receipt(earlier)
            if receipt is not None and receipt.status:
                return receipt
        if (posted := self._store.live_of(key)) is not None:
            return await self._resume(posted)  # signed, then given up as stuck: never sign a second
        gas = await self._gas_for(call, simulate=simulate)
        async with self._in_flight:
            for _ in range(POST_RETRIES):
                try:
                    return await self._post(call, key, gas)
                except Refused as refused:
                    await self._learn_from(refused)
        raise NonceConflict(call.description, self._nonces.next)

    async def _post(self, call: Call, key: str, gas: int) -> Receipt:
        fees = await self._pricing.offer()
        async with self._posting:
            self._require_below_cap(gas * fees.max_fee_wei)
            nonce = self._nonces.take()
            signed = self._sign(call, nonce, gas, fees)
            failpoint("outbox.signed")
            try:
                posted = self._store.add(key, nonce, gas, call, signed, self._clock())
            except BaseException:
                self._nonces.give_back(nonce)  # not written down, so never sent
                raise
            failpoint("outbox.recorded")
            # nodes without a queue want nonces in order: the next transaction waits until this one is accepted
            early = await self._delivery.submit(posted)
        return await self._follow(posted, call, early)

    async def _follow(self, posted: Posted, call: Call, early: asyncio.Task[Receipt | None] | None = None) -> Receipt:
        self._followed.add(posted.nonce)
        try:
            receipt = await self._delivery.receipt_of(posted, early)
        finally:
            self._followed.discard(posted.nonce)
        failpoint("outbox.mined")
        state = State.DONE if receipt.status else State.REVERTED
        self._store.finish(posted, state, receipt.tx_hash, receipt.fee_wei)
        failpoint("outbox.noted")
        self._pricing.note_paid(receipt.effective_gas_price_wei)
        if not receipt.status:
            raise await self._reason(call, posted, receipt)
        return receipt

    async def _learn_from(self, refused: Refused) -> None:
        """Puts right what the node complained about, so that the call can be posted again; else raises why not."""
        posted = refused.posted
        self._store.finish(posted, State.LOST)
        if refused.nonce_is_taken:
            async with self._posting:
                await self._nonces.read_again(self._live_nonces)
            return
        self._nonces.give_back(posted.nonce)
        for nonce in self._nonces.take_gaps():
            self._fill(nonce)
        if (
            refused.meaning is Refusal.FEE_LOW
            and posted.attempts[-1].fees.max_fee_wei < self.settings.max_fee_limit_wei
        ):
            await self._pricing.look()
            return
        if refused.meaning is Refusal.FUNDS:
            needed = posted.call.value + posted.gas * posted.attempts[-1].fees.max_fee_wei
            raise InsufficientFunds(self.address, needed, await self.connection.balance(self.address)) from refused
        raise as_revert(refused.cause, posted.call) from refused

    def _unblock(self, first: int, end: int, unknown: int) -> None:
        """Sees to it that the nonces from ``first`` to below ``end`` are used, or those above wait for ever.

        ``unknown``: from here on the node knows of no transaction, so that what is not ours must be filled.
        """
        live = {posted.nonce: posted for posted in self._store.live()}
        for nonce in range(first, end):
            settled = self._store.settled_at(nonce)
            if nonce in live:
                if live[nonce].key not in self._tasks and not live[nonce].key.startswith(FILLER_KEY):
                    self._start(live[nonce].key, self._resume(live[nonce]))  # given up as stuck, or for an outage
            elif settled is not None:
                # mined once, then lost with a reorganisation: what it did is still wanted
                self._in_background(self._send_lost(settled))
            elif nonce >= unknown:
                self._fill(nonce)

    async def _send_lost(self, settled: Posted) -> None:
        """Sends a transaction once more that was mined before, at today's price."""
        await self._delivery.send_again(await self._sign_again(settled, outbid_fees) or settled)

    def _fill(self, nonce: int) -> None:
        """Uses a nonce up with an empty transfer to ourselves."""
        call = Call(self.address, b"", gas_hint=FILLER_GAS, description=f"fill nonce {nonce}")

        async def fill() -> Receipt:
            base = await self._pricing.offer()
            # an unknown transaction of ours may hold the nonce with any fee: outbid it well
            fees = Fees(min(4 * base.max_fee_wei, self.settings.max_fee_limit_wei), 4 * base.tip_wei)
            attempt = self._sign(call, nonce, FILLER_GAS, fees)
            posted = self._store.add(f"{FILLER_KEY}{nonce}", nonce, FILLER_GAS, call, attempt, self._clock())
            return await self._resume(posted)

        self._in_background(fill())

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        # nobody waits for it; if it fails, the transaction that it was for is found stuck again
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    # --- its parts ------------------------------------------------------------------------------------

    async def _gas_for(self, call: Call, *, simulate: bool) -> int:
        if call.gas_hint is None:
            # an estimate runs the transaction, so it is the simulation too
            estimate = await self.connection.estimate_gas(call, self.address)
            return max(estimate, min(int(estimate * GAS_MARGIN), TRANSACTION_GAS_LIMIT))
        if simulate:
            await self.connection.call(call, self.address)
        return call.gas_hint

    def _require_below_cap(self, wanted_wei: int) -> None:
        cap = self.settings.daily_fee_cap_wei
        if cap is None:
            return
        spent = self._store.fees_since(self._clock() - DAY_S)
        if spent + wanted_wei > cap:
            raise SpendCapReached(spent, wanted_wei, cap)

    def _sign(self, call: Call, nonce: int, gas: int, fees: Fees) -> Attempt:
        return sign_call(self._key, self.connection.chain_id, call, nonce, gas, fees)

    async def _sign_again(self, posted: Posted, bump: Bump) -> Posted | None:
        """Another signed form at today's price; None where there is none, or a limit or cap does not allow it."""
        # many that wait look one after the other: what one has seen counts for the others
        await self._pricing.look(self.settings.pace.look_s / 3)
        before = posted.attempts[-1].fees
        fees = bump(before, self._pricing.base_fee_wei, self.settings.max_fee_limit_wei)
        if fees is None:
            return None
        try:
            self._require_below_cap(posted.gas * (fees.max_fee_wei - before.max_fee_wei))
        except SpendCapReached:
            return None
        return self._store.add_attempt(posted, self._sign(posted.call, posted.nonce, posted.gas, fees))

    async def _reason(self, call: Call, posted: Posted, receipt: Receipt) -> Reverted:
        # the receipt does not say why; running the call on the state before the block, or after it, does
        for block in (receipt.block_number - 1, receipt.block_number):
            try:
                await self.connection.call(call, self.address, block=block)
            except ContractRevert as revert:
                return Reverted.of(revert, receipt, call.description)
        if receipt.gas_used >= posted.gas * 63 // 64:
            found = decode_revert(b"", call.contract)
            return Reverted.of(found, receipt, f"{call.description} (used all its {posted.gas} gas)")
        return Reverted.of(decode_revert(b"", call.contract), receipt, call.description)

    # --- after a restart ------------------------------------------------------------------------------

    def _live_nonces(self) -> list[int]:
        return [posted.nonce for posted in self._store.live()]

    async def _recover(self) -> None:
        self._store.prune(self._clock() - KEEP_S)
        await self._nonces.read_again(self._live_nonces)
        young = {posted.id for posted in self._store.live(since=self._clock() - SAME_INTENT_S)}
        for posted in self._store.live():
            self._recovered.append(self._start(posted.key, self._resume(posted)))
            if posted.id in young:
                self._left_over[_intent(posted.call)] = posted.key

    async def _resume(self, posted: Posted) -> Receipt:
        try:
            return await self._follow(posted, posted.call, await self._delivery.submit(posted))
        except Refused as refused:
            self._store.finish(posted, State.LOST)
            raise NonceConflict(posted.call.description, posted.nonce) from refused


def _intent(call: Call) -> tuple[Address | None, bytes, int]:
    return call.to, call.data, call.value
