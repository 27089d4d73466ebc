"""What can go wrong between us and a node, and how to read a node's error object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tpre_offchain.errors import ChainError

METHOD_NOT_FOUND = -32601
METHOD_NOT_SUPPORTED = -32004
LIMIT_EXCEEDED = -32005
# the last is anvil's over a WebSocket
_UNSUPPORTED = re.compile(r"not supported|does not exist|not found|did not match any variant", re.IGNORECASE)
_INDEXING = re.compile(r"indexing is in progress", re.IGNORECASE)
_TOO_MUCH = re.compile(
    r"(more than|limit|exceed|too (many|large|wide)|range|timed? ?out|response size|10000 results)", re.IGNORECASE
)


class EndpointDown(ChainError):
    """No RPC endpoint answered. ``culprit`` is the last one tried."""

    default_retryable = True
    default_hint = "is the node running, and is the URL right?"


class WrongChain(ChainError):
    """An endpoint serves another chain than the one expected."""

    default_hint = "check the RPC URL and the deployment file: they belong to different chains"

    expected: int
    actual: int

    def __init__(self, expected: int, actual: int, url: str) -> None:
        super().__init__(f"chain id {actual} at the endpoint, {expected} expected", culprit=url)
        self.expected = expected
        self.actual = actual


class StalePeer(ChainError):
    """The endpoints left are far behind the chain that was seen before. ``behind``: in blocks."""

    default_retryable = True
    default_hint = "wait until the node has synced, or add another RPC URL"

    behind: int

    def __init__(self, behind: int, url: str) -> None:
        super().__init__(f"the node is {behind} blocks behind", culprit=url)
        self.behind = behind


class NoHead(ChainError):
    """The node named no block as the chain's last, as while it replaces blocks."""

    default_retryable = True
    default_hint = "ask again; if it stays so, the node is not in sync"


class EndpointsDisagree(ChainError):
    """Two endpoints have different blocks at one height. ``believed`` is the one named first; ``culprit`` is the other,
    which may as well be the one that is right: that is for people to find out."""

    default_retryable = True
    default_hint = "one of them is wrong or on a fork: name only the one that you trust"

    number: int
    believed: str

    def __init__(self, number: int, believed: str, other: str) -> None:
        super().__init__(f"block {number} is another one at {other} than at {believed}", culprit=other)
        self.number = number
        self.believed = believed


class RpcRefused(ChainError):
    """A node answered a request with an error object. ``code`` and ``data`` are the node's."""

    code: int
    data: Any

    def __init__(self, method: str, code: int, message: str, data: Any) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.node_message = message
        self.data = data

    @property
    def unsupported(self) -> bool:
        """Whether the node does not have the method at all."""
        return self.code in {METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED} or bool(_UNSUPPORTED.search(self.node_message))

    @property
    def not_indexed_yet(self) -> bool:
        """Whether the node may know the transaction a moment later: geth says so of one that it has just taken."""
        return bool(_INDEXING.search(self.node_message))

    @property
    def asks_too_much(self) -> bool:
        """Whether a smaller question of the same kind may be answered (too many logs, too wide a range)."""
        return self.code == LIMIT_EXCEEDED or bool(_TOO_MUCH.search(self.node_message))

    @property
    def revert_data(self) -> bytes | None:
        """Data of a revert, where the error is one: empty bytes if the contract gave none, None for other errors."""
        found = find_revert_data(self.data)
        if found is not None:
            return found
        return b"" if "revert" in self.node_message.lower() or self.code == 3 else None


def find_revert_data(data: Any) -> bytes | None:
    """Revert data in a node's ``error.data``: hex text (geth, anvil), or nested under ``data`` (hardhat)."""
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    if isinstance(data, Mapping):
        return find_revert_data(data.get("data"))
    return None
