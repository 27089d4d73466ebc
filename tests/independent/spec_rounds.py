"""Rounds: cfrags, results and what opens with them (SPEC.md §9)."""

from __future__ import annotations

from typing import Any

from tests.independent import spec_base as base
from tests.independent.spec_base import G2, H128, H, R, evm, g1, g2, keccak, msm, mul, need, neg, word, words
from tests.independent.spec_flow import context_bytes, open_sealed
from tests.independent.spec_grants import slot_commitment
from tests.independent.spec_keys import Values, num, point, points, proof, raw, show


def _joined(values: list[str]) -> bytes:
    return b"".join(map(raw, values))


def lagrange(slots: list[int]) -> list[int]:
    out = []
    for i in slots:
        value = 1
        for j in slots:
            if j != i:
                value = value * j * pow(j - i, -1, R) % R
        out.append(value)
    return out


def capsules_of(flow: Values, places: list[int]) -> list[Any]:
    return [g1(raw(flow["records"][place]["c1"])) for place in places]


def seed_of(flow: Values, round_id: str, slot: int, c1s: list[Any], cfrags: list[Any]) -> bytes:
    domain, grant = flow["domain"], flow["grant"]
    where = words(domain["chainId"], domain["conversionRounds"], num(round_id), grant["members"][slot - 1]["account"])
    commitment = slot_commitment([g1(raw(c)) for c in grant["commitments"]], slot)
    hashes = base.points_hash(*c1s) + base.points_hash(*cfrags)
    return H("TPRE-V1/cfrag-seed", where, raw(flow["label"]["labelKey"]), evm(commitment), hashes)


def rhos_of(tag: str, seed: bytes, count: int) -> list[int]:
    return [H128(tag, seed, word(j)) for j in range(count)]


def check_cfrags(flow: Values, index: int, place: int) -> None:
    round_, given = flow["rounds"][index], flow["rounds"][index]["cfrags"][place]
    slot, c1s = given["slot"], capsules_of(flow, round_["remaining"])
    need(1 <= slot <= len(flow["grant"]["members"]), "NoSuchSlot")
    try:
        cfrags = [g1(raw(value)) for value in given["points"]]
        checked = base.checked_proof(num(given["proof"]["challenge"]), num(given["proof"]["response"]))
    except base.Refused:
        raise base.Refused("InvalidCFragProof") from None
    need(len(cfrags) == len(c1s), "InvalidCFragProof")
    seed = seed_of(flow, round_["roundId"], slot, c1s, cfrags)
    rhos = rhos_of("TPRE-V1/cfrag-rho", seed, len(c1s))
    key, commitment = (
        g1(raw(flow["label"]["labelKey"])),
        slot_commitment([g1(raw(c)) for c in flow["grant"]["commitments"]], slot),
    )
    good = base.holds([key, msm(c1s, rhos)], [commitment, msm(cfrags, rhos)], checked, "TPRE-V1/cfrag-proof", seed)
    need(good, "InvalidCFragProof")


def result_seed(flow: Values, round_id: str, c1s: list[Any], results: list[Any]) -> bytes:
    domain = flow["domain"]
    where = words(domain["chainId"], domain["conversionRounds"], num(round_id))
    hashes = base.points_hash(*c1s) + base.points_hash(*results)
    return H("TPRE-V1/result-seed", where, keccak(raw(flow["grant"]["V"])), hashes)


def check_result(flow: Values, index: int) -> None:
    round_ = flow["rounds"][index]
    c1s, results = capsules_of(flow, round_["remaining"]), [g1(raw(value)) for value in round_["results"]]
    seed = result_seed(flow, round_["roundId"], c1s, results)
    rhos = rhos_of("TPRE-V1/result-rho", seed, len(c1s)) if len(c1s) > 1 else [1]
    pairs = [(msm(results, rhos), neg(base.h2())), (msm(c1s, rhos), g2(raw(flow["grant"]["V"])))]
    need(base.product_is_one(pairs), "WrongResult")


def decrypt(flow: Values, index: int, at: int = 0) -> bytes:
    """M of the record at a place of a round, by its delegatee; the causes of §4 in their order."""
    round_, grant = flow["rounds"][index], flow["grant"]
    record, b = flow["records"][round_["remaining"][at]], num(flow["delegatee"]["secret"])
    need(base.same(mul(G2, b), g2(raw(flow["delegatee"]["key"]))), "DecryptionFailed", "wrong key")
    c1, W, inverse = g1(raw(record["c1"])), g1(raw(round_["results"][at])), pow(b, -1, R)
    K = base.pairings([(mul(c1, inverse), g2(raw(grant["U"]))), (mul(W, -inverse), G2)])
    context, key = context_bytes(flow, num(record["recordId"])), g1(raw(flow["label"]["labelKey"]))
    try:
        return open_sealed(K, key, context, c1, raw(record["c2"]), raw(record["c3"]))
    except base.Refused:
        right = base.product_is_one([(W, neg(base.h2())), (c1, g2(raw(grant["V"])))])
        need(right, "DecryptionFailed", "wrong conversion")
        raise


