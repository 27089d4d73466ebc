"""How ids, amounts and errors are written, and read back."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpre_offchain.cli import text
from tpre_offchain.cli.demo.recording import record_machine, sample
from tpre_offchain.cli.local.localnet import BadThreshold, NetPlan
from tpre_offchain.cli.references import RECORD, ROUND, TAG
from tpre_offchain.cli.reply import Grid, Reply


@given(st.integers(0, 2**256 - 1))
def test_record__written_and_read__is_the_same(record: int) -> None:
    assert RECORD.convert(text.record(record), None, None) == record
    assert RECORD.convert(str(record), None, None) == record
    assert RECORD.convert(hex(record), None, None) == record


@pytest.mark.parametrize("value", ["", "1/2", "1/0x12/3", "-1", "x", f"1/0x{'1' * 40}/4294967296", str(2**256)])
def test_record__nonsense__fails(value: str) -> None:
    with pytest.raises(click.BadParameter, match="no record"):
        RECORD.convert(value, None, None)


def test_round__grant_and_index__is_its_number() -> None:
    assert ROUND.convert("3/1", None, None) == (3 << 32) + 1
    with pytest.raises(click.BadParameter, match="no round"):
        ROUND.convert("3/4294967296", None, None)


def test_tag__key_and_value() -> None:
    assert TAG.convert("unit=a=b", None, None) == ("unit", "a=b")
    with pytest.raises(click.BadParameter):
        TAG.convert("unit", None, None)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1 << 10, "1.0 KiB"), (10 << 20, "10.0 MiB"), (1 << 30, "1.00 GiB")],
)
def test_size__has_the_unit_that_fits(count: int, shown: str) -> None:
    assert text.size(count) == shown


@pytest.mark.parametrize(("wei", "shown"), [(0, "0 ETH"), (10**18, "1 ETH"), (2 * 10**14, "0.0002 ETH")])
def test_ether__has_no_needless_zeros(wei: int, shown: str) -> None:
    assert text.ether(wei) == shown


def test_failure__with_culprit_and_hint__shows_both() -> None:
    error: dict[str, Any] = {"message": "m", "culprit": "c", "hint": "h", "retryable": False}
    assert text.failure(error).splitlines() == ["tpre: m", "  caused by: c", "  hint: h"]
    assert "later" in text.failure({**error, "hint": None, "retryable": True})


def test_reply__json__is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Reply({"a": b"\x01", "b": (1, 2), "c": "line\nbreak"}, ["shown"]).write(as_json=True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"a": "0x01", "b": [1, 2], "c": "line\nbreak"}


def test_reply__for_people__shows_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    Reply({}, ["first", Grid(("column",), [("[red]not a colour[/red]",)])]).write(as_json=False)
    out = capsys.readouterr().out
    assert out.startswith("first\n")
    assert "[red]not a colour[/red]" in out


@pytest.mark.parametrize(("proxies", "threshold"), [(0, 0), (3, 4), (3, 0), (65, 2)])
def test_net_plan__threshold_makes_no_sense__raises(proxies: int, threshold: int) -> None:
    with pytest.raises(BadThreshold):
        NetPlan(proxies, threshold)


def test_record_machine__a_moment__writes_rows_of_numbers(tmp_path: Any) -> None:
    file = tmp_path / "recording.csv"
    rows = record_machine(file, seconds=0.3, interval_s=0.1)
    head, *lines = file.read_text().splitlines()
    assert rows == len(lines) >= 3
    assert head.split(",")[0] == "unix_time"
    times = [float(line.split(",")[0]) for line in lines]
    assert times == sorted(times)
    assert sample()["memory_available_bytes"] > 0
