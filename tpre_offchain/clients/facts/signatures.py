"""The publisher's Ethereum signature over a record's metadata (SPEC §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_typing import Hash32
from eth_utils.exceptions import ValidationError

from tpre_offchain.clients.errors import SignatureMismatch
from tpre_offchain.types import Address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


def sign_digest(account: LocalAccount, digest: bytes) -> bytes:
    """65 bytes r || s || v, v 27 or 28, over 32 bytes that are hashed already."""
    return bytes(account.unsafe_sign_hash(Hash32(digest)).signature)


def require_signer(digest: bytes, signature: bytes, expected: Address) -> Address:
    """The signer, who is the one expected. Raises ``SignatureMismatch``, naming the publisher."""
    try:
        plain = Signature(signature[:-1] + bytes([signature[-1] - 27]))
        signer = Address(plain.recover_public_key_from_msg_hash(digest).to_checksum_address())
    except (BadSignature, ValidationError, ValueError):
        signer = Address("nobody")
    if signer != expected:
        raise SignatureMismatch(
            f"the metadata was signed by {signer}, not by its publisher {expected}", culprit=expected
        )
    return signer
