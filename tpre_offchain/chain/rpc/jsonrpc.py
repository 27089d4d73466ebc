"""The bytes of JSON-RPC 2.0, as both transports send and read them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
# py_ecc lifts the interpreter's limit so far that a deeply nested answer would overflow the stack of the process
MAX_DEPTH = 1_000


def encode(number: int, method: str, params: Sequence[Any]) -> str:
    """One request."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}, separators=(",", ":"))


def decode(message: str | bytes | bytearray) -> Mapping[str, Any]:
    """One response or notification. Raises ``ValueError`` for anything but a JSON object, or one nested too deep."""
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(min(limit, MAX_DEPTH))
        found = json.loads(message)
    except RecursionError as problem:
        raise ValueError("a JSON-RPC message is nested too deep") from problem
    finally:
        sys.setrecursionlimit(limit)
    if not isinstance(found, dict):
        raise ValueError("a JSON-RPC message is an object")
    return found
