"""The publisher's Ethereum signature over a record's metadata (SPEC §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tpre_offchain.chain.signing import signer, signer_of
from tpre_offchain.clients.errors import SignatureMismatch
from tpre_offchain.types import Address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


def sign_digest(account: LocalAccount, digest: bytes) -> bytes:
    """65 bytes r || s || v, v 27 or 28, over 32 bytes that are hashed already."""
    return signer(account)(digest)


def require_signer(digest: bytes, signature: bytes, expected: Address) -> Address:
    """The signer, who is the one expected. Raises ``SignatureMismatch``, naming the publisher."""
    found = signer_of(digest, signature)
    if found != expected:
        raise SignatureMismatch(
            f"the metadata was signed by {found or 'nobody'}, not by its publisher {expected}", culprit=expected
        )
    return expected
