"""Grants that name a version of a node key, as the chain tells of them, and rounds that outlive the key."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.nets.clients_world import QUICK, ClientsWorld, clients_world
from tests.property.scene import bad_fragments, node_key
from tpre_offchain.chain.abi.events import FeeClaimed, FragmentComplaint, RoundClosed
from tpre_offchain.chain.contracts.deployed import Contracts
from tpre_offchain.chain.contracts.key_versions import KeyHistory, margin_of, read_key_history
from tpre_offchain.clients import Owner, User
from tpre_offchain.clients.facts.points import chain_proof
from tpre_offchain.clients.session import domain_of
from tpre_offchain.crypto.hashing import points_hash
from tpre_offchain.crypto.keys import prove_key
from tpre_offchain.crypto.kfrag import VerifiedKFrag
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import events_of

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(300)]

MARGIN_S = margin_of(QUICK.rounds)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ClientsWorld]:
    with clients_world(tmp_path, proxies=3) as made:
        yield made


@pytest.fixture
def owner(world: ClientsWorld) -> Iterator[Owner]:
    with world.session() as session:
        yield Owner(session)


@pytest.fixture
def user(world: ClientsWorld) -> Iterator[User]:
    with world.session() as session:
        yield User(session)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def history(world: ClientsWorld, confirmations: int = 0) -> KeyHistory:
    """Of the first proxy."""
    account = world.proxies[0].keys.address
    return world.run(read_key_history(world.connection, world.deployment, account, confirmations=confirmations))


def rotate(world: ClientsWorld) -> None:
    """The first proxy's key, by a key that nobody holds."""
    proxy, key = world.proxies[0], node_key("next", 2)
    proof = chain_proof(prove_key(domain_of(world.deployment), proxy.keys.address, key, bytes))
    call = Contracts.of(world.connection, world.deployment).proxies.rotate_key(key.public.to_evm(), proof)
    world.run(proxy.outbox.send(call))


def test_read_key_history__grants_given_revoked_and_void__end_when_they_did(
    world: ClientsWorld, owner: Owner, user: User
) -> None:
    streams = [owner.create_stream(f"s{i}", minimum=(1, 1)) for i in range(3)]
    records = [owner.publish(stream, b"data") for stream in streams]
    asked = [user.request(stream, threshold=3, committee=3) for stream in streams]
    owner.grant(asked[0], days=30)
    owner.grant(asked[1], days=20)
    with bad_fragments():
        owner.grant(asked[2], days=40)
    expiries = [user.status(one).expiry_s for one in asked]
    registered = points_hash([world.proxies[0].node_key.public])

    (only,) = history(world).versions
    assert (only.version, only.key_hash, only.retired_s) == (1, registered, None)
    assert [grant.end_s for grant in only.grants] == expiries
    assert only.kept_until_s(MARGIN_S) is None

    rotate(world)
    first, second = history(world).versions
    assert (second.key_hash, second.retired_s, second.grants) == (
        points_hash([node_key("next", 2).public]),
        None,
        (),
    )
    assert first.kept_until_s(MARGIN_S) == expiries[2] + MARGIN_S

    user.open_round(asked[2].grant_id, [records[2].record_id])
    contracts = ProxyContracts.of(world.connection, world.deployment)
    until(lambda: bool(world.run(events_of(contracts, contracts.grants.address, [FragmentComplaint]))), "a complaint")
    # what the proxies send after it would bury the revocation
    until(lambda: bool(world.run(events_of(contracts, contracts.rounds.address, [RoundClosed]))), "the round's end")
    owner.revoke(asked[0])
    revoked_at = history(world).block.timestamp
    ends = [grant.end_s for grant in history(world).versions[0].grants]
    assert ends[0] == revoked_at
    assert ends[1] == expiries[1]
    assert ends[2] <= revoked_at
    assert history(world, confirmations=1).versions[0].grants[0].end_s == expiries[0]

    owner.grant(user.request(owner.create_stream("s3", minimum=(1, 1)), threshold=3, committee=3), days=50)
    first, second = history(world).versions
    assert (len(first.grants), len(second.grants)) == (3, 1)
    assert first.kept_until_s(MARGIN_S) == expiries[1] + MARGIN_S
    assert history(world).over == frozenset()
    world.rpc("evm_increaseTime", expiries[1] + MARGIN_S - history(world).block.timestamp + 1)
    world.rpc("evm_mine")
    assert history(world).over == {1}


def test_fees__of_a_key_that_is_erased_by_then__are_claimed_and_no_fragment_is_left(
    world: ClientsWorld, owner: Owner, user: User, tmp_path: Path
) -> None:
    stream = owner.create_stream("s", minimum=(1, 1))
    record = owner.publish(stream, b"data")
    asked = user.request(stream, threshold=3, committee=3)
    owner.grant(asked)
    user.fetch(asked, record, tmp_path / "out")
    gc.collect()
    assert _fragments() >= 3
    assert world.run(_erase(world)) == [None] * 3  # no round has been claimed yet, and none has a fragment left
    contracts = ProxyContracts.of(world.connection, world.deployment)

    def claimed() -> bool:
        found = world.run(events_of(contracts, contracts.rounds.address, [FeeClaimed]))
        return {one.proxy for one in found if isinstance(one, FeeClaimed)} == {
            one.keys.address for one in world.proxies
        }

    until(claimed, "claims of all three")
    until(lambda: gc.collect() >= 0 and _fragments() == 0, "the end of the last fragment")


async def _erase(world: ClientsWorld) -> list[object]:
    """Erase the node keys of all; what their rounds hold of the re-key then."""
    held: list[object] = []
    for proxy in world.proxies:
        assert proxy.worker is not None
        proxy.worker._book._own_keys.erase([1])
        proxy.worker._drop_fragments([1])
        held += [one.findings.grant for one in proxy.worker._watcher.rounds.values()]
    return held


def _fragments() -> int:
    """Opened fragments of this process, which all three proxies share."""
    return sum(isinstance(one, VerifiedKFrag) for one in gc.get_objects())
