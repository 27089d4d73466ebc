"""The frame of ``tpre``: help, usage, exit codes, one object with --json."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tpre_offchain.cli import exits
from tpre_offchain.cli.main import VERBS, run
from tpre_offchain.cli.references import ADDRESS, stream_number
from tpre_offchain.errors import (
    ChainError,
    ConfigError,
    KeystoreError,
    ProtocolError,
    StorageError,
    TpreError,
    VerificationError,
)


@pytest.fixture(autouse=True)
def _without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TPRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_help__names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == exits.OK
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in VERBS)
    assert "Exit codes" in out


@pytest.mark.parametrize("verb", VERBS)
def test_help__of_each_verb__works_and_shows_options(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "--help"]) == exits.OK
    assert f"Usage: tpre {verb}" in capsys.readouterr().out


def test_help__imports_nothing_heavy() -> None:
    script = "import sys; from tpre_offchain.cli.main import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"web3", "asyncio", "eth_account", "pydantic", "rich", "psutil", "cryptography"}


def test_help__is_instant() -> None:
    def once() -> float:
        # processor time: the wall clock of a busy machine says more of the machine than of us
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "tpre_offchain.cli", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(once() for _ in range(5)) <= 0.3


def test_unknown_verb__json__is_one_object_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense", "--json"]) == exits.USAGE
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"] == "Usage"
    assert captured.err == ""


USAGE = {
    "demo": ("--proxies", "x"),
    "net": ("up", "--proxies", "0"),
    "deploy": ("--nonsense",),
    "key": ("new",),
    "owner": ("grant", "one"),
    "user": ("fetch", "1/0x12/0"),
    "proxy": ("run", "--health-port", "70000"),
    "audit": ("verify", "--round", "x"),
    "doctor": ("surplus",),
    "bench": ("nonsense",),
}


@pytest.mark.parametrize("verb", VERBS)
def test_wrong_usage__of_each_verb__is_one_line_and_exit_2(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, *USAGE[verb], "--json"]) == exits.USAGE
    captured = capsys.readouterr()
    assert captured.err == ""
    found = json.loads(captured.out)
    assert (found["ok"], found["error"]) == (False, "Usage")
    assert found["message"]
    assert "\n" not in found["message"]

    assert run([verb, *USAGE[verb]]) == exits.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].endswith(found["message"])


@pytest.mark.parametrize(
    "line",
    [
        "owner publisher 0x12",
        "owner publisher 0x52908400098527886E0F7030069857D2E4169Ee7",
        "owner offer nobody",
        "owner grant 1 --days nan",
        "owner grant 1 --days inf",
        "owner grant 1 --days 0",
        "owner grant 18446744073709551616",
        "owner grant 1 --quota 4294967296",
        "owner terms --price-wei -1",
        "user catalog --owner me",
        "user request -1",
        "user request 1 --epochs 0 4294967296",
        "user deposit 1 0",
        "user fetch 1/0x12/0 -o out",
        "proxy status 0xzz",
        "audit timeline --account 0x",
        "audit timeline --round 1/4294967296",
        "audit verify --round 0x1000000000000000000000000",
    ],
)
def test_value__out_of_range__is_wrong_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*line.split(), "--json"]) == exits.USAGE
    assert json.loads(capsys.readouterr().out)["error"] == "Usage"


@pytest.mark.parametrize(
    "text", ["0x52908400098527886E0F7030069857D2E4169EE7", "0x52908400098527886e0f7030069857d2e4169ee7"]
)
def test_address__checksummed_or_of_one_case__is_taken(text: str) -> None:
    assert ADDRESS.convert(text, None, None) == "0x52908400098527886E0F7030069857D2E4169EE7"


def test_stream_number__number_or_name__is_told_apart() -> None:
    assert stream_number("12") == 12
    assert stream_number("machine-7") is None
    assert stream_number("\N{SUPERSCRIPT TWO}") is None
    with pytest.raises(click.BadParameter):
        stream_number("18446744073709551616")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("demo", "deploy", "doctor")])
def test_group__without_a_verb_of_its_own__shows_its_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    run([verb])
    captured = capsys.readouterr()
    assert f"Usage: tpre {verb}" in captured.out + captured.err


def test_no_net__for_people__says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["net", "status"]) == exits.NOT_FOUND
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no local net" in captured.err
    assert "tpre net up" in captured.err


def test_setting_unknown__in_file__is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    home = tmp_path / ".tpre"
    home.mkdir()
    (home / "tpre.toml").write_text('rcp = "http://127.0.0.1:1"\n')
    assert run(["user", "catalog", "--json"]) == exits.USAGE
    found = json.loads(capsys.readouterr().out)
    assert found["error"] == "InvalidSettings"
    assert "'rcp'" in found["message"]


def test_bug__json__has_exit_1_and_no_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("tpre_offchain.cli.net_state.LocalNet.load", broken)
    assert run(["net", "status", "--json"]) == exits.BUG
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"] == "ZeroDivisionError"
    assert captured.err == ""


def test_interrupt__json__has_exit_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tpre_offchain.cli.net_state.LocalNet.load", interrupted)
    assert run(["net", "status", "--json"]) == exits.INTERRUPTED
    assert json.loads(capsys.readouterr().out)["error"] == "Interrupted"


class RecordUnknown(ProtocolError):
    """Named as that of the clients."""


class ContractRevert(ChainError):
    """Named as that of the chain."""


class BlobTampered(StorageError):
    """Named as that of the stores."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), exits.USAGE),
        (ContractRevert("x", retryable=True), exits.REFUSED),
        (ProtocolError("x"), exits.REFUSED),
        (RecordUnknown("x"), exits.NOT_FOUND),
        (ChainError("x", retryable=True), exits.UNAVAILABLE),
        (ChainError("x"), exits.UNAVAILABLE),
        (ProtocolError("x", retryable=True), exits.UNAVAILABLE),
        (StorageError("x", retryable=True), exits.UNAVAILABLE),
        (VerificationError("x"), exits.UNVERIFIED),
        (BlobTampered("x"), exits.UNVERIFIED),
        (KeystoreError("x"), exits.KEY),
        (StorageError("x"), exits.FILES),
        (TpreError("x"), exits.BUG),
    ],
)
def test_exit_code__of_each_kind_of_error(error: TpreError, code: int) -> None:
    assert exits.exit_code(error) == code


