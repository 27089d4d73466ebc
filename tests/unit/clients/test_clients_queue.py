"""The publish queue: what it keeps, and what it does not show."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tpre_offchain.chain.abi.structs import Proof, RecordInput
from tpre_offchain.clients.stored.queue import Job, PublishQueue, QueueDamaged, SealedRecord
from tpre_offchain.errors import StorageError
from tpre_offchain.types import Epoch, StreamId

SECRET = bytes(range(32))


@pytest.fixture
def queue(tmp_path: Path, seeded: Random) -> Iterator[PublishQueue]:
    with PublishQueue(tmp_path / "state", SECRET, seeded.randbytes) as opened:
        yield opened


@pytest.fixture
def job(seeded: Random) -> Job:
    return Job(
        number=0,
        stream_id=StreamId(7),
        source="/data/readings.csv|4|1",
        dek=seeded.randbytes(32),
        cid=b"\x01\x55\x12\x20" + seeded.randbytes(32),
        encrypted_sha256=seeded.randbytes(32),
        encrypted_length=60,
        plain_sha256=seeded.randbytes(32),
        plain_length=4,
        created_at_s=1_700_000_000,
        name="readings.csv",
        media_type="text/csv",
        tags='{"unit":"°F"}',
        is_spooled=True,
    )


@pytest.fixture
def sealed(seeded: Random) -> SealedRecord:
    record = RecordInput(
        seeded.randbytes(128), seeded.randbytes(32), seeded.randbytes(229), Proof(1, 2), bytes(32), "t"
    )
    return SealedRecord(Epoch(3), 5, record, seeded.randbytes(32))


def reopened(queue: PublishQueue, secret: bytes = SECRET) -> PublishQueue:
    assert queue.spool is not None
    return PublishQueue(queue.spool.parent, secret, Random(1).randbytes)


def test_unfinished__after_reopening__is_what_was_added(queue: PublishQueue, job: Job, sealed: SealedRecord) -> None:
    added = queue.add(job, 1.0)
    with_seal = queue.set_sealed(queue.set_stored(added), sealed)
    queue.close()
    with reopened(queue) as again:
        assert again.unfinished() == [with_seal]
        assert again.unfinished(StreamId(7), job.source) == [with_seal]
        assert again.unfinished(StreamId(8)) == again.unfinished(StreamId(7), "other") == []


def test_pending__states__follow_the_publish(queue: PublishQueue, job: Job, sealed: SealedRecord) -> None:
    added = queue.add(job, 1_700_000_001.5)
    queue.set_error(added, "nobody listens")
    (shown,) = queue.pending()
    assert (shown.state, shown.queued_at_s, shown.last_error) == ("spooled", 1_700_000_001, "nobody listens")
    stored = queue.set_stored(added)
    assert queue.pending()[0].state == "stored"
    queue.set_sealed(stored, sealed)
    assert queue.pending()[0].state == "sent"
    queue.finish(stored)
    queue.finish(stored)
    assert queue.pending() == []


def test_spool__stored_or_finished__is_emptied(queue: PublishQueue, job: Job) -> None:
    for end in (queue.set_stored, queue.finish):
        queue.spooled_path(job.cid).write_bytes(b"blob")
        end(queue.add(job, 1.0))
        assert queue.spool is not None
        assert list(queue.spool.iterdir()) == []


def test_files__on_disk__hold_no_data_key_and_are_private(queue: PublishQueue, job: Job) -> None:
    queue.add(job, 1.0)
    queue.close()
    assert queue.spool is not None
    folder = queue.spool.parent
    for path in [folder, queue.spool]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in folder.iterdir():
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            assert job.dek not in path.read_bytes()
            assert job.dek.hex().encode() not in path.read_bytes()
    assert job.dek.hex() not in repr(job)


def test_unfinished__another_account__raises(queue: PublishQueue, job: Job) -> None:
    queue.add(job, 1.0)
    queue.close()
    with reopened(queue, bytes(32)) as other:
        with pytest.raises(QueueDamaged, match="job 1"):
            other.unfinished()
        assert len(other.pending()) == 1


def test_unfinished__key_moved_to_another_blob__raises(queue: PublishQueue, job: Job, seeded: Random) -> None:
    queue.add(job, 1.0)
    queue.add(replace(job, cid=b"\x01\x55\x12\x20" + seeded.randbytes(32), dek=seeded.randbytes(32)), 2.0)
    queue.close()
    assert queue.spool is not None
    db = sqlite3.connect(queue.spool.parent / "publish.sqlite")
    with db:
        db.execute("UPDATE jobs SET dek = (SELECT dek FROM jobs WHERE id = 2) WHERE id = 1")
    db.close()
    with reopened(queue) as again, pytest.raises(QueueDamaged):
        again.unfinished()


async def test_exclusive__another_program__waits(queue: PublishQueue) -> None:
    order: list[str] = []

    async def second() -> None:
        with reopened(queue) as other:
            async with other.exclusive():
                order.append("second")

    async with queue.exclusive():
        task = asyncio.create_task(second())
        await asyncio.sleep(0.15)
        order.append("first")
    await task
    assert order == ["first", "second"]


def test_memory__no_folder__has_no_spool(seeded: Random, job: Job) -> None:
    with PublishQueue(None, SECRET, seeded.randbytes) as queue:
        assert queue.spool is None
        with pytest.raises(StorageError):
            queue.spooled_path(job.cid)
        added = queue.add(replace(job, is_spooled=False), 1.0)
        assert queue.unfinished() == [added]
        queue.finish(added)
