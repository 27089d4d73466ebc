"""``make services`` where Go is missing: says so, fails nothing, and leaves nothing behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("named", "told"), [((), ("kubo", "geth")), (("geth",), ("geth",))])
def test_build__go_is_missing__says_so_and_leaves_nothing_behind(
    project_root: Path, tmp_path: Path, named: tuple[str, ...], told: tuple[str, ...]
) -> None:
    # a copy, for what is built here already would not be built again
    (tmp_path / "deploy").mkdir()
    shutil.copy(project_root / "deploy" / "__init__.py", tmp_path / "deploy")
    shutil.copytree(project_root / "deploy" / "services", tmp_path / "deploy" / "services")
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "deploy.services", *named],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    message = "not built, for Go is not installed; its tests will be skipped"
    assert done.stdout.splitlines() == [f"{service}: {message}" for service in told]
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
