"""A contract call not yet sent, and the receipt once it is mined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tpre_offchain.chain.abi.decoding import decode_logs
from tpre_offchain.chain.abi.events import Event
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

EventT = TypeVar("EventT", bound=Event)


class EventMissing(ChainError):
    """A transaction did not emit the event that its call always emits."""

    default_hint = "compare the deployment file with the chain: another contract may live at that address"


@dataclass(frozen=True)
class Call:
    """What a transaction shall do; the outbox adds nonce, fees and signature.

    ``gas_hint``: a gas limit known to suffice; None has the node estimate it. ``done_errors``: custom errors that mean
    that the step is taken already, by us or by another; ``done_phases``: phases for which a ``WrongPhase`` means so.
    """

    to: Address | None
    """None creates a contract."""
    data: bytes = field(repr=False)
    value: int = 0
    gas_hint: int | None = None
    description: str = "transaction"
    contract: str = ""
    done_errors: frozenset[str] = frozenset()
    done_phases: frozenset[Phase] = frozenset()

    def as_rpc(self, sender: Address) -> dict[str, str]:
        """The transaction object of ``eth_call`` and ``eth_estimateGas``."""
        fields = {"from": sender, "data": "0x" + self.data.hex(), "value": hex(self.value)}
        if self.to is not None:
            fields["to"] = self.to
        return fields


@dataclass(frozen=True)
class Receipt:
    """A mined transaction. ``status``: True if it did what it should. ``fee_wei``: paid for gas."""

    tx_hash: bytes
    status: bool
    block_number: int
    block_hash: bytes
    gas_used: int
    effective_gas_price_wei: int
    contract_address: str | None
    logs: tuple[Log, ...] = field(repr=False)
    events: tuple[Event, ...] = field(repr=False)

    @property
    def fee_wei(self) -> int:
        """What the gas cost."""
        return self.gas_used * self.effective_gas_price_wei

    def one(self, kind: type[EventT]) -> EventT:
        """The transaction's event of that kind. Raises ``EventMissing`` unless there is exactly one."""
        found = [event for event in self.events if isinstance(event, kind)]
        if len(found) != 1:
            raise EventMissing(f"{len(found)} {kind.__name__} events, not 1, in transaction 0x{self.tx_hash.hex()}")
        return found[0]

    @classmethod
    def from_rpc(cls, raw: Mapping[str, Any]) -> Receipt:
        """From the JSON-RPC form of a receipt."""
        logs = tuple(Log.from_rpc(log) for log in raw["logs"])
        return cls(
            tx_hash=bytes.fromhex(raw["transactionHash"][2:]),
            status=int(raw["status"], 16) == 1,
            block_number=int(raw["blockNumber"], 16),
            block_hash=bytes.fromhex(raw["blockHash"][2:]),
            gas_used=int(raw["gasUsed"], 16),
            effective_gas_price_wei=int(raw.get("effectiveGasPrice") or "0x0", 16),
            contract_address=raw.get("contractAddress"),
            logs=logs,
            events=decode_logs(logs),
        )
