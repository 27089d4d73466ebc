"""The wheel: what is in it, and that it is enough: `tpre demo` from it, with an empty home, away from the sources."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.integration.nets.cli_world import processes_in
from tests.integration.nets.local_nodes import ANVIL
from tpre_offchain.chain.abi.codec import CONTRACT_NAMES
from tpre_offchain.cli.local.anvil import pinned_anvil

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    """Built with what is installed; nothing is fetched for it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=project_root, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An environment with the wheel installed. What the wheel depends on comes from the environment of the tests, by a
    path file: that folder has no `tpre_offchain` of its own, since path files there are not read.
    """
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = str(folder / "bin/python")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", python]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", str(wheel)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_wheel__its_files__are_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = [name for name in opened.namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == {"tpre_offchain"}
    assert {name for name in names if not name.endswith(".py")} == {
        "tpre_offchain/py.typed",
        *(f"tpre_offchain/chain/abi/{name}.json" for name in CONTRACT_NAMES),
        *(
            f"tpre_offchain/cli/local/hardhat-node/{name}"
            for name in ("package.json", "package-lock.json", "hardhat.config.js")
        ),
    }
    assert [name for name in names if "test" in name or "conftest" in name] == []


def test_wheel__installed__brings_no_other_package_of_the_repository(tmp_path: Path, venv: Path) -> None:
    script = "import tpre_offchain, importlib.util; print(tpre_offchain.__file__, importlib.util.find_spec('deploy'))"
    done = subprocess.run([venv / "bin/python", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    where, deploy = done.stdout.split()
    assert Path(where).is_relative_to(venv)
    assert deploy == "None"


def tpre(venv: Path, folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`tpre` of the wheel, which knows nothing but its home, and a registry that is not there."""
    environment = {"HOME": str(home), "PATH": str(folder), "TMPDIR": str(folder)}
    environment["npm_config_registry"] = "http://127.0.0.1:1"
    command = [str(venv / "bin/tpre"), *arguments, "--json"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.anvil
@pytest.mark.skipif(not ANVIL.exists(), reason="no anvil in node_modules")
def test_demo__from_the_wheel_with_an_empty_home__arrives(tmp_path: Path, venv: Path) -> None:
    pinned = pinned_anvil()
    assert pinned is not None
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    # as if it had been fetched: empty but for that
    fetched = home / ".cache/tpre" / pinned.label / pinned.file
    fetched.parent.mkdir(parents=True)
    (home / ".cache/tpre").chmod(0o700)
    shutil.copy(ANVIL, fetched)

    done = tpre(venv, elsewhere, home, "demo")

    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    assert (found["ok"], found["refused"]) == (True, ["no_grant", "revoked"])
    assert found["chain"]["client"] == f"anvil/v{pinned.version}"
    assert done.stderr == ""
    assert processes_in(tmp_path) == []
    assert list(elsewhere.iterdir()) == []


@pytest.mark.skipif(pinned_anvil() is None, reason="no anvil is made for this machine")
def test_net_up__from_the_wheel_without_a_network__says_what_to_do(tmp_path: Path, venv: Path) -> None:
    done = tpre(venv, tmp_path, tmp_path, "net", "up", "--node", "anvil")
    found = json.loads(done.stdout)
    assert (done.returncode, found["error"], found["retryable"]) == (5, "RegistryUnreachable", True)
    assert all(word in found["hint"] for word in ("npm_config_registry", "TPRE_ANVIL", "--rpc"))
    assert done.stderr.startswith("fetching anvil-")
    assert processes_in(tmp_path) == []