def remake_round(flow: Values, index: int, given: Values) -> Values:
    grant, label = flow["grant"], flow["label"]
    remaining = [place for j, place in enumerate(given["records"]) if not given["excluded"] >> j & 1]
    opened, c1s = capsules_of(flow, given["records"]), capsules_of(flow, remaining)
    ids = b"".join(raw(flow["records"][place]["recordId"]) for place in given["records"])
    capsules_hash, ids_hash = base.points_hash(*opened), keccak(ids)
    fixed = raw(label["label"]) + raw(grant["maskHash"]) + raw(grant["rekeyRest"])
    data_hash = keccak(fixed + capsules_hash + ids_hash)
    key = keccak(raw(grant["committeeHash"]) + data_hash)
    round_id = words(int(grant["grantId"]) << 32 | index)
    slots = range(1, flow["committeeSize"] + 1)
    made = {
        **given,
        "roundId": show(round_id),
        "remaining": remaining,
        "capsulesHash": show(capsules_hash),
        "recordIdsHash": show(ids_hash),
        "roundDataHash": show(data_hash),
        "key": show(key),
        "ranks": [show(keccak(round_id + word(i))) for i in slots],
    }
    chain, made["cfrags"] = key, []
    for slot in slots:
        cfrags = _cfrags(flow, made, slot, given["cfrags"][slot - 1]["random"])
        numbers = words(num(cfrags["proof"]["challenge"]), num(cfrags["proof"]["response"]))
        link = keccak(words(slot, given["excluded"]) + keccak(_joined(cfrags["points"])) + numbers)
        chain = keccak(chain + link)
        made["cfrags"].append({**cfrags, "link": show(link), "submissions": show(chain)})
    return made | _combined(flow, index, made, c1s)


def _cfrags(flow: Values, round_: Values, slot: int, random: list[str]) -> Values:
    c1s, fragment = capsules_of(flow, round_["remaining"]), num(flow["grant"]["fragments"][slot - 1])
    cfrags, key = [mul(c1, fragment) for c1 in c1s], g1(raw(flow["label"]["labelKey"]))
    seed = seed_of(flow, round_["roundId"], slot, c1s, cfrags)
    rhos = rhos_of("TPRE-V1/cfrag-rho", seed, len(c1s))
    joined = msm(c1s, rhos)
    made = base.prove([key, joined], fragment, raw(random[0]), "TPRE-V1/cfrag-proof", seed)
    return {
        "slot": slot,
        "proxy": flow["grant"]["members"][slot - 1]["account"],
        "random": random,
        **points("points", cfrags),
        "seed": show(seed),
        "rhos": [show(word(rho)) for rho in rhos],
        **point("joinedCapsules", joined),
        **point("joinedCfrags", msm(cfrags, rhos)),
        "proof": proof(made, [key, joined]),
    }


def _combined(flow: Values, index: int, round_: Values, c1s: list[Any]) -> Values:
    contributors = list(range(flow["committeeSize"] - flow["threshold"] + 1, flow["committeeSize"] + 1))
    lambdas = lagrange(contributors)
    columns = [[g1(raw(round_["cfrags"][i - 1]["points"][j])) for i in contributors] for j in range(len(c1s))]
    results = [msm(column, lambdas) for column in columns]
    seed = result_seed(flow, round_["roundId"], c1s, results)
    rhos = rhos_of("TPRE-V1/result-rho", seed, len(c1s)) if len(c1s) > 1 else [1]
    bitmap = sum(1 << (i - 1) for i in contributors)
    voted = keccak(raw(round_["roundId"]) + words(bitmap, round_["excluded"]) + base.points_hash(*results))
    made = {
        "contributors": contributors,
        "lambdas": [show(word(value)) for value in lambdas],
        **points("results", results),
        "resultSeed": show(seed),
        "resultRhos": [show(word(rho)) for rho in rhos],
        "resultHash": show(voted),
        "proposal": show(keccak(raw(round_["key"]) + voted)),
        "contributorBitmap": bitmap,
        "paperForm": show(base.gt_bytes(base.pairings([(c1s[0], g2(raw(flow["grant"]["U"]))), (neg(results[0]), G2)]))),
    }
    whole = {**flow, "rounds": [*[{}] * index, {**round_, **made}]}
    check_result(whole, index)
    for at, place in enumerate(round_["remaining"]):
        assert decrypt(whole, index, at) == raw(flow["records"][place]["message"])
    return made
