"""Threshold proxy re-encryption: the whole protocol in six verbs.

    owner        key = label_key(A, label)                     anyone can derive it from the owner's public key
    publisher    capsule = encrypt(key, context, metadata, publisher_secret, random)
    owner        rekey = generate_kfrags(a_L, B, grant, random)         once, then offline; all of it is public
    anyone       rekey = verify_rekey(grant, key, B, rekey)
    proxy i      kfrag = open_fragment(bind_rekey(grant, key, rekey), i, proxy_key)
                 cfrags = reencrypt(kfrag, round, [verify_capsule(key, context, capsule)], random)
    anyone       cfrags = verify_cfrags(rekey, round, capsules, cfrags)
                 result = combine(t of them, t)
                 verify_result(round, rekey.rekey.mask, c1s, result.points)
    user         metadata = decrypt_reencrypted(b, rekey, context, capsule, result.points[0])

No proxy and no coalition of fewer than t learns anything of the message or the keys; whoever combines cannot cheat, for
``verify_result`` and the decryption itself both find a wrong conversion. Everything here is pure: randomness is passed
in as ``random(n) -> n bytes`` (``secrets.token_bytes``), and nothing touches a clock, a network or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tpre_offchain.crypto.capsule import Capsule, RecordContext, VerifiedCapsule, verify_capsule
from tpre_offchain.crypto.cfrag import (
    CFrags,
    CombinedResult,
    RoundContext,
    VerifiedCFrags,
    VerifiedResult,
    combine_cfrags,
    make_cfrags,
    verify_cfrags,
    verify_result,
)
from tpre_offchain.crypto.complaint import Complaint, prove_complaint, verify_complaint
from tpre_offchain.crypto.curve import G1, G2, GT, H2, R, g1, g2, multi_pairing, pairing, pairing_product_is_one
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.crypto.kem import DecryptionFailed, Failure, open_sealed, seal
from tpre_offchain.crypto.keys import Identity, LabelPreimage, ReceivingKey, label_key, label_of, label_secret
from tpre_offchain.crypto.kfrag import (
    BoundRekey,
    GrantContext,
    Member,
    Rekey,
    VerifiedKFrag,
    VerifiedRekey,
    bind_rekey,
    make_rekey,
    open_fragment,
    verify_rekey,
)
from tpre_offchain.crypto.metadata import Metadata, MetadataMalformed, decode_metadata, encode_metadata

__all__ = [
    "BoundRekey",
    "CFrags",
    "Capsule",
    "CombinedResult",
    "Complaint",
    "DecryptionFailed",
    "Domain",
    "Failure",
    "GrantContext",
    "Identity",
    "LabelPreimage",
    "Member",
    "Metadata",
    "RecordContext",
    "Rekey",
    "RoundContext",
    "VerifiedCFrags",
    "VerifiedCapsule",
    "VerifiedKFrag",
    "VerifiedRekey",
    "VerifiedResult",
    "bind_rekey",
    "combine",
    "decrypt_original",
    "decrypt_reencrypted",
    "encrypt",
    "generate_kfrags",
    "label_key",
    "label_of",
    "label_secret",
    "open_fragment",
    "paper_form",
    "prove_complaint",
    "reencrypt",
    "verify_capsule",
    "verify_cfrags",
    "verify_complaint",
    "verify_rekey",
    "verify_result",
]


def encrypt(
    label_key: G1, context: RecordContext, metadata: Metadata, publisher_secret: bytes, random: Random
) -> Capsule:
    """Seal a record's metadata under its label key: the capsule that goes on the chain (SCHEME §3; paper eq. 4).

    Needs no secret of the owner, so a device that may only publish can do it. ``publisher_secret`` (32 bytes) keeps the
    capsule safe even where ``random`` is not. ``random``: 64 bytes are taken.
    """
    return seal(label_key, context, encode_metadata(metadata), publisher_secret, random)


def decrypt_original(label_secret: int, context: RecordContext, capsule: Capsule) -> Metadata:
    """Open a capsule as its owner, with a_L (SCHEME §3).

    Raises ``DecryptionFailed`` if the capsule is not one for this label and record, ``MetadataMalformed`` if it holds
    something else than metadata. The caller checks the metadata's signature.
    """
    shared = pairing(capsule.c1.times_secret(pow(label_secret, -1, R)), g2())
    return _decode(open_sealed(shared, g1().times_secret(label_secret), context, capsule), context)


def generate_kfrags(label_secret: int, receiving_key: G2, context: GrantContext, random: Random) -> Rekey:
    """Grant a label: a masked re-key whose mask is shared among the committee (SCHEME §4; paper eq. 5, 6).

    ``label_secret``: a_L; ``receiving_key``: the delegatee's verified B. The fragments come encrypted, each for its
    proxy, so the result is public as a whole. ``random``: 48 bytes for each of t coefficients, 48 + 32 for R.
    """
    return make_rekey(label_secret, receiving_key, context, random)


def reencrypt(
    kfrag: VerifiedKFrag, round_context: RoundContext, capsules: Sequence[VerifiedCapsule], random: Random
) -> CFrags:
    """Convert a round's capsules with one fragment, with one proof for all of them (SCHEME §5; paper eq. 7).

    Verified capsules alone: any other could be a copy under a false name. Raises ``BatchMismatch`` for those of another
    label. ``random``: 32 bytes are taken.
    """
    return make_cfrags(kfrag, round_context, capsules, random)


def combine(cfrags: Sequence[VerifiedCFrags], threshold: int) -> CombinedResult:
    """Put ``threshold`` proxies' cfrags together: one point W_j for each capsule (SCHEME §6; paper eq. 8-10).

    Raises ``NotEnoughCFrags``, ``DuplicateSlot`` or ``BatchMismatch``. Uses the first ``threshold`` of them.
    """
    return combine_cfrags(cfrags, threshold)


def decrypt_reencrypted(
    key: ReceivingKey, rekey: VerifiedRekey, context: RecordContext, capsule: Capsule, result: G1
) -> Metadata:
    """Open a converted capsule as the delegatee: two pairings, whatever t is (SCHEME §7; paper eq. 11).

    ``result``: the W of this record. Raises ``DecryptionFailed`` with its kind: the key is not the grant's, the
    conversion is wrong, or the capsule is; ``MetadataMalformed`` if it holds something else than metadata. The caller
    checks the metadata's signature.
    """
    if key.public != rekey.receiving_key:
        raise DecryptionFailed(Failure.WRONG_KEY, "the grant was made for another receiving key")
    masked_key, generator = _unblinded(key.secret, rekey.rekey.masked_key)
    shared = multi_pairing([(capsule.c1, masked_key), (-result, generator)])
    try:
        message = open_sealed(shared, rekey.label_key, context, capsule)
    except DecryptionFailed as error:
        raise _diagnosed(error, rekey, capsule, result) from None
    return _decode(message, context)


def paper_form(rekey: Rekey, c1: G1, result: G1) -> GT:
    """Z^{bk}, the converted ciphertext as the paper writes it (eq. 10): e(c1, U) / e(W, g2)."""
    return multi_pairing([(c1, rekey.masked_key), (-result, g2())])


@lru_cache(maxsize=32)
def _unblinded(secret: int, masked_key: G2) -> tuple[G2, G2]:
    """U^(1/b) and g2^(1/b): with 1/b on this side of the pairings, all records of a grant share the work."""
    inverse = pow(secret, -1, R)
    return masked_key.times_secret(inverse).fixed(), g2().times_secret(inverse).fixed()


def _diagnosed(error: DecryptionFailed, rekey: VerifiedRekey, capsule: Capsule, result: G1) -> DecryptionFailed:
    """The same failure with the right one blamed: is W the conversion of c1? Two pairings, spent on failure alone."""
    if pairing_product_is_one([(result, -H2()), (capsule.c1, rekey.rekey.mask)]):
        return error
    return DecryptionFailed(
        Failure.WRONG_CONVERSION, "W is not the conversion of this capsule", hint="take it from a finalized round"
    )


def _decode(message: bytes, context: RecordContext) -> Metadata:
    try:
        return decode_metadata(message)
    except MetadataMalformed as error:
        error.culprit = context.publisher
        raise
