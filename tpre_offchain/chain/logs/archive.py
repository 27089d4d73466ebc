"""Logs kept outside of the chain's nodes, which prune theirs: exported by anybody, believed by nobody.

A log from an archive stands for nothing by itself. Whoever uses an event holds it against the hash that the contract
stores, or against an equation, as with a node's own logs: an archive can only lack something.

The file is lines of JSON: a header, then one log a line in the form of JSON-RPC.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tpre_offchain.chain.abi.log import Log
from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address

FORMAT: Final = "tpre-logs/1"


class BadArchive(ChainError):
    """A file is no archive of logs, or one of another deployment."""

    default_hint = "make one with `tpre audit export`, or ask for one who has the whole history"


@dataclass(frozen=True)
class LogArchive:
    """The logs of one deployment's contracts in a range of blocks, both ends included, in order."""

    chain_id: int
    addresses: frozenset[Address]
    from_block: int
    to_block: int
    logs: tuple[Log, ...]

    def lines(self) -> Iterator[bytes]:
        """The file's content."""
        header = {
            "format": FORMAT,
            "chainId": self.chain_id,
            "contracts": sorted(self.addresses),
            "fromBlock": self.from_block,
            "toBlock": self.to_block,
        }
        for line in (header, *(log.to_rpc() for log in self.logs)):
            yield json.dumps(line, separators=(",", ":")).encode() + b"\n"

    def save(self, path: Path) -> None:
        """Write the file as a whole. Raises ``OSError``."""
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with partial.open("wb") as file:
                file.writelines(self.lines())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> LogArchive:
        """Read a file. Raises ``BadArchive``."""
        try:
            with path.open("rb") as file:
                return cls.parse(file, str(path))
        except OSError as problem:
            raise BadArchive(f"{path} cannot be read: {problem.strerror}") from problem

    @classmethod
    def parse(cls, lines: Iterable[bytes], where: str) -> LogArchive:
        """From the file's lines. Raises ``BadArchive``."""
        number = 1
        try:
            rest = iter(lines)
            header = _plain(next(rest))
            if header["format"] != FORMAT:
                raise BadArchive(f"{where} is of format {header['format']!r}, not {FORMAT}")
            logs = []
            for line in rest:
                number += 1
                logs.append(_checked(_plain(line)))
            return cls(
                int(header["chainId"]),
                frozenset(Address(str(address)) for address in header["contracts"]),
                int(header["fromBlock"]),
                int(header["toBlock"]),
                tuple(logs),
            )
        except (ValueError, TypeError, KeyError, AttributeError, StopIteration) as problem:
            raise BadArchive(f"{where}, line {number}: {type(problem).__name__}") from None

    def require_of(self, chain_id: int, addresses: Iterable[Address]) -> LogArchive:
        """This archive, if it is of those contracts of that chain. Raises ``BadArchive``."""
        if self.chain_id != chain_id or self.addresses != frozenset(addresses):
            raise BadArchive("the archive is of other contracts than the deployment file names")
        return self

    def matching(self, addresses: Sequence[Address], first: int, last: int, topics: Sequence[Any]) -> list[Log]:
        """What a node would answer to `eth_getLogs`; topics as there: None, hex, or several hex of which one fits."""
        wanted = [None if topic is None else _topic_set(topic) for topic in topics]
        chosen = {address.lower() for address in addresses}
        return [
            log
            for log in self.logs
            if first <= log.block_number <= last and log.address.lower() in chosen and _fits(log.topics, wanted)
        ]


def merged(node: Sequence[Log], archive: Sequence[Log]) -> list[Log]:
    """The node's logs and those that the archive alone has, in the chain's order."""
    known = {(log.tx_hash, log.log_index) for log in node}
    extra = [log for log in archive if (log.tx_hash, log.log_index) not in known]
    return sorted([*node, *extra], key=lambda log: (log.block_number, log.log_index))


def _plain(line: bytes) -> Any:
    # no line of ours nests: a parser must not be led down as deep as a stranger likes
    if line.count(b"{") > 1 or line.count(b"[") > 1:
        raise ValueError("nested")
    return json.loads(line)


def _checked(raw: Mapping[str, Any]) -> Log:
    log = Log.from_rpc(raw)
    if any(len(word) != 32 for word in (*log.topics, log.block_hash, log.tx_hash)) or log.block_number < 0:
        raise ValueError("a hash has 32 bytes")
    return log


def _topic_set(topic: str | Sequence[str]) -> frozenset[bytes]:
    return frozenset(bytes.fromhex(one[2:]) for one in ([topic] if isinstance(topic, str) else topic))


def _fits(topics: Sequence[bytes], wanted: Sequence[frozenset[bytes] | None]) -> bool:
    if len(topics) < len(wanted):
        return False
    return all(allowed is None or topic in allowed for topic, allowed in zip(topics, wanted, strict=False))
