"""The keystore file: what opens it, what it refuses, and that it leaves nothing secret lying about."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tpre_offchain.clients import keyfile, keystore
from tpre_offchain.clients.keys import InvalidMnemonic, Keys
from tpre_offchain.errors import KeystoreError

CHEAP = keystore.ScryptCost(log2_n=10)
PASSPHRASE = "correct horse"
# BIP-39's own vector for 32 bytes of 0x7f, and the account that wallets show for it
WORDS = "legal winner thank year wave sausage worth useful " * 2 + "legal winner thank year wave sausage worth title"


@pytest.fixture
def keys(seeded: Random) -> Keys:
    return Keys.generate(seeded.randbytes)


@pytest.fixture
def path(tmp_path: Path, keys: Keys, seeded: Random) -> Path:
    path = tmp_path / "keys" / "alice.json"
    keystore.create_keystore(path, keys, PASSPHRASE, seeded.randbytes, CHEAP)
    return path


def rewrite(path: Path, change: Any, *, mend: bool = True) -> None:
    """Change the file's fields, and mend the checksum as an attacker would."""
    document = json.loads(path.read_bytes())
    change(document)
    if mend:
        document.pop("checksum", None)
        document["checksum"] = keyfile.checksum(document)
    path.write_text(json.dumps(document))


# --- words ----------------------------------------------------------------------------------------


def test_from_words__published_vector__gives_its_entropy_and_back() -> None:
    keys = Keys.from_words(WORDS)
    assert keys.entropy == b"\x7f" * 32
    assert keys.to_words() == WORDS
    assert Keys.from_words("  " + WORDS.upper().replace(" ", "\n ")) == keys


def test_account__well_known_words__is_the_one_that_wallets_derive() -> None:
    keys = Keys(bytes(32))  # abandon … art
    assert keys.to_words().split()[-1] == "art"
    assert keys.address == "0xF278cF59F82eDcf871d630F28EcC8056f25C1cdb"


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("legal winner", ()),
        (WORDS.rsplit(" ", 1)[0] + " legal", ()),
        (WORDS.replace("sausage", "sossage"), (6, 14, 22)),
        ("", ()),
    ],
)
def test_from_words__wrong_words__raises_without_repeating_them(words: str, unknown: tuple[int, ...]) -> None:
    with pytest.raises(InvalidMnemonic) as raised:
        Keys.from_words(words)
    assert raised.value.unknown_positions == unknown
    assert "sossage" not in str(raised.value)
    assert "winner" not in str(raised.value.to_dict())


def test_keys__wrong_length__raises() -> None:
    with pytest.raises(KeystoreError, match="31 bytes"):
        Keys(bytes(31))


def test_repr__keys__shows_nothing_secret(keys: Keys) -> None:
    shown = repr(keys) + repr(keys.identity)
    assert keys.entropy.hex() not in shown
    assert repr(keys.entropy) not in shown


# --- file -----------------------------------------------------------------------------------------


def test_open__right_passphrase__gives_the_same_account(path: Path, keys: Keys) -> None:
    opened = keystore.open_keystore(path, PASSPHRASE)
    assert opened == keys
    assert opened.identity == keys.identity
    assert keystore.address_in_keystore(path) == keys.address


def test_create__new_file__is_private_and_alone(path: Path, keys: Keys) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]
    text = path.read_text()
    assert keys.entropy.hex() not in text
    assert keys.to_words().split()[0] + " " not in text


def test_create__loose_umask__is_private_anyway(tmp_path: Path, keys: Keys, seeded: Random) -> None:
    before = os.umask(0)
    try:
        keystore.create_keystore(tmp_path / "k.json", keys, PASSPHRASE, seeded.randbytes, CHEAP)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k.json").stat().st_mode) == 0o600


def test_create__file_exists__refuses_and_leaves_it(path: Path, seeded: Random) -> None:
    before = path.read_bytes()
    with pytest.raises(keystore.KeystoreExists):
        keystore.create_keystore(path, Keys.generate(seeded.randbytes), PASSPHRASE, seeded.randbytes, CHEAP)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_create__empty_passphrase__refuses(tmp_path: Path, keys: Keys, seeded: Random) -> None:
    with pytest.raises(keystore.EmptyPassphrase):
        keystore.create_keystore(tmp_path / "k.json", keys, "", seeded.randbytes, CHEAP)
    assert list(tmp_path.iterdir()) == []


