"""Keys, labels and the hashing beneath them."""

from __future__ import annotations

import pytest

from tests.property.scene import DOMAIN, address, identity, node_key, source
from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, R, g1, g2
from tpre_offchain.crypto.keys import (
    Identity,
    InvalidKeyProof,
    LabelPreimage,
    ProxyKey,
    Role,
    UnusableLabel,
    label_key,
    label_of,
    label_scalar,
    label_secret,
    prove_key,
    verify_key_proof,
)
from tpre_offchain.crypto.proofs import Proof, knowledge_is_proven, prove_knowledge
from tpre_offchain.errors import CryptoError, IdentityPoint, NonCanonical, WrongLength

LABEL = label_of(DOMAIN, LabelPreimage(address("owner"), 1, 7, 0))


def test_identity__each_role_and_version__has_its_own_scalar() -> None:
    one = identity("someone")
    keys = [make(version) for make in (one.delegating_key, one.receiving_key) for version in (1, 2)]
    assert len({key.secret for key in keys}) == 4
    assert all(0 < key.secret < R for key in keys)
    assert one.delegating_key().public == g1() * one.delegating_key().secret
    assert one.receiving_key().public == g2() * one.receiving_key().secret


def test_generate__proxy_key__is_48_bytes_reduced_and_fresh_each_time() -> None:
    asked: list[int] = []

    def random(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    key = ProxyKey.generate(3, random)
    assert asked == [48]
    assert key.secret == 1 + (2**384 - 1) % (R - 1)
    assert (key.public, key.version) == (g1() * key.secret, 3)
    assert ProxyKey.generate(3, source(1)) != ProxyKey.generate(3, source(2))


def test_identity__seed_of_another_size__raises() -> None:
    with pytest.raises(WrongLength) as caught:
        Identity.from_seed(bytes(31))
    assert caught.value.what == "seed"


def test_secret_keys__repr__shows_no_secret() -> None:
    one = identity("someone")
    for key in (one, one.delegating_key(), one.receiving_key(), node_key("someone")):
        secret = getattr(key, "secret", 0)
        shown = repr(key)
        assert "secret" not in shown
        assert "seed" not in shown
        if secret:
            assert str(secret) not in shown
            assert f"{secret:x}" not in shown


def test_verify_key_proof__identity__raises() -> None:
    with pytest.raises(IdentityPoint) as caught:
        verify_key_proof(DOMAIN, Role.DELEGATING, address("x"), 1, G1.identity(), Proof(0, 0))
    assert caught.value.culprit == address("x")


def test_verify_key_proof__key_of_the_other_group__raises() -> None:
    key = identity("x").receiving_key()
    proof = prove_key(DOMAIN, address("x"), key, source(1))
    with pytest.raises(InvalidKeyProof):
        verify_key_proof(DOMAIN, Role.DELEGATING, address("x"), 1, key.public, proof)


@pytest.mark.parametrize("field", ["chain_id", "key_registry"])
def test_verify_key_proof__another_chain_or_registry__raises(field: str) -> None:
    from dataclasses import replace

    key = identity("x").delegating_key()
    proof = prove_key(DOMAIN, address("x"), key, source(1))
    other = replace(DOMAIN, chain_id=1) if field == "chain_id" else replace(DOMAIN, key_registry=DOMAIN.rounds)
    with pytest.raises(InvalidKeyProof):
        verify_key_proof(other, Role.DELEGATING, address("x"), 1, key.public, proof)


def test_label__any_part_of_its_preimage__changes_it() -> None:
    preimages = [
        LabelPreimage(address("owner"), 1, 7, 0),
        LabelPreimage(address("other"), 1, 7, 0),
        LabelPreimage(address("owner"), 2, 7, 0),
        LabelPreimage(address("owner"), 1, 8, 0),
        LabelPreimage(address("owner"), 1, 7, 1),
    ]
    assert len({label_of(DOMAIN, preimage) for preimage in preimages}) == 5


def test_label_key__of_the_secret__agrees_with_that_of_the_public_key() -> None:
    key = identity("owner").delegating_key()
    assert g1() * label_secret(key.secret, LABEL) == label_key(key.public, LABEL)


def test_label_key__that_would_be_the_identity__raises() -> None:
    secret = -label_scalar(LABEL) % R
    with pytest.raises(UnusableLabel) as caught:
        label_key(g1() * secret, LABEL)
    assert caught.value.hint is not None
    with pytest.raises(UnusableLabel):
        label_secret(secret, LABEL)


# --- hashing and proofs ---------------------------------------------------------------------------


def test_keccak256__known_answer() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert hashing.keccak256(b"").hex() == empty


@pytest.mark.parametrize("bad", ["", "0x", "a" * 40, "0x" + "g" * 40, "0x" + "a" * 39, "0x" + "a" * 40 + "\n"])
def test_address_bytes__not_an_address__raises(bad: str) -> None:
    with pytest.raises(NonCanonical) as caught:
        hashing.address_bytes(bad)
    assert caught.value.what == "address"


@pytest.mark.parametrize("number", [-1, 1 << 256])
def test_word__out_of_range__raises(number: int) -> None:
    with pytest.raises(CryptoError, match="32 bytes"):
        hashing.word(number)


def test_draw__source_of_another_length__raises() -> None:
    with pytest.raises(CryptoError, match="31 bytes instead of 32"):
        hashing.draw(lambda size: bytes(size - 1), 32)


def test_nonce__source_that_repeats__differs_by_transcript_and_secret() -> None:
    one, two = hashing.Transcript("t", (bytes(32),)), hashing.Transcript("t", (bytes(31) + b"\x01",))
    nonces = [one.nonce(5, bytes), two.nonce(5, bytes), one.nonce(6, bytes)]
    assert len(set(nonces)) == 3


def test_proof__encoded__is_48_bytes_and_comes_back() -> None:
    transcript = hashing.Transcript("t", (bytes(32),))
    proof = prove_knowledge(g1(), 7, transcript, source(1))
    assert len(proof.to_bytes()) == 48
    assert Proof.from_bytes(proof.to_bytes()) == proof
    assert knowledge_is_proven(g1(), g1() * 7, proof, transcript)
    assert not knowledge_is_proven(g1(), g1() * 8, proof, transcript)


@pytest.mark.parametrize(("challenge", "response"), [(1 << 128, 0), (-1, 0), (0, R), (0, -1)])
def test_proof__out_of_range__raises(challenge: int, response: int) -> None:
    with pytest.raises(NonCanonical) as caught:
        Proof(challenge, response)
    assert caught.value.what == "proof"


def test_proof__of_another_length__raises() -> None:
    with pytest.raises(WrongLength):
        Proof.from_bytes(bytes(47))
