"""What `tpre owner` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tpre_offchain.cli import text
from tpre_offchain.cli.reply import Grid, Reply

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.events import StreamCreated
    from tpre_offchain.clients.results import (
        AccessRequestInfo,
        AdvancedEpoch,
        CreatedStream,
        GivenGrant,
        OpenedRound,
        PendingPublish,
        PublishedRecord,
        RequestedAccess,
        Transaction,
    )

REVOKED: Final = (
    "what was converted stays readable; start a new epoch (tpre owner epoch) to shut out dishonest proxies too"
)


def created(stream: CreatedStream) -> Reply:
    """A new stream."""
    data = {"ok": True, "stream": stream.stream_id, "name": stream.name, **transaction(stream.transaction)}
    return Reply(data, [f"stream {stream.stream_id} is created: {stream.name}", line(stream.transaction)])


def streams(found: Sequence[StreamCreated]) -> Reply:
    """The owner's streams."""
    rows = [
        (
            str(one.stream_id),
            one.summary,
            f"{one.terms.minimum_threshold} of {one.terms.minimum_committee}",
            text.ether(one.terms.price_wei),
            str(one.at.block_number),
        )
        for one in found
    ]
    data = [
        {
            "stream": one.stream_id,
            "summary": one.summary,
            "name_hash": "0x" + one.name_hash.hex(),
            "minimum": [one.terms.minimum_threshold, one.terms.minimum_committee],
            "price_wei": one.terms.price_wei,
            "block": one.at.block_number,
        }
        for one in found
    ]
    shown: list[str | Grid] = [Grid(("stream", "summary", "at least", "price", "block"), rows)]
    return Reply({"ok": True, "streams": data}, shown if rows else ["you have no streams yet"])


def published(record: PublishedRecord) -> Reply:
    """A record on the chain."""
    where = text.record(record.record_id)
    data = {
        "ok": True,
        "record": where,
        "stream": record.stream_id,
        "epoch": record.epoch,
        "cid": record.cid,
        "bytes": record.plain_length,
        "sha256": record.plain_sha256,
        "encrypted_bytes": record.encrypted_length,
        "stages_ms": dict(record.timings_ms),
        **transaction(record.transaction),
    }
    return Reply(
        data,
        [
            f"record {where}",
            f"{text.size(record.plain_length)} of {record.name or 'data'}, sha256 {record.plain_sha256}",
            f"stored as {record.cid}",
            line(record.transaction),
        ],
    )


def pending(waiting: Sequence[PendingPublish], finished: Sequence[PublishedRecord]) -> Reply:
    """What is not published yet."""
    rows = [
        (str(one.job), str(one.stream_id), one.name, one.state, text.size(one.encrypted_length), one.last_error)
        for one in waiting
    ]
    data = {
        "ok": True,
        "published": [text.record(one.record_id) for one in finished],
        "pending": [
            {
                "job": one.job,
                "stream": one.stream_id,
                "name": one.name,
                "state": one.state,
                "encrypted_bytes": one.encrypted_length,
                "queued_at": one.queued_at_s,
                "last_error": one.last_error,
            }
            for one in waiting
        ],
    }
    lines: list[str | Grid] = [f"published {text.record(one.record_id)}" for one in finished]
    if rows:
        lines.append(Grid(("job", "stream", "name", "state", "size", "why"), rows))
    return Reply(data, lines or ["nothing waits"])


def requests(found: Sequence[AccessRequestInfo]) -> Reply:
    """Who asks for access."""
    rows = [
        (
            str(one.grant_id),
            str(one.stream_id),
            one.delegatee,
            f"{one.threshold} of {one.committee_size}",
            f"{one.epoch_from}–{one.epoch_to}",
            text.ether(one.price_wei),
            one.status.name.lower(),
            one.purpose,
        )
        for one in found
    ]
    data = [
        {
            "request": one.grant_id,
            "stream": one.stream_id,
            "user": one.delegatee,
            "threshold": one.threshold,
            "committee_size": one.committee_size,
            "epochs": [one.epoch_from, one.epoch_to],
            "price_wei": one.price_wei,
            "deposit_wei": one.deposit_wei,
            "offered": one.offered,
            "status": one.status.name.lower(),
            "purpose": one.purpose,
        }
        for one in found
    ]
    columns = ("request", "stream", "user", "proxies", "epochs", "price", "status", "purpose")
    shown: list[str | Grid] = [Grid(columns, rows), "answer with: tpre owner grant REQUEST, or deny"]
    return Reply({"ok": True, "requests": data}, shown if rows else ["no requests wait"])


