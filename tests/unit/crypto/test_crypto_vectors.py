"""The vector files: the generator makes them again, all backends agree with them, and what must be rejected is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_utils.address import to_checksum_address

from tests.vectors.make import all_vectors, encode
from tests.vectors.reading import DIRECTORY, Flow, domain_of, load, num, p1, p2, proof_of, raw, replaced
from tpre_offchain import errors
from tpre_offchain.clients import errors as client_errors
from tpre_offchain.clients.facts.signatures import require_signer
from tpre_offchain.crypto import capsule as capsule_module
from tpre_offchain.crypto import cfrag, complaint, curve, hashing, kem, keys, kfrag, metadata, pre
from tpre_offchain.crypto.metadata import decode_metadata, encode_metadata, signing_hash
from tpre_offchain.crypto.polynomial import lagrange_at_zero
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.types import Address, Label, Slot

BACKENDS = [name for name in curve.available_backends() if name != "py_ecc"]
FLOWS = ("flow_1_1.json", "flow_2_3.json", "flow_3_5.json", "flow_5_9.json")

FILES = all_vectors()
REJECTS: list[dict[str, Any]] = load("rejects.json")["cases"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with curve.using_backend(request.param):
        yield request.param


def replay(drawn: list[str]) -> hashing.Random:
    rest = iter(drawn)

    def random(size: int) -> bytes:
        data = raw(next(rest))
        assert len(data) == size
        return data

    return random


# --- the files are what the generator makes -------------------------------------------------------


@pytest.mark.parametrize("name", sorted(FILES))
def test_make_vectors__again__gives_the_committed_bytes(name: str) -> None:
    assert (DIRECTORY / name).read_text(encoding="utf-8") == encode(FILES[name])


def test_numbers__of_every_file__are_exact_in_json() -> None:
    assert [number for name in FILES for number in _numbers(load(name)) if abs(number) >= 2**53] == []


def _numbers(content: Any) -> Iterator[int]:
    if isinstance(content, int):
        yield content
    elif isinstance(content, list | dict):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _numbers(item)


def test_vector_directory__holds_no_other_json() -> None:
    assert {path.name for path in DIRECTORY.glob("*.json")} == set(FILES)


# --- the library gives the values -----------------------------------------------------------------


@pytest.mark.parametrize("name", [*FLOWS, "keys.json", "rejects.json"])
def test_points__in_both_forms__are_the_same(name: str) -> None:
    pairs = list(_pairs(load(name)))
    assert bool(pairs) == (name != "rejects.json")
    for evm, compressed in pairs:
        kind = curve.G1 if len(raw(evm)) == 128 else curve.G2
        assert kind.from_evm(raw(evm)) == kind.from_bytes(raw(compressed))


def _pairs(content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, list):
        for item in content:
            yield from _pairs(item)
    elif isinstance(content, dict):
        for key, value in content.items():
            compressed = content.get(f"{key}Compressed")
            if isinstance(compressed, list):
                yield from zip(value, compressed, strict=True)
            elif compressed is not None:
                yield value, compressed
            yield from _pairs(value)


def test_keys__of_the_vectors__are_derived_and_proven(backend: str) -> None:
    content = load("keys.json")
    domain = domain_of(content)
    assert curve.Z().to_bytes() == raw(content["constants"]["Z"])
    assert curve.H2().to_evm() == raw(content["constants"]["h2"])
    for one in content["identities"]:
        identity = keys.Identity.from_seed(raw(one["seed"]))
        assert identity.publisher_secret == raw(one["publisherSecret"])
        for vector in one["keys"]:
            key = _key(identity, vector)
            assert key.secret == num(vector["secret"])
            assert key.public.to_evm() == raw(vector["key"])
            proof = keys.prove_key(domain, one["account"], key, replay(vector["random"]))
            assert proof == proof_of(vector["proof"])
            keys.verify_key_proof(domain, key.role, one["account"], key.version, key.public, proof)


def _key(identity: keys.Identity, vector: Any) -> keys.DelegatingKey | keys.ReceivingKey | keys.ProxyKey:
    """Derived from the seed; a proxy's from the bytes that were drawn for it."""
    role, version = vector["role"], vector["version"]
    if role == keys.Role.PROXY:
        return keys.ProxyKey.generate(version, replay([vector["drawn"]]))
    return identity.delegating_key(version) if role == keys.Role.DELEGATING else identity.receiving_key(version)


