"""What a check found, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tpre_offchain.errors import TpreError


class Level(StrEnum):
    """How bad it is. ``NOTE``: could not be looked at, or is worth knowing. ``WARNING``: works, for the time being."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``subject``: which, where there are several. ``remedy``: empty if all is well."""

    check: str
    level: Level
    message: str
    remedy: str = ""
    subject: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "level": self.level.value}


def fine(check: str, message: str, subject: str = "") -> Finding:
    """All is well."""
    return Finding(check, Level.OK, message, "", subject)


def note(check: str, message: str, remedy: str, subject: str = "") -> Finding:
    """Not looked at, or worth knowing."""
    return Finding(check, Level.NOTE, message, remedy, subject)


def warning(check: str, message: str, remedy: str, subject: str = "") -> Finding:
    """Works, for the time being."""
    return Finding(check, Level.WARNING, message, remedy, subject)


def broken(check: str, message: str, remedy: str, subject: str = "") -> Finding:
    """Does not work."""
    return Finding(check, Level.ERROR, message, remedy, subject)


def of_error(check: str, error: TpreError, subject: str = "", remedy: str = "") -> Finding:
    """An error that a check ran into, with the error's own hint if there is no better remedy."""
    return broken(check, error.message, remedy or error.hint or "see SECURITY.md and the logs", subject)


def worst(findings: Iterable[Finding]) -> Level:
    """The gravest level among some findings."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
