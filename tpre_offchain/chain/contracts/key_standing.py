"""How each version of a proxy's node key stands: what the chain says of it against what is held (SCHEME §14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tpre_offchain.chain.contracts.key_versions import KeyHistory, KeyVersion

DAY_S = 86_400


class KeyState(StrEnum):
    """``MISSING``: needed, and not held. ``OTHER``: needed, and another key is held in its place.

    ``ERASED``: over, and not held. ``PENDING``: held, and not registered yet. ``UNKNOWN``: nobody looked at what is
    held, or the node tells nothing of it.
    """

    HELD = "held"
    MISSING = "missing"
    OTHER = "other"
    ERASED = "erased"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class KeyStanding:
    """One version. Times are unix seconds; ``since_s``: None while it is not registered.

    ``retired_s`` and ``kept_until_s``: None while it is the current one. ``over``: nothing can need it any more.
    """

    version: int
    state: KeyState
    since_s: int | None = None
    retired_s: int | None = None
    live_grants: int = 0
    kept_until_s: int | None = None
    over: bool = False

    @property
    def is_current(self) -> bool:
        """Grants given now name it."""
        return self.since_s is not None and self.retired_s is None

    def is_due(self, now_s: int, rotate_days: int) -> bool:
        """It is the current one, and older than a key should get."""
        return self.is_current and self.since_s is not None and now_s - self.since_s > rotate_days * DAY_S


def standings(history: KeyHistory, held: Mapping[int, bytes] | None) -> tuple[KeyStanding, ...]:
    """Every version, oldest first. ``held``: keccak256 of the 128 bytes of those held; None: not known."""
    known = [_standing(history, one, held) for one in history.versions]
    told = {one.version for one in history.versions}
    untold = [version for version in sorted(held or ()) if version not in told]
    latest = max(told, default=0)
    return (
        *known,
        *(KeyStanding(one, KeyState.PENDING if one > latest else KeyState.UNKNOWN) for one in untold),
    )


def _standing(history: KeyHistory, one: KeyVersion, held: Mapping[int, bytes] | None) -> KeyStanding:
    over = one.version in history.over
    if held is None:
        state = KeyState.UNKNOWN
    elif held.get(one.version) == one.key_hash:
        state = KeyState.HELD
    elif over:
        state = KeyState.ERASED
    else:
        state = KeyState.OTHER if one.version in held else KeyState.MISSING
    return KeyStanding(
        version=one.version,
        state=state,
        since_s=one.since_s,
        retired_s=one.retired_s,
        live_grants=one.live_grants(history.block.timestamp),
        kept_until_s=one.kept_until_s(history.margin_s),
        over=over,
    )
