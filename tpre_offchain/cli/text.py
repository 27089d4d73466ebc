"""What ``tpre`` says: help, failures, how ids and amounts are written. Each verb's own text is in ``shown_*``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tpre_offchain.errors import ConfigError

HELP: Final = """Share encrypted files through proxies that answer to a blockchain.

Begin with `tpre demo`; or `tpre net up`, and then the verbs of owner and user in two terminals."""
HELP_DEMO: Final = "the whole story on a local chain: a recording shared through proxies"
HELP_NET: Final = "a local chain with contracts and proxies: up, status, down"
HELP_DEPLOY: Final = "deploy the contracts to any chain"
HELP_KEY: Final = "keystores: new, show, recover"
HELP_OWNER: Final = "create streams, publish, grant, deny, revoke, start epochs"
HELP_USER: Final = "find records, ask for access, fetch"
HELP_PROXY: Final = "join the pool, serve, leave"
HELP_AUDIT: Final = "what happened, and whether it was right, from the chain alone"
HELP_DOCTOR: Final = "whether everything works, and what to do about what does not"
HELP_BENCH: Final = "measure: cryptography, rounds, load, gas; figures and the report"
HELP_EXITS: Final = (
    "Exit codes: 0 done · 1 bug · 2 usage · 3 refused by the chain · 4 not found · 5 unavailable, try again · "
    "6 verification failed · 7 key or keystore · 8 files or store · 9 doctor found errors · 130 interrupted"
)
HINT_BUG: Final = "this is a bug; TPRE_TRACEBACK=1 shows where"
INTERRUPTED: Final = "interrupted"


def failure(error: Mapping[str, str | bool | None]) -> str:
    """An error as the terminal shows it: what failed, who is to blame, what to do."""
    lines = [f"tpre: {error['message']}"]
    if error.get("culprit"):
        lines.append(f"  caused by: {error['culprit']}")
    if error.get("hint"):
        lines.append(f"  hint: {error['hint']}")
    elif error.get("retryable"):
        lines.append("  hint: the same command may succeed later")
    return "\n".join(lines)


def short_hex(value: str | bytes, digits: int = 8) -> str:
    """A hash or address by its first digits."""
    full = "0x" + value.hex() if isinstance(value, bytes) else value
    return full if len(full) <= digits + 4 else f"{full[: digits + 2]}…"


def milliseconds(ms: float) -> str:
    """A duration."""
    return f"{ms / 1000:.2f} s" if ms >= 1000 else f"{ms:.1f} ms"


def moment(unix_s: int) -> str:
    """A time of the chain, in UTC."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M}"


def size(count: int) -> str:
    """A number of bytes, with the unit that fits."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.2f} GiB"


def ether(wei: int) -> str:
    """An amount of wei in ether."""
    return f"{wei / 10**18:.6f}".rstrip("0").rstrip(".") + " ETH"


def record(record_id: int) -> str:
    """A record's place: stream/publisher/sequence, as `tpre` takes it back."""
    return f"{record_id >> 192}/0x{(record_id >> 32) & ((1 << 160) - 1):040x}/{record_id & 0xFFFFFFFF}"


class MissingOption(ConfigError):
    """A verb cannot do without an option that was not given."""
