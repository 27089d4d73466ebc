"""The protocol's verbs at their edges; that they work together is a property, see tests/property."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.property.scene import DOMAIN, Scene, address, identity, metadata, node_key, source
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof, WrongStream, record_id_of
from tpre_offchain.crypto.cfrag import BatchMismatch, DuplicateSlot, InvalidCFragProof, NotEnoughCFrags, WrongResult
from tpre_offchain.crypto.codec import (
    cfrags_from_evm,
    decode_rekey,
    encode_rekey,
    g1_from_words,
    g1_words,
    g2_from_words,
    g2_words,
)
from tpre_offchain.crypto.curve import G1, G2, R, g1, g2, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, Failure, MessageTooLong, open_sealed, seal
from tpre_offchain.crypto.kfrag import (
    BadCommittee,
    BadThreshold,
    InvalidGrantProof,
    MalformedGrant,
    NoSuchSlot,
    make_rekey,
)
from tpre_offchain.crypto.metadata import MetadataMalformed, decode_metadata, encode_metadata
from tpre_offchain.errors import CryptoError, NonCanonical, WrongLength
from tpre_offchain.types import RecordId, RoundId, Slot

SCENE = Scene(2, 3)
SECRET = identity("device").publisher_secret


# --- capsules -------------------------------------------------------------------------------------


def test_encrypt__source_that_repeats__repeats_nothing_across_messages_and_records() -> None:
    stuck = bytes
    capsules = [
        pre.encrypt(SCENE.label_key, SCENE.record_context(sequence), metadata(name), secret, stuck)
        for sequence, name, secret in ((0, "a", SECRET), (0, "b", SECRET), (1, "a", SECRET), (0, "a", bytes(32)))
    ]
    assert len({capsule.c1 for capsule in capsules}) == 4
    assert len({capsule.c2 for capsule in capsules}) == 4


def test_encrypt__source_of_another_length__raises() -> None:
    with pytest.raises(CryptoError, match="instead of 32"):
        pre.encrypt(SCENE.label_key, SCENE.record_context(), metadata(), SECRET, lambda size: bytes(size + 1))


def test_seal__longest_message__opens_and_one_byte_more_raises() -> None:
    context = SCENE.record_context()
    capsule = seal(SCENE.label_key, context, bytes(4080), SECRET, source(1))
    shared = pairing(capsule.c1 * pow(SCENE.label_secret, -1, R), g2())
    assert open_sealed(shared, SCENE.label_key, context, capsule) == bytes(4080)
    with pytest.raises(MessageTooLong):
        seal(SCENE.label_key, context, bytes(4081), SECRET, source(1))


def test_decrypt_original__another_labels_secret__raises_with_kind() -> None:
    capsule = SCENE.capsule()
    with pytest.raises(DecryptionFailed) as caught:
        pre.decrypt_original(SCENE.label_secret + 1, capsule.context, capsule.capsule)
    assert caught.value.kind is Failure.WRONG_CAPSULE
    assert caught.value.culprit == address("device")
    assert caught.value.to_dict()["kind"] == "wrong capsule"


def test_decrypt__something_else_than_metadata__names_the_publisher() -> None:
    context = SCENE.record_context()
    capsule = seal(SCENE.label_key, context, b"not metadata", SECRET, source(1))
    with pytest.raises(MetadataMalformed) as caught:
        pre.decrypt_original(SCENE.label_secret, context, capsule)
    assert caught.value.culprit == address("device")


def test_decrypt_reencrypted__another_key__raises_with_kind() -> None:
    capsule = SCENE.capsule()
    with pytest.raises(DecryptionFailed) as caught:
        pre.decrypt_reencrypted(
            identity("x").receiving_key(), SCENE.rekey, capsule.context, capsule.capsule, capsule.c1
        )
    assert caught.value.kind is Failure.WRONG_KEY


@pytest.mark.parametrize(("c2", "c3", "what"), [(31, 16, "c2"), (33, 16, "c2"), (32, 15, "c3"), (32, 4097, "c3")])
def test_capsule__parts_of_another_size__raises(c2: int, c3: int, what: str) -> None:
    with pytest.raises(WrongLength) as caught:
        pre.Capsule(g1(), bytes(c2), bytes(c3), SCENE.capsule().capsule.proof)
    assert caught.value.what == what


def test_verify_capsule__identity__raises() -> None:
    capsule = replace(SCENE.capsule().capsule, c1=G1.identity())
    with pytest.raises(InvalidCapsuleProof):
        pre.verify_capsule(SCENE.label_key, SCENE.record_context(), capsule)


def test_record_context__record_of_another_stream__raises() -> None:
    with pytest.raises(WrongStream):
        pre.RecordContext(DOMAIN, SCENE.preimage, record_id_of(8, address("device"), 0))


@pytest.mark.parametrize(("stream", "sequence"), [(1 << 64, 0), (-1, 0), (1, 1 << 32), (1, -1)])
def test_record_id_of__parts_that_do_not_fit__raises(stream: int, sequence: int) -> None:
    with pytest.raises(CryptoError, match="64 bits"):
        record_id_of(stream, address("device"), sequence)


# --- metadata -------------------------------------------------------------------------------------


def test_metadata__repr__hides_the_data_key() -> None:
    assert metadata().dek.hex() not in repr(metadata())
    assert "dek" not in repr(metadata())


@pytest.mark.parametrize(
    "changes",
    [
        {"dek": bytes(31)},
        {"cid": b""},
        {"cid": b"\x12\x20" + bytes(32)},
        {"cid": b"\x01" + bytes(255)},
        {"encrypted_sha256": bytes(33)},
        {"plain_length": -1},
        {"encrypted_length": 1 << 64},
        {"media_type": "x" * 256},
        {"name": "\u00e9" * 128},
        {"name": "\ud800"},
        {"signature": bytes(65)},
    ],
    ids=str,
)
def test_metadata__field_without_encoding__raises(changes: dict[str, object]) -> None:
    with pytest.raises(MetadataMalformed) as caught:
        replace(metadata(), **changes)  # type: ignore[arg-type]
    assert caught.value.what == "metadata"


def test_decode_metadata__every_shorter_prefix__raises() -> None:
    encoded = encode_metadata(metadata())
    assert decode_metadata(encoded) == metadata()
    for size in range(len(encoded)):
        with pytest.raises(MetadataMalformed):
            decode_metadata(encoded[:size])


# --- grants ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threshold", "size"), [(0, 3), (4, 3), (1, 33), (1, 0)])
def test_grant_context__bad_threshold__raises(threshold: int, size: int) -> None:
    with pytest.raises(BadThreshold):
        _ = Scene(threshold, size).grant_context


def test_grant_context__same_account_or_key_twice__raises() -> None:
    first, second, third = SCENE.grant_context.members
    for twin in (
        replace(second, account=first.account.upper().replace("0X", "0x")),
        replace(second, public_key=first.public_key),
    ):
        with pytest.raises(BadCommittee):
            replace(SCENE.grant_context, members=(first, twin, third))


def test_grant_context__largest_committee__works() -> None:
    scene = Scene(32, 32)
    capsule = scene.capsule()
    assert scene.open(capsule, scene.convert(range(1, 33), [capsule]).points[0]) == metadata("0.csv")


@pytest.mark.parametrize("slot", [0, 4, -1])
def test_open_fragment__no_such_slot__raises(slot: int) -> None:
    with pytest.raises(NoSuchSlot):
        pre.open_fragment(SCENE.rekey, Slot(slot), SCENE.proxies[0])


def test_open_fragment__key_of_another_slot_or_version__raises() -> None:
    for key in (SCENE.proxies[1], node_key("proxy 1", 2)):
        with pytest.raises(NoSuchSlot):
            pre.open_fragment(SCENE.rekey, Slot(1), key)
        with pytest.raises(NoSuchSlot):
            pre.prove_complaint(SCENE.rekey, Slot(1), key, SCENE.random)


def test_kfrag__repr__hides_the_fragment() -> None:
    kfrag = SCENE.kfrag(1)
    assert str(kfrag.fragment) not in repr(kfrag)


@pytest.mark.parametrize("name", ["masked_key", "mask", "ephemeral", "commitments"])
def test_verify_rekey__identity__raises(name: str) -> None:
    rekey = SCENE.rekey.rekey
    zeros = {
        "masked_key": G2.identity(),
        "mask": G2.identity(),
        "ephemeral": G1.identity(),
        "commitments": (rekey.commitments[0], G1.identity()),
    }
    with pytest.raises(MalformedGrant, match="identity") as caught:
        SCENE.verified(SCENE.tampered(**{name: zeros[name]}))
    assert caught.value.culprit == address("owner")


def test_verify_rekey__pad_of_another_size__raises() -> None:
    with pytest.raises(MalformedGrant, match="32-byte"):
        SCENE.verified(SCENE.tampered(pads=(bytes(31), bytes(32), bytes(32))))


def test_verify_rekey__another_label_or_delegatee_key__raises() -> None:
    rekey, context = SCENE.rekey.rekey, SCENE.grant_context
    with pytest.raises(InvalidGrantProof):
        pre.verify_rekey(context, SCENE.label_key + g1(), SCENE.receiving_key.public, rekey)
    with pytest.raises(MalformedGrant):
        pre.verify_rekey(context, SCENE.label_key, SCENE.receiving_key.public + g2(), rekey)
    with pytest.raises(MalformedGrant, match="identity"):
        pre.verify_rekey(context, SCENE.label_key, G2.identity(), rekey)


def test_generate_kfrags__twice__shares_no_value() -> None:
    one, two = (
        make_rekey(SCENE.label_secret, SCENE.receiving_key.public, SCENE.grant_context, source(seed)) for seed in (1, 2)
    )
    assert one.masked_key != two.masked_key
    assert one.mask != two.mask
    assert one.ephemeral != two.ephemeral
    assert not set(one.commitments) & set(two.commitments)
    assert not set(one.pads) & set(two.pads)


def test_generate_kfrags__source_that_gives_zeros__raises() -> None:
    with pytest.raises(CryptoError):
        make_rekey(SCENE.label_secret, SCENE.receiving_key.public, SCENE.grant_context, bytes)


def test_generate_kfrags__source_of_zero_coefficients__raises() -> None:
    def random(size: int, *, drawn: list[int] = []) -> bytes:  # noqa: B006 - counts its calls
        drawn.append(size)
        return bytes(size - 1) + bytes([len(drawn) % 2])

    with pytest.raises(CryptoError, match="polynomials with zeros"):
        make_rekey(SCENE.label_secret, SCENE.receiving_key.public, SCENE.grant_context, random)


# --- conversion -----------------------------------------------------------------------------------


def test_reencrypt__no_capsules_or_another_label__raises() -> None:
    other = Scene(2, 3, epoch=1).capsule()
    for capsules in ([], [other], [SCENE.capsule(), other]):
        with pytest.raises(BatchMismatch):
            pre.reencrypt(SCENE.kfrag(1), SCENE.round, capsules, SCENE.random)


def test_verify_cfrags__another_round_grant_or_order__raises() -> None:
    capsules = [SCENE.capsule(0), SCENE.capsule(1)]
    made = SCENE.cfrags(1, capsules).cfrags
    other_round = replace(SCENE.round, round_id=RoundId(SCENE.round.round_id + 1))
    other_grant = Scene(2, 3, seed=2).rekey
    for rekey, round_context, batch in (
        (SCENE.rekey, other_round, capsules),
        (other_grant, SCENE.round, capsules),
        (SCENE.rekey, SCENE.round, capsules[::-1]),
        (SCENE.rekey, SCENE.round, capsules[:1]),
    ):
        with pytest.raises(InvalidCFragProof) as caught:
            pre.verify_cfrags(rekey, round_context, batch, made)
        assert (caught.value.slot, caught.value.culprit) == (1, address("proxy 1"))
        assert caught.value.to_dict()["slot"] == "1"


def test_combine__too_few_twice_the_same_or_mixed__raises() -> None:
    capsules = [SCENE.capsule(0)]
    one, two = SCENE.cfrags(1, capsules), SCENE.cfrags(2, capsules)
    for few in ([], [one]):
        with pytest.raises(NotEnoughCFrags) as caught:
            pre.combine(few, 2)
        assert caught.value.retryable
    with pytest.raises(DuplicateSlot):
        pre.combine([one, one], 2)
    with pytest.raises(BatchMismatch):
        pre.combine([one, SCENE.cfrags(2, [SCENE.capsule(1)])], 2)
    with pytest.raises(BatchMismatch):
        pre.combine([one, Scene(2, 3, seed=2).cfrags(2, capsules)], 2)
    with pytest.raises(BatchMismatch, match="threshold 1"):
        pre.combine([one, two], 1)


def test_verify_result__of_other_numbers_or_the_identity__raises() -> None:
    c1 = SCENE.capsule().c1
    for capsules, points in (([], []), ([c1], []), ([c1], [c1, c1])):
        with pytest.raises(BatchMismatch):
            pre.verify_result(SCENE.round, SCENE.rekey.rekey.mask, capsules, points)
    with pytest.raises(WrongResult):
        pre.verify_result(SCENE.round, SCENE.rekey.rekey.mask, [c1], [G1.identity()])


# --- byte forms -----------------------------------------------------------------------------------


def test_words__of_points__are_what_the_contracts_take() -> None:
    assert (len(g1_words(g1())), len(g2_words(g2()))) == (4, 8)
    assert all(len(word) == 32 for word in (*g1_words(g1()), *g2_words(g2())))
    assert g1_from_words(g1_words(g1())) == g1()
    assert g2_from_words(g2_words(g2())) == g2()


def test_cfrags_from_evm__no_point_or_large_scalar__blames_the_proxy() -> None:
    good = g1().to_evm()
    for points, proof in (
        ([good, bytes(128)], (1, 1)),
        ([good[:-1]], (1, 1)),
        ([good], (1, R)),
        ([good], (1 << 128, 1)),
    ):
        with pytest.raises(InvalidCFragProof) as caught:
            cfrags_from_evm(Slot(2), points, proof, proxy=address("proxy 2"))
        assert (caught.value.slot, caught.value.culprit) == (2, address("proxy 2"))


def test_decode_rekey__more_commitments_than_fragments__raises() -> None:
    encoded = encode_rekey(SCENE.rekey.rekey)
    with pytest.raises(NonCanonical):
        decode_rekey(bytes([4, 3]) + encoded[2:])
    with pytest.raises(WrongLength):
        decode_rekey(encoded + b"\x00")


def test_record_context__publisher__is_that_of_the_id() -> None:
    assert SCENE.record_context().publisher == address("device")
    assert SCENE.record_context(5).record_id & 0xFFFFFFFF == RecordId(5)
