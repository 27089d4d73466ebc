"""The second implementation of tests/independent, written from SPEC.md alone, before all vectors."""

from __future__ import annotations

import ast
import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.independent import check_vectors
from tests.vectors.reading import DIRECTORY, load

INDEPENDENT = Path(check_vectors.__file__).parent
NAMES = sorted(path.name for path in DIRECTORY.glob("*.json"))
OF_OTHERS = {"cryptography", "eth_abi", "eth_account", "eth_utils", "py_ecc", "web3"}


def all_files() -> dict[str, Any]:
    return {name: load(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_check__file_of_the_vectors__is_made_again_and_refused_where_it_says(name: str) -> None:
    files = all_files()
    made, wrong, _ = check_vectors.check(name, files[name], files)
    assert check_vectors.difference(made, files[name]) == ""
    assert wrong == []


def test_check__one_value_of_a_file_changed__is_noticed() -> None:
    files = all_files()
    content = files["flow_1_1.json"]
    changed = copy.deepcopy(content)
    changed["grant"]["padHashes"][0] = content["grant"]["pads"][0]
    made, _, _ = check_vectors.check("flow_1_1.json", changed, files)
    assert check_vectors.difference(made, changed).startswith(".grant.padHashes[0]")


def test_check__a_case_that_is_no_reject__is_noticed() -> None:
    files = all_files()
    content = files["rejects.json"]
    [case] = [case for case in content["cases"] if case["name"] == "metadata: one byte long"]
    harmless = {**case, "values": [files[case["file"]]["records"][0]["message"]]}
    _, wrong, _ = check_vectors.check("rejects.json", {**content, "cases": [harmless]}, files)
    assert wrong == ["metadata: one byte long: ('', '')"]


def imports(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {*names, *(node.module or "" for node in nodes if isinstance(node, ast.ImportFrom))}


@pytest.mark.parametrize("path", sorted(INDEPENDENT.glob("*.py")), ids=lambda path: path.stem)
def test_independent__imports__nothing_of_this_package(path: Path) -> None:
    foreign = {name for name in imports(path) if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in foreign if name.split(".")[0] not in OF_OTHERS} <= {"tests.independent"} | {
        f"tests.independent.{other.stem}" for other in INDEPENDENT.glob("*.py")
    }
