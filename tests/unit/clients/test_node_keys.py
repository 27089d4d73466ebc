"""Node keys in the keystore file: what is kept, what is gone, and what no crash, copy or second program can undo."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest

from tpre_offchain.clients import keyfile, keystore
from tpre_offchain.clients.keys import Keys, NodeKey, Registry
from tpre_offchain.clients.node_keys import NodeKeys
from tpre_offchain.clients.stored import files
from tpre_offchain.crypto.curve import encode_scalar
from tpre_offchain.crypto.hashing import points_hash
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.failpoints import VARIABLE

CHEAP = keystore.ScryptCost(log2_n=10)
PASSPHRASE = "correct horse"
HERE, THERE = Registry.at(31337, "0x" + "Aa" * 20), Registry.at(1, "0x" + "aa" * 20)


@pytest.fixture
def path(tmp_path: Path, seeded: Random) -> Path:
    path = tmp_path / "keys" / "proxy.json"
    keystore.create_keystore(path, Keys.generate(seeded.randbytes), PASSPHRASE, seeded.randbytes, CHEAP)
    return path


@pytest.fixture
def node_keys(path: Path, seeded: Random) -> NodeKeys:
    return opened(path, seeded)


def opened(path: Path, seeded: Random, registry: Registry = HERE) -> NodeKeys:
    """As another program opens them."""
    return NodeKeys(keystore.unlock(path, PASSPHRASE), registry, seeded.randbytes)


# --- kept -----------------------------------------------------------------------------------------


def test_prepare__new_version__is_random_and_on_the_disk(path: Path, node_keys: NodeKeys, seeded: Random) -> None:
    key = node_keys.prepare(1)
    assert node_keys.held() == opened(path, seeded).held() == {1: key}
    assert node_keys.prepare(2).secret != key.secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert encode_scalar(key.secret).hex() not in path.read_text()
    listed = [(one.version, one.key_hash) for one in keystore.node_keys_listed(path)]
    assert listed[0] == (1, points_hash([key.public]))


def test_prepare__again_before_it_is_registered__is_the_same_key(
    path: Path, node_keys: NodeKeys, seeded: Random
) -> None:
    assert node_keys.prepare(1) == opened(path, seeded).prepare(1) == node_keys.prepare(1)


def test_node_keys__of_the_same_words__are_others_for_each_account_file(
    path: Path, node_keys: NodeKeys, tmp_path: Path, seeded: Random
) -> None:
    node_keys.prepare(1)
    words = keystore.open_keystore(path, PASSPHRASE).to_words()
    again = tmp_path / "again.json"
    keystore.create_keystore(again, Keys.from_words(words), PASSPHRASE, seeded.randbytes, CHEAP)
    assert opened(again, seeded).held() == {}
    assert opened(again, seeded).prepare(1) != node_keys.prepare(1)


def test_held__of_another_registry__is_its_own(path: Path, node_keys: NodeKeys, seeded: Random) -> None:
    here, there = node_keys.prepare(1), opened(path, seeded, THERE).prepare(1)
    assert here != there
    assert opened(path, seeded).held() == {1: here}
    opened(path, seeded).erase([1])
    assert opened(path, seeded, THERE).held() == {1: there}
    assert opened(path, seeded).held() == {}


def test_change_passphrase__with_node_keys__keeps_them(path: Path, node_keys: NodeKeys, seeded: Random) -> None:
    key = node_keys.prepare(1)
    keystore.change_passphrase(path, PASSPHRASE, "new one", seeded.randbytes, CHEAP)
    assert keystore.unlock(path, "new one").node_keys() == (NodeKey(HERE, key),)
    assert node_keys.held() == {1: key}  # what runs goes on with what it has read
    with pytest.raises(keystore.WrongPassphrase, match="another passphrase"):
        node_keys.refresh()


def test_held__file_changed_by_another_program__sees_it(path: Path, node_keys: NodeKeys, seeded: Random) -> None:
    first = node_keys.prepare(1)
    other = opened(path, seeded)
    second = other.prepare(2)
    assert node_keys.held() == {1: first, 2: second}
    other.erase([1])
    assert node_keys.held() == {2: second}


def test_held__file_away_or_damaged__goes_on_and_refresh_tells(path: Path, node_keys: NodeKeys, seeded: Random) -> None:
    key = node_keys.prepare(1)
    node_keys.refresh()
    whole = path.read_bytes()
    path.unlink()
    assert node_keys.held() == {1: key}
    with pytest.raises(keystore.KeystoreMissing):
        node_keys.refresh()
    path.write_bytes(whole[:100])
    path.chmod(0o600)
    assert node_keys.held() == {1: key}
    with pytest.raises(keystore.KeystoreCorrupt):
        node_keys.refresh()
    path.write_bytes(whole)
    node_keys.refresh()
    assert node_keys.held() == {1: key}


def test_change__keystore_of_another_account_in_its_place__is_refused(
    path: Path, node_keys: NodeKeys, seeded: Random
) -> None:
    file = keyfile.parse(path.read_bytes(), path.name)
    stranger = keyfile.Contents(Keys.generate(seeded.randbytes))
    path.write_bytes(keyfile.seal(stranger, file.key(PASSPHRASE), seeded.randbytes))
    with pytest.raises(keystore.KeystoreCorrupt, match="another account"):
        node_keys.prepare(1)


def test_prepare__keystore_full__raises_and_leaves_it(
    path: Path, node_keys: NodeKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    node_keys.prepare(1)
    before = path.read_bytes()
    monkeypatch.setattr(keyfile, "MAX_NODE_KEYS", 1)
    with pytest.raises(keystore.TooManyNodeKeys):
        node_keys.prepare(2)
    assert path.read_bytes() == before


def test_prepare__as_many_as_fit__can_be_read_again(path: Path, seeded: Random) -> None:
    store, far = keystore.unlock(path, PASSPHRASE), Registry(2**64 - 1, HERE.address)
    some = ProxyKey.generate(1, seeded.randbytes)
    full = tuple(NodeKey(far, ProxyKey(some.secret, some.public, 10_000 + i)) for i in range(keyfile.MAX_NODE_KEYS))
    store.change(lambda _: full, seeded.randbytes)
    assert path.stat().st_size <= keyfile.MAX_FILE_BYTES
    assert len(keystore.node_keys_listed(path)) == keyfile.MAX_NODE_KEYS


# --- erased ---------------------------------------------------------------------------------------


def test_erase__a_version__is_in_no_byte_that_the_file_system_shows(
    path: Path, node_keys: NodeKeys, seeded: Random
) -> None:
    gone, kept = node_keys.prepare(1), node_keys.prepare(2)
    with path.open("rb") as old:  # as whoever had the file open, or undeletes it
        node_keys.erase([1])
        assert set(old.read()) == {0}
    assert node_keys.held() == opened(path, seeded).held() == {2: kept}
    assert list(path.parent.iterdir()) == [path]
    file = keyfile.parse(path.read_bytes(), path.name)
    assert gone not in [one.key for one in file.open(file.key(PASSPHRASE)).node_keys]


def test_erase__of_what_is_not_held__leaves_the_file(path: Path, node_keys: NodeKeys) -> None:
    node_keys.prepare(2)
    before = path.stat()
    node_keys.erase([1, 7])
    assert path.stat() == before


def test_erase__file_has_a_second_name__that_copy_stays_whole(path: Path, node_keys: NodeKeys) -> None:
    node_keys.prepare(1)
    backup = path.with_name("backup.json")
    os.link(path, backup)
    before = backup.read_bytes()
    node_keys.erase([1])
    assert backup.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [backup, path]


def test_erase__through_a_link__replaces_what_it_leads_to(path: Path, tmp_path: Path, seeded: Random) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    through = opened(link, seeded)
    through.prepare(1)
    through.erase([1])
    assert link.is_symlink()
    assert keystore.node_keys_listed(path) == ()


# --- crashes --------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from random import Random
from tests.unit.clients.test_node_keys import opened
getattr(opened(Path(sys.argv[1]), Random(5)), sys.argv[2])([1] if sys.argv[2] == "erase" else 2)
"""


