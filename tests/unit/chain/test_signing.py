"""Signatures: the bytes are those of RFC 6979 and of eth-keys' own Python, and what is none is nobody's."""

from __future__ import annotations

import hashlib
import random
from typing import Any, Final

import pytest
from eth_account import Account
from eth_keys.backends import NativeECCBackend
from eth_keys.datatypes import PrivateKey, Signature

from tpre_offchain.chain.signing import sign_transaction, signer, signer_of, signing_key
from tpre_offchain.types import Address

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NOT_AN_X: Final = 5
"""There is no point of the curve with this x."""
REFERENCE: Final = NativeECCBackend()
KEYS: Final = 12


def reference_key(seeded: random.Random) -> PrivateKey:
    return PrivateKey(seeded.randrange(1, ORDER).to_bytes(32, "big"), backend=REFERENCE)


def address(key: PrivateKey) -> Address:
    return Address(key.public_key.to_checksum_address())


def with_s(signature: bytes, s: int, v: int) -> bytes:
    return signature[:32] + s.to_bytes(32, "big") + bytes([v])


def test_signer__known_answer_of_rfc6979__same_bytes() -> None:
    text = b"All those moments will be lost in time, like tears in rain. Time to die..."
    signature = signer(Account.from_key((1).to_bytes(32, "big")))(hashlib.sha256(text).digest())
    assert signature[:-1].hex() == (
        "8600dbd41e348fe5c9465ab92d23e3db8b98b873beecd930736488696438cb6b"
        "547fe64427496db33bf66019dacbf0039c04199abb0122918601db38a72cfc21"
    )


def test_signer__random_keys__signs_as_eth_keys_in_python(seeded: random.Random) -> None:
    recovery_ids = set()
    for _ in range(KEYS):
        key, digest = reference_key(seeded), seeded.randbytes(32)
        made = signer(Account.from_key(key))(digest)
        expected = key.sign_msg_hash(digest).to_bytes()
        assert made == expected[:-1] + bytes([27 + expected[-1]])
        recovery_ids.add(expected[-1])
    assert recovery_ids <= {0, 1}


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_signer__no_digest__raises(size: int) -> None:
    with pytest.raises(ValueError, match="Invalid argument"):
        signer(Account.create())(bytes(size))


def test_sign_transaction__any_fields__bytes_are_eth_accounts_own(seeded: random.Random) -> None:
    account = Account.from_key(reference_key(seeded))
    fields: dict[str, Any] = {
        "type": 2, "chainId": 31337, "nonce": seeded.randrange(1 << 20), "value": seeded.randrange(1 << 64),
        "data": seeded.randbytes(100), "gas": 100_000, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
        "to": account.address,
    }  # fmt: skip
    signed, expected = sign_transaction(signing_key(account), fields), account.sign_transaction(fields)
    assert signed == expected
    assert Account.recover_transaction(signed.raw_transaction) == account.address


def test_signing_key__of_an_account__has_its_public_key(seeded: random.Random) -> None:
    key = reference_key(seeded)
    made = signing_key(Account.from_key(key))
    assert made.public_key.to_bytes() == key.public_key.to_bytes()


def test_signer_of__signatures_low_and_high__recovers_as_eth_keys_in_python(seeded: random.Random) -> None:
    for _ in range(KEYS):
        key, digest = reference_key(seeded), seeded.randbytes(32)
        made = signer(Account.from_key(key))(digest)
        assert signer_of(digest, made) == address(key)
        high = with_s(made, ORDER - int.from_bytes(made[32:64], "big"), 55 - made[64])
        other = with_s(made, int.from_bytes(made[32:64], "big"), 55 - made[64])
        for changed in (high, other):
            in_python = Signature(changed[:-1] + bytes([changed[-1] - 27]), backend=REFERENCE)
            recovered = in_python.recover_public_key_from_msg_hash(digest)
            assert signer_of(digest, changed) == Address(recovered.to_checksum_address())
        assert signer_of(digest, high) == address(key) != signer_of(digest, other)


def test_signer_of__another_digest__somebody_else(seeded: random.Random) -> None:
    account, digest = Account.create(), seeded.randbytes(32)
    made = signer(account)(digest)
    assert signer_of(bytes([digest[0] ^ 1]) + digest[1:], made) != account.address == signer_of(digest, made)


def test_signer_of__no_signature__none() -> None:
    digest = bytes(range(32))
    made = signer(Account.create())(digest)
    nothing = [b"", made[:-1], made + b"\0", bytes(65), b"\xff" * 65]
    nothing += [made[:-1] + bytes([v]) for v in (0, 1, 26, 29, 31, 255)]
    nothing += [with_s(made, s, 27) for s in (0, ORDER, (1 << 256) - 1)]
    nothing += [r.to_bytes(32, "big") + made[32:64] + b"\x1b" for r in (0, NOT_AN_X, ORDER)]
    assert [signer_of(digest, one) for one in nothing] == [None] * len(nothing)
