"""Owner, publisher and user are killed at every named step of their work, started again, and get it done, once."""

from __future__ import annotations

import hashlib
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.stage.scene import Scene
from tpre_offchain.chain.abi.events import AccessGranted, AccessRequested, RecordPublished, RoundOpened, StreamCreated
from tpre_offchain.clients import Keys
from tpre_offchain.failpoints import STEPS

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

KILLS = [
    # the first transaction registers the key, the second creates the stream, the third publishes
    *(("publish", f"outbox.{step}#{n}") for n, step in ((2, "recorded"), (2, "mined"), (3, "signed"), (3, "recorded"))),
    *(("publish", f"publisher.{step}") for step in ("encrypted", "queued", "sealed", "mined")),
    *(("grant", step) for step in ("owner.rekey.made", "outbox.recorded", "outbox.mined", "outbox.noted")),
    # registers the key, asks
    *(("request", step) for step in ("user.request.composed", "outbox.recorded#2", "outbox.mined#2")),
    *(("fetch", f"user.{step}") for step in ("round.composed", "round.finalized", "metadata.opened", "output.written")),
    *(("fetch", f"outbox.{step}") for step in ("signed", "recorded", "mined", "noted")),
]


@dataclass
class Job:
    """All programs of one record's way from its owner to its user."""

    net: Scene
    folder: Path
    owner: Keys
    user: Keys
    die_at: tuple[str, str]
    died: int = 0

    def run(self, role: str, keys: Keys, **config: Any) -> dict[str, Any]:
        """Run a program to its end, killing it on its way if it is the one to be killed."""
        if role == self.die_at[0]:
            killed = self.net.role(role, keys, failpoint=self.die_at[1], **config)
            assert killed.wait() == -signal.SIGKILL, (killed.report(), killed.tail())
            self.died += 1
        child = self.net.role(role, keys, **config)
        assert child.wait(60) == 0, (child.report(), child.tail())
        return child.report()

    def whole_way(self, data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        source = self.folder / "source"
        source.write_bytes(data)
        published = self.run("publish", self.owner, stream=self.folder.name, file=str(source))
        stream = {"stream_id": published["stream_id"]}
        asked = self.run("request", self.user, **stream, threshold=2, committee=3)
        self.run("grant", self.owner, **stream)
        wanted = {"record_id": published["record_id"], "grant_id": asked["grant_id"]}
        fetched = self.run("fetch", self.user, **wanted, output=str(self.folder / "read"))
        return {**published, **asked}, fetched


@pytest.mark.parametrize(("role", "step"), KILLS)
def test_program__killed_at_step__its_work_is_done_once(whole: Scene, tmp_path: Path, role: str, step: str) -> None:
    net, data = whole, whole.chance.randbytes(3000)
    job = Job(net, tmp_path, net.new_keys(), net.new_keys(), (role, step))
    ids, fetched = job.whole_way(data)
    assert job.died == 1
    assert (tmp_path / "read").read_bytes() == data
    assert fetched["sha256"] == hashlib.sha256(data).hexdigest()
    assert {path.name for path in tmp_path.iterdir()} - {"source", "read"} <= _orphans(tmp_path, step)

    ledger = net.ledger()
    mine = [one for one in ledger.of(StreamCreated) if one.owner == job.owner.address]
    assert len(mine) == 1
    assert len([one for one in ledger.of(RecordPublished) if one.stream_id == ids["stream_id"]]) == 1
    assert len([one for one in ledger.of(AccessRequested) if one.delegatee == job.user.address]) == 1
    assert len([one for one in ledger.of(AccessGranted) if one.grant_id == ids["grant_id"]]) == 1
    assert len([one for one in ledger.of(RoundOpened) if one.grant_id == ids["grant_id"]]) == 1
    net.require_clean()


def _orphans(folder: Path, step: str) -> set[str]:
    # SIGKILL lets nobody clean up: the partial output of a killed read stays beside the output, of mode 0600
    parts = {path.name for path in folder.iterdir() if path.suffix == ".part"}
    assert all((folder / name).stat().st_mode & 0o077 == 0 for name in parts)
    return parts if step == "user.output.written" else set()


def test_steps__of_clients__are_all_tried() -> None:
    told = {step.partition("#")[0] for _, step in KILLS}
    # those of node keys: integration/cli/test_proxy_keys.py
    assert {step for step in STEPS if not step.startswith(("proxy.", "keystore.", "nodekey."))} <= told


@pytest.mark.parametrize(
    ("role", "step"), [("publish", "outbox.recorded#2"), ("request", "outbox.recorded#2"), ("fetch", "outbox.recorded")]
)
def test_program__killed_before_sending_on_a_slow_chain__still_sends_once(
    whole: Scene, tmp_path: Path, role: str, step: str
) -> None:
    """The program starts again while what it wrote down is sent, but not mined: it must not send a second."""
    net = whole
    job = SlowRestart(net, tmp_path, net.new_keys(), net.new_keys(), (role, step))
    try:
        ids, _ = job.whole_way(b"slow")
    finally:
        net.node.ask("evm_setAutomine", True)
    assert job.died == 1
    ledger = net.ledger()
    assert len([one for one in ledger.of(StreamCreated) if one.owner == job.owner.address]) == 1
    assert len([one for one in ledger.of(AccessRequested) if one.delegatee == job.user.address]) == 1
    assert len([one for one in ledger.of(RoundOpened) if one.grant_id == ids["grant_id"]]) == 1
    net.require_clean()


class SlowRestart(Job):
    """While a killed program starts again, no block comes."""

    def run(self, role: str, keys: Keys, **config: Any) -> dict[str, Any]:
        if role != self.die_at[0]:
            return super().run(role, keys, **config)
        killed = self.net.role(role, keys, failpoint=self.die_at[1], **config)
        assert killed.wait() == -signal.SIGKILL, (killed.report(), killed.tail())
        self.died += 1
        self.net.node.ask("evm_setAutomine", False)
        child = self.net.role(role, keys, **config)
        self.net.until(lambda: bool(self.net.waiting_transactions()), "transaction in the pool")
        time.sleep(1.0)
        self.net.node.ask("evm_setAutomine", True)
        self.net.node.ask("anvil_mine", "0x1")
        assert child.wait(60) == 0, (child.report(), child.tail())
        return child.report()