def test_labels__of_the_vectors__are_derived(backend: str) -> None:
    content = load("keys.json")
    for vector in content["labels"]:
        preimage = keys.LabelPreimage(
            vector["owner"], vector["ownerKeyVersion"], int(vector["streamId"]), vector["epoch"]
        )
        label = keys.label_of(domain_of(content), preimage)
        assert label == raw(vector["label"])
        assert keys.label_scalar(label) == num(vector["scalar"])
        assert keys.label_key(p1(vector["delegatingKey"]), label).to_evm() == raw(vector["labelKey"])
        secret = keys.label_secret(num(vector["delegatingSecret"]), label)
        assert secret == num(vector["labelSecret"])
        assert (curve.g1() * secret).to_evm() == raw(vector["labelKey"])


@pytest.mark.parametrize("name", FLOWS)
def test_records__of_the_vectors__are_sealed_and_opened(name: str, backend: str) -> None:
    flow = Flow(load(name))
    for place in range(len(flow.content["records"])):
        _check_record(flow, place)


def _check_record(flow: Flow, place: int) -> None:
    vector, context, plain = flow.content["records"][place], flow.record_context(place), flow.metadata(place)
    assert context.encode() == raw(vector["context"])
    assert len(context.encode()) == 288
    assert encode_metadata(plain) == raw(vector["message"])
    assert decode_metadata(raw(vector["message"])) == plain
    digest = signing_hash(context.label, context.record_id, plain)
    assert digest == raw(vector["signingHash"])
    assert Account._recover_hash(digest, signature=plain.signature).lower() == vector["publisher"] == context.publisher
    capsule = pre.encrypt(flow.label_key, context, plain, raw(vector["publisherSecret"]), replay(vector["random"]))
    assert capsule == flow.capsule(place)
    pre.verify_capsule(flow.label_key, context, capsule)
    cid_hash, tags_hash = hashing.keccak256(plain.cid), hashing.keccak256(vector["tags"].encode())
    assert capsule.seal_hash(cid_hash, tags_hash) == raw(vector["sealHash"])
    assert capsule.record_hash(context.label, cid_hash, tags_hash) == raw(vector["recordHash"])
    assert pre.decrypt_original(flow.label_secret, context, capsule) == plain


@pytest.mark.parametrize("name", FLOWS)
def test_grant__of_the_vectors__is_made_checked_and_opened(name: str, backend: str) -> None:
    _check_grant(Flow(load(name)))


def _check_grant(flow: Flow) -> None:
    grant, context = flow.content["grant"], flow.grant_context
    rekey = pre.generate_kfrags(flow.label_secret, flow.receiving_key, context, replay(grant["random"]))
    assert rekey == flow.rekey
    verified = flow.verified_rekey
    assert verified.context_hash == raw(grant["context"])
    assert verified.hash == raw(grant["rekeyHash"])
    assert verified.rest_hash == raw(grant["rekeyRest"])
    for slot in context.slots():
        kfrag = pre.open_fragment(verified, slot, flow.proxy_key(slot))
        assert kfrag.fragment == num(grant["fragments"][slot - 1])
        assert kfrag.commitment.to_evm() == raw(grant["slotCommitments"][slot - 1])
    made = flow.content["complaint"]
    verdict = pre.verify_complaint(verified, flow.complaint)
    assert (verdict.fragment, verdict.upheld) == (num(made["fragment"]), False)
    slot = made["slot"]
    paths = [f".grant.pads[{slot - 1}]", ".grant.ephemeralProof"]
    bad = Flow(replaced(flow.content, paths, [made["badPad"], made["badPadProof"]]))
    assert pre.verify_complaint(bad.verified_rekey, flow.complaint).upheld
    with pytest.raises(error_named("BadFragment")):
        pre.open_fragment(bad.verified_rekey, Slot(slot), flow.proxy_key(slot))


