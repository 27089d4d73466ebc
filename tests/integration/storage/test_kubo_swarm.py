"""Two Kubo nodes in a private swarm, and one of them lost."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.nets.kubo_nodes import IPFS, KuboNode, kubo_node, needs_kubo, new_swarm_key
from tpre_offchain.doctor.blobs import Blobs, check_pins
from tpre_offchain.doctor.finding import Level
from tpre_offchain.storage.cid import LEAF_BYTES
from tpre_offchain.storage.errors import BlobNotFound, StoreUnavailable
from tpre_offchain.storage.fallback import FallbackStore
from tpre_offchain.storage.kubo import KuboStore

pytestmark = [pytest.mark.kubo, needs_kubo, pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Swarm:
    """Two connected nodes and a store for each."""

    nodes: tuple[KuboNode, KuboNode]
    stores: tuple[KuboStore, KuboStore]


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    key = new_swarm_key()
    with kubo_node(tmp_path / "1", key) as one, kubo_node(tmp_path / "2", key) as two:
        two.join(one)
        with one.store() as first, two.store() as second:
            yield Swarm((one, two), (first, second))


def test_pin__at_a_second_node__outlives_the_first(swarm: Swarm, seeded: random.Random) -> None:
    first, second = swarm.stores
    data = seeded.randbytes(5 * LEAF_BYTES + 9)
    cid = first.put([data])
    both = FallbackStore([first, second])
    assert both.replicas(cid) == (first.name,)
    (short,) = check_pins(Blobs([first, second], 2), {})
    assert (short.level, f"{cid} (1)" in short.message) == (Level.WARNING, True)

    second.pin(cid)
    assert both.replicas(cid) == (first.name, second.name)
    assert check_pins(Blobs([first, second], 2), {})[0].level is Level.OK

    swarm.nodes[0].stop(kill=True)
    assert b"".join(second.get(cid)) == data
    assert both.replicas(cid) == (second.name,)
    assert b"".join(both.get(cid)) == data
    assert cid in set(second.pins())


def test_get__only_holder_lost__is_not_found_until_it_is_back(swarm: Swarm, seeded: random.Random) -> None:
    first, second = swarm.stores
    data = seeded.randbytes(2 * LEAF_BYTES)
    cid = first.put([data])
    swarm.nodes[0].stop(kill=True)
    with pytest.raises(StoreUnavailable):
        first.get(cid)
    with pytest.raises(BlobNotFound) as missing:
        second.get(cid)
    assert missing.value.retryable

    swarm.nodes[0].start()
    swarm.nodes[1].join(swarm.nodes[0])
    assert b"".join(second.get(cid)) == data  # fetched from the first one
    assert b"".join(first.get(cid)) == data


def test_get__holder_lost_midway__the_rest_comes_from_the_other(swarm: Swarm, seeded: random.Random) -> None:
    first, second = swarm.stores
    data = seeded.randbytes(12 * LEAF_BYTES)
    cid = first.put([data])
    second.pin(cid)
    pieces = FallbackStore([first, second]).get(cid)
    read = next(pieces) + next(pieces)
    swarm.nodes[0].stop(kill=True)
    assert read + b"".join(pieces) == data


def test_join__without_the_swarm_key__is_refused(tmp_path: Path, seeded: random.Random) -> None:
    with kubo_node(tmp_path / "member", new_swarm_key()) as member, kubo_node(tmp_path / "stranger") as stranger:
        address = next(one for one in member.run("id", "-f", "<addrs>").splitlines() if "/tcp/" in one)
        arguments = [str(IPFS), "swarm", "connect", "--timeout=10s", address]
        done = subprocess.run(arguments, env=stranger.environment, capture_output=True, check=False)
        assert done.returncode != 0
        assert member.run("swarm", "peers") == ""
        with member.store() as holder, stranger.store(timeout_s=2) as other:
            cid = holder.put([seeded.randbytes(100)])
            with pytest.raises(BlobNotFound):
                other.get(cid)


def test_start__forced_private_without_a_key__does_not_start(tmp_path: Path) -> None:
    node = KuboNode(tmp_path / "node")
    node.init()
    node.private = True
    with pytest.raises(AssertionError, match="private network"):
        node.start()
