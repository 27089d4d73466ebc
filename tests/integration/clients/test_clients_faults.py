"""Liars and losses: publishers, stores, nodes and proxies that do not what they should, and what clients say."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.integration.nets.clients_world import ClientsWorld, clients_world
from tpre_offchain.chain.abi.codec import UndecodableData
from tpre_offchain.chain.abi.decoding import topic_of
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    DelegatingKeyRegistered,
    LeaderProposed,
    ProxyJoined,
    RecordPublished,
    RekeyPosted,
)
from tpre_offchain.chain.abi.log import Log
from tpre_offchain.clients import Keys, Owner, Session, User
from tpre_offchain.clients.errors import (
    DigestMismatch,
    HistoryMissing,
    KeystoreMismatch,
    OutputUnwritable,
    ProxyKeyMissing,
    RecordExcludedFromRound,
    RoundEnded,
    RoundExpired,
    RoundTimeout,
    SignatureMismatch,
)
from tpre_offchain.clients.facts import records
from tpre_offchain.clients.facts.signatures import sign_digest
from tpre_offchain.clients.publishing import publishing
from tpre_offchain.clients.results import PublishedRecord, RequestedAccess
from tpre_offchain.clients.stored import blobs
from tpre_offchain.crypto.capsule import Capsule, InvalidCapsuleProof
from tpre_offchain.crypto.keys import Identity
from tpre_offchain.crypto.pre import encrypt
from tpre_offchain.errors import DecodingError, VerificationError
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.errors import BlobNotFound, BlobTampered

Shared = tuple[PublishedRecord, RequestedAccess]


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


def share(owner: Owner, user: User, data: bytes = b"data", *, threshold: int = 2) -> Shared:
    stream = owner.create_stream("shared")
    record = owner.publish(stream, data, name="data.bin")
    request = user.request(stream, threshold=threshold, committee=3)
    owner.grant(request)
    return record, request


def blob_file(world: ClientsWorld, record: PublishedRecord) -> Path:
    return world.folder / "blobs" / "blobs" / record.cid[-2:] / record.cid / "data"


# --- publishers -----------------------------------------------------------------------------------


def test_fetch__metadata_signed_by_another__is_refused_and_names_the_publisher(
    owner: Owner, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = Keys.generate(secrets.token_bytes)
    monkeypatch.setattr(publishing, "sign_digest", lambda _account, digest: sign_digest(stranger.account, digest))
    record, request = share(owner, user)
    with pytest.raises(SignatureMismatch, match=stranger.address) as raised:
        user.fetch(request, record, tmp_path / "out")
    assert raised.value.culprit == owner.address
    with pytest.raises(SignatureMismatch):
        owner.fetch(record, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "lie",
    [
        lambda blob: replace(blob, encrypted_sha256=bytes(32)),
        lambda blob: replace(blob, plain_length=blob.plain_length + 1),
        lambda blob: replace(blob, encrypted_length=blob.encrypted_length + 1),
    ],
)
def test_fetch__publisher_signed_for_other_data__is_refused(
    owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[Any], Any]
) -> None:
    real = blobs.encrypt_into
    monkeypatch.setattr(publishing, "encrypt_into", lambda *args, **options: lie(real(*args, **options)))
    record = owner.publish(owner.create_stream("lies"), b"data")
    with pytest.raises(DigestMismatch):
        owner.fetch(record, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_open_round__capsule_proof_of_another__names_the_publisher_before_it_costs(
    owner: Owner, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(*args: Any) -> Capsule:
        made, other = encrypt(*args), encrypt(*args)
        return replace(made, proof=other.proof)

    monkeypatch.setattr(publishing, "encrypt", copied)
    record, request = share(owner, user)
    with pytest.raises(InvalidCapsuleProof) as raised:
        user.open_round(request, [record])
    assert raised.value.culprit == owner.address.lower()
    assert user.status(request).used == 0


def test_fetch__capsule_proof_of_another_in_a_round__converts_the_rest(
    owner: Owner, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, request = share(owner, user)
    with monkeypatch.context() as patch:

        def copied(*args: Any) -> Capsule:
            made, other = encrypt(*args), encrypt(*args)
            return replace(made, proof=other.proof)

        patch.setattr(publishing, "encrypt", copied)
        bad = owner.publish(good.stream_id, b"bad")
        patch.setattr(records, "verify_capsule", lambda *_: None)  # a user who does not look
        opened = user.open_round(request, [good, bad])
    conversion = user.wait(opened)
    assert conversion.excluded == (bad.record_id,)
    assert user.fetch(request, good, tmp_path / "out").round_id == opened.round_id
    with pytest.raises(RecordExcludedFromRound) as raised:
        user.fetch(request, bad, tmp_path / "bad")
    assert raised.value.culprit == owner.address


# --- stores ---------------------------------------------------------------------------------------


def test_fetch__blob_gone__says_so_and_leaves_nothing(
    world: ClientsWorld, owner: Owner, user: User, tmp_path: Path
) -> None:
    record, request = share(owner, user)
    cid = Cid.parse(record.cid)
    world.store.unpin(cid)
    world.store.delete(cid)
    with pytest.raises(BlobNotFound):
        user.fetch(request, record, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [0, 50, 3 << 20, -1])
def test_fetch__blob_changed__says_so_and_leaves_nothing(
    world: ClientsWorld, owner: Owner, tmp_path: Path, place: int
) -> None:
    record = owner.publish(owner.create_stream("changed"), bytes(4 << 20))
    path = blob_file(world, record)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    with pytest.raises(BlobTampered):
        owner.fetch(record, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_fetch__output_in_no_folder__says_so(owner: Owner, tmp_path: Path) -> None:
    record = owner.publish(owner.create_stream("nowhere"), b"data")
    with pytest.raises(OutputUnwritable):
        owner.fetch(record, tmp_path / "none" / "out")
    assert list(tmp_path.iterdir()) == []


# --- nodes ----------------------------------------------------------------------------------------


def lie_about(session: Session, kind: type[Any], change: Callable[[Log], Sequence[Log]]) -> None:
    """Have the session's node give other logs of one kind than the chain has."""
    real, topic = session.connection.get_logs, topic_of(kind)

    async def get_logs(*args: Any, **options: Any) -> list[Log]:
        logs = await real(*args, **options)
        return [one for log in logs for one in (change(log) if log.topics[0] == topic else [log])]

    session.connection.get_logs = get_logs  # type: ignore[method-assign]


