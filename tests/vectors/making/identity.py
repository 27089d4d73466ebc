"""Vectors of one whole identity, from its 24 words on (SPEC §3)."""

from __future__ import annotations

import hashlib
from typing import Any

from mnemonic import Mnemonic

from tests.vectors.making.values import hex_of, hex_word, point
from tpre_offchain.clients.keys import ACCOUNT_PATH, Keys
from tpre_offchain.crypto.keys import DelegatingKey, ReceivingKey

SEEDS = (hashlib.sha256(b"whole identity").digest(), bytes(32), bytes([255]) * 32)
"""What the words spell: one like any other, and the two ends."""


def make_identity() -> dict[str, Any]:
    """The content of identity.json."""
    return {"path": ACCOUNT_PATH, "identities": [_identity(Keys(seed)) for seed in SEEDS]}


def _identity(keys: Keys) -> dict[str, Any]:
    identity = keys.identity
    return {
        "words": keys.to_words(),
        "seed": hex_of(keys.entropy),
        "walletSeed": hex_of(Mnemonic.to_seed(keys.to_words())),
        "ethereumKey": hex_of(bytes(keys.account.key)),
        "account": keys.address.lower(),
        "publisherSecret": hex_of(identity.publisher_secret),
        "delegating": [_key(identity.delegating_key(version)) for version in (1, 2)],
        "receiving": [_key(identity.receiving_key(version)) for version in (1, 2)],
    }


def _key(key: DelegatingKey | ReceivingKey) -> dict[str, Any]:
    return {"version": key.version, "secret": hex_word(key.secret), **point("key", key.public)}
