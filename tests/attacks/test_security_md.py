"""SECURITY.md names tests that are there, and every file of attacks and of faults."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NAMED = re.compile(r"`([\w/.]+\.(?:py|sol))::(\w+)`")


def named(root: Path) -> list[tuple[str, str]]:
    found = NAMED.findall((root / "SECURITY.md").read_text(encoding="utf-8"))
    assert found
    return found


def test_security_md__every_test_that_it_names__exists(project_root: Path) -> None:
    missing = []
    for path, name in named(project_root):
        file = project_root / "tests" / path
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not re.search(rf"\b(?:def|function) {name}\(", text):
            missing.append(f"{path}::{name}")
    assert missing == []


# what tests the tests' own means
OF_THE_MEANS = {"attacks/test_security_md.py", "faults/test_failpoints.py"}


@pytest.mark.parametrize("folder", ["attacks", "faults"])
def test_security_md__every_file_of_attacks_and_faults__is_named(project_root: Path, folder: str) -> None:
    files = {f"{folder}/{path.name}" for path in (project_root / "tests" / folder).glob("test_*.py")} - OF_THE_MEANS
    assert files == {path for path, _ in named(project_root) if path.startswith(f"{folder}/")}
