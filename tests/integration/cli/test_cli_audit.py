"""An auditor and a node that lies: whatever an event says otherwise, a check fails, and it is the right one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.cli_world import answer
from tpre_offchain.audit.chain import AuditedChain, EventMissing
from tpre_offchain.audit.findings import AuditFailed, AuditReport
from tpre_offchain.audit.verify import verify_everything, verify_record, verify_round
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    CfragsSubmitted,
    DelegatingKeyRegistered,
    Event,
    LeaderProposed,
    ProxyJoined,
    RecordPublished,
    RekeyPosted,
    RoundFinalized,
    RoundOpened,
    VoteCast,
)
from tpre_offchain.chain.contracts.deployment import Deployment
from tpre_offchain.chain.logs.reading import LogReader
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.crypto.curve import g1
from tpre_offchain.types import RecordId, RoundId

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(400)]

OTHER_POINT = (g1() * 7).to_evm()


@dataclass(frozen=True)
class Finished:
    """A chain on which one round of two out of three proxies was finalized."""

    rpc: str
    deployment: Deployment

    def audit(self, change: Callable[[Event], Event | None], everything: bool = True) -> AuditReport:
        """What an audit finds if the node shows each event as ``change`` makes it; None hides it."""

        async def work() -> AuditReport:
            async with await Connection.open([self.rpc], self.deployment.chain_id) as connection:
                chain = await AuditedChain.read(LogReader(connection), self.deployment)
                shown = tuple(event for event in map(change, chain.events) if event is not None)
                told = replace(chain, events=shown)
                return await (verify_everything(told) if everything else verify_round(told, RoundId(1 << 32)))

        return asyncio.run(work())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder, home = tmp_path_factory.mktemp("audit"), ("--home", "home")
    (folder / "data").write_bytes(b"data")
    up = answer(folder, "net", "up", "--proxies", "3", "--threshold", "2", *home)
    try:
        answer(folder, "owner", "stream", "create", "s", *home)
        record = answer(folder, "owner", "publish", "data", "--stream", "1", *home)["record"]
        answer(folder, "user", "request", "1", *home)
        answer(folder, "owner", "grant", "1", *home)
        answer(folder, "user", "fetch", record, "-o", "out", *home)
        yield Finished(up["rpc"][-1], Deployment.load(folder / "home" / "deployment.json"))
    finally:
        answer(folder, "net", "down", *home)


def test_verify__truthful_node__all_holds(finished: Finished) -> None:
    report = finished.audit(lambda event: event)
    assert report.ok
    assert len(report.findings) > 15
    report.require()


def _changed(kind: type[Event], **fields: Any) -> Callable[[Event], Event | None]:
    def change(event: Event) -> Event | None:
        if not isinstance(event, kind):
            return event
        return replace(event, **{name: value(event) for name, value in fields.items()})

    return change


def _hidden(kind: type[Event], which: int = 0) -> Callable[[Event], Event | None]:
    seen = 0

    def change(event: Event) -> Event | None:
        nonlocal seen
        if not isinstance(event, kind):
            return event
        seen += 1
        return None if seen - 1 == which else event

    return change


LIES: dict[str, tuple[Callable[[], Callable[[Event], Event | None]], str]] = {
    "capsule": (lambda: _changed(RecordPublished, record=lambda e: replace(e.record, c1=OTHER_POINT)), "hashes to"),
    "tags": (lambda: _changed(RecordPublished, record=lambda e: replace(e.record, tags="x")), "hashes to"),
    "label": (lambda: _changed(RecordPublished, label=lambda _: bytes(32)), "label is that"),
    "owner's key": (lambda: _changed(DelegatingKeyRegistered, key=lambda _: OTHER_POINT), "made the capsule"),
    "node key": (lambda: _changed(ProxyJoined, key=lambda _: OTHER_POINT), "node key is the registered"),
    "committee": (lambda: _changed(AccessGranted, committee=lambda e: e.committee[::-1]), "scope and committee"),
    "quota": (lambda: _changed(AccessGranted, quota=lambda e: e.quota + 1), "scope and committee"),
    "re-key": (
        lambda: _changed(RekeyPosted, rekey=lambda e: replace(e.rekey, commitments=e.rekey.commitments[::-1])),
        "re-key of epoch",
    ),
    "pads": (
        lambda: _changed(RekeyPosted, rekey=lambda e: replace(e.rekey, pads=e.rekey.pads[::-1])),
        "re-key of epoch",
    ),
    "round's capsules": (lambda: _changed(RoundOpened, capsules=lambda _: (OTHER_POINT,)), "it was opened on"),
    "cfrag": (lambda: _changed(CfragsSubmitted, cfrags=lambda _: (OTHER_POINT,)), "chain of hashes"),
    "hidden cfrag": (lambda: _hidden(CfragsSubmitted), "chain of hashes"),
    "result": (lambda: _changed(LeaderProposed, results=lambda _: (OTHER_POINT,)), "e(W, h2)"),
    "contributors": (lambda: _changed(LeaderProposed, contributors=lambda e: e.contributors ^ 7), "the result is the"),
    "leader": (lambda: _changed(LeaderProposed, leader=lambda _: "0x" + "11" * 20), "the leader sits"),
    "final result": (lambda: _changed(RoundFinalized, result_hash=lambda _: bytes(32)), "the result is the one"),
    "hidden vote": (lambda: _hidden(VoteCast), "voted for it"),
    "opposite vote": (lambda: _changed(VoteCast, approve=lambda _: False), "voted for it"),
    "by proof": (lambda: _changed(RoundFinalized, by_proof=lambda _: True), "finalized by proof"),
}


@pytest.mark.parametrize("lie", LIES)
def test_verify__node_lies__the_right_check_fails(finished: Finished, lie: str) -> None:
    make, check = LIES[lie]
    report = finished.audit(make())
    failed = [finding.check for finding in report.findings if not finding.holds]
    assert any(check in one for one in failed), failed
    with pytest.raises(AuditFailed):
        report.require()


def test_verify_round__event_is_pruned__says_so(finished: Finished) -> None:
    with pytest.raises(EventMissing, match="round 1/0"):
        finished.audit(_hidden(RoundOpened), everything=False)


def test_verify_record__unknown__says_so(finished: Finished, tmp_path: Path) -> None:
    async def work() -> None:
        async with await Connection.open([finished.rpc], finished.deployment.chain_id) as connection:
            await verify_record(await AuditedChain.read(LogReader(connection), finished.deployment), RecordId(1))

    with pytest.raises(EventMissing, match="record 0/"):
        asyncio.run(work())