def drop(_log: Log) -> Sequence[Log]:
    return []


def flip_at(place: int) -> Callable[[Log], Sequence[Log]]:
    def flip(log: Log) -> Sequence[Log]:
        data = bytearray(log.data)
        data[place % len(data)] ^= 1
        return [replace(log, data=bytes(data))]

    return flip


@pytest.mark.parametrize("kind", [RecordPublished, AccessGranted, RekeyPosted, LeaderProposed, ProxyJoined])
@pytest.mark.parametrize("change", [drop, flip_at(-40), flip_at(32 * 7 + 31)])
def test_fetch__node_lies_about_history__takes_nothing_of_it(
    owner: Owner, user: User, tmp_path: Path, kind: type[Any], change: Callable[[Log], Sequence[Log]]
) -> None:
    record, request = share(owner, user)
    user.wait(user.open_round(request, [record]))
    with Session.open(
        rpc=user.session.connection.url,
        deployment=user.session.deployment,
        store=user.session.store,
        keys=user.session.keys,
    ) as session:
        lie_about(session, kind, change)
        try:
            report = User(session).fetch(request, record, tmp_path / "out")
        except (HistoryMissing, UndecodableData, VerificationError, DecodingError):
            assert list(tmp_path.iterdir()) == []
        else:
            # a bit that does not matter, such as padding or a proxy's endpoint: then nothing but the truth was used
            assert change is not drop
            assert report.output.read_bytes() == b"data"


def test_fetch__logs_are_behind_storage_for_a_moment__asked_again(owner: Owner, user: User, tmp_path: Path) -> None:
    record, request = share(owner, user)
    user.wait(user.open_round(request, [record]))
    hidden = iter(range(2))

    def drop_at_first(log: Log) -> Sequence[Log]:
        return [] if next(hidden, None) is not None else [log]

    lie_about(user.session, LeaderProposed, drop_at_first)
    assert user.fetch(request, record, tmp_path / "out").output.read_bytes() == b"data"
    assert next(hidden, None) is None


def test_grant__node_hides_a_proxys_key__encrypts_nothing_for_it(world: ClientsWorld, owner: Owner, user: User) -> None:
    request = user.request(owner.create_stream("hidden"), threshold=2, committee=3)
    with world.session(owner.session.keys) as session:
        lie_about(session, ProxyJoined, drop)
        with pytest.raises(ProxyKeyMissing) as raised:
            Owner(session).grant(request)
        assert raised.value.culprit in {proxy.keys.address for proxy in world.proxies}


def test_publish__node_lies_about_the_owners_key__seals_nothing_for_it(owner: Owner, world: ClientsWorld) -> None:
    stream = owner.create_stream("key")
    with world.session(owner.session.keys) as session:
        lie_about(session, DelegatingKeyRegistered, flip_at(63))
        with pytest.raises((HistoryMissing, DecodingError)):
            Owner(session).publish(stream, b"data")


# --- proxies --------------------------------------------------------------------------------------


def test_wait__too_few_proxies__names_the_missing(
    world: ClientsWorld, owner: Owner, user: User, tmp_path: Path
) -> None:
    record, request = share(owner, user, threshold=3)
    gone = world.proxies[:2]
    for proxy in gone:
        world.run(world.stop(proxy))
    try:
        opened = user.open_round(request, [record])
        with pytest.raises(RoundTimeout):
            user.wait(opened, timeout_s=0.2)
        with pytest.raises(RoundExpired) as raised:
            user.wait(opened, timeout_s=20)
        assert set(raised.value.missing) == {proxy.keys.address for proxy in gone}
    finally:
        for proxy in gone:
            world.run(world.start(proxy))
    assert user.fetch(request, record, tmp_path / "out").plain_length == 4  # another round, now that they are back


def test_wait__revoked_meanwhile__ends(world: ClientsWorld, owner: Owner, user: User) -> None:
    record, request = share(owner, user, threshold=3)
    world.run(world.stop(world.proxies[0]))
    try:
        opened = user.open_round(request, [record])
        owner.revoke(request)
        with pytest.raises(RoundEnded):
            user.wait(opened)
    finally:
        world.run(world.start(world.proxies[0]))


# --- keys -----------------------------------------------------------------------------------------


class MixedUp(Keys):
    """The account of one keystore with the identity of another."""

    @cached_property
    def identity(self) -> Identity:
        return Identity.from_seed(bytes(32))


def test_register__chain_has_another_key__refuses_and_says_which(world: ClientsWorld, tmp_path: Path) -> None:
    keys = world.new_keys()
    with world.session(MixedUp(keys.entropy)) as session:
        Owner(session).register()
        User(session).register()
    with world.session(keys) as session:
        with pytest.raises(KeystoreMismatch, match="delegating key, version 1") as raised:
            Owner(session).create_stream("mine")
        assert (raised.value.role, raised.value.version) == ("delegating", 1)
        with pytest.raises(KeystoreMismatch, match="receiving key, version 1"):
            User(session).request(1, threshold=1, committee=1)
