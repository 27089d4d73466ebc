"""What `tpre user` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tpre_offchain.cli import text
from tpre_offchain.cli.reply import Grid, Reply
from tpre_offchain.cli.shown.owner import line, transaction

if TYPE_CHECKING:
    from tpre_offchain.clients.results import CatalogStream, FetchReport, GrantInfo, RegisteredKey, RequestedAccess


def catalog(found: Sequence[CatalogStream]) -> Reply:
    """Streams and their records."""
    streams = [
        {
            "stream": one.stream_id,
            "owner": one.owner,
            "summary": one.summary,
            "epoch": one.epoch,
            "minimum": [one.terms.minimum_threshold, one.terms.minimum_committee],
            "price_wei": one.terms.price_wei,
            "records": [
                {
                    "record": text.record(record.record_id),
                    "epoch": record.epoch,
                    "publisher": record.publisher,
                    "tags": dict(record.tags),
                    "block": record.block,
                }
                for record in one.records
            ],
        }
        for one in found
    ]
    shown: list[str | Grid] = []
    for one in found:
        terms = (
            f"{one.terms.minimum_threshold} of {one.terms.minimum_committee} proxies, {text.ether(one.terms.price_wei)}"
        )
        shown.append(f"stream {one.stream_id}  {one.summary}\n  by {one.owner}, epoch {one.epoch}, at least {terms}")
        rows = [
            (
                text.record(record.record_id),
                str(record.epoch),
                str(record.block),
                " ".join(f"{key}={value}" for key, value in record.tags.items()),
            )
            for record in one.records
        ]
        shown.append(Grid(("record", "epoch", "block", "tags"), rows) if rows else "  no records yet")
    return Reply({"ok": True, "streams": streams}, shown or ["nothing found"])


def registered(address: str, key: RegisteredKey) -> Reply:
    """A key on the chain, by this call or before it."""
    data = {"ok": True, "address": address, "role": key.role, "version": key.version}
    what = f"{key.role} key {key.version} of {address} is on the chain"
    if key.transaction is None:
        return Reply(data, [what])
    return Reply({**data, **transaction(key.transaction)}, [what, line(key.transaction)])


def requested(asked: RequestedAccess) -> Reply:
    """A request that was sent."""
    data = {
        "ok": True,
        "request": asked.grant_id,
        "stream": asked.stream_id,
        "price_wei": asked.price_wei,
        "deposit_wei": asked.deposit_wei,
        **transaction(asked.transaction),
    }
    return Reply(
        data,
        [
            f"request {asked.grant_id} for stream {asked.stream_id} waits for its owner",
            f"{text.ether(asked.deposit_wei)} deposited; a conversion costs {text.ether(asked.price_wei)} and its fees",
            line(asked.transaction),
        ],
    )


def grants(found: Sequence[GrantInfo]) -> Reply:
    """All requests and grants of an account."""
    rows = [
        (
            str(one.grant_id),
            str(one.stream_id),
            _state(one),
            f"{one.threshold} of {one.committee_size}",
            f"{one.epoch_from}–{one.epoch_to}",
            f"{one.used} of {one.quota}",
            _until(one),
            str(len(one.rounds)),
        )
        for one in found
    ]
    columns = ("grant", "stream", "state", "proxies", "epochs", "used", "until", "rounds")
    shown: list[str | Grid] = [Grid(columns, rows)] if rows else ["no requests yet"]
    return Reply({"ok": True, "grants": [_grant(one) for one in found]}, shown)


def grant(one: GrantInfo) -> Reply:
    """One request or grant with its rounds."""
    until = _until(one) or "-"
    lines: list[str | Grid] = [
        f"grant {one.grant_id} for stream {one.stream_id}: {_state(one)}",
        f"from {one.delegator} to {one.delegatee}, epochs {one.epoch_from}–{one.epoch_to}",
        f"{one.used} of {one.quota} conversions used, until {until}, {text.ether(one.deposit_wei)} deposited",
    ]
    if one.committee:
        lines.append("committee: " + ", ".join(one.committee))
    rows = [
        (_round(r.round_id), r.phase.name.lower(), ", ".join(text.record(i) for i in r.record_ids)) for r in one.rounds
    ]
    return Reply({"ok": True, **_grant(one)}, [*lines, *([Grid(("round", "phase", "records"), rows)] if rows else [])])


def fetched(report: FetchReport) -> Reply:
    """A record that was read."""
    made = datetime.fromtimestamp(report.created_at_s, UTC)
    data = {
        "ok": True,
        "record": text.record(report.record_id),
        "output": str(report.output),
        "name": report.name,
        "media_type": report.media_type,
        "created_at": report.created_at_s,
        "bytes": report.plain_length,
        "sha256": report.plain_sha256,
        "cid": report.cid,
        "signer": report.signer,
        "round": None if report.round_id is None else _round(report.round_id),
        "stages_ms": dict(report.timings_ms),
    }
    return Reply(
        data,
        [
            f"{report.output}: {text.size(report.plain_length)} of {report.name or 'data'} ({report.media_type})",
            f"sha256 {report.plain_sha256}",
            f"signed by its publisher {report.signer}, {made:%Y-%m-%d %H:%M:%S} UTC",
        ],
    )


def _grant(one: GrantInfo) -> dict[str, Any]:
    return {
        "grant": one.grant_id,
        "stream": one.stream_id,
        "owner": one.delegator,
        "user": one.delegatee,
        "status": one.status.name.lower(),
        "live": one.live,
        "threshold": one.threshold,
        "committee_size": one.committee_size,
        "committee": list(one.committee),
        "epochs": [one.epoch_from, one.epoch_to],
        "expiry": one.expiry_s,
        "quota": one.quota,
        "used": one.used,
        "deposit_wei": one.deposit_wei,
        "rounds": [
            {
                "round": _round(r.round_id),
                "phase": r.phase.name.lower(),
                "records": [text.record(i) for i in r.record_ids],
                "deadline": r.deadline_s,
            }
            for r in one.rounds
        ],
    }


def _round(round_id: int) -> str:
    return f"{round_id >> 32}/{round_id & 0xFFFFFFFF}"


def _state(one: GrantInfo) -> str:
    status = one.status.name.lower()
    return "expired" if status == "granted" and not one.live else status


def _until(one: GrantInfo) -> str:
    return f"{datetime.fromtimestamp(one.expiry_s, UTC):%Y-%m-%d %H:%M}" if one.expiry_s else ""
