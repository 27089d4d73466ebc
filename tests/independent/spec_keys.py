"""identity.json and keys.json made again from their seeds (SPEC.md §1, §3)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.types import Language
from py_ecc.secp256k1 import secp256k1

from tests.independent import spec_base as base
from tests.independent.spec_base import G1, G2, H, R, add, compressed, evm, hkdf, keccak, mul, need, reduce, word, words

Values = dict[str, Any]


def show(data: bytes) -> str:
    return "0x" + data.hex()


def raw(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def num(value: str) -> int:
    return int(value, 16)


def point(name: str, value: Any) -> Values:
    return {name: show(evm(value)), f"{name}Compressed": show(compressed(value))}


def points(name: str, values: list[Any]) -> Values:
    return {name: [show(evm(v)) for v in values], f"{name}Compressed": [show(compressed(v)) for v in values]}


def proof(made: tuple[base.Proof, int], bases: list[Any]) -> Values:
    (c, z), rho = made
    return {
        "challenge": show(word(c)),
        "response": show(word(z)),
        "encoded": show(c.to_bytes(16) + word(z)),
        "nonce": show(word(rho)),
        "commitments": [show(evm(mul(base, rho))) for base in bases],
    }


# --- §3: from the words ---


def seed_of_words(phrase: str) -> bytes:
    wordlist = Mnemonic(Language.ENGLISH).wordlist
    bits = "".join(f"{wordlist.index(w):011b}" for w in phrase.split())
    seed = int(bits[:256], 2).to_bytes(32)
    need(int(bits[256:], 2) == hashlib.sha256(seed).digest()[0], "InvalidMnemonic")
    return seed


def ethereum_key(wallet_seed: bytes) -> bytes:
    """BIP-32 along m/44'/60'/0'/0/0."""
    node = hmac.digest(b"Bitcoin seed", wallet_seed, "sha512")
    for index in (2**31 + 44, 2**31 + 60, 2**31, 0, 0):
        key, chain = node[:32], node[32:]
        x, y = secp256k1.privtopub(key)
        public = bytes([2 + y % 2]) + x.to_bytes(32)
        child = hmac.digest(chain, (b"\x00" + key if index >= 2**31 else public) + index.to_bytes(4), "sha512")
        node = ((int.from_bytes(child[:32]) + int.from_bytes(key)) % secp256k1.N).to_bytes(32) + child[32:]
    return node[:32]


def address_of(key: bytes) -> str:
    x, y = secp256k1.privtopub(key)
    return show(keccak(x.to_bytes(32) + y.to_bytes(32))[12:])


def derived(seed: bytes, role: str, version: int) -> int:
    return reduce(hkdf(seed, "TPRE-V1/keys", role.encode() + version.to_bytes(4), 48))


def publisher_secret(seed: bytes) -> bytes:
    return hkdf(seed, "TPRE-V1/keys", b"publisher", 32)


def remake_identities(content: Values) -> Values:
    return {"path": "m/44'/60'/0'/0/0", "identities": [_whole(one["words"]) for one in content["identities"]]}


def _whole(phrase: str) -> Values:
    seed = seed_of_words(phrase)
    wallet = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", 2048, 64)
    key = ethereum_key(wallet)

    def keys(role: str, generator: Any) -> list[Values]:
        secrets = {version: derived(seed, role, version) for version in (1, 2)}
        return [{"version": v, "secret": show(word(s)), **point("key", mul(generator, s))} for v, s in secrets.items()]

    return {
        "words": phrase,
        "seed": show(seed),
        "walletSeed": show(wallet),
        "ethereumKey": show(key),
        "account": address_of(key),
        "publisherSecret": show(publisher_secret(seed)),
        "delegating": keys("delegating", G1),
        "receiving": keys("receiving", G2),
    }


# --- keys.json ---

ROLES = {1: ("delegating", G1), 2: ("receiving", G2), 3: ("proxy", G1)}


def key_fields(domain: Values, account: str, key: Values, public: bytes) -> tuple[str, bytes, bytes]:
    place = words(domain["chainId"], key["registry"], account, key["role"], key["version"])
    return "TPRE-V1/key-proof", place, public


def check_key(content: Values, account: str, key: Values) -> None:
    """As a registry does."""
    _, generator = ROLES[key["role"]]
    public = base.decode_evm(256 if key["role"] == 2 else 128, raw(key["key"]))
    given = base.checked_proof(num(key["proof"]["challenge"]), num(key["proof"]["response"]))
    fields = key_fields(content["domain"], account, key, raw(key["key"]))
    need(base.holds([generator], [public], given, *fields), "InvalidKeyProof")


def remake_keys(content: Values) -> Values:
    z = show(base.gt_bytes(base.pairings([(G1, G2)])))
    return {
        "domain": content["domain"],
        "constants": {**point("g1", G1), **point("g2", G2), **point("h2", base.h2()), "Z": z},
        "identities": [_identity(content, one) for one in content["identities"]],
        "labels": [_label(content, one) for one in content["labels"]],
    }


def _identity(content: Values, given: Values) -> Values:
    seed = raw(given["seed"])
    keys = [_key(content, given, key) for key in given["keys"]]
    return {**given, "publisherSecret": show(publisher_secret(seed)), "keys": keys}


def _key(content: Values, identity: Values, given: Values) -> Values:
    name, generator = ROLES[given["role"]]
    # a proxy's keys are drawn, the others follow from the seed
    drawn = name == "proxy"
    secret = base.reduce(raw(given["drawn"])) if drawn else derived(raw(identity["seed"]), name, given["version"])
    public = mul(generator, secret)
    fields = key_fields(content["domain"], identity["account"], given, evm(public))
    made = base.prove([generator], secret, raw(given["random"][0]), *fields)
    remade = {**given, "secret": show(word(secret)), **point("key", public), "proof": proof(made, [generator])}
    check_key(content, identity["account"], remade)
    return remade


def label_preimage(domain: Values, owner: str, version: int, stream: int, epoch: int) -> bytes:
    return words(domain["chainId"], domain["recordRegistry"], owner, version, stream, epoch)


def label_scalar(label: bytes) -> int:
    return int.from_bytes(keccak(b"TPRE-V1/label-scalar" + label)) % R


def label_key(public: Any, label: bytes) -> Any:
    key = add(public, mul(G1, label_scalar(label)))
    need(not base.is_identity(key), "UnusableLabel")
    return key


def label_secret(secret: int, label: bytes) -> int:
    scalar = (secret + label_scalar(label)) % R
    need(scalar != 0, "UnusableLabel")
    return scalar


def _label(content: Values, given: Values) -> Values:
    preimage = label_preimage(
        content["domain"], given["owner"], given["ownerKeyVersion"], int(given["streamId"]), given["epoch"]
    )
    label, secret = H("TPRE-V1/label", preimage), num(given["delegatingSecret"])
    public = mul(G1, secret)
    return {
        **given,
        **point("delegatingKey", public),
        "label": show(label),
        "scalar": show(word(label_scalar(label))),
        "labelSecret": show(word(label_secret(secret, label))),
        **point("labelKey", label_key(public, label)),
    }
