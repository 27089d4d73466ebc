"""A whole identity from its 24 words, as the vectors have it (SPEC §3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.reading import load, num, raw
from tpre_offchain.clients.keys import Keys


@pytest.mark.parametrize("vector", load("identity.json")["identities"], ids=lambda vector: vector["account"])
def test_from_words__words_of_the_vectors__give_all_keys(vector: dict[str, Any]) -> None:
    keys = Keys.from_words(vector["words"])
    assert keys.entropy == raw(vector["seed"])
    assert bytes(keys.account.key) == raw(vector["ethereumKey"])
    assert keys.address.lower() == vector["account"]
    assert keys.identity.publisher_secret == raw(vector["publisherSecret"])
    for key in vector["delegating"]:
        made = keys.identity.delegating_key(key["version"])
        assert (made.secret, made.public.to_evm()) == (num(key["secret"]), raw(key["key"]))
    for key in vector["receiving"]:
        other = keys.identity.receiving_key(key["version"])
        assert (other.secret, other.public.to_evm()) == (num(key["secret"]), raw(key["key"]))