def test_exit_code__names_it_knows__exist() -> None:
    from tpre_offchain.audit.chain import EventMissing
    from tpre_offchain.chain.abi.reverts import ContractRevert as RealRevert
    from tpre_offchain.chain.contracts.deployment import BadDeploymentFile, NotDeployed
    from tpre_offchain.cli.fetch.npm_folder import NodeJsMissing
    from tpre_offchain.cli.fetch.tarball import RegistryRefused, WrongPackage
    from tpre_offchain.cli.local.places import NodeMissing
    from tpre_offchain.cli.net_state import NoLocalNet
    from tpre_offchain.cli.proxying import NoDeployment
    from tpre_offchain.clients.errors import AccessRefused, StreamUnknown
    from tpre_offchain.clients.errors import RecordUnknown as RealUnknown
    from tpre_offchain.storage.errors import BlobMalformed, BlobNotFound
    from tpre_offchain.storage.errors import BlobTampered as RealTampered

    kinds = {EventMissing, BadDeploymentFile, NotDeployed, RealRevert, NoLocalNet, NoDeployment, AccessRefused}
    kinds |= {StreamUnknown, RealUnknown, BlobMalformed, BlobNotFound, RealTampered}
    kinds |= {NodeMissing, NodeJsMissing, RegistryRefused, WrongPackage}
    assert {kind.__name__ for kind in kinds} == exits.NAMES
