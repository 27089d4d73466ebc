"""A publisher's disk is full or read-only: it is told so, nothing is lost, and it goes on once the disk is good."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.stage import bad_disk
from tests.faults.stage.scene import Scene
from tpre_offchain.chain.abi.events import RecordPublished

pytestmark = [
    pytest.mark.anvil,
    pytest.mark.slow,
    pytest.mark.skipif(not bad_disk.possible(), reason="this system lets us make no mount namespace"),
]


def records_in(net: Scene, stream_id: int) -> int:
    return len([one for one in net.ledger().of(RecordPublished) if one.stream_id == stream_id])


@pytest.mark.parametrize(
    ("where", "disk", "error"),
    [
        ("blobs", "full", "StoreFull"),
        ("blobs", "read-only", "StoreReadOnly"),
        ("state", "full", "StateUnwritable"),
        ("state", "read-only", "StateUnwritable"),
    ],
)
def test_publish__disk_is_bad__told_and_published_once_it_is_good(
    whole: Scene, tmp_path: Path, where: str, disk: str, error: str
) -> None:
    net, data = whole, whole.chance.randbytes(3000)
    owner, user, blobs = net.new_keys(), net.new_keys(), tmp_path / "blobs"
    source = tmp_path / "source"
    source.write_bytes(data)
    job = {"stream": tmp_path.name, "file": str(source), "store": f"local:{blobs}", "state": str(tmp_path / "state")}
    refused = net.role("publish", owner, **job, disk=disk, disk_at=str(tmp_path / where))
    assert refused.wait() == 1, refused.tail()
    told = refused.report()
    assert told["error"] == error
    assert str(tmp_path / where) in told["culprit"]
    assert told["hint"] or disk == "read-only"
    if where == "blobs":
        assert told["files"] == []  # nothing half of it is left to fill the disk
    assert source.read_bytes() == data

    again = net.role("publish", owner, **job)
    assert again.wait() == 0, (again.report(), again.tail())
    published = again.report()
    assert records_in(net, published["stream_id"]) == 1
    asked = net.role("request", user, stream_id=published["stream_id"], threshold=2, committee=3)
    assert asked.wait() == 0, asked.tail()
    assert net.role("grant", owner, stream_id=published["stream_id"]).wait() == 0
    wanted = {"record_id": published["record_id"], "grant_id": asked.report()["grant_id"], "store": job["store"]}
    assert net.role("fetch", user, **wanted, output=str(tmp_path / "read")).wait() == 0
    assert (tmp_path / "read").read_bytes() == data
    net.require_clean()


def test_publish__disk_fills_up_in_the_middle__goes_on_in_the_same_process_once_there_is_room(
    whole: Scene, tmp_path: Path
) -> None:
    net, data = whole, whole.chance.randbytes(2 * bad_disk.LEFT_BYTES)
    source, blobs = tmp_path / "source", tmp_path / "blobs"
    source.write_bytes(data)
    child = net.role(
        "publish_once_there_is_room",
        net.new_keys(),
        stream=tmp_path.name,
        file=str(source),
        store=f"local:{blobs}",
        disk="nearly-full",
        disk_at=str(blobs),
        output=str(tmp_path / "read"),
    )
    assert child.wait() == 0, (child.report(), child.tail())
    assert "No space left" in child.report()["refusal"]
    assert records_in(net, child.report()["stream_id"]) == 1
    assert (tmp_path / "read").read_bytes() == data
