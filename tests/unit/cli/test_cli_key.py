"""`tpre key` on real files, with a real passphrase."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tpre_offchain.cli import exits
from tpre_offchain.cli.home import BadKeyName, Home
from tpre_offchain.cli.main import run

WORDS = "abandon " * 23 + "art"


@pytest.fixture(autouse=True)
def _in_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TPRE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    return str(file)


def _answer(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> dict[str, Any]:
    assert run([*arguments, "--json"]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    found: dict[str, Any] = json.loads(captured.out)
    return found


def test_new__then_show__have_the_same_address(capsys: pytest.CaptureFixture[str], passphrase: str) -> None:
    made = _answer(capsys, exits.OK, "key", "new", "owner", "--passphrase-file", passphrase)
    assert "words" not in made
    assert Path(made["keystore"]).stat().st_mode & 0o777 == 0o600
    assert _answer(capsys, exits.OK, "key", "show", "owner")["address"] == made["address"]
    shown = _answer(capsys, exits.OK, "key", "show", "owner", "--words", "--passphrase-file", passphrase)
    assert len(shown["words"].split()) == 24
    assert {"delegating_key", "receiving_key"} <= set(shown)
    assert shown["node_keys"] == []


def test_new__exists__refuses_and_keeps_it(capsys: pytest.CaptureFixture[str], passphrase: str) -> None:
    made = _answer(capsys, exits.OK, "key", "new", "owner", "--passphrase-file", passphrase)
    before = Path(made["keystore"]).read_bytes()
    again = _answer(capsys, exits.KEY, "key", "new", "owner", "--passphrase-file", passphrase)
    assert again["error"] == "KeystoreExists"
    assert Path(made["keystore"]).read_bytes() == before


def test_recover__from_words__gives_the_same_account(
    capsys: pytest.CaptureFixture[str], passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(WORDS + "\n"))
    options = ("--words-file", "-", "--passphrase-file", passphrase)
    found = _answer(capsys, exits.OK, "key", "recover", "back", *options)
    # the first account of these words in any wallet
    assert found["address"] == "0xF278cF59F82eDcf871d630F28EcC8056f25C1cdb"


def test_recover__wrong_word__names_its_place_and_not_the_word(
    capsys: pytest.CaptureFixture[str], passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(WORDS.replace("art", "artt")))
    options = ("--words-file", "-", "--passphrase-file", passphrase)
    found = _answer(capsys, exits.KEY, "key", "recover", "back", *options)
    assert found["error"] == "InvalidMnemonic"
    assert "24" in found["message"]
    assert "artt" not in json.dumps(found)


def test_show__wrong_passphrase__exit_7(
    capsys: pytest.CaptureFixture[str], passphrase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(capsys, exits.OK, "key", "new", "owner", "--passphrase-file", passphrase)
    monkeypatch.setattr("sys.stdin", io.StringIO("wrong\n"))
    found = _answer(capsys, exits.KEY, "key", "show", "owner", "--words", "--passphrase-file", "-")
    assert found["error"] == "WrongPassphrase"


def test_passphrase_file__open_to_others__is_refused(capsys: pytest.CaptureFixture[str], passphrase: str) -> None:
    Path(passphrase).chmod(0o644)
    found = _answer(capsys, exits.KEY, "key", "new", "owner", "--passphrase-file", passphrase)
    assert found["error"] == "PassphraseFileUnreadable"
    assert "chmod 600" in found["hint"]


def test_new__nobody_to_ask__says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert _answer(capsys, exits.KEY, "key", "new", "owner")["error"] == "NoPassphrase"


def test_new__typed_differently__is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = iter(["one", "two"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    assert _answer(capsys, exits.KEY, "key", "new", "owner")["error"] == "PassphrasesDiffer"
    assert not (tmp_path / ".tpre" / "keys").exists()


def test_keystore__a_path__stands_for_itself(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.keystore("owner") == tmp_path / "keys" / "owner.json"
    assert home.keystore("./owner.json") == Path("owner.json")
    with pytest.raises(BadKeyName):
        home.keystore("..")