@pytest.mark.parametrize("name", FLOWS)
def test_rounds__of_the_vectors__are_converted_and_opened(name: str, backend: str) -> None:
    flow = Flow(load(name))
    for index in range(len(flow.content["rounds"])):
        _check_round(flow, index)


def _check_round(flow: Flow, index: int) -> None:
    vector, rekey = flow.content["rounds"][index], flow.trusted_rekey()
    round_context, capsules = flow.round_context(index), flow.round_capsules(index)
    verified = []
    for place, submission in enumerate(vector["cfrags"]):
        kfrag = pre.open_fragment(rekey, submission["slot"], flow.proxy_key(submission["slot"]))
        cfrags = pre.reencrypt(kfrag, round_context, capsules, replay(submission["random"]))
        assert cfrags == flow.cfrags(index, place)
        verified.append(pre.verify_cfrags(rekey, round_context, capsules, cfrags))
    threshold = flow.content["threshold"]
    for chosen in (verified[:threshold], verified[-threshold:]):
        result = pre.combine(chosen, threshold)
        assert list(result.points) == flow.results(index)
    assert list(result.contributors) == vector["contributors"]
    assert list(lagrange_at_zero(result.contributors).values()) == [num(x) for x in vector["lambdas"]]
    c1s = [capsule.c1 for capsule in capsules]
    pre.verify_result(round_context, rekey.rekey.mask, c1s, result.points)
    assert pre.paper_form(rekey.rekey, c1s[0], result.points[0]).to_bytes() == raw(vector["paperForm"])
    for place, point in zip(vector["remaining"], result.points, strict=True):
        context, capsule = flow.record_context(place), flow.capsule(place)
        assert pre.decrypt_reencrypted(flow.user, rekey, context, capsule, point) == flow.metadata(place)


def test_smallest_flow__on_the_reference_backend__gives_the_same() -> None:
    with curve.using_backend("py_ecc"):
        flow = Flow(load("flow_1_1.json"))
        _check_grant(flow)
        _check_round(flow, 0)


# --- what must be rejected ------------------------------------------------------------------------


def error_named(name: str) -> type[errors.TpreError]:
    for module in (errors, client_errors, keys, capsule_module, kfrag, cfrag, complaint, kem, metadata):
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, errors.TpreError):
            return found
    raise AssertionError(f"no such error: {name}")


def _key_proof(case: dict[str, Any], content: Any) -> None:
    one = content["identities"][case["at"]["identity"]]
    vector = one["keys"][case["at"]["key"]]
    role, domain = keys.Role(vector["role"]), domain_of(content)
    domain = hashing.Domain(
        domain.chain_id,
        vector["registry"],
        vector["registry"],
        domain.record_registry,
        domain.grant_registry,
        domain.rounds,
    )
    public = p2(vector["key"]) if role is keys.Role.RECEIVING else p1(vector["key"])
    keys.verify_key_proof(domain, role, one["account"], vector["version"], public, proof_of(vector["proof"]))


def _decrypt(case: dict[str, Any], content: Any) -> None:
    flow, index = Flow(content), case["at"]["round"]
    [place] = content["rounds"][index]["remaining"]
    context, capsule = flow.record_context(place), flow.capsule(place)
    pre.decrypt_reencrypted(flow.user, flow.trusted_rekey(), context, capsule, flow.results(index)[0])


def _verify_cfrags(case: dict[str, Any], content: Any) -> None:
    flow, index = Flow(content), case["at"]["round"]
    cfrags = flow.cfrags(index, case["at"]["cfrags"])
    pre.verify_cfrags(flow.trusted_rekey(), flow.round_context(index), flow.round_capsules(index), cfrags)


def _verify_result(case: dict[str, Any], content: Any) -> None:
    flow, index = Flow(content), case["at"]["round"]
    c1s = [capsule.c1 for capsule in flow.round_capsules(index)]
    pre.verify_result(flow.round_context(index), flow.rekey.mask, c1s, flow.results(index))


def _open_fragment(case: dict[str, Any], content: Any) -> None:
    flow, slot = Flow(content), case["at"]["slot"]
    pre.open_fragment(flow.verified_rekey, Slot(slot), flow.proxy_key(slot))


