"""Raw logs as the node returns them, and where on the chain they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tpre_offchain.chain.abi.values import checksum_address
from tpre_offchain.types import Address


@dataclass(frozen=True)
class Log:
    """A raw log, as the node returned it. Hashes are 32 bytes."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int
    timestamp: int | None = None
    """Of the block, in unix time, where the node says it."""

    @classmethod
    def from_rpc(cls, raw: Mapping[str, Any]) -> Log:
        """From the JSON-RPC form of a log."""
        return cls(
            address=checksum_address(raw["address"]),
            topics=tuple(bytes.fromhex(topic[2:]) for topic in raw["topics"]),
            data=bytes.fromhex(raw["data"][2:]),
            block_number=int(raw["blockNumber"], 16),
            block_hash=bytes.fromhex(raw["blockHash"][2:]),
            tx_hash=bytes.fromhex(raw["transactionHash"][2:]),
            log_index=int(raw["logIndex"], 16),
            timestamp=int(raw["blockTimestamp"], 16) if raw.get("blockTimestamp") else None,
        )

    def to_rpc(self) -> dict[str, Any]:
        """The JSON-RPC form of the log."""
        raw = {
            "address": self.address,
            "topics": ["0x" + topic.hex() for topic in self.topics],
            "data": "0x" + self.data.hex(),
            "blockNumber": hex(self.block_number),
            "blockHash": "0x" + self.block_hash.hex(),
            "transactionHash": "0x" + self.tx_hash.hex(),
            "logIndex": hex(self.log_index),
        }
        return raw if self.timestamp is None else {**raw, "blockTimestamp": hex(self.timestamp)}


@dataclass(frozen=True)
class LogPosition:
    """Where an event stands on the chain."""

    address: Address
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    log_index: int
    timestamp: int | None = None
