"""rejects.json: every value that must be refused is, with the error that SPEC.md names."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from tests.independent import spec_base as base
from tests.independent.spec_base import G1, G2, R, Refused, add, g1, mul, need
from tests.independent.spec_flow import (
    capsule_fields,
    complaint_fields,
    context_bytes,
    decode_metadata,
    encode_metadata,
    open_sealed,
    signer,
    signing_hash,
)
from tests.independent.spec_grants import check_rekey, opened
from tests.independent.spec_keys import Values, check_key, label_key, label_secret, num, raw
from tests.independent.spec_rounds import check_cfrags, check_result, decrypt


def check_capsule(flow: Values, place: int) -> None:
    record = flow["records"][place]
    record_id = num(record["recordId"])
    context, key, c1 = context_bytes(flow, record_id), g1(raw(flow["label"]["labelKey"])), g1(raw(record["c1"]))
    given = base.checked_proof(num(record["proof"]["challenge"]), num(record["proof"]["response"]))
    check_sizes(flow, place)
    fields = capsule_fields(context[:32], record_id, key, raw(record["c1"]), raw(record["c2"]), raw(record["c3"]))
    need(base.holds([key], [c1], given, *fields), "InvalidCapsuleProof")


def check_sizes(flow: Values, place: int) -> None:
    record = flow["records"][place]
    need(len(raw(record["c2"])) == 32 and 16 <= len(raw(record["c3"])) <= 4096, "WrongLength")
    need(len(record["tags"].encode()) <= 256, "TextTooLong")


def check_fragment(flow: Values, slot: int) -> None:
    check_rekey(flow)
    ni = num(flow["grant"]["members"][slot - 1]["secret"])
    _, good = opened(flow, slot, mul(g1(raw(flow["grant"]["R"])), ni))
    need(good, "BadFragment")


def check_complaint(flow: Values) -> bool:
    """Whether it is upheld."""
    made, grant = flow["complaint"], flow["grant"]
    slot, K, ephemeral = made["slot"], g1(raw(made["K"])), g1(raw(grant["R"]))
    given = base.checked_proof(num(made["proof"]["challenge"]), num(made["proof"]["response"]))
    node = g1(raw(grant["members"][slot - 1]["key"]))
    proven = base.holds([G1, ephemeral], [node, K], given, *complaint_fields(flow, slot, K))
    need(proven, "InvalidComplaintProof")
    return not opened(flow, slot, K)[1]


def decrypt_original(flow: Values, place: int) -> None:
    record, key = flow["records"][place], g1(raw(flow["label"]["labelKey"]))
    c1, inverse = g1(raw(record["c1"])), pow(num(flow["label"]["labelSecret"]), -1, R)
    shared = base.pairings([(mul(c1, inverse), G2)])
    context = context_bytes(flow, num(record["recordId"]))
    open_sealed(shared, key, context, c1, raw(record["c2"]), raw(record["c3"]))


def require_signer(flow: Values, place: int) -> None:
    record = flow["records"][place]
    record_id = num(record["recordId"])
    label = context_bytes(flow, record_id)[:32]
    digest = signing_hash(label, record_id, encode_metadata(record["metadata"]))
    found = signer(digest, raw(record["metadata"]["signature"]))
    need(found == f"0x{record_id >> 32 & 2**160 - 1:040x}", "SignatureMismatch")


def _identity(case: Values, content: Values) -> None:
    one = content["identities"][case["at"]["identity"]]
    check_key(content, one["account"], one["keys"][case["at"]["key"]])


def _labels(case: Values, content: Values) -> None:
    given = content["labels"][case["at"]["label"]]
    label = raw(given["label"])
    if case["check"] == "label_key":
        label_key(g1(raw(given["delegatingKey"])), label)
    else:
        label_secret(num(given["delegatingSecret"]), label)


CHECKS: dict[str, Callable[[Values, Values], object]] = {
    "verify_key_proof": _identity,
    "label_key": _labels,
    "label_secret": _labels,
    "record_place": lambda case, flow: context_bytes(flow, num(flow["records"][case["at"]["record"]]["recordId"])),
    "publish": lambda case, flow: check_sizes(flow, case["at"]["record"]),
    "verify_capsule": lambda case, flow: check_capsule(flow, case["at"]["record"]),
    "verify_rekey": lambda _, flow: check_rekey(flow),
    "open_fragment": lambda case, flow: check_fragment(flow, case["at"]["slot"]),
    "verify_complaint": lambda _, flow: check_complaint(flow),
    "verify_cfrags": lambda case, flow: check_cfrags(flow, case["at"]["round"], case["at"]["cfrags"]),
    "verify_result": lambda case, flow: check_result(flow, case["at"]["round"]),
    "decrypt_reencrypted": lambda case, flow: decrypt(flow, case["at"]["round"]),
    "decrypt_original": lambda case, flow: decrypt_original(flow, case["at"]["record"]),
    "decode_metadata": lambda case, flow: decode_metadata(raw(flow["records"][case["at"]["record"]]["message"])),
    "require_signer": lambda case, flow: require_signer(flow, case["at"]["record"]),
}


def replaced(content: Values, case: Values) -> Values:
    content = copy.deepcopy(content)
    for path, value in zip(case["paths"], case["values"], strict=True):
        *way, last = [int(key) if key.isdigit() else key for key in re.findall(r"\w+", path)]
        place: Any = content
        for key in way:
            place = place[key]
        place[last] = value
    return content


def refusal(work: Callable[..., object], *arguments: Any) -> tuple[str, str]:
    """The name and kind with which it is refused; empty if it is not."""
    try:
        work(*arguments)
    except Refused as refused:
        return refused.name, refused.kind
    return "", ""


def wrong_rejects(content: Values, files: dict[str, Values]) -> list[str]:
    """The cases that end otherwise than the file says."""
    sizes = {"G1": 128, "G2": 256}
    found = [(bad, refusal(base.decode_evm, sizes[bad["group"]], raw(bad["evm"]))) for bad in content["points"]]
    found += [
        (bad, refusal(base.decompress, sizes[bad["group"]] * 3 // 8, raw(bad["compressed"])))
        for bad in content["compressed"]
    ]
    found += [(bad, refusal(base.decode_proof, raw(bad["encoded"]))) for bad in content["proofs"]]
    passed = set()
    for case in content["cases"]:
        file, check = files[case["file"]], CHECKS[case["check"]]
        good = (case["file"], case["check"], str(case["at"]))
        if good not in passed:
            check(case, file)
            passed.add(good)
        found.append((case, refusal(check, case, replaced(file, case))))
    return [f"{bad['name']}: {how}" for bad, how in found if how != _expected(bad)]


def _expected(bad: Values) -> tuple[str, str]:
    # where no program off the chain has an error, that of the contracts
    return bad["python"] or bad["solidity"], bad.get("kind", "")


def check_bad_pad(flow: Values) -> None:
    """The bad pad of a complaint: the re-key verifies, the fragment does not, and the complaint is upheld."""
    made, slot = flow["complaint"], flow["complaint"]["slot"]
    assert not check_complaint(flow)
    pads = [*flow["grant"]["pads"][:-1], made["badPad"]]
    bad = {**flow, "grant": {**flow["grant"], "pads": pads, "ephemeralProof": made["badPadProof"]}}
    check_rekey(bad)
    assert refusal(check_fragment, bad, slot) == ("BadFragment", "")
    assert check_complaint(bad)
    (c, z), T = (num(made["badPadProof"][name]) for name in ("challenge", "response")), made["badPadProof"]
    R_point = g1(raw(flow["grant"]["R"]))
    assert T["commitments"] == ["0x" + base.evm(add(mul(G1, z), mul(R_point, -c))).hex()]
