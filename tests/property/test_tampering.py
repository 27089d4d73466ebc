"""One field changed anywhere is found, by the check that is there for it, with the error that names it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.scene import Scene, address, bad_fragments, identity, node_key, proven_anew
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.cfrag import InvalidCFragProof, WrongResult
from tpre_offchain.crypto.codec import (
    decode_capsule,
    decode_cfrags,
    decode_rekey,
    encode_capsule,
    encode_cfrags,
    encode_rekey,
)
from tpre_offchain.crypto.complaint import InvalidComplaintProof
from tpre_offchain.crypto.curve import G1, G2, R, g1, g2
from tpre_offchain.crypto.keys import InvalidKeyProof, prove_key, verify_key_proof
from tpre_offchain.crypto.kfrag import BadFragment, InvalidGrantProof, MalformedGrant
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import DecodingError
from tpre_offchain.types import Slot

SCENE = Scene(2, 3)
CAPSULES = [SCENE.capsule(0), SCENE.capsule(1)]
CFRAGS = SCENE.cfrags(2, CAPSULES).cfrags
RESULT = SCENE.convert([1, 2], CAPSULES)


def changed(value: Any, draw: st.DataObject) -> Any:
    """The value with one of its parts, at any depth, replaced by a valid other one."""
    if isinstance(value, Proof):
        if draw.draw(st.booleans()):
            return Proof(value.challenge ^ 1 << draw.draw(st.integers(0, 127)), value.response)
        return Proof(value.challenge, (value.response + draw.draw(st.integers(1, R - 1))) % R)
    if is_dataclass(value) and not isinstance(value, type):
        name = draw.draw(st.sampled_from([field.name for field in fields(value)]))
        return replace(value, **{name: changed(getattr(value, name), draw)})
    if isinstance(value, tuple):
        at = draw.draw(st.integers(0, len(value) - 1))
        return (*value[:at], changed(value[at], draw), *value[at + 1 :])
    if isinstance(value, G1):
        return value + g1() * draw.draw(st.integers(1, R - 1))
    if isinstance(value, G2):
        return value + g2() * draw.draw(st.integers(1, R - 1))
    if isinstance(value, bytes):
        at = draw.draw(st.integers(0, 8 * len(value) - 1))
        return (int.from_bytes(value, "big") ^ 1 << at).to_bytes(len(value), "big")
    assert isinstance(value, int), value
    return value % 3 + 1  # a slot


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_verify_capsule__one_field_changed__raises(data: st.DataObject) -> None:
    capsule = changed(CAPSULES[0].capsule, data)
    with pytest.raises(InvalidCapsuleProof) as caught:
        pre.verify_capsule(SCENE.label_key, CAPSULES[0].context, capsule)
    assert caught.value.culprit == address("device")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_verify_rekey__one_field_changed__raises(data: st.DataObject) -> None:
    """Whatever it is, the proof of R binds it, and that is checked first."""
    with pytest.raises(InvalidGrantProof) as caught:
        SCENE.verified(changed(SCENE.rekey.rekey, data))
    assert caught.value.culprit == address("owner")


@pytest.mark.parametrize("bad", SCENE.grant_context.slots())
def test_open_fragment__delegator_dealt_one_slot_another__raises_there_alone(bad: Slot) -> None:
    """Only its proxy can tell a fragment that its delegator made bad."""
    with bad_fragments(lambda slot: slot == bad):
        scene = Scene(2, 3)
        rekey = scene.rekey
    for slot in {1, 2, 3} - {bad}:
        assert scene.kfrag(slot).grant is rekey
    with pytest.raises(BadFragment) as caught:
        scene.kfrag(bad)
    assert caught.value.culprit == address("owner")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_verify_rekey__one_point_changed_and_proven_anew__raises(data: st.DataObject) -> None:
    """A delegator who lies proves his R all the same: then the pairing check must find it."""
    name = data.draw(st.sampled_from(["masked_key", "mask", "commitments"]))
    rekey = SCENE.rekey.rekey
    value = (
        changed(rekey.commitments[:1], data) + rekey.commitments[1:]
        if name == "commitments"
        else changed(getattr(rekey, name), data)
    )
    forged = replace(rekey, **{name: value})
    e = data.draw(st.integers(1, R - 1))
    with pytest.raises(MalformedGrant) as caught:
        SCENE.verified(proven_anew(SCENE.grant_context, SCENE.label_key, forged, e, SCENE.random))
    assert caught.value.culprit == address("owner")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_verify_cfrags__one_field_changed__raises(data: st.DataObject) -> None:
    cfrags = changed(CFRAGS, data)
    if cfrags == CFRAGS:
        return
    with pytest.raises(InvalidCFragProof) as caught:
        pre.verify_cfrags(SCENE.rekey, SCENE.round, CAPSULES, cfrags)
    assert caught.value.slot == cfrags.slot
    assert caught.value.culprit == address(f"proxy {cfrags.slot}")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_verify_result__one_point_changed__raises(data: st.DataObject) -> None:
    with pytest.raises(WrongResult):
        pre.verify_result(SCENE.round, SCENE.rekey.rekey.mask, [c.c1 for c in CAPSULES], changed(RESULT.points, data))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_verify_complaint__one_field_changed__raises(data: st.DataObject) -> None:
    made = pre.prove_complaint(SCENE.rekey, Slot(3), SCENE.proxies[2], SCENE.random)
    complaint = changed(made, data)
    if complaint == made:
        return
    with pytest.raises(InvalidComplaintProof) as caught:
        pre.verify_complaint(SCENE.rekey, complaint)
    assert caught.value.culprit == address(f"proxy {complaint.slot}")


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["delegating", "receiving", "proxy"]))
def test_verify_key_proof__proof_or_key_changed__raises(data: st.DataObject, role: str) -> None:
    someone = identity("someone")
    key: Any = {
        "delegating": someone.delegating_key(),
        "receiving": someone.receiving_key(),
        "proxy": node_key("someone"),
    }[role]
    domain = SCENE.grant_context.domain
    proof = prove_key(domain, address("someone"), key, SCENE.random)
    assert verify_key_proof(domain, key.role, address("someone"), 1, key.public, proof).public == key.public
    new_public, new_proof = changed((key.public, proof), data)
    with pytest.raises(InvalidKeyProof) as caught:
        verify_key_proof(domain, key.role, address("someone"), 1, new_public, new_proof)
    assert caught.value.culprit == address("someone")


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["capsule", "rekey", "cfrags"]))
def test_decode__bytes_changed__raises_or_is_another_value(data: st.DataObject, kind: str) -> None:
    case: Any = {
        "capsule": (CAPSULES[0].capsule, encode_capsule, decode_capsule),
        "rekey": (SCENE.rekey.rekey, encode_rekey, decode_rekey),
        "cfrags": (CFRAGS, encode_cfrags, decode_cfrags),
    }
    value, encode, decode = case[kind]
    encoded: bytes = encode(value)
    assert decode(encoded) == value
    mangled = data.draw(
        st.one_of(
            st.just(changed(encoded, data)),
            st.integers(0, len(encoded) - 1).map(lambda size: encoded[:size]),
            st.binary(min_size=1, max_size=3).map(lambda more: encoded + more),
        )
    )
    try:
        again = decode(mangled)
    except DecodingError:
        return
    assert again != value
    assert encode(again) == mangled
