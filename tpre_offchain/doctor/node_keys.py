"""Node keys of a proxy: that the versions which grants name are held, that those which none names are gone, and age."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tpre_offchain.chain.contracts.key_standing import DAY_S, KeyStanding, KeyState, standings
from tpre_offchain.chain.contracts.key_versions import KeyHistory
from tpre_offchain.doctor.finding import Finding, broken, fine, note, warning

CHECK: Final = "node_key"
_ROTATE: Final = "tpre proxy rotate"
_BACKUP: Final = "put back a backup of the keystore file that has it"


def check_node_keys(history: KeyHistory, held: Mapping[int, bytes], name: str, *, rotate_days: int) -> list[Finding]:
    """Of one account, ``name``; nothing for one that was never a proxy. ``held``: as the keystore lists them."""
    found = standings(history, held)
    findings = [finding for one in found if (finding := _of(one, name)) is not None]
    return [*findings, *_age(found, history.block.timestamp, name, rotate_days)]


def _of(one: KeyStanding, name: str) -> Finding | None:
    version = f"version {one.version}"
    match one.state:
        case KeyState.MISSING | KeyState.OTHER if one.is_current:
            has = "does not hold it" if one.state is KeyState.MISSING else "holds another"
            text = f"{version} is the one that grants name now, and the keystore {has}: the proxy serves no grant"
            return broken(CHECK, text, f"{_BACKUP}, or make the next one: {_ROTATE}", name)
        case KeyState.MISSING | KeyState.OTHER:
            text = (
                f"{version} is not in the keystore, {one.live_grants} live grants name it: the proxy is missing there"
            )
            return warning(CHECK, text, f"{_BACKUP}; else the other members serve them", name)
        case KeyState.HELD if one.over:
            text = f"{version} is over, and still in the keystore"
            return warning(CHECK, text, "run the proxy, which erases it: tpre proxy run", name)
        case KeyState.HELD if one.is_current:
            return fine(CHECK, f"{version} is the current one, {one.live_grants} live grants name it", name)
        case KeyState.HELD:
            text = f"{version} is kept for {one.live_grants} live grants, until {one.kept_until_s} (unix time)"
            return fine(CHECK, text, name)
        case KeyState.PENDING:
            text = f"{version} is made and not registered: a rotation was begun"
            return note(CHECK, text, f"finish it: {_ROTATE}", name)
        case _:
            return None


def _age(found: Sequence[KeyStanding], now_s: int, name: str, rotate_days: int) -> list[Finding]:
    due = [(one.version, one.since_s) for one in found if one.since_s is not None and one.is_due(now_s, rotate_days)]
    return [
        warning(CHECK, f"version {version} is {(now_s - since_s) // DAY_S} days old", f"rotate it: {_ROTATE}", name)
        for version, since_s in due
    ]
