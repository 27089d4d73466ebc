"""The contracts built twice, by Hardhat and by py-solc-x: the same bytecode, or a setting hides in one of the tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.artifacts import CompiledContract, hardhat_artifacts, production_sources
from deploy.build import BuildsDiffer, CompilationFailed, compile_with_solcx, require_same_build

STORE = "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.30;\ncontract Store { uint256 public kept; }\n"


@pytest.fixture(scope="module")
def built(project_root: Path) -> list[CompiledContract]:
    contracts = list(hardhat_artifacts(project_root))
    assert contracts, "no contract is built"
    return contracts


def copy_of_project_with(source: str, project_root: Path, tmp_path: Path) -> Path:
    """A project of one contract that has our settings and compiler, so that a test can break the source."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/Store.sol").write_text(source, encoding="utf-8")
    (tmp_path / "deploy").symlink_to(project_root / "deploy", target_is_directory=True)
    return tmp_path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_second_build__every_production_contract__same_bytecode(
    built: list[CompiledContract], project_root: Path
) -> None:
    with_code = require_same_build(built, compile_with_solcx(project_root))

    assert with_code == sum(contract.has_code for contract in built)
    assert {contract.source for contract in built} <= set(production_sources(project_root))


def test_require_same_build__one_byte_of_code_differs__names_the_contract(built: list[CompiledContract]) -> None:
    tampered = replace(built[0], creation_code=built[0].creation_code + "00")

    with pytest.raises(BuildsDiffer, match=built[0].qualified_name):
        require_same_build(built, [tampered, *built[1:]])


def test_require_same_build__contract_in_one_build_only__names_it(built: list[CompiledContract]) -> None:
    with pytest.raises(BuildsDiffer, match=built[-1].qualified_name):
        require_same_build(built, built[:-1])


def test_compile_with_solcx__source_and_mock__compiles_the_source_alone(project_root: Path, tmp_path: Path) -> None:
    root = copy_of_project_with(STORE, project_root, tmp_path)
    (root / "contracts/mocks").mkdir()
    (root / "contracts/mocks/Broken.sol").write_text("contract Broken {", encoding="utf-8")

    compiled = list(compile_with_solcx(root))

    assert [(contract.qualified_name, contract.has_code) for contract in compiled] == [
        ("contracts/Store.sol:Store", True)
    ]


def test_compile_with_solcx__source_does_not_compile__raises_with_the_compilers_words(
    project_root: Path, tmp_path: Path
) -> None:
    root = copy_of_project_with(STORE.replace("uint256", "uint257"), project_root, tmp_path)

    with pytest.raises(CompilationFailed, match="uint257"):
        list(compile_with_solcx(root))
