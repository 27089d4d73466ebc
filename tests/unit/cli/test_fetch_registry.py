"""Which registry is asked: npm's own choice, without npm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tpre_offchain.cli.fetch.registry import NPM_DEFAULT, registry_of

PACKAGE = "@scope/package"


@pytest.fixture(autouse=True)
def npmrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".npmrc"


def test_registry_of__nothing_set__is_npms(npmrc: Path) -> None:
    assert registry_of(PACKAGE) == NPM_DEFAULT
    npmrc.write_text("# registry=https://comment.example\nfund = false\n")
    assert registry_of(PACKAGE) == NPM_DEFAULT


@pytest.mark.parametrize("line", ["registry=https://a.example/npm/", ' registry = "https://a.example/npm/" '])
def test_registry_of__named_in_the_file__is_that(line: str, npmrc: Path) -> None:
    npmrc.write_text(f"fund=false\n{line}\n//a.example/:_authToken=secret\n")
    assert registry_of(PACKAGE) == "https://a.example/npm"


@pytest.mark.parametrize("name", ["npm_config_registry", "NPM_CONFIG_REGISTRY"])
def test_registry_of__variable__goes_before_the_file(
    name: str, npmrc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npmrc.write_text("registry=https://a.example\n")
    monkeypatch.setenv(name, "https://b.example/")
    assert registry_of(PACKAGE) == "https://b.example"


def test_registry_of__scope_has_its_own__goes_before_all(npmrc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npmrc.write_text("@scope:registry=https://scope.example\n")
    monkeypatch.setenv("npm_config_registry", "https://b.example/")
    assert registry_of(PACKAGE) == "https://scope.example"
    assert registry_of("@other/package") == registry_of("package") == "https://b.example"


def test_registry_of__file_elsewhere_and_variable_in_it__are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_text("registry=https://${MIRROR}/npm\n")
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "other"))
    monkeypatch.setenv("MIRROR", "c.example")
    assert registry_of(PACKAGE) == "https://c.example/npm"
    monkeypatch.delenv("MIRROR")
    assert registry_of(PACKAGE) == "https://${MIRROR}/npm"


def test_registry_of__user_without_a_home__is_npms(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert registry_of(PACKAGE) == NPM_DEFAULT