def test_create__folder_is_a_file__raises_unwritable(path: Path, keys: Keys, seeded: Random) -> None:
    with pytest.raises(keystore.KeystoreUnwritable):
        keystore.create_keystore(path / "k.json", keys, PASSPHRASE, seeded.randbytes, CHEAP)


def test_open__wrong_passphrase__raises_and_names_no_secret(path: Path) -> None:
    with pytest.raises(keystore.WrongPassphrase) as raised:
        keystore.open_keystore(path, "battery staple")
    assert "battery staple" not in str(raised.value)


def test_open__passphrase_in_another_unicode_form__is_the_same(tmp_path: Path, keys: Keys, seeded: Random) -> None:
    keystore.create_keystore(tmp_path / "k.json", keys, "se\u0301same", seeded.randbytes, CHEAP)
    assert keystore.open_keystore(tmp_path / "k.json", "s\u00e9same") == keys


def test_open__missing__raises(tmp_path: Path) -> None:
    with pytest.raises(keystore.KeystoreMissing):
        keystore.open_keystore(tmp_path / "none.json", PASSPHRASE)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_open__open_to_others__refuses(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(keystore.KeystoreTooOpen, match=f"{mode:04o}"):
        keystore.open_keystore(path, PASSPHRASE)


@pytest.mark.parametrize("cut", [0, 1, 100, -2])
def test_open__cut_short__is_corrupt(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(keystore.KeystoreCorrupt):
        keystore.open_keystore(path, PASSPHRASE)


def test_open__any_hex_digit_changed__is_corrupt(path: Path, seeded: Random) -> None:
    text = path.read_text()
    for place in seeded.sample([i for i, char in enumerate(text) if char in "0123456789abcdef"], 40):
        other = "0" if text[place] != "0" else "1"
        path.write_text(text[:place] + other + text[place + 1 :])
        with pytest.raises(keystore.KeystoreCorrupt):
            keystore.open_keystore(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: d.update(format="other"), keystore.KeystoreCorrupt),
        (lambda d: d.update(version=3), keystore.KeystoreCorrupt),
        (lambda d: d.update(version=1), keystore.KeystoreCorrupt),
        (lambda d: d.update(more=1), keystore.KeystoreCorrupt),
        (lambda d: d.pop("kdf"), keystore.KeystoreCorrupt),
        (lambda d: d["kdf"].update(log2_n=40), keystore.KeystoreCorrupt),
        (lambda d: d["kdf"].update(salt="00"), keystore.KeystoreCorrupt),
        (lambda d: d["cipher"].update(ciphertext="zz" * 48), keystore.KeystoreCorrupt),
        (lambda d: d.update(address="0x" + "11" * 20), keystore.WrongPassphrase),
        (lambda d: d["cipher"].update(nonce="00" * 12), keystore.WrongPassphrase),
    ],
)
def test_open__field_changed_with_its_checksum__raises(path: Path, change: Any, error: type[KeystoreError]) -> None:
    rewrite(path, change)
    with pytest.raises(error):
        keystore.open_keystore(path, PASSPHRASE)


def test_change_passphrase__old_one_right__only_the_new_one_opens(path: Path, keys: Keys, seeded: Random) -> None:
    keystore.change_passphrase(path, PASSPHRASE, "new one", seeded.randbytes, CHEAP)
    assert keystore.open_keystore(path, "new one") == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(keystore.WrongPassphrase):
        keystore.open_keystore(path, PASSPHRASE)


def test_change_passphrase__old_one_wrong__leaves_the_file(path: Path, seeded: Random) -> None:
    before = path.read_bytes()
    with pytest.raises(keystore.WrongPassphrase):
        keystore.change_passphrase(path, "wrong", "new one", seeded.randbytes, CHEAP)
    assert path.read_bytes() == before


def test_cost__out_of_range__raises() -> None:
    with pytest.raises(KeystoreError, match="2\\^9"):
        keystore.ScryptCost(log2_n=9)


def test_import__keystore__loads_neither_web3_nor_the_chain() -> None:
    import subprocess
    import sys

    unwanted = ("web3", "eth_account", "tpre_offchain.chain")
    code = f"import sys, tpre_offchain.clients.keystore; print([m for m in {unwanted} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
