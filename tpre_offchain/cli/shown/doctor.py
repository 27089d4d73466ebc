"""What `tpre doctor` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tpre_offchain.cli import exits
from tpre_offchain.cli.reply import Reply
from tpre_offchain.doctor.finding import Finding, Level, worst

_MARKS: Final = {Level.OK: "ok  ", Level.NOTE: "note", Level.WARNING: "warn", Level.ERROR: "FAIL"}


def findings(found: Sequence[Finding]) -> Reply:
    """Everything that was looked at; exit code 9 if something does not work."""
    gravest = worst(found)
    counts = {level.value: sum(one.level is level for one in found) for level in Level}
    data = {
        "ok": gravest is not Level.ERROR,
        "worst": gravest.value,
        "counts": counts,
        "findings": [one.to_dict() for one in found],
    }
    lines = []
    for one in found:
        subject = f"{printable(one.subject)}: " if one.subject else ""
        lines.append(f"{_MARKS[one.level]}  {one.check:<13} {subject}{printable(one.message)}")
        if one.remedy:
            lines.append(f"      {'':<13} -> {printable(one.remedy)}")
    summary = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return Reply(data, [*lines, "", summary], exits.UNWELL if gravest is Level.ERROR else exits.OK)


def printable(text: str) -> str:
    """Without control characters: a node's name of itself, or an error's text, may hold anything."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
