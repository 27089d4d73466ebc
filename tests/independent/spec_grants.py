"""What a re-key is held against (SPEC.md §7)."""

from __future__ import annotations

from typing import Any

from tests.independent import spec_base as base
from tests.independent.spec_base import (
    G1,
    G2,
    H128,
    H,
    R,
    add,
    evm,
    g1,
    g2,
    keccak,
    msm,
    mul,
    need,
    neg,
    word,
    words,
    xor,
)
from tests.independent.spec_keys import Values, num, raw, show


def coefficients_of(drawn: list[bytes]) -> list[int]:
    return [int.from_bytes(data) % R for data in drawn]


def evaluate(coefficients: list[int], x: int) -> int:
    value: int = sum(c * x**j for j, c in enumerate(coefficients)) % R
    return value


def slot_commitment(commitments: list[Any], slot: int) -> Any:
    return msm(commitments, [slot**j for j in range(len(commitments))])


def pad_of(ctx: bytes, label: bytes, slot: int, shared: Any) -> bytes:
    return H("TPRE-V1/pad", ctx, label, word(slot), evm(shared))


def _joined(values: list[str]) -> bytes:
    return b"".join(map(raw, values))


def context_of(flow: Values) -> bytes:
    domain, grant = flow["domain"], flow["grant"]
    parties = [flow[who][what] for who in ("delegator", "delegatee") for what in ("account", "version")]
    numbers = words(domain["chainId"], domain["grantRegistry"], int(grant["grantId"]), *parties)
    committee = b"".join(word(m["keyVersion"] << 160 | num(m["account"])) for m in grant["members"])
    return H(
        "TPRE-V1/grant-context",
        numbers,
        words(flow["threshold"], len(grant["members"])),
        keccak(committee),
        raw(flow["label"]["label"]),
        keccak(raw(grant["U"]) + raw(grant["V"])),
        keccak(_joined(grant["commitments"])),
    )


def rekey_hashes(flow: Values) -> Values:
    grant = flow["grant"]
    versions = words(flow["delegator"]["version"], flow["delegatee"]["version"])
    pads = keccak(_joined(grant["pads"]))
    tail = keccak(keccak(raw(grant["U"])) + keccak(raw(grant["R"])) + pads + versions)
    rest = keccak(keccak(raw(flow["label"]["labelKey"])) + keccak(_joined(grant["commitments"])) + tail)
    mask = keccak(raw(grant["V"]))
    named = {"maskHash": mask, "rekeyTail": tail, "rekeyRest": rest, "rekeyHash": keccak(mask + rest)}
    return {name: show(value) for name, value in named.items()}


def check_rekey(flow: Values) -> None:
    """As the contract does, in the order of §7."""
    grant, t, n = flow["grant"], flow["threshold"], len(flow["grant"]["members"])
    need(1 <= t <= n <= 32, "BadThreshold")
    points = [g2(raw(grant["U"])), g2(raw(grant["V"])), g1(raw(grant["R"]))]
    points += [g1(raw(c)) for c in grant["commitments"]]
    need(len(grant["commitments"]) == t and len(grant["pads"]) == n, "MalformedGrant")
    given = grant["ephemeralProof"]
    proof = base.checked_proof(num(given["challenge"]), num(given["response"]))
    parts = (raw(flow["label"]["labelKey"]), raw(grant["R"]), keccak(_joined(grant["pads"])))
    need(base.holds([G1], [points[2]], proof, "TPRE-V1/grant-proof", context_of(flow), *parts), "InvalidGrantProof")
    check_pairing(flow)


def check_pairing(flow: Values) -> None:
    grant = flow["grant"]
    pads = keccak(_joined(grant["pads"]))
    rho = H128("TPRE-V1/grant-check", context_of(flow), raw(grant["R"]), pads)
    key, receiving = g1(raw(flow["label"]["labelKey"])), g2(raw(flow["delegatee"]["key"]))
    pairs = [
        (key, add(g2(raw(grant["U"])), mul(g2(raw(grant["V"])), -rho))),
        (g1(raw(grant["commitments"][0])), add(mul(base.h2(), rho), neg(G2))),
        (neg(G1), receiving),
    ]
    need(base.product_is_one(pairs), "MalformedGrant")


def opened(flow: Values, slot: int, shared: Any) -> tuple[int, bool]:
    """The fragment of a slot given K, and whether it is good."""
    grant, label = flow["grant"], raw(flow["label"]["label"])
    fragment = int.from_bytes(xor(raw(grant["pads"][slot - 1]), pad_of(context_of(flow), label, slot, shared)))
    commitments = [g1(raw(c)) for c in grant["commitments"]]
    if not 0 < fragment < R:
        return fragment, False
    return fragment, base.same(mul(g1(raw(flow["label"]["labelKey"])), fragment), slot_commitment(commitments, slot))
