"""Ethereum's signatures: the one module that signs and recovers, in C by libsecp256k1 from wallycore's wheels.

eth-account makes the transactions. It signs with eth-keys, which in Python alone takes several milliseconds for each,
so it is handed keys that sign here. The nonces are RFC 6979's: whatever library signs, the bytes are the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

import wallycore as wally
from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_account.signers.local import LocalAccount
from eth_keys.backends import NativeECCBackend
from eth_keys.datatypes import PrivateKey, PublicKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from tpre_offchain.types import Address

Sign = Callable[[bytes], bytes]
"""An account's 65-byte signature of a 32-byte digest: r ‖ s ‖ v, v 27 or 28, s low."""

SIGNATURE_BYTES: Final = 65
V_BASE: Final = 27

_RECOVERABLE: Final = wally.EC_FLAG_ECDSA | wally.EC_FLAG_RECOVERABLE
# Bitcoin's message signatures: a byte first, 27 and the recovery id, and 4 more for a compressed key
_COMPRESSED: Final = V_BASE + 4
_RECOVERY_ID: Final = 3

# It multiplies secrets in constant time; this blinds them besides, in each process in another way.
wally.secp_randomize(secrets.token_bytes(32))


class LibSecp256k1(NativeECCBackend):
    """eth-keys' backend. What it does not do here, eth-keys does in Python: we neither verify nor compress."""

    def ecdsa_sign(self, msg_hash: bytes, private_key: PrivateKey) -> Signature:
        """Deterministic, of a 32-byte digest. Raises ``ValueError`` for other lengths."""
        made = bytes(wally.ec_sig_from_bytes(private_key.to_bytes(), msg_hash, _RECOVERABLE))
        return Signature(made[1:] + bytes([made[0] - V_BASE & _RECOVERY_ID]), backend=self)

    def ecdsa_recover(self, msg_hash: bytes, signature: Signature) -> PublicKey:
        """The key that made this signature. Raises ``BadSignature`` where there is none."""
        plain = signature.to_bytes()
        try:
            compressed = wally.ec_sig_to_public_key(msg_hash, bytes([_COMPRESSED + plain[-1]]) + plain[:-1])
        except ValueError as problem:
            raise BadSignature("no key made this signature") from problem
        return self._public_key(compressed)

    def private_key_to_public_key(self, private_key: PrivateKey) -> PublicKey:
        """Of any: that it is below the curve's order has been seen by ``PrivateKey``."""
        return self._public_key(wally.ec_public_key_from_private_key(private_key.to_bytes()))

    def _public_key(self, compressed: bytes) -> PublicKey:
        return PublicKey(bytes(wally.ec_public_key_decompress(compressed))[1:], backend=self)


_LIBSECP: Final = LibSecp256k1()


def signing_key(account: LocalAccount) -> PrivateKey:
    """The account's key, to be kept: making it derives the public key."""
    return PrivateKey(bytes(account.key), backend=_LIBSECP)


def signer(account: LocalAccount) -> Sign:
    """Signs digests as this account."""
    key = signing_key(account)

    def sign(digest: bytes) -> bytes:
        signature = key.sign_msg_hash(digest).to_bytes()
        return signature[:-1] + bytes([V_BASE + signature[-1]])

    return sign


def sign_transaction(key: PrivateKey, fields: dict[str, Any]) -> SignedTransaction:
    """``fields``: as ``eth_account.Account.sign_transaction`` takes them. ``key``: of ``signing_key``."""
    signed: SignedTransaction = Account.sign_transaction(fields, key)
    return signed


def signer_of(digest: bytes, signature: bytes) -> Address | None:
    """The account whose key made these 65 bytes (r ‖ s ‖ v, v 27 or 28) of a digest; None for what is no signature."""
    if len(signature) != SIGNATURE_BYTES or signature[-1] - V_BASE not in (0, 1):
        return None
    try:
        plain = Signature(signature[:-1] + bytes([signature[-1] - V_BASE]), backend=_LIBSECP)
        return Address(plain.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except (BadSignature, ValidationError):
        return None
