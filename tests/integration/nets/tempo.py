"""How soon proxies and clients of a test's net look again and act: no sooner than a busy machine can follow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from tpre_offchain.chain.outbox.delivery import Pace
from tpre_offchain.chain.outbox.settings import OutboxSettings

WORKER: Final[dict[str, float]] = {
    "backoff_s": 0.6,
    "retry_s": 0.2,
    "retry_limit_s": 2.0,
    "poll_s": 0.1,
    "lull_s": 1.0,
    "recheck_s": 1.0,
    "gather_s": 0.2,
}
"""Of a proxy, see ``WorkerSettings``."""

PACE: Final = Pace(look_s=0.5)
"""Of every outbox: how soon it looks for what keeps a transaction, such as one before it that a reorganisation took."""

OUTBOX: Final = OutboxSettings(pace=PACE)
PACE_JSON: Final[dict[str, Any]] = asdict(PACE)
"""As ``proxy_child`` takes it."""
