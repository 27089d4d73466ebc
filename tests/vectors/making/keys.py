"""Vectors of keys, registration proofs and labels (SPEC §3), and of constants and encodings (SPEC §1)."""

from __future__ import annotations

from typing import Any

from tests.vectors.making.values import (
    DOMAIN,
    account,
    domain_values,
    hex_of,
    hex_word,
    identity,
    node_key,
    point,
    proof,
    recorded_random,
    u64,
)
from tpre_offchain.crypto.curve import H2, Z, g1, g2
from tpre_offchain.crypto.keys import (
    DelegatingKey,
    LabelPreimage,
    ProxyKey,
    ReceivingKey,
    label_key,
    label_of,
    label_scalar,
    label_secret,
    prove_key,
)


def make_keys() -> dict[str, Any]:
    """The content of keys.json."""
    alice, bob = identity("alice"), identity("bob")
    return {
        "domain": domain_values(),
        "constants": {**point("g1", g1()), **point("g2", g2()), **point("h2", H2()), "Z": hex_of(Z().to_bytes())},
        "identities": [
            {
                "name": name,
                "account": account(name),
                "seed": hex_of(one.seed),
                "publisherSecret": hex_of(one.publisher_secret),
                "keys": [
                    vector
                    for version in (1, 2)
                    for vector in (
                        _key(name, one.delegating_key(version)),
                        _key(name, one.receiving_key(version)),
                        _node_key(name, version),
                    )
                ],
            }
            for name, one in (("alice", alice), ("bob", bob))
        ],
        "labels": [
            _label(key, LabelPreimage(account(name), key.version, stream_id, epoch))
            for name, key in (
                ("alice", alice.delegating_key()),
                ("alice", alice.delegating_key(2)),
                ("bob", bob.delegating_key()),
            )
            for stream_id, epoch in ((1, 0), (1, 1), (2**64 - 1, 2**32 - 1))
        ],
    }


def _key(name: str, key: DelegatingKey | ReceivingKey | ProxyKey) -> dict[str, Any]:
    drawn: list[str] = []
    random = recorded_random(f"key {name} {key.role} {key.version}", drawn)
    proven = prove_key(DOMAIN, account(name), key, random)
    base = g2() if isinstance(key, ReceivingKey) else g1()
    return {
        "role": int(key.role),
        "version": key.version,
        "registry": DOMAIN.proxy_registry if isinstance(key, ProxyKey) else DOMAIN.key_registry,
        "secret": hex_word(key.secret),
        **point("key", key.public),
        "random": drawn,
        "proof": proof(proven, key.secret, [base]),
    }


def _node_key(name: str, version: int) -> dict[str, Any]:
    """The same with the 48 bytes that it was drawn from: no seed gives it."""
    drawn: list[str] = []
    key = node_key(name, version, drawn)
    return {**_key(name, key), "drawn": drawn[0]}


def _label(key: DelegatingKey, preimage: LabelPreimage) -> dict[str, Any]:
    label = label_of(DOMAIN, preimage)
    return {
        "owner": preimage.owner,
        "ownerKeyVersion": preimage.key_version,
        "streamId": u64(preimage.stream_id),
        "epoch": preimage.epoch,
        "delegatingSecret": hex_word(key.secret),
        **point("delegatingKey", key.public),
        "label": hex_of(label),
        "scalar": hex_word(label_scalar(label)),
        "labelSecret": hex_word(label_secret(key.secret, label)),
        **point("labelKey", label_key(key.public, label)),
    }
