"""SECURITY.md names tests that are there, and every file of attacks."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_security_md__every_file_of_attacks__is_named(project_root: Path) -> None:
    files = {path.name for path in (project_root / "tests" / "attacks").glob("test_*.py")} - {Path(__file__).name}
    assert files == {Path(path).name for path, _ in named(project_root) if path.startswith("attacks/")}
