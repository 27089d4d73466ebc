"""The clients' small pure parts: sources and tags, refusals, signatures, references, verbs, stopwatch."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tpre_offchain import clients
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Status
from tpre_offchain.clients import errors
from tpre_offchain.clients.facts.refusals import explain, refusals_explained
from tpre_offchain.clients.facts.rounds import kept_positions
from tpre_offchain.clients.facts.signatures import require_signer, sign_digest
from tpre_offchain.clients.keys import Keys
from tpre_offchain.clients.references import grant_id_of, record_id_of, round_id_of, stream_id_of
from tpre_offchain.clients.results import CreatedStream, Transaction
from tpre_offchain.clients.stopwatch import Stopwatch
from tpre_offchain.clients.stored.sources import Item, decode_tags, encode_tags
from tpre_offchain.clients.verbs import verb
from tpre_offchain.types import Address, RoundId, StreamId

# --- sources --------------------------------------------------------------------------------------


def test_item__path__gives_name_type_and_size(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_bytes(b"1,2")
    item = Item(path)
    assert (item.sealed_name, item.sealed_media_type, item.size) == ("readings.csv", "text/csv", 3)
    assert Item(str(path), name="other.json").sealed_media_type == "application/json"
    with item.open() as file:
        assert file.read() == b"1,2"


def test_item__bytes_and_files__have_no_name_and_no_fingerprint() -> None:
    for data in (b"x", io.BytesIO(b"x")):
        item = Item(data)
        assert (item.sealed_name, item.sealed_media_type) == ("", "application/octet-stream")
        assert item.fingerprint == ""
    assert (Item(b"x").size, Item(io.BytesIO(b"x")).size) == (1, None)
    assert not Item(io.BytesIO(b"x")).can_reopen


def test_item__long_name__is_cut_within_a_character(tmp_path: Path) -> None:
    name = "é" * 127 + ".csv"  # 258 bytes as UTF-8: more than the metadata takes
    cut = Item(tmp_path / name).sealed_name
    assert len(cut.encode()) <= 255
    assert name.startswith(cut)


def test_item__fingerprint__follows_content_and_tags(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"1")
    first = Item(path).fingerprint
    assert Item(path).fingerprint == first
    assert Item(path, tags="t").fingerprint != first
    path.write_bytes(b"12")
    assert Item(path).fingerprint != first


def test_item__missing_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(errors.SourceUnreadable):
        Item(tmp_path / "none").open()
    with pytest.raises(errors.SourceUnreadable):
        _ = Item(tmp_path / "none").fingerprint


@pytest.mark.parametrize("tags", [{}, {"unit": "°F", "a": "b"}])
def test_tags__mapping__survives_the_chain(tags: dict[str, str]) -> None:
    assert decode_tags(encode_tags(tags)) == tags
    assert encode_tags(dict(reversed(tags.items()))) == encode_tags(tags)


@pytest.mark.parametrize("text", ["plain words", "[1, 2]", "{broken", "12", '"x"', "[" * 256, "[" * 100_000])
def test_tags__anything_else__comes_as_text(text: str) -> None:
    assert decode_tags(text) == {"text": text}


def test_tags__values_of_other_kinds__become_text() -> None:
    assert decode_tags('{"n": 1, "s": "x"}') == {"n": "1", "s": "x"}


# --- refusals -------------------------------------------------------------------------------------


def revert(name: str, **arguments: Any) -> ContractRevert:
    return ContractRevert(name, arguments, "GrantRegistry", b"")


@pytest.mark.parametrize(
    ("raised", "meaning"),
    [
        (revert("UnknownGrant", grant_id=1), errors.NoGrant),
        (revert("RekeyMismatch", grant_id=1, epoch=0), errors.NoGrant),
        (revert("EpochOutOfScope", grant_id=1, epoch=0), errors.NoGrant),
        (revert("WrongStatus", grant_id=1, current=Status.REQUESTED, expected=Status.GRANTED), errors.NoGrant),
        (revert("WrongStatus", grant_id=1, current=Status.REVOKED, expected=Status.GRANTED), errors.GrantRevoked),
        (revert("WrongStatus", grant_id=1, current=Status.VOIDED, expected=Status.GRANTED), errors.GrantRevoked),
        (revert("WrongStatus", grant_id=1, current=Status.DENIED, expected=Status.GRANTED), errors.GrantRevoked),
        (revert("StaleGrant", grant_id=1, expiry=2), errors.GrantExpired),
        (revert("QuotaExceeded", grant_id=1, used=1, asked=1, quota=1), errors.QuotaUsedUp),
        (revert("DepositTooSmall", grant_id=1, deposit=0, required=1), errors.DepositUsedUp),
        (revert("NotPayer", grant_id=1, caller="0x1", payer="0x2"), errors.NotPayer),
        (revert("NotDelegator", grant_id=1, caller="0x1", delegator="0x2"), errors.NotYourGrant),
    ],
)
def test_explain__revert_of_a_grant__has_its_meaning(raised: ContractRevert, meaning: type[Exception]) -> None:
    with pytest.raises(meaning) as caught, refusals_explained():
        raise raised
    assert isinstance(caught.value, errors.AccessRefused)
    assert caught.value.revert == raised.name
    assert caught.value.__cause__ is raised
    assert caught.value.hint


def test_explain__revoked_and_out_of_scope__says_revoked() -> None:
    explained = explain(revert("RekeyMismatch", grant_id=1, epoch=1), Status.REVOKED)
    assert type(explained) is errors.GrantRevoked
    assert type(explain(revert("RekeyMismatch", grant_id=1, epoch=1), Status.GRANTED)) is errors.NoGrant


def test_explain__other_revert__passes_through() -> None:
    other = revert("RequestPending", delegatee="0x1", stream_id=1, pending=2)
    assert explain(other) is None
    with pytest.raises(ContractRevert) as caught, refusals_explained():
        raise other
    assert caught.value is other


# --- signatures -----------------------------------------------------------------------------------


def test_require_signer__publisher__is_returned() -> None:
    keys = Keys.generate(secrets.token_bytes)
    digest = secrets.token_bytes(32)
    signature = sign_digest(keys.account, digest)
    assert len(signature) == 65
    assert signature[-1] in {27, 28}
    assert require_signer(digest, signature, keys.address) == keys.address


@pytest.mark.parametrize("byte", [0, 31, 32, 63, 64])
def test_require_signer__any_byte_changed__raises(byte: int) -> None:
    keys = Keys.generate(secrets.token_bytes)
    digest = secrets.token_bytes(32)
    signature = bytearray(sign_digest(keys.account, digest))
    signature[byte] ^= 7  # 27 and 28 both leave the range, or name the other point
    with pytest.raises(errors.SignatureMismatch) as raised:
        require_signer(digest, bytes(signature), keys.address)
    assert raised.value.culprit == keys.address


def test_require_signer__another_record__raises() -> None:
    keys = Keys.generate(secrets.token_bytes)
    signature = sign_digest(keys.account, bytes(32))
    with pytest.raises(errors.SignatureMismatch):
        require_signer(bytes(31) + b"\1", signature, keys.address)


# --- verbs ----------------------------------------------------------------------------------------


class Greeter:
    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    @verb
    async def greet(self, name: str, *, loud: bool = False) -> str:
        """Say hello."""
        await asyncio.sleep(0)
        return f"HELLO {name}" if loud else f"hello {name}"


def test_verb__plain_call__blocks_and_returns() -> None:
    assert Greeter().greet("Ada", loud=True) == "HELLO Ada"
    assert Greeter().greet.__doc__ == "Say hello."
    assert Greeter.greet.__doc__ == "Say hello."


async def test_verb__aio__is_a_coroutine() -> None:
    assert await Greeter().greet.aio("Ada") == "hello Ada"


# --- the rest -------------------------------------------------------------------------------------


def test_references__results_and_ids__mean_the_same() -> None:
    created = CreatedStream(StreamId(3), "s", Transaction("0x", 1, 2, 3))
    assert stream_id_of(created) == stream_id_of(3) == 3
    assert (record_id_of(1), grant_id_of(2), round_id_of(4)) == (1, 2, 4)


def test_kept_positions__bitmap__leaves_out_the_excluded() -> None:
    assert kept_positions(4, 0b0101) == (1, 3)
    assert kept_positions(2, 0) == (0, 1)


def test_stopwatch__stages__add_up() -> None:
    ticks = iter([0.0, 1.0, 5.0, 7.0, 7.0, 7.5])
    watch = Stopwatch(lambda: next(ticks))
    for stage in ("a", "b", "a"):
        with watch.stage(stage):
            pass
    assert watch.times_ms() == {"a": 1500.0, "b": 2000.0}


def test_round_errors__message__names_round_and_missing() -> None:
    round_id = RoundId(5 << 32 | 2)
    missing = [Address("0x" + "11" * 20)]
    assert "5/2" in errors.RoundExpired(round_id, missing).message
    assert missing[0] in errors.RoundExpired(round_id, missing).message
    assert errors.RoundExpired(round_id, missing).retryable
    assert "voting" in errors.RoundTimeout(round_id, 2.0, "voting").message


def test_clients__unknown_name__raises() -> None:
    assert clients.Owner.__name__ == "Owner"
    with pytest.raises(AttributeError, match="Nobody"):
        _ = clients.Nobody
