"""``tpre bench`` on the command line. No times are asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tpre_offchain.bench.report.figures import MatplotlibMissing, NotMeasured, draw
from tpre_offchain.cli import exits
from tpre_offchain.cli.main import run


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_crypto__json__is_one_object_and_is_kept(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "crypto.json"
    arguments = ["bench", "crypto", "--committee", "2/3", "--batch", "1", "--repetitions", "1", "--backend", "arkworks"]
    assert run([*arguments, "--json", "-o", str(kept)]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(kept.read_text())
    assert {"kind", "machine", "shapes"} <= shown.keys()
    assert shown["shapes"][0]["ms"]["tpre/arkworks"]["decrypt"] > 0


@pytest.mark.parametrize("committee", ["3", "4/3", "0/1", "1/33"])
def test_crypto__impossible_committee__is_a_usage_error(committee: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "crypto", "--committee", committee]) == exits.USAGE
    assert "--committee" in capsys.readouterr().err


def test_data__small_file__tells_speed_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "data", "--size", "4", "--repetitions", "1", "--json"]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["mib_per_cpu_s"].keys() == {"aes-gcm", "read, aes-gcm", "encrypt", "decrypt"}


def test_signing__few_repetitions__tells_every_operation_of_both(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "signing", "--repetitions", "2", "--json"]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert shown["us"].keys() == {"wallycore", "eth-keys in Python"}
    for operations in shown["us"].values():
        assert operations.keys() == {"sign a digest", "sign a transaction", "recover the signer"}


@pytest.mark.anvil
@pytest.mark.slow
def test_round__three_rounds__have_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "round", "--rounds", "3", "--committee", "2/3", "--json"]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert {"p50", "p95", "p99"} <= shown["finalized_ms"].keys() & shown["plaintext_ms"].keys()
    assert {"cfrag 2", "proposed", "finalized", "plaintext"} <= shown["trace_ms"].keys()
    assert shown["finalized_ms"]["count"] == 3


@pytest.mark.anvil
@pytest.mark.slow
def test_frugality__a_few_rounds__calls_memory_and_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "frugality", "--idle", "3", "--settle", "1", "--rounds", "10", "--json"]) == exits.OK
    shown = json.loads(capsys.readouterr().out)
    assert [row["rounds"] for row in shown["memory"]] == list(range(11))
    assert all(row["largest_mib"] >= row["mean_mib"] > 1 for row in shown["memory"])
    assert shown["cold_start_ms"]["count"] == 10


@pytest.mark.anvil
@pytest.mark.slow
def test_gas__one_committee__is_above_the_floor(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "gas", "--committee", "2/3", "--batch", "1", "--batch", "2", "--json"]) == exits.OK
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["batch"] for row in rows] == [1, 2]
    assert all(row["conversion"] > row["floor"] for row in rows)
    # two submissions, which differ by the zero bytes of their points
    assert rows[0]["conversion"] == pytest.approx(
        2 * rows[0]["submit"] + rows[0]["propose"] + rows[0]["vote"], rel=0.01
    )


def test_figures__kept_files__are_drawn(project_root: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    results = project_root / "tests/bench/results"
    files = [str(results / f"{name}.json") for name in ("crypto", "round", "shares", "load")]
    assert run(["bench", "figures", "-o", str(tmp_path / "figures"), *files]) == exits.OK
    made = {path.name for path in (tmp_path / "figures").iterdir()}
    assert made == {*(f"figure{i}.{kind}" for i in (6, 7, 8, 9) for kind in ("png", "csv")), "table1.csv"}


def test_figures__something_not_measured__says_what(
    project_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    kept = str(project_root / "tests/bench/results/crypto.json")
    assert run(["bench", "figures", "-o", str(tmp_path), kept]) != exits.OK
    assert "not measured: load, round, shares" in capsys.readouterr().err
    with pytest.raises(NotMeasured):
        draw({"crypto": {}}, tmp_path)


def test_figures__without_matplotlib__says_how_to_get_it(
    project_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    kept = str(project_root / "tests/bench/results/crypto.json")
    assert run(["bench", "figures", "-o", str(tmp_path), kept]) != exits.OK
    said = capsys.readouterr().err
    assert "matplotlib is not installed" in said
    assert "tpre-offchain[bench]" in said
    with pytest.raises(MatplotlibMissing):
        draw({}, tmp_path)