def killed_at(step: str, path: Path, verb: str) -> None:
    """Prepare version 2, or erase version 1, in a process that is killed at a step."""
    environment = {**os.environ, VARIABLE: step}
    ended = subprocess.run([sys.executable, "-c", CHILD, path, verb], env=environment, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(
    ("step", "is_kept"), [("keystore.written", False), ("keystore.replaced", True), ("nodekey.kept", True)]
)
def test_prepare__killed__nothing_is_lost_and_the_next_run_goes_on(
    path: Path, node_keys: NodeKeys, seeded: Random, step: str, is_kept: bool
) -> None:
    first = node_keys.prepare(1)
    killed_at(step, path, "prepare")
    after = opened(path, seeded).held()
    assert after[1] == first
    assert (2 in after) == is_kept
    again = opened(path, seeded).prepare(2)
    assert not is_kept or again == after[2]
    assert opened(path, seeded).held() == {1: first, 2: again}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("step", "is_gone"), [("keystore.written", False), ("keystore.replaced", True)])
def test_erase__killed__old_bytes_are_wiped_by_the_next_change(
    path: Path, node_keys: NodeKeys, seeded: Random, step: str, is_gone: bool
) -> None:
    node_keys.prepare(1)
    node_keys.prepare(2)
    killed_at(step, path, "erase")
    assert (1 not in opened(path, seeded).held()) == is_gone
    (left,) = files.leftovers_of(path)
    with left.open("rb") as old:
        opened(path, seeded).erase([1])
        assert set(old.read()) == {0}
    assert list(path.parent.iterdir()) == [path]
    assert set(opened(path, seeded).held()) == {2}


# --- several programs at once ---------------------------------------------------------------------


def _prepare_many(path: Path, registry: Registry) -> None:
    mine = NodeKeys(keystore.unlock(path, PASSPHRASE), registry, os.urandom)
    for version in range(1, 13):
        mine.prepare(version)
        if version % 3 == 0:
            mine.erase([version])


def test_change__by_several_programs_at_once__loses_none_of_any(path: Path) -> None:
    registries = [Registry(chain_id, HERE.address) for chain_id in range(1, 5)]
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_prepare_many, args=(path, registry)) for registry in registries]
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                keystore.node_keys_listed(path)
            except Exception as problem:  # noqa: BLE001 - told below
                wrong.append(problem)
            time.sleep(0.001)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for writer in writers:
        writer.start()
    for reader in readers:
        reader.start()
    for writer in writers:
        writer.join(120)
    stop.set()
    for reader in readers:
        reader.join(10)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert wrong == []
    held = [(one.registry, one.version) for one in keystore.node_keys_listed(path)]
    assert held == [(registry, v) for registry in registries for v in range(1, 13) if v % 3]
    assert list(path.parent.iterdir()) == [path]
