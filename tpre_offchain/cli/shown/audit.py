"""What `tpre audit` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tpre_offchain.cli import text
from tpre_offchain.cli.reply import Grid, Reply

if TYPE_CHECKING:
    from pathlib import Path

    from tpre_offchain.audit.findings import AuditReport
    from tpre_offchain.audit.timeline import Entry
    from tpre_offchain.chain.logs.archive import LogArchive


def timeline(entries: Sequence[Entry]) -> Reply:
    """Who did what."""
    rows = [
        (
            str(one.block),
            "" if one.time_s is None else f"{datetime.fromtimestamp(one.time_s, UTC):%H:%M:%S}",
            text.short_hex(one.actor or ""),
            one.action,
            _about(one),
            text.short_hex(one.transaction),
        )
        for one in entries
    ]
    data = [{**asdict(one), "record": None if one.record is None else text.record(one.record)} for one in entries]
    grid = Grid(("block", "time", "who", "did", "about", "transaction"), rows)
    return Reply({"ok": True, "entries": data}, [grid if rows else "nothing happened"])


def exported(found: LogArchive, output: Path | None, cid: str | None) -> Reply:
    """An archive of logs, and where it is."""
    data = {
        "ok": True,
        "logs": len(found.logs),
        "from_block": found.from_block,
        "to_block": found.to_block,
        "file": None if output is None else str(output),
        "cid": cid,
    }
    where = [*([] if output is None else [f"written to {output}"]), *([] if cid is None else [f"stored as {cid}"])]
    lines = [f"{len(found.logs)} logs of blocks {found.from_block} to {found.to_block}", *where]
    return Reply(data, [*lines, "read with: tpre user fetch … --archive FILE_OR_CID"])


def report(found: AuditReport) -> Reply:
    """What holds and what does not; exit code 6 unless all of it holds."""
    rows = [
        (one.subject, one.check, "holds" if one.holds else f"FAILS: {one.problem}", one.culprit or "")
        for one in found.findings
    ]
    failed = sum(not one.holds for one in found.findings)
    verdict = f"all {len(rows)} checks hold" if found.ok else f"{failed} of {len(rows)} checks fail"
    data = {
        "ok": found.ok,
        "checks": [
            {
                "subject": one.subject,
                "check": one.check,
                "holds": one.holds,
                "problem": one.problem,
                "culprit": one.culprit,
            }
            for one in found.findings
        ],
    }
    shown: list[str | Grid] = [Grid(("about", "check", "outcome", "culprit"), rows), verdict]
    return Reply(data, shown if rows else ["nothing to verify"], exit_code=0 if found.ok else 6)


def _about(one: Entry) -> str:
    parts = []
    if one.record is not None:
        parts.append(f"record {one.record >> 192}/…/{one.record & 0xFFFFFFFF}")
    elif one.stream is not None:
        parts.append(f"stream {one.stream}")
    if one.round is not None:
        parts.append(f"round {one.round >> 32}/{one.round & 0xFFFFFFFF}")
    elif one.grant is not None:
        parts.append(f"grant {one.grant}")
    return ", ".join(parts)
