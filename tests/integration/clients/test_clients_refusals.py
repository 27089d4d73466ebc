"""What must fail, tried for real: the refusal is the contract's, and where it is mined it stands on the chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.nets.clients_world import ClientsWorld, clients_world
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.clients import Owner, User
from tpre_offchain.clients.errors import (
    DepositUsedUp,
    GrantExpired,
    GrantRevoked,
    NoGrant,
    NotRefused,
    NotYourGrant,
    QuotaUsedUp,
    RecordUnknown,
    StreamUnknown,
)
from tpre_offchain.clients.results import PublishedRecord, RequestedAccess
from tpre_offchain.types import RecordId


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientsWorld]:
    with clients_world(tmp_path_factory.mktemp("world"), proxies=3) as made:
        yield made


@pytest.fixture
def owner(world: ClientsWorld) -> Iterator[Owner]:
    with world.session() as session:
        yield Owner(session)


@pytest.fixture
def user(world: ClientsWorld) -> Iterator[User]:
    with world.session() as session:
        yield User(session)


Shared = tuple[PublishedRecord, RequestedAccess]


def share(owner: Owner, user: User, *, quota: int = 100, days: float = 30) -> Shared:
    """A record and a grant on it; nothing is converted yet."""
    stream = owner.create_stream("shared")
    record = owner.publish(stream, b"data")
    request = user.request(stream, threshold=2, committee=3)
    owner.grant(request, quota=quota, days=days)
    return record, request


def test_fetch__no_such_grant__is_refused_by_the_contract(owner: Owner, user: User, tmp_path: Path) -> None:
    record = owner.publish(owner.create_stream("alone"), b"data")
    with pytest.raises(NoGrant) as raised:
        user.fetch(999_999, record, tmp_path / "out")
    assert raised.value.revert == "RekeyMismatch"  # what the contract looks at first
    assert isinstance(raised.value.__cause__, ContractRevert)
    assert list(tmp_path.iterdir()) == []


def test_attempt__no_such_grant__is_mined_and_reverts(owner: Owner, user: User) -> None:
    record = owner.publish(owner.create_stream("alone"), b"data")
    refusal = user.attempt(999_999, [record])
    assert (refusal.error, refusal.revert) == ("NoGrant", "RekeyMismatch")
    assert refusal.transaction is not None
    receipt = user.session.connection.receipt(bytes.fromhex(refusal.transaction.hash[2:]))
    mined = user.run(receipt)
    assert mined is not None
    assert mined.status is False


def test_fetch__anothers_grant__is_refused(world: ClientsWorld, owner: Owner, user: User, tmp_path: Path) -> None:
    record, request = share(owner, user)
    with world.session() as session:
        stranger = User(session)
        stranger.register()
        with pytest.raises(NotYourGrant) as raised:
            stranger.fetch(request, record, tmp_path / "out")
        assert raised.value.culprit == stranger.address
        assert stranger.attempt(request, [record]).error == "NotPayer"
        # and what was converted for the user opens nothing for anybody else
        user.fetch(request, record, tmp_path / "mine")
        with pytest.raises(Exception, match="key"):
            stranger.fetch(request, record, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_fetch__not_granted_yet__is_refused(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("waiting")
    record = owner.publish(stream, b"data")
    request = user.request(stream, threshold=2, committee=3)
    with pytest.raises(NoGrant):
        user.fetch(request, record, tmp_path / "out")
    owner.deny(request, "not you")
    with pytest.raises(GrantRevoked):
        user.fetch(request, record, tmp_path / "out")


def test_fetch__revoked_and_new_epoch__is_refused(owner: Owner, user: User, tmp_path: Path) -> None:
    record, request = share(owner, user)
    user.fetch(request, record, tmp_path / "before")
    owner.revoke(request)
    epoch = owner.advance_epoch(record.stream_id)
    later = owner.publish(record.stream_id, b"later")
    assert (epoch.epoch, later.epoch) == (1, 1)

    with pytest.raises(GrantRevoked) as raised:
        user.fetch(request, later, tmp_path / "after")
    assert isinstance(raised.value.__cause__, ContractRevert)
    of_new, of_old = user.attempt(request, [later]), user.attempt(request, [record])
    assert (of_new.error, of_new.revert) == ("GrantRevoked", "RekeyMismatch")
    assert (of_old.error, of_old.revert) == ("GrantRevoked", "WrongStatus")
    assert of_new.transaction is not None
    assert of_old.transaction is not None
    assert [path.name for path in tmp_path.iterdir()] == ["before"]
    # what was converted before stays readable: it says so where revocation is offered
    assert user.fetch(request, record, tmp_path / "again").plain_length == 4


def test_revoke__second_time__is_refused(owner: Owner, user: User) -> None:
    _, request = share(owner, user)
    owner.revoke(request)
    with pytest.raises(GrantRevoked):
        owner.revoke(request)


def test_fetch__record_of_an_epoch_not_granted__is_refused(owner: Owner, user: User, tmp_path: Path) -> None:
    record, request = share(owner, user)
    owner.advance_epoch(record.stream_id)
    later = owner.publish(record.stream_id, b"later")
    with pytest.raises(NoGrant) as raised:
        user.fetch(request, later, tmp_path / "out")
    assert raised.value.revert in {"EpochOutOfScope", "RekeyMismatch"}


def test_open_round__quota_used_up__is_refused(owner: Owner, user: User, tmp_path: Path) -> None:
    record, request = share(owner, user, quota=1)
    other = owner.publish(record.stream_id, b"other")
    user.fetch(request, record, tmp_path / "out")
    with pytest.raises(QuotaUsedUp):
        user.open_round(request, [other])


def test_open_round__deposit_used_up__is_refused_until_added(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("poor")
    record = owner.publish(stream, b"data")
    request = user.request(stream, threshold=2, committee=3, conversions=0)
    owner.grant(request)
    with pytest.raises(DepositUsedUp):
        user.open_round(request, [record])
    user.add_deposit(request, 10**18)
    assert user.fetch(request, record, tmp_path / "out").plain_length == 4


def test_grant__by_another_owner__is_refused(world: ClientsWorld, owner: Owner, user: User) -> None:
    stream = owner.create_stream("mine")
    request = user.request(stream, threshold=2, committee=3)
    with world.session() as session:
        with pytest.raises(NotYourGrant, match="belongs to"):
            Owner(session).grant(request)
        with pytest.raises(NotYourGrant):
            Owner(session).deny(request)


def test_request__pending_then_withdrawn__pays_the_redraw(owner: Owner, user: User) -> None:
    stream = owner.create_stream("redraw", price_wei=5)
    first = user.request(stream, threshold=2, committee=3)
    with pytest.raises(ContractRevert) as raised:
        user.request(stream, threshold=2, committee=3)
    assert raised.value.name == "RequestPending"
    user.withdraw(first)
    second = user.request(stream, threshold=2, committee=3)
    assert (second.price_wei, second.deposit_wei) == (5, first.deposit_wei)


def test_fetch__unknown_record_or_stream__says_so(owner: Owner, user: User, tmp_path: Path) -> None:
    stream = owner.create_stream("small")
    missing = RecordId(stream.stream_id << 192 | int(owner.address, 16) << 32 | 7)
    with pytest.raises(RecordUnknown):
        owner.fetch(missing, tmp_path / "out")
    with pytest.raises(StreamUnknown):
        user.request(999_999, threshold=1, committee=1)


def test_attempt__allowed_step__tells_that_it_was_let_pass(owner: Owner, user: User) -> None:
    record, request = share(owner, user)
    with pytest.raises(NotRefused):
        user.attempt(request, [record])


def test_fetch__expired_grant__is_refused(world: ClientsWorld, owner: Owner, user: User, tmp_path: Path) -> None:
    # the last test: the chain's clock does not go back
    record, request = share(owner, user, days=1)
    world.rpc("evm_increaseTime", 2 * 86_400)
    world.rpc("anvil_mine", "0x1")
    with pytest.raises(GrantExpired):
        user.fetch(request, record, tmp_path / "out")
