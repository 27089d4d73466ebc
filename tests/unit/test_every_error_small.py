"""Errors that no other test of their module triggers."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.artifacts import ArtifactMissing, CompiledContract, hardhat_artifact
from deploy.export_abi import AmbiguousContract, exported
from tpre_offchain.audit.findings import AuditFailed, Finding, Findings, require
from tpre_offchain.chain.abi.events import ProxyJoined
from tpre_offchain.chain.abi.structs import Member
from tpre_offchain.cli import exits
from tpre_offchain.cli.main import run
from tpre_offchain.crypto.keys import InvalidKeyProof
from tpre_offchain.failpoints import STEPS, UnknownFailpoint, armed
from tpre_offchain.proxy.history import MissingHistory, last_of
from tpre_offchain.proxy.node_keys import GivenNodeKeys
from tpre_offchain.proxy.rounds.grants import GrantBook, Seat, WrongProxyKey
from tpre_offchain.types import Address, GrantId, Slot

TREASURY = CompiledContract("Treasury", "contracts/Treasury.sol", [], "0x00", "0x00", {})


def test_hardhat_artifact__nothing_built__raises(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()

    with pytest.raises(ArtifactMissing, match="no contract Treasury"):
        hardhat_artifact("Treasury", tmp_path)


def test_hardhat_artifact__source_without_artifacts__names_it(tmp_path: Path) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "Treasury.sol").touch()

    with pytest.raises(ArtifactMissing, match=r"contracts/Treasury\.sol is not built") as caught:
        hardhat_artifact("Treasury", tmp_path)

    assert "make build" in (caught.value.hint or "")


def test_exported__two_contracts_of_one_name__names_both() -> None:
    other = replace(TREASURY, source="contracts/other/Treasury.sol")

    assert exported([TREASURY]) == {"Treasury": TREASURY}
    with pytest.raises(AmbiguousContract, match=r"contracts/other/Treasury\.sol:Treasury and contracts/Treasury\.sol"):
        exported([TREASURY, other])


@pytest.mark.parametrize("wanted", ["no.such.step", f"{next(iter(STEPS))}#soon"])
def test_armed__no_step_of_that_name__raises(wanted: str) -> None:
    with pytest.raises(UnknownFailpoint, match="names no step") as caught:
        armed(wanted)

    assert "TPRE_FAILPOINT" in (caught.value.hint or "")


def test_last_of__no_such_event__names_what_is_missing() -> None:
    with pytest.raises(MissingHistory, match="no event of proxy 7's key"):
        last_of(ProxyJoined, [], "proxy 7's key")


def test_require__does_not_hold__names_the_culprit() -> None:
    require(True, "nothing")
    with pytest.raises(AuditFailed, match="hashes differ") as caught:
        require(False, "hashes differ", "0xabc")

    assert caught.value.culprit == "0xabc"


def test_report__one_check_fails__is_what_require_raises() -> None:
    def fail() -> None:
        raise InvalidKeyProof("no proof", culprit="0xabc")

    findings = Findings()
    with findings.check("record 1", "its hash"):
        pass
    with findings.check("record 2", "its proof"):
        fail()

    assert findings.report().findings == (
        Finding("record 1", "its hash"),
        Finding("record 2", "its proof", "no proof", "0xabc"),
    )
    assert not findings.report().ok
    with pytest.raises(AuditFailed, match="record 2: its proof: no proof") as caught:
        findings.report().require()

    assert caught.value.culprit == "0xabc"


def test_deploy__no_chain_named__is_a_missing_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("TPRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TPRE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    assert run(["deploy", "--json"]) == exits.USAGE

    shown = json.loads(capsys.readouterr().out)
    assert (shown["error"], "--rpc" in shown["message"]) == ("MissingOption", True)


def test_proxy_key__version_of_the_committee_not_held__names_the_version() -> None:
    account = Address("0x" + "11" * 20)
    unused = cast("Any", None)  # no chain is asked
    seat = Seat(GrantId(5), Slot(1), (Member(account, 3),), unused)

    with pytest.raises(WrongProxyKey, match="grant 5 was made for node key version 3"):
        GrantBook(unused, account, GivenNodeKeys([])).proxy_key(seat)
