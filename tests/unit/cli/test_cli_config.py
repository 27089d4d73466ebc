"""Where settings come from, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tpre_offchain.config import InvalidSettings, load_settings


@pytest.fixture(autouse=True)
def _without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TPRE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tpre.toml"
    path.write_text('rpc = ["http://from-file"]\nstore = "local:from-file"\nconfirmations = 3\n')
    return path


def test_load_settings__nothing_given__has_defaults() -> None:
    settings = load_settings()
    assert (settings.rpc, settings.store, settings.key, settings.confirmations) == ((), None, None, 0)


def test_load_settings__all_sources__arguments_win_over_environment_over_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TPRE_RPC", "http://from-environment, ws://second")
    monkeypatch.setenv("TPRE_STORE", "local:from-environment")
    settings = load_settings(file, store="local:from-argument", key=None)
    assert settings.rpc == ("http://from-environment", "ws://second")
    assert settings.store == "local:from-argument"
    assert settings.confirmations == 3


def test_load_settings__unrelated_variables__do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPRE_TEST_SEED", "7")
    load_settings()


@pytest.mark.parametrize(
    ("content", "named"),
    [("confirmations = -1", "confirmations"), ("rcp = 'x'", "rcp"), ("chain_id = 'one'", "chain_id")],
)
def test_load_settings__bad_file__names_the_setting(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "tpre.toml"
    path.write_text(content)
    with pytest.raises(InvalidSettings, match=named) as raised:
        load_settings(path)
    assert str(path) in (raised.value.hint or "")


def test_load_settings__no_toml__raises(tmp_path: Path) -> None:
    path = tmp_path / "tpre.toml"
    path.write_text("rpc = [")
    with pytest.raises(InvalidSettings):
        load_settings(path)


def test_settings__are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().rpc = ()
