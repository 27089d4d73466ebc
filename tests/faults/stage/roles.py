"""Owner, publisher and user as programs that can be killed at any line and started again.

Each does what a sensible program does at its start: looks whether what it wants is there already, and does the rest.
The result is reported in a file, as one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.stage import bad_disk
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Status
from tpre_offchain.chain.outbox.outbox import OutboxSettings
from tpre_offchain.clients import Keys, Owner, Session, User
from tpre_offchain.clients.errors import StreamUnknown
from tpre_offchain.errors import TpreError
from tpre_offchain.storage.errors import StoreFull


def main(config: dict[str, Any], report: Path) -> int:
    """Exit code 0 once the work is done, 1 for an error of ours, which the report holds.

    ``disk`` and ``disk_at``: put that disk of ``bad_disk`` there first; the report tells what files it has in the end.
    """
    disk_at = Path(config.get("disk_at", "."))
    if "disk" in config:
        bad_disk.mount(config["disk"], disk_at)
    keys = Keys(bytes.fromhex(config["entropy"]))
    try:
        with Session.open(
            rpc=config["rpc_urls"],
            deployment=_deployment(config["deployment"]),
            store=config["store"],
            keys=keys,
            state=config["state"],
            outbox_settings=OutboxSettings(**config.get("outbox", {})),
        ) as session:
            done: dict[str, Any] = ROLES[config["role"]](session, config)
    except TpreError as problem:
        done = dict(problem.to_dict())
        if hasattr(problem, "missing"):
            done["missing"] = list(problem.missing)
    if "disk" in config:
        done["files"] = bad_disk.files_in(disk_at)
    report.write_text(json.dumps(done))
    return 1 if "error" in done else 0


def publish(session: Session, config: dict[str, Any]) -> dict[str, Any]:
    """A stream of that name, and a file in it."""
    owner = Owner(session)
    owner.publish_pending()
    try:
        stream_id = owner.stream(config["stream"])
    except StreamUnknown:
        stream_id = owner.create_stream(config["stream"]).stream_id
    known = session.run(session.records.published([stream_id]))
    if known:  # an earlier run of ours got that far
        return {"stream_id": int(stream_id), "record_id": int(known[0].record_id)}
    record = owner.publish(stream_id, Path(config["file"]))
    return {"stream_id": int(stream_id), "record_id": int(record.record_id)}


def publish_once_there_is_room(session: Session, config: dict[str, Any]) -> dict[str, Any]:
    """Publish; if the disk is full, clear some of it and publish again. Then read what was published."""
    owner = Owner(session)
    stream, source = owner.create_stream(config["stream"]), Path(config["file"])
    try:
        record, refusal = owner.publish(stream, source), ""
    except StoreFull as problem:
        refusal, left = str(problem), bad_disk.files_in(Path(config["disk_at"]))
        assert left == [], left
        (Path(config["disk_at"]) / bad_disk.BALLAST).unlink()
        record = owner.publish(stream, source)
    owner.fetch(record, config["output"])
    return {"stream_id": int(stream.stream_id), "refusal": refusal}


def grant(session: Session, config: dict[str, Any]) -> dict[str, Any]:
    """Whatever is asked of us."""
    owner = Owner(session)
    waiting = owner.requests(config["stream_id"])
    for request in waiting:
        try:
            owner.grant(request.grant_id)
        except ContractRevert as revert:
            if revert.name != "WrongStatus":  # granted by the run before, whose transaction was still under way
                raise
    return {"granted": len(owner.requests(config["stream_id"], every=True))}


def request(session: Session, config: dict[str, Any]) -> dict[str, Any]:
    """Access to a stream."""
    user = User(session)
    mine = [one for one in user.grants() if one.stream_id == config["stream_id"]]
    live = [one for one in mine if one.status in {Status.REQUESTED, Status.GRANTED}]
    if not live:
        try:
            asked = user.request(config["stream_id"], threshold=config["threshold"], committee=config["committee"])
            return {"grant_id": int(asked.grant_id)}
        except ContractRevert as revert:
            if revert.name != "RequestPending":
                raise
        live = [one for one in user.grants() if one.stream_id == config["stream_id"]]
        assert live, "the contract knows of a request that the chain does not show"
    return {"grant_id": int(live[-1].grant_id)}


def fetch(session: Session, config: dict[str, Any]) -> dict[str, Any]:
    """A record, converted and read."""
    found = User(session).fetch(
        config["grant_id"], config["record_id"], config["output"], timeout_s=config["timeout_s"], overwrite=True
    )
    return {"round_id": int(found.round_id or 0), "sha256": found.plain_sha256}


def _deployment(given: dict[str, Any]) -> Any:
    from tpre_offchain.chain.contracts.deployment import Deployment

    return Deployment.from_json(given)


ROLES: Mapping[str, Callable[[Session, dict[str, Any]], dict[str, Any]]] = {
    "publish": publish,
    "publish_once_there_is_room": publish_once_there_is_room,
    "grant": grant,
    "request": request,
    "fetch": fetch,
}
