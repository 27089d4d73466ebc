"""Owner, device and user on a real chain with proxies at work: what they can do."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.integration.nets.clients_world import ClientsWorld, clients_world
from tests.integration.nets.local_nodes import HARDHAT, start_hardhat
from tpre_offchain.chain.abi.structs import Phase, Status
from tpre_offchain.clients import Device, Item, Owner, Session, User
from tpre_offchain.clients.errors import NoGrant, NotPayer, OutputExists, StreamUnknown
from tpre_offchain.clients.granting import MAX_REKEYS
from tpre_offchain.types import Epoch

MIB = 1 << 20


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientsWorld]:
    with clients_world(tmp_path_factory.mktemp("world"), proxies=5) as made:
        yield made


@pytest.fixture
def owner(world: ClientsWorld) -> Iterator[Owner]:
    with world.session() as session:
        yield Owner(session)


@pytest.fixture
def user(world: ClientsWorld) -> Iterator[User]:
    with world.session() as session:
        yield User(session)


def test_fetch__granted_record__gives_the_published_bytes(owner: Owner, user: User, tmp_path: Path) -> None:
    source = tmp_path / "readings.csv"
    source.write_bytes(b"time,F\n1,70.1\n")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()

    stream = owner.create_stream("machine-7/temperature", summary="bearing, 1 Hz", minimum=(3, 5))
    record = owner.publish(stream, source, tags={"unit": "F"})
    assert record.plain_sha256 == digest
    assert record.timings_ms.keys() >= {"encrypt", "publish"}

    request = user.request(stream, threshold=3, committee=5, purpose="maintenance")
    (asked,) = owner.requests(stream)
    assert (asked.grant_id, asked.delegatee, asked.purpose) == (request.grant_id, user.address, "maintenance")
    granted = owner.grant(asked, days=30, quota=10)
    assert len(set(granted.committee)) == 5
    assert granted.timings_ms["rekey"] > 0
    assert owner.requests(stream) == []

    stages: list[str] = []
    report = user.fetch(request, record, tmp_path / "out.csv", on_progress=lambda stage, *_: stages.append(stage))
    assert report.output.read_bytes() == source.read_bytes()
    assert stat.S_IMODE(report.output.stat().st_mode) == 0o600
    assert (report.plain_sha256, report.signer, report.name) == (digest, owner.address, "readings.csv")
    assert report.media_type == "text/csv"
    assert report.timings_ms.keys() >= {"convert", "decrypt"}
    assert {"fetch", "decrypt"} <= set(stages)

    assert report.round_id is not None
    conversion = user.conversion(report.round_id)
    assert conversion.record_ids == (record.record_id,)
    assert conversion.leader in granted.committee
    assert len(conversion.contributors) == 3
    assert set(conversion.contributors) <= set(granted.committee)
    assert conversion.approvals == sum(vote.approve for vote in conversion.votes) >= 3
    assert len(conversion.gas["submit"]) >= 3
    assert all(gas > 21_000 for kind in conversion.gas.values() for gas in kind)

    status = user.status(request)
    assert (status.status, status.used, status.quota, status.live) == (Status.GRANTED, 1, 10, True)
    assert [one.phase for one in status.rounds] == [Phase.FINALIZED]
    assert [one.grant_id for one in user.grants()] == [request.grant_id]


def test_fetch__converted_before__opens_no_second_round(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("a")
    record = owner.publish(stream, b"once")
    request = user.request(stream, threshold=2, committee=3)
    owner.grant(request)
    first = user.fetch(request, record, tmp_path / "1")
    second = user.fetch(request, record, tmp_path / "2")
    assert first.round_id == second.round_id
    assert user.status(request).used == 1
    with pytest.raises(OutputExists):
        user.fetch(request, record, tmp_path / "2")
    assert user.fetch(request, record, tmp_path / "2", overwrite=True).plain_length == 4


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, 3 * MIB + 5])
def test_fetch__any_size__is_whole(owner: Owner, user: User, tmp_path: Path, seeded: Random, size: int) -> None:
    data = seeded.randbytes(size)
    stream = owner.create_stream("sizes", minimum=(1, 1))
    record = owner.publish(stream, data, name="blob")
    request = user.request(stream, threshold=1, committee=1)
    owner.grant(request)
    report = user.fetch(request, record, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == data
    assert report.plain_length == size
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_fetch__owner__needs_no_proxy_and_reads_what_devices_wrote(
    world: ClientsWorld, owner: Owner, tmp_path: Path
) -> None:
    stream = owner.create_stream("devices")
    with world.session() as session:
        device = Device(session)
        owner.set_publisher(stream, device.address)
        records = device.publish_batch(stream, [b"one", Item(b"two", name="two.txt", tags={"n": "2"}), b""])
        assert len({record.transaction.hash for record in records}) == 1
        assert [record.record_id & 0xFFFFFFFF for record in records] == [0, 1, 2]
        own = device.publish(stream, b"three")
    reports = [owner.fetch(record, tmp_path / f"{i}") for i, record in enumerate([*records, own])]
    assert [(tmp_path / f"{i}").read_bytes() for i in range(4)] == [b"one", b"two", b"", b"three"]
    assert {report.signer for report in reports} == {device.address}
    assert reports[1].name == "two.txt"
    assert reports[0].round_id is None


def test_fetch__batch_of_records__is_one_round(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("batch")
    records = owner.publish_batch(stream, [f"record {i}".encode() for i in range(7)])
    request = user.request(stream, threshold=2, committee=3)
    owner.grant(request)
    opened = user.open_round(request, list(reversed(records)))
    assert opened.record_ids == tuple(record.record_id for record in records)
    user.wait(opened)
    for i, record in enumerate(records):
        assert user.fetch(request, record, tmp_path / str(i)).round_id == opened.round_id
        assert (tmp_path / str(i)).read_bytes() == f"record {i}".encode()


def test_grant__several_epochs__opens_each(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("epochs")
    old = owner.publish(stream, b"epoch 0")
    assert owner.advance_epoch(stream).epoch == 1
    new = owner.publish(stream, b"epoch 1")
    assert (old.epoch, new.epoch) == (0, 1)
    request = user.request(stream, threshold=2, committee=3, epochs=(0, 1))
    assert owner.grant(request).epochs == (0, 1)
    user.fetch(request, old, tmp_path / "old")
    user.fetch(request, new, tmp_path / "new")
    assert (tmp_path / "old").read_bytes() == b"epoch 0"
    assert (tmp_path / "new").read_bytes() == b"epoch 1"


def test_grant__range_into_the_future__follows_the_epochs(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("growing")
    request = user.request(stream, threshold=2, committee=3, epochs=(0, 5))
    assert owner.grant(request).epochs == (0,)
    owner.advance_epoch(stream)
    record = owner.publish(stream, b"epoch 1")
    with pytest.raises(NoGrant):
        user.fetch(request, record, tmp_path / "out")
    assert owner.add_epochs(request) == [1]
    assert owner.add_epochs(request) == []
    assert user.fetch(request, record, tmp_path / "out").plain_length == 7


def test_grant__more_epochs_than_a_transaction_takes__covers_them_all(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("long", minimum=(1, 1))
    for _ in range(MAX_REKEYS):
        last = owner.advance_epoch(stream).epoch
    record = owner.publish(stream, b"last")
    request = user.request(stream, threshold=1, committee=1, epochs=(0, last))
    granted = owner.grant(request)
    assert set(granted.epochs) == set(range(last + 1))
    assert owner.add_epochs(request) == []
    assert user.fetch(request, record, tmp_path / "out").plain_length == 4


def test_money__grant_that_served__pays_the_owner_and_returns_the_rest(
    owner: Owner, user: User, tmp_path: Path
) -> None:
    stream = owner.create_stream("paid", price_wei=12_345)
    record = owner.publish(stream, b"data")
    request = user.request(stream, threshold=2, committee=3, conversions=10)
    owner.grant(request)
    user.fetch(request, record, tmp_path / "out")
    assert owner.credit() == 12_345
    owner.revoke(request)
    user.reclaim_deposit(request)
    fee = user.session.deployment.settings.rounds.fee_per_cfrag_wei
    assert user.credit() == request.deposit_wei - 2 * fee - 12_345
    user.withdraw_credit()
    owner.withdraw_credit(user.address)
    assert user.credit() == owner.credit() == 0


def test_offer__unasked_user__can_fetch(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("offered")
    record = owner.publish(stream, b"for you")
    user.register()
    offer = owner.offer(stream, user.address, threshold=2, committee=3, purpose="audit")
    granted = owner.grant(offer, open_records=[record])
    assert user.fetch(offer, record, tmp_path / "out").round_id == granted.round_id
    later = owner.publish(stream, b"and this")
    with pytest.raises(NotPayer):
        user.fetch(offer, later, tmp_path / "later")
    owner.open_round(offer, [later])
    assert user.fetch(offer, later, tmp_path / "later").plain_length == 8


def test_grant__first_round_on_the_users_deposit__is_refused_before_anything_is_sent(owner: Owner, user: User) -> None:
    stream = owner.create_stream("theirs")
    record = owner.publish(stream, b"data")
    request = user.request(stream, threshold=2, committee=3)
    with pytest.raises(NotPayer):
        owner.grant(request, open_records=[record])
    assert user.status(request).status is Status.REQUESTED


def test_surrender__grant_of_ones_own__frees_the_deposit_and_the_next_request_pays(owner: Owner, user: User) -> None:
    stream = owner.create_stream("left")
    request = user.request(stream, threshold=2, committee=3, conversions=3)
    owner.grant(request)
    user.surrender(request)
    assert user.credit() == request.deposit_wei
    before = user.run(user.session.connection.balance(user.address))
    again = user.request(stream, threshold=2, committee=3, conversions=3)
    receipt = user.run(user.session.connection.receipt(bytes.fromhex(again.transaction.hash[2:])))
    assert receipt is not None
    paid = before - user.run(user.session.connection.balance(user.address)) - receipt.fee_wei
    assert paid == again.deposit_wei + user.session.deployment.settings.grants.redraw_fee_wei


def test_catalog__text__finds_streams_and_shows_nothing_sealed(owner: Owner, user: User, tmp_path: Path) -> None:
    source = tmp_path / "secret-name.csv"
    source.write_bytes(b"x")
    stream = owner.create_stream("hidden name", summary="Pump 9 vibration", minimum=(2, 3), price_wei=7)
    record = owner.publish(stream, source, tags={"unit": "mm/s", "site": "Basel"})
    for text in ("pump 9", "BASEL", "mm/s", owner.address.lower()):
        (found,) = user.catalog(text, owner=owner.address)
        assert found.stream_id == stream.stream_id
    (shown,) = found.records
    assert (shown.record_id, shown.publisher) == (record.record_id, owner.address)
    assert shown.tags == {"unit": "mm/s", "site": "Basel"}
    assert (found.terms.minimum_threshold, found.terms.minimum_committee, found.terms.price_wei) == (2, 3, 7)
    assert "secret-name" not in repr(found)
    assert "hidden name" not in repr(found)
    assert user.catalog("no such text", owner=owner.address) == []


def test_stream__name__finds_the_latest_of_that_name(owner: Owner) -> None:
    owner.create_stream("twice")
    latest = owner.create_stream("twice")
    assert owner.stream("twice") == latest.stream_id
    assert len(owner.streams()) == 2
    with pytest.raises(StreamUnknown):
        owner.stream("never")


def test_register__second_time__sends_nothing(owner: Owner, user: User) -> None:
    first, second = owner.register(), owner.register()
    assert first.transaction is not None
    assert first.timings_ms["keygen"] > 0
    assert (second.version, second.transaction) == (1, None)
    assert user.register().role == "receiving"


def test_rotate_key__owner_and_user__what_was_granted_goes_on(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("rotated")
    old = owner.publish(stream, b"old")
    first = user.request(stream, threshold=2, committee=3)
    owner.grant(first)

    assert owner.rotate_key().version == user.rotate_key().version == 2
    assert (owner.register().version, user.register().version) == (2, 2)
    between = owner.publish(stream, b"same epoch: the old key")
    for record in (old, between):
        assert user.fetch(first, record, tmp_path / str(record.record_id)).plain_length == record.plain_length

    assert owner.advance_epoch(stream).epoch == 1
    new = owner.publish(stream, b"next epoch: the new key")
    second = user.request(stream, threshold=2, committee=3)
    owner.grant(second)
    user.fetch(second, new, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == b"next epoch: the new key"
    labels = [owner.run(owner.session.contracts.records.label_of(stream.stream_id, Epoch(n))) for n in (0, 1)]
    assert [version for _, _, version in labels] == [1, 2]
    for record in (old, between, new):
        report = owner.fetch(record, tmp_path / f"own {record.record_id}")
        assert report.plain_sha256 == record.plain_sha256


def test_rotate_key__never_registered__registers_both_versions(owner: Owner, user: User) -> None:
    assert owner.rotate_key().version == 2
    assert user.rotate_key().version == 2


async def test_aio__running_loop__does_the_same(world: ClientsWorld) -> None:
    keys = await asyncio.to_thread(world.new_keys)
    async with await Session.start(rpc=world.url, deployment=world.deployment, store=world.store, keys=keys) as session:
        owner = Owner(session)
        stream = await owner.create_stream.aio("async")
        record = await owner.publish.aio(stream, b"data")
        assert record.plain_length == 4
        with pytest.raises(RuntimeError, match="aio"):
            owner.create_stream("sync")


def test_fetch__on_a_hardhat_node__works_as_well(tmp_path: Path) -> None:
    if not HARDHAT.exists():
        pytest.skip("hardhat is not installed")
    with (
        clients_world(tmp_path / "world", proxies=2, start_node=start_hardhat) as world,
        world.session() as owners,
        world.session() as users,
    ):
        owner, user = Owner(owners), User(users)
        stream = owner.create_stream("hardhat")
        record = owner.publish(stream, b"data")
        # nothing is mined between request and grant: the node simulates on the request's own block
        request = user.request(stream, threshold=2, committee=2)
        owner.grant(request)
        assert user.fetch(request, record, tmp_path / "out").plain_length == 4
