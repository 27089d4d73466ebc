"""What the doctor says of clocks, stores, pins and leftovers, and that it prints no control characters."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tpre_offchain.chain.rpc.connection import Block
from tpre_offchain.chunking import Source
from tpre_offchain.cli import doctoring, exits
from tpre_offchain.cli.home import Home
from tpre_offchain.cli.invocation import Invocation
from tpre_offchain.cli.shown import doctor as shown_doctor
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.doctor.blobs import STALE_S, Blobs, check_leftovers, check_pins, check_stores
from tpre_offchain.doctor.chain import CLOCK_TOLERANCE_S, QUIET_S, check_clock
from tpre_offchain.doctor.finding import Finding, Level, broken, fine, note, warning, worst
from tpre_offchain.storage.cid import Cid
from tpre_offchain.storage.gateway import GatewayStore
from tpre_offchain.storage.local import LocalStore
from tpre_offchain.storage.store import BlockRef

HEAD = Block(7, bytes(32), bytes(32), timestamp=1_000_000, base_fee_wei=1, gas_limit=1)


def level_of(findings: list[Finding]) -> Level:
    (found,) = findings
    return found.level


@pytest.mark.parametrize(
    ("ahead_s", "client", "level"),
    [
        (0, "Geth/v1", Level.OK),
        (QUIET_S - 1, "Geth/v1", Level.OK),
        (QUIET_S + 1, "Geth/v1", Level.WARNING),
        (QUIET_S + 1, "anvil/v1", Level.OK),
        (-CLOCK_TOLERANCE_S + 1, "Geth/v1", Level.OK),
        (-CLOCK_TOLERANCE_S - 1, "anvil/v1", Level.WARNING),
    ],
)
def test_check_clock__so_far_from_the_head__is(ahead_s: float, client: str, level: Level) -> None:
    assert level_of(check_clock(HEAD, client, lambda: HEAD.timestamp + ahead_s)) is level


def test_worst__of_several__is_the_gravest() -> None:
    some = [fine("a", "b"), broken("a", "b", "c"), note("a", "b", "c"), warning("a", "b", "c")]
    assert worst(some) is Level.ERROR
    assert worst(some[2:]) is Level.WARNING
    assert worst([]) is Level.OK


def test_check_stores__a_good_one__is_left_as_it_was(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    assert level_of(check_stores([store], secrets.token_bytes)) is Level.OK
    assert list(store.pins()) == []
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


class Forgetful(LocalStore):
    """Gives other bytes back than were put, with a straight face."""

    def get(self, cid: Cid, *, max_bytes: int | None = None) -> Iterator[bytes]:
        return iter([b"something else"])


class Boastful(LocalStore):
    """Claims to have everything."""

    def has(self, cid: Cid) -> bool:
        return True


def test_check_stores__one_that_gives_other_bytes__is_broken(tmp_path: Path) -> None:
    assert level_of(check_stores([Forgetful(tmp_path)], secrets.token_bytes)) is Level.ERROR


def test_check_stores__a_file_in_the_way__is_broken_and_names_the_store(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    store = LocalStore(tmp_path / "store")
    (found,) = check_stores([store], secrets.token_bytes)
    assert (found.level, found.subject) == (Level.ERROR, store.name)
    assert found.remedy


def test_check_stores__a_gateway_first__is_worth_a_note(tmp_path: Path) -> None:
    gateway = GatewayStore("http://127.0.0.1:1")
    written, read = check_stores([gateway, Boastful(tmp_path)], secrets.token_bytes)
    assert written.level is Level.NOTE
    assert read.level is Level.ERROR
    assert "nobody ever wrote" in read.message


def test_check_stores__second_one_away__is_broken(tmp_path: Path) -> None:
    first, second = check_stores([LocalStore(tmp_path), GatewayStore("http://127.0.0.1:1")], secrets.token_bytes)
    assert first.level is Level.OK
    assert (second.level, second.subject) == (Level.ERROR, "gateway:http://127.0.0.1:1")


def put(store: LocalStore, content: Source) -> tuple[Cid, bytes]:
    cid = store.put(content)
    return cid, keccak256(cid.to_bytes())


def test_check_pins__record_without_a_pin__is_named(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    _, held = put(store, [b"held"])
    gone, lost = put(store, [b"lost"])
    assert level_of(check_pins(Blobs([store], 1), {held: "1/0xa/0", lost: "1/0xa/1"})) is Level.OK
    store.unpin(gone)
    (found,) = check_pins(Blobs([store], 1), {held: "1/0xa/0", lost: "1/0xa/1"})
    assert found.level is Level.WARNING
    assert "1 of the 2" in found.message
    assert "1/0xa/1" in found.message
    assert "1/0xa/0" not in found.message


def test_check_pins__fewer_replicas_than_asked__counts_them(tmp_path: Path) -> None:
    first, second = LocalStore(tmp_path / "1"), LocalStore(tmp_path / "2")
    both, one = first.put([b"both"]), first.put([b"one"])
    second.put([b"both"])
    assert level_of(check_pins(Blobs([first, second], 1), {})) is Level.OK
    (found,) = check_pins(Blobs([first, second], 2), {})
    assert found.level is Level.WARNING
    assert f"{one} (1)" in found.message
    assert str(both) not in found.message


def test_check_pins__damaged_blob__is_found_by_reading_alone(tmp_path: Path) -> None:
    first, second = LocalStore(tmp_path / "1"), LocalStore(tmp_path / "2")
    cid = first.put([b"content"])
    second.put([b"content"])
    (data,) = [path for path in (tmp_path / "2").rglob("data") if path.is_file()]
    data.write_bytes(b"damaged")
    assert level_of(check_pins(Blobs([first, second], 2), {})) is Level.OK
    assert level_of(check_pins(Blobs([first, second], 2, thorough=True), {})) is Level.WARNING
    (found,) = check_pins(Blobs([second], 1, thorough=True), {})
    assert found.level is Level.ERROR
    assert f"{cid} (BlobTampered)" in found.message


class Away(LocalStore):
    """Has its pins, and no disk behind them."""

    def _read_block(self, ref: BlockRef) -> bytes:
        return b""


def test_check_pins__thorough_and_unreadable__is_broken(tmp_path: Path) -> None:
    store = Away(tmp_path)
    store.put([b"content"])
    assert level_of(check_pins(Blobs([store], 1, thorough=True), {})) is Level.ERROR


def test_check_leftovers__older_than_a_day__are_named(tmp_path: Path) -> None:
    fresh, old = tmp_path / "fresh", tmp_path / "old"
    fresh.touch()
    old.mkdir()
    now_s = fresh.stat().st_mtime
    os.utime(old, (now_s - STALE_S - 1,) * 2)
    (found,) = check_leftovers([fresh, old, tmp_path / "missing"], now_s)
    assert found.level is Level.WARNING
    assert str(old) in found.message
    assert str(fresh) not in found.message
    assert level_of(check_leftovers([fresh], now_s)) is Level.OK


def test_sweep__what_a_killed_change_of_a_keystore_left__is_overwritten(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.keys_folder.mkdir()
    left = [home.keys_folder / name for name in (".proxy.json.old", ".proxy.json.ab.part")]
    for path in left:
        path.write_bytes(b"a node key")
        os.utime(path, (1, 1))
    opened = [path.open("rb") for path in left]
    doctoring._leftovers(Invocation(home, as_json=True, options={}), doctoring.DoctorPlan(sweep=True))
    assert [file.read() for file in opened] == [bytes(10)] * 2
    assert list(home.keys_folder.iterdir()) == []


def test_findings__shown__hold_no_control_characters() -> None:
    reply = shown_doctor.findings([broken("rpc", "client\x1b[2J\r\nok", "re\x07medy", "su\x9bbject")])
    assert reply.exit_code == exits.UNWELL
    assert reply.data["ok"] is False
    text = "".join(str(line) for line in reply.shown)
    assert all(letter.isprintable() for letter in text)


def test_findings__notes_and_warnings_alone__end_well() -> None:
    reply = shown_doctor.findings([fine("a", "b"), note("c", "d", "e"), warning("f", "g", "h")])
    assert reply.exit_code == exits.OK
    assert reply.data["worst"] == "warning"
    assert reply.data["counts"] == {"ok": 1, "note": 1, "warning": 1, "error": 0}
