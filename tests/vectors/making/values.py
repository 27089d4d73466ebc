"""How vectors write values, and where their randomness and accounts come from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from eth_account import Account

from tpre_offchain.crypto.curve import G1, G2, R
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.crypto.keys import Identity, ProxyKey
from tpre_offchain.crypto.proofs import Proof

DOMAIN = Domain(
    chain_id=31337,
    key_registry="0x1000000000000000000000000000000000000001",
    proxy_registry="0x1000000000000000000000000000000000000002",
    record_registry="0x1000000000000000000000000000000000000003",
    grant_registry="0x1000000000000000000000000000000000000004",
    rounds="0x1000000000000000000000000000000000000005",
)


def recorded_random(seed: str, log: list[str]) -> Random:
    """A source that is the same each time; call i gives SHAKE-256(seed || u32(i)). What it gave is put into ``log``."""

    def random(size: int) -> bytes:
        data = hashlib.shake_256(seed.encode() + len(log).to_bytes(4, "big")).digest(size)
        log.append(hex_of(data))
        return data

    return random


def identity(name: str) -> Identity:
    """The identity of a name; its seed is SHA-256 of it."""
    return Identity.from_seed(hashlib.sha256(name.encode()).digest())


def node_key(name: str, version: int, log: list[str] | None = None) -> ProxyKey:
    """A proxy's key, which no seed gives; the 48 bytes that it was made from are put into ``log``."""
    return ProxyKey.generate(version, recorded_random(f"node key {name} {version}", [] if log is None else log))


def account(name: str) -> str:
    """The account of a name, in lower case."""
    return str(Account.from_key(account_key(name)).address).lower()


def sign(name: str, digest: bytes) -> bytes:
    """The account's signature over 32 bytes, 65 bytes."""
    return bytes(Account.unsafe_sign_hash(digest, account_key(name)).signature)


def account_key(name: str) -> bytes:
    """The secret key of the account, 32 bytes."""
    return hashlib.sha256(b"account " + name.encode()).digest()


def hex_of(data: bytes) -> str:
    """Bytes as ``0x...``."""
    return "0x" + data.hex()


def hex_word(number: int) -> str:
    """A number as 32 bytes."""
    return hex_of(number.to_bytes(32, "big"))


def u64(number: int) -> str:
    """A number of up to 64 bits: decimal digits in a string, since JSON's numbers are exact up to 2^53 only."""
    return str(number)


def point(name: str, value: G1 | G2) -> dict[str, str]:
    """A point under ``name`` in EIP-2537 form and under ``nameCompressed``."""
    return {name: hex_of(value.to_evm()), f"{name}Compressed": hex_of(value.to_bytes())}


def points(name: str, values: Sequence[G1 | G2]) -> dict[str, list[str]]:
    """The same for a list."""
    return {
        name: [hex_of(value.to_evm()) for value in values],
        f"{name}Compressed": [hex_of(value.to_bytes()) for value in values],
    }


def proof(value: Proof, secret: int, bases: Sequence[G1 | G2]) -> dict[str, Any]:
    """A proof with the nonce and commitments T that it was made from."""
    nonce = (value.response - value.challenge * secret) % R
    return {
        "challenge": hex_word(value.challenge),
        "response": hex_word(value.response),
        "encoded": hex_of(value.to_bytes()),
        "nonce": hex_word(nonce),
        "commitments": [hex_of((base * nonce).to_evm()) for base in bases],
    }


def domain_values() -> dict[str, Any]:
    """The chain and contracts that the vectors are bound to."""
    return {
        "chainId": DOMAIN.chain_id,
        "keyRegistry": DOMAIN.key_registry,
        "proxyRegistry": DOMAIN.proxy_registry,
        "recordRegistry": DOMAIN.record_registry,
        "grantRegistry": DOMAIN.grant_registry,
        "conversionRounds": DOMAIN.rounds,
    }