def granted(given: GivenGrant) -> Reply:
    """A grant."""
    until = datetime.fromtimestamp(given.expiry_s, UTC)
    first = None if given.round_id is None else f"{given.round_id >> 32}/{given.round_id & 0xFFFFFFFF}"
    data = {
        "ok": True,
        "grant": given.grant_id,
        "committee": list(given.committee),
        "expiry": given.expiry_s,
        "quota": given.quota,
        "epochs": list(given.epochs),
        "round": first,
        "stages_ms": dict(given.timings_ms),
        **transaction(given.transaction),
    }
    lines = [
        f"grant {given.grant_id}: {given.quota} conversions until {until:%Y-%m-%d %H:%M} UTC",
        f"fragments dealt to {len(given.committee)} proxies",
    ]
    lines += [f"round {first} is open"] if first else []
    return Reply(data, [*lines, line(given.transaction)])


def offered(one: RequestedAccess) -> Reply:
    """Access that was offered and is to be granted."""
    data = {
        "ok": True,
        "request": one.grant_id,
        "stream": one.stream_id,
        "deposit_wei": one.deposit_wei,
        **transaction(one.transaction),
    }
    lines = [f"request {one.grant_id} is open, {text.ether(one.deposit_wei)} deposited for proxies"]
    return Reply(data, [*lines, f"complete it: tpre owner grant {one.grant_id}", line(one.transaction)])


def extended(grant: int, epochs: Sequence[int]) -> Reply:
    """Epochs that a grant covers now."""
    shown = ", ".join(map(str, epochs))
    data = {"ok": True, "grant": grant, "added_epochs": list(epochs)}
    return Reply(data, [f"grant {grant} covers epochs {shown} now" if epochs else "nothing to add"])


def epoch(advanced: AdvancedEpoch) -> Reply:
    """A new epoch."""
    data = {"ok": True, "stream": advanced.stream_id, "epoch": advanced.epoch, **transaction(advanced.transaction)}
    return Reply(data, [f"stream {advanced.stream_id} is in epoch {advanced.epoch}", line(advanced.transaction)])


def done(what: str, by: Transaction, note: str = "") -> Reply:
    """One transaction that did one thing."""
    return Reply({"ok": True, **transaction(by)}, [what, *([note] if note else []), line(by)])


def opened(one: OpenedRound) -> Reply:
    """A round of an offer."""
    shown = f"{one.round_id >> 32}/{one.round_id & 0xFFFFFFFF}"
    data = {"ok": True, "round": one.round_id, "records": list(one.record_ids), **transaction(one.transaction)}
    return Reply(data, [f"round {shown} is open", line(one.transaction)])


def terms(stream_id: int, minimum: tuple[int, int], price_wei: int, by: Transaction) -> Reply:
    """What a stream asks from now on."""
    data = {"ok": True, "stream": stream_id, "minimum": list(minimum), "price_wei": price_wei, **transaction(by)}
    what = f"stream {stream_id} asks for at least {minimum[0]} of {minimum[1]} proxies and {text.ether(price_wei)}"
    return Reply(data, [what, line(by)])


def credit(address: str, credit_wei: int, paid: Transaction | None) -> Reply:
    """What an account may withdraw, or what it was paid."""
    data: dict[str, Any] = {"ok": True, "address": address, "credit_wei": credit_wei, "withdrawn": paid is not None}
    if paid is None:
        return Reply(data, [f"{address} may withdraw {text.ether(credit_wei)}"])
    return Reply({**data, **transaction(paid)}, [f"{text.ether(credit_wei)} are paid to {address}", line(paid)])


def transaction(one: Transaction) -> dict[str, Any]:
    """A transaction's part of a JSON answer."""
    return {"transaction": one.hash, "block": one.block, "gas": one.gas_used}


def line(one: Transaction) -> str:
    """A transaction's line."""
    return f"transaction {one.hash}, block {one.block}, {one.gas_used:,} gas"