def _decrypt_original(flow: Flow, place: int) -> None:
    pre.decrypt_original(flow.label_secret, flow.record_context(place), flow.capsule(place))


def _require_signer(flow: Flow, place: int) -> None:
    context, plain = flow.record_context(place), flow.metadata(place)
    publisher = Address(to_checksum_address(context.publisher))
    require_signer(signing_hash(context.label, context.record_id, plain), plain.signature, publisher)


def _label_key(content: Any, place: int) -> None:
    vector = content["labels"][place]
    keys.label_key(p1(vector["delegatingKey"]), Label(raw(vector["label"])))


def _label_secret(content: Any, place: int) -> None:
    vector = content["labels"][place]
    keys.label_secret(num(vector["delegatingSecret"]), Label(raw(vector["label"])))


CHECKS: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "verify_key_proof": _key_proof,
    "verify_capsule": lambda case, content: Flow(content).verified_capsule(case["at"]["record"]),
    "verify_rekey": lambda _, content: Flow(content).verified_rekey,
    "open_fragment": _open_fragment,
    "verify_complaint": lambda _, content: pre.verify_complaint(Flow(content).trusted_rekey(), Flow(content).complaint),
    "verify_cfrags": _verify_cfrags,
    "verify_result": _verify_result,
    "decrypt_reencrypted": _decrypt,
    "decrypt_original": lambda case, content: _decrypt_original(Flow(content), case["at"]["record"]),
    "record_place": lambda case, content: Flow(content).record_context(case["at"]["record"]),
    "publish": lambda case, content: Flow(content).capsule(case["at"]["record"]),
    "require_signer": lambda case, content: _require_signer(Flow(content), case["at"]["record"]),
    "label_key": lambda case, content: _label_key(content, case["at"]["label"]),
    "label_secret": lambda case, content: _label_secret(content, case["at"]["label"]),
    "decode_metadata": lambda case, content: decode_metadata(raw(content["records"][case["at"]["record"]]["message"])),
}


def test_rejects__that_no_code_here_sees__are_refused_by_the_contracts() -> None:
    assert all(case["solidity"] for case in REJECTS if not case["python"])


@pytest.mark.parametrize("case", [case for case in REJECTS if case["python"]], ids=lambda case: case["name"])
def test_checks__replaced_values__raise_the_named_error(case: dict[str, Any]) -> None:
    content = load(case["file"])
    CHECKS[case["check"]](case, content)  # the untouched values pass
    with pytest.raises(errors.TpreError) as caught:
        CHECKS[case["check"]](case, replaced(content, case["paths"], case["values"]))
    assert type(caught.value) is error_named(case["python"])
    assert getattr(caught.value, "kind", "") == case["kind"]


@pytest.mark.parametrize("bad", load("rejects.json")["points"], ids=lambda bad: f"{bad['group']} {bad['name']}")
def test_decode_point__bad_encoding__raises_the_named_error(bad: dict[str, str], backend: str) -> None:
    decode = curve.G1.from_evm if bad["group"] == "G1" else curve.G2.from_evm
    with pytest.raises(errors.DecodingError) as caught:
        decode(raw(bad["evm"]))
    assert type(caught.value).__name__ == bad["python"]
    assert caught.value.what == bad["group"]


@pytest.mark.parametrize("bad", load("rejects.json")["compressed"], ids=lambda bad: f"{bad['group']} {bad['name']}")
def test_decode_point__bad_compressed_encoding__raises_the_named_error(bad: dict[str, str], backend: str) -> None:
    decode = curve.G1.from_bytes if bad["group"] == "G1" else curve.G2.from_bytes
    with pytest.raises(errors.DecodingError) as caught:
        decode(raw(bad["compressed"]))
    assert type(caught.value).__name__ == bad["python"]


@pytest.mark.parametrize("bad", load("rejects.json")["proofs"], ids=lambda bad: bad["name"])
def test_decode_proof__bad_encoding__raises_the_named_error(bad: dict[str, str]) -> None:
    with pytest.raises(errors.DecodingError) as caught:
        Proof.from_bytes(raw(bad["encoded"]))
    assert type(caught.value).__name__ == bad["python"]
