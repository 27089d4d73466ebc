"""Which program is the local chain: what is found, in which order, and what is pinned."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest

from tpre_offchain.cli.fetch import npm_folder
from tpre_offchain.cli.fetch.npm_folder import NodeJs, NodeJsMissing, find_node_js
from tpre_offchain.cli.fetch.tarball import NpmTarball, RegistryUnreachable, WrongPackage
from tpre_offchain.cli.local import anvil, hardhat, node, places
from tpre_offchain.cli.local.node import NodeKind
from tpre_offchain.cli.local.places import NodeMissing
from tpre_offchain.errors import TpreError

LINUX = ("Linux", "x86_64")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Linux machine with a new glibc, and nothing else."""
    monkeypatch.delenv("TPRE_ANVIL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(places, "PROJECT", tmp_path / "project")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    machine(monkeypatch, *LINUX)


def machine(
    monkeypatch: pytest.MonkeyPatch, system: str, processor: str, libc: tuple[str, str] = ("glibc", "2.35")
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(text)
    path.chmod(0o700)
    return path


def test_find_anvil__one_place_after_another__takes_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anvil.find_anvil() is None
    pinned = anvil.PINNED[LINUX]
    cached = program(tmp_path / "cache/tpre" / pinned.label / "bin/anvil")
    assert anvil.find_anvil() == cached == anvil.get_anvil()
    installed = program(tmp_path / "project/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    assert anvil.find_anvil() == installed
    on_path = program(tmp_path / "bin/anvil")
    assert anvil.find_anvil() == on_path
    monkeypatch.setenv("TPRE_ANVIL", str(cached))
    assert anvil.find_anvil() == cached


def test_find_anvil__named_one_is_not_there__is_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin/anvil")
    monkeypatch.setenv("TPRE_ANVIL", str(tmp_path / "gone"))
    with pytest.raises(NodeMissing, match=r"TPRE_ANVIL names .*gone"):
        anvil.find_anvil()


def test_pinned__each__is_what_the_lock_file_has(project_root: Path) -> None:
    locked = json.loads((project_root / "package-lock.json").read_text())["packages"]
    for (system, processor), pinned in anvil.PINNED.items():
        entry = locked[f"node_modules/{pinned.name}"]
        assert (entry["version"], entry["integrity"]) == (pinned.version, pinned.integrity)
        assert entry["os"] == [system.lower()]
        assert entry["cpu"] == [{"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}[processor]]
        assert entry["bin"] == {"anvil": pinned.file}


def test_hardhat_node__its_lock_file__is_part_of_the_projects(project_root: Path) -> None:
    wanted = json.loads((project_root / "package-lock.json").read_text())["packages"]
    packages = json.loads((hardhat.SOURCE / "package-lock.json").read_text())["packages"]
    own = packages.pop("")
    assert own["dependencies"] == {"hardhat": wanted[""]["devDependencies"]["hardhat"]}
    for name, entry in packages.items():
        assert (name, entry["integrity"], "resolved" in entry) == (name, wanted[name]["integrity"], False)


@pytest.mark.parametrize(
    ("system", "processor", "libc", "label"),
    [
        ("Linux", "x86_64", ("glibc", "2.35"), "anvil-linux-amd64-1.7.1"),
        ("Linux", "aarch64", ("glibc", "2.41"), "anvil-linux-arm64-1.7.1"),
        ("Darwin", "arm64", ("", ""), "anvil-darwin-arm64-1.7.1"),
        ("Darwin", "x86_64", ("", ""), "anvil-darwin-amd64-1.7.1"),
        ("Linux", "x86_64", ("glibc", "2.34"), None),
        ("Linux", "x86_64", ("", ""), None),
        ("Linux", "riscv64", ("glibc", "2.41"), None),
        ("Windows", "AMD64", ("", ""), None),
    ],
)
def test_pinned_anvil__of_each_machine__is_the_one_that_runs_there(
    system: str, processor: str, libc: tuple[str, str], label: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, system, processor, libc)
    found = anvil.pinned_anvil()
    assert (None if found is None else found.label) == label


def test_get_anvil__none_is_made_for_the_machine__names_it_and_hardhat(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "Linux", "x86_64", ("glibc", "2.31"))
    with pytest.raises(NodeMissing, match=r"Linux x86_64, glibc 2\.31") as raised:
        anvil.get_anvil()
    assert "--node hardhat" in (raised.value.hint or "")


def test_best_kind__nothing_here__is_what_can_be_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert node._best_kind() is NodeKind.ANVIL
    assert capsys.readouterr() == ("", "")
    machine(monkeypatch, "Linux", "riscv64")
    assert node._best_kind() is NodeKind.HARDHAT
    assert "no anvil is made for Linux riscv64" in capsys.readouterr().err


def test_best_kind__hardhat_is_here__fetches_no_anvil(tmp_path: Path) -> None:
    program(tmp_path / "project/node_modules/hardhat/dist/src/cli.js")
    assert node._best_kind() is NodeKind.HARDHAT
    program(tmp_path / "bin/anvil")
    assert node._best_kind() is NodeKind.ANVIL


def fake_node_js(folder: Path, version: str) -> None:
    program(folder / "node", f"""#!/bin/sh\necho '["/real/node", "{version}"]'\n""")
    program(folder / "npm", "#!/bin/sh\n")


def test_find_node_js__beside_python_or_on_path__takes_the_former(tmp_path: Path) -> None:
    with pytest.raises(NodeJsMissing) as raised:
        find_node_js()
    assert "tpre-offchain[node]" in (raised.value.hint or "")
    fake_node_js(tmp_path / "bin", "24.1.0")
    assert find_node_js() == NodeJs(Path("/real/node"), tmp_path / "bin/npm")
    fake_node_js(tmp_path / "venv", "22.13.0")
    assert find_node_js().npm == tmp_path / "venv/npm"


def test_find_node_js__too_old_or_broken__is_not_used(tmp_path: Path) -> None:
    fake_node_js(tmp_path / "bin", "22.12.9")
    with pytest.raises(NodeJsMissing, match=r"Node 22\.12\.9; it takes 22\.13"):
        find_node_js()
    program(tmp_path / "bin/node", "#!/bin/sh\necho broken >&2\nexit 1\n")
    with pytest.raises(NodeJsMissing, match="does not run: broken"):
        find_node_js()


def test_hardhat_command__not_here__is_installed_by_npm_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_node_js(tmp_path / "bin", "24.1.0")
    installs = "cat package-lock.json >seen && echo $* >>../calls && mkdir -p node_modules/hardhat/dist/src"
    program(tmp_path / "bin/npm", f"#!/bin/sh\nPATH=/usr/bin:/bin\n{installs}\n>node_modules/hardhat/dist/src/cli.js\n")
    command, folder = hardhat.hardhat_command(7)
    assert folder.parent == tmp_path / "cache/tpre"
    assert command[:3] == ["/real/node", str(folder / "node_modules/hardhat/dist/src/cli.js"), "node"]
    assert (folder / "seen").read_bytes() == (hardhat.SOURCE / "package-lock.json").read_bytes()
    assert (folder / "hardhat.config.js").exists()
    assert str(folder.parent) in capsys.readouterr().err
    assert hardhat.hardhat_command(7) == (command, folder)
    calls = (folder.parent / "calls").read_text().splitlines()
    assert len(calls) == 1
    assert calls[0].startswith("ci --ignore-scripts ")


@pytest.mark.parametrize(("code", "kind"), [("ENOTFOUND", RegistryUnreachable), ("EINTEGRITY", WrongPackage)])
def test_hardhat_command__npm_fails__says_why_and_leaves_nothing(
    code: str, kind: type[TpreError], tmp_path: Path
) -> None:
    fake_node_js(tmp_path / "bin", "24.1.0")
    program(tmp_path / "bin/npm", f"#!/bin/sh\necho 'npm error code {code}' >&2\nexit 1\n")
    with pytest.raises(kind, match=code):
        hardhat.hardhat_command(7)
    assert npm_folder.find_installed(hardhat.SOURCE) is None
    assert [path.name for path in (tmp_path / "cache/tpre").iterdir()] == [".lock"]


def test_find_node_js__no_path__does_not_look_where_we_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_node_js(tmp_path / "here", "24.1.0")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NodeJsMissing):
        find_node_js()


def test_npm_tarball__label__is_that_of_its_file_at_the_registry() -> None:
    assert NpmTarball("plain", "2.0.0", "sha512-", 1, "x", "").label == "plain-2.0.0"
