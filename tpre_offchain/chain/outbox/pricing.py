"""What one account offers for gas: fees of today, and signed transactions that offer them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from eth_keys.datatypes import PrivateKey

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.outbox.fees import Fees, first_fees
from tpre_offchain.chain.outbox.settings import OutboxSettings
from tpre_offchain.chain.outbox.store import Attempt
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.chain.signing import sign_transaction


class Pricing:
    """Remembers the base fee, so that a chain in steady use is not asked for it."""

    base_fee_wei: int

    def __init__(self, connection: Connection, settings: OutboxSettings, clock: Callable[[], float]) -> None:
        self.base_fee_wei = 0
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._noted_at = float("-inf")
        self._looking = asyncio.Lock()

    async def offer(self) -> Fees:
        """For a new transaction."""
        await self.look(self._settings.fee_age_s)
        return first_fees(self.base_fee_wei, self._settings.tip_wei, self._settings.max_fee_limit_wei)

    async def look(self, known_for_s: float = 0.0) -> None:
        """Read the base fee of the newest block, unless it was learnt within so many seconds."""
        async with self._looking:
            if self._clock() - self._noted_at >= known_for_s:
                self._note((await self._connection.latest()).base_fee_wei)

    def note_paid(self, effective_gas_price_wei: int) -> None:
        """A receipt tells the base fee for nothing."""
        if effective_gas_price_wei > self._settings.tip_wei:
            self._note(effective_gas_price_wei - self._settings.tip_wei)

    def _note(self, base_fee_wei: int) -> None:
        self.base_fee_wei = base_fee_wei
        self._noted_at = self._clock()


def sign_call(key: PrivateKey, chain_id: int, call: Call, nonce: int, gas: int, fees: Fees) -> Attempt:
    """The call as a signed EIP-1559 transaction. ``key``: of ``signing_key``."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "value": call.value,
        "data": call.data,
        "gas": gas,
        "maxFeePerGas": fees.max_fee_wei,
        "maxPriorityFeePerGas": fees.tip_wei,
    }
    if call.to is not None:
        fields["to"] = call.to
    signed = sign_transaction(key, fields)
    return Attempt(bytes(signed.hash), bytes(signed.raw_transaction), fees)
