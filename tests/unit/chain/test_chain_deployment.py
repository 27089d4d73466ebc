"""Deployment files and the comparison of deployed code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.addresses import addresses_file, load_deployment
from tpre_offchain.chain.abi.codec import CONTRACT_NAMES
from tpre_offchain.chain.contracts.deployment import BadDeploymentFile, Deployment, same_code
from tpre_offchain.deployment.deploy import ORDER, constructor_arguments, creation, predict_addresses
from tpre_offchain.deployment.settings import LOCAL, MAINNET_LIKE, UnknownPreset, preset
from tpre_offchain.types import Address

DEPLOYER = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")


@pytest.fixture
def deployment() -> Deployment:
    return Deployment(31337, 5, predict_addresses(DEPLOYER, 0), LOCAL)


def test_save__loaded_again__is_the_same(deployment: Deployment, tmp_path: Path) -> None:
    path = addresses_file(31337, tmp_path / "new folder")
    deployment.save(path)
    assert load_deployment(31337, path.parent) == deployment
    assert [file.name for file in path.parent.iterdir()] == ["31337.json"]


def test_load__no_file__raises_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(BadDeploymentFile) as missing:
        load_deployment(1, tmp_path)
    assert "tpre deploy" in str(missing.value.hint)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.pop("contracts"),
        lambda content: content["contracts"].pop("Treasury"),
        lambda content: content["contracts"].update(Treasury="0x12"),
        lambda content: content["settings"]["rounds"].pop("vote_seconds"),
        lambda content: content["settings"]["rounds"].update(more=1),
        lambda content: content.update(format=2),
        lambda content: content.update(chainId="x"),
    ],
)
def test_from_json__damaged__raises_bad_file(deployment: Deployment, damage: Any) -> None:
    content = json.loads(json.dumps(deployment.to_json()))
    damage(content)
    with pytest.raises(BadDeploymentFile):
        Deployment.from_json(content)


def test_load__not_json__raises_bad_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{")
    with pytest.raises(BadDeploymentFile):
        Deployment.load(path)


def test_predict_addresses__known_account__gives_what_nodes_give() -> None:
    assert predict_addresses(DEPLOYER, 0)["KeyRegistry"] == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert sorted(ORDER) == sorted(CONTRACT_NAMES)


@pytest.mark.parametrize("settings", [LOCAL, MAINNET_LIKE])
def test_creation__each_contract__encodes_its_constructor(settings: Any) -> None:
    arguments = constructor_arguments(predict_addresses(DEPLOYER, 0), settings)
    for name in ORDER:
        assert creation(name, arguments[name]).to is None


def test_preset__unknown_name__raises_and_lists_those_there_are() -> None:
    assert preset("local") is LOCAL
    with pytest.raises(UnknownPreset) as unknown:
        preset("moon")
    assert "mainnet-like" in str(unknown.value.hint)


PUSH32, PUSH1, ADD = 0x7F, 0x60, 0x01


def test_same_code__immutable_filled_in__is_the_same() -> None:
    built = bytes([PUSH32, *([0] * 32), ADD])
    found = bytes([PUSH32, *range(32), ADD])
    assert same_code(built, found)


@pytest.mark.parametrize(
    ("built", "found"),
    [
        (bytes([ADD]), bytes([ADD, ADD])),
        (bytes([ADD, ADD]), bytes([ADD, 0x02])),
        (bytes([PUSH1, 0, ADD]), bytes([PUSH1, 1, ADD])),  # no immutable: the operand is code
        (bytes([PUSH32, 1, *([0] * 31)]), bytes([PUSH32, 2, *([0] * 31)])),
        (b"", bytes([ADD])),
    ],
)
def test_same_code__anything_else_differs__is_not(built: bytes, found: bytes) -> None:
    assert not same_code(built, found)


@given(st.binary(max_size=200))
def test_same_code__itself__is_the_same(code: bytes) -> None:
    assert same_code(code, code)
