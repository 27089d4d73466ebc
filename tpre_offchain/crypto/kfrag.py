"""Grants: the masked re-key, the check that anyone can make of it, and its encrypted fragments (SCHEME §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, G2, H2, R, g1, g2, msm, pairing_product_is_one
from tpre_offchain.crypto.hashing import Domain, Random, address_bytes, address_word, word
from tpre_offchain.crypto.kem import xor
from tpre_offchain.crypto.keys import ProxyKey
from tpre_offchain.crypto.polynomial import evaluate, random_polynomial, random_scalar
from tpre_offchain.crypto.proofs import Proof, knowledge_is_proven, prove_knowledge
from tpre_offchain.errors import CryptoError, VerificationError
from tpre_offchain.types import GrantId, Label, Slot

MAX_COMMITTEE: Final = 32
PAD_BYTES: Final = 32


class BadThreshold(CryptoError):
    """Not 1 <= t <= n <= 32."""


class BadCommittee(CryptoError):
    """An account or a key sits in two slots: one proxy would hold two fragments."""


class NoSuchSlot(CryptoError):
    """The committee has no such slot, or another member's key was used for it."""


class MalformedGrant(VerificationError):
    """The re-key is not that of the delegator to the delegatee under the committed mask, or has the wrong shape."""


class InvalidGrantProof(VerificationError):
    """The proof of knowledge of e for R = g1^e does not hold: R may be copied from another grant."""


class BadFragment(VerificationError):
    """The fragment that the delegator encrypted for a slot is not the committed one."""

    default_hint = "publish a complaint: the contract then voids the grant"


# --- what a grant is ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """A committee member: its account, and the version and value N_i of its proxy key."""

    account: str
    key_version: int
    public_key: G1

    @property
    def packed(self) -> int:
        """keyVersion (16 bits) || account (160), as the contracts hold it."""
        if not 0 <= self.key_version < 1 << 16:
            raise CryptoError("a proxy key version has 16 bits")
        return self.key_version << 160 | int.from_bytes(address_bytes(self.account), "big")


@dataclass(frozen=True, slots=True)
class GrantContext:
    """All that a grant of one label is bound to. Slot i is ``members[i - 1]``.

    Raises ``BadThreshold`` or ``BadCommittee``.
    """

    domain: Domain
    grant_id: GrantId
    delegator: str
    delegator_key_version: int
    delegatee: str
    delegatee_key_version: int
    threshold: int
    members: tuple[Member, ...]
    label: Label

    def __post_init__(self) -> None:
        size = len(self.members)
        if not 1 <= self.threshold <= size <= MAX_COMMITTEE:
            raise BadThreshold(f"threshold {self.threshold} of {size}; 1 <= t <= n <= {MAX_COMMITTEE} is needed")
        accounts = {address_bytes(member.account) for member in self.members}
        if len(accounts) < size or len({member.public_key for member in self.members}) < size:
            raise BadCommittee("an account or a key sits in two slots")

    @property
    def committee_hash(self) -> bytes:
        """keccak256 of the packed members (SPEC §7)."""
        return hashing.words_hash(member.packed for member in self.members)

    def member(self, slot: Slot) -> Member:
        """The member of a slot, 1..n. Raises ``NoSuchSlot``."""
        if not 1 <= slot <= len(self.members):
            raise NoSuchSlot(f"slot {slot} of a committee of {len(self.members)}")
        return self.members[slot - 1]

    def slots(self) -> list[Slot]:
        """1..n."""
        return [Slot(i) for i in range(1, len(self.members) + 1)]

    def hash(self, masked_key: G2, mask: G2, commitments: Sequence[G1]) -> bytes:
        """ctx of SPEC §7, 32 bytes."""
        terms = (
            word(self.grant_id),
            address_word(self.delegator),
            word(self.delegator_key_version),
            address_word(self.delegatee),
            word(self.delegatee_key_version),
            word(self.threshold),
            word(len(self.members)),
            self.committee_hash,
            self.label,
        )
        return hashing.grant_context(self.domain, terms, (masked_key, mask), commitments)


@dataclass(frozen=True, slots=True)
class Rekey:
    """The public values of a grant of one label; nothing of it is secret, so all of it is posted on the chain.

    ``masked_key`` U = B^(1/a_L) g2^s; ``mask`` V = h2^s; ``commitments`` C_j = A_L^(coefficient j), t of them;
    ``ephemeral`` R = g1^e with ``ephemeral_proof``; ``pads`` E_i, the encrypted fragments, n of 32 bytes.
    """

    masked_key: G2
    mask: G2
    commitments: tuple[G1, ...]
    ephemeral: G1
    ephemeral_proof: Proof
    pads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BoundRekey:
    """A re-key of which every value is its maker's, for this label key and context. Made by ``bind_rekey`` alone.

    Enough for its proxies: they hold their own fragments against it, and the contract took no other than a right one.
    """

    context: GrantContext
    label_key: G1
    rekey: Rekey
    context_hash: bytes = field(init=False, repr=False, compare=False)
    """ctx of SPEC §7: every check of a re-key needs it."""

    def __post_init__(self) -> None:
        made = self.rekey
        ctx = self.context.hash(made.masked_key, made.mask, made.commitments)
        object.__setattr__(self, "context_hash", ctx)

    def commitment(self, slot: Slot) -> G1:
        """Y_i = A_L^s(i), what the slot's fragment is held against. Raises ``NoSuchSlot``."""
        self.context.member(slot)
        powers = [pow(slot, j, R) for j in range(len(self.rekey.commitments))]
        return msm(self.rekey.commitments, powers)

    @property
    def rest_hash(self) -> bytes:
        """rekeyRest of SPEC §7."""
        return rekey_rest(self.context, self.label_key, self.rekey)

    @property
    def hash(self) -> bytes:
        """rekeyHash of SPEC §7: what the grant registry stores."""
        return rekey_hash(self.context, self.label_key, self.rekey)


@dataclass(frozen=True, slots=True)
class VerifiedRekey(BoundRekey):
    """A re-key that converts for this receiving key. Made by ``verify_rekey`` alone."""

    receiving_key: G2


def mask_hash(rekey: Rekey) -> bytes:
    """keccak256(V)."""
    return hashing.points_hash([rekey.mask])


def rekey_tail(context: GrantContext, rekey: Rekey) -> bytes:
    """rekeyTail of SPEC §7."""
    versions = (context.delegator_key_version, context.delegatee_key_version)
    return hashing.rekey_tail(rekey.masked_key, rekey.ephemeral, rekey.pads, versions)


def rekey_rest(context: GrantContext, label_key: G1, rekey: Rekey) -> bytes:
    """rekeyRest of SPEC §7."""
    return hashing.rekey_rest(label_key, rekey.commitments, rekey_tail(context, rekey))


def rekey_hash(context: GrantContext, label_key: G1, rekey: Rekey) -> bytes:
    """rekeyHash of SPEC §7."""
    return hashing.rekey_hash(mask_hash(rekey), rekey_rest(context, label_key, rekey))


# --- making and checking one ----------------------------------------------------------------------


def make_rekey(label_secret: int, receiving_key: G2, context: GrantContext, random: Random) -> Rekey:
    """The re-key of a_L to B for a committee (SCHEME §4). Every call draws a polynomial of its own.

    Takes t * 48 bytes of ``random`` for the polynomial, 48 for e and 32 for the nonce of its proof.
    """
    coefficients = _polynomial(context, random)
    masked_key = receiving_key.times_secret(pow(label_secret, -1, R)) + g2().times_secret(coefficients[0])
    mask = H2().times_secret(coefficients[0])
    A_L = g1().times_secret(label_secret)
    commitments = tuple(A_L.times_secret(coefficient) for coefficient in coefficients)
    if masked_key.is_identity():
        raise CryptoError("the masked re-key is the identity: generate it again")
    e = random_scalar(random, nonzero=True)
    ephemeral = g1().times_secret(e)
    ctx = context.hash(masked_key, mask, commitments)
    pads = tuple(encrypted_fragment(evaluate(coefficients, slot), ctx, context, slot, e) for slot in context.slots())
    transcript = hashing.grant_proof(ctx, A_L, ephemeral, pads)
    proof = prove_knowledge(g1(), e, transcript, random)
    return Rekey(masked_key, mask, commitments, ephemeral, proof, pads)


def encrypted_fragment(fragment: int, ctx: bytes, context: GrantContext, slot: Slot, e: int) -> bytes:
    """E_i, 32 bytes: for the member of the slot alone to read."""
    return xor(word(fragment), hashing.pad(ctx, context.label, slot, context.member(slot).public_key.times_secret(e)))


def _polynomial(context: GrantContext, random: Random) -> tuple[int, ...]:
    for _ in range(2):
        coefficients = random_polynomial(context.threshold, random)
        # A zero coefficient or fragment makes an identity point later, which no checker takes.
        if all(coefficients) and all(evaluate(coefficients, slot) for slot in context.slots()):
            return coefficients
    raise CryptoError("the random source gives polynomials with zeros")


def bind_rekey(context: GrantContext, label_key: G1, rekey: Rekey) -> BoundRekey:
    """Check that nobody but whoever made the re-key has changed a part of it, or its label key or context (SPEC §7).

    ``label_key``: A_L of the delegator for ``context.label``. Raises ``MalformedGrant`` or ``InvalidGrantProof``.
    """
    bound = BoundRekey(context, label_key, rekey)
    _require_bound(bound)
    return bound


def verify_rekey(context: GrantContext, label_key: G1, receiving_key: G2, rekey: Rekey) -> VerifiedRekey:
    """Check a grant as the contract does: three pairings (SCHEME §4, SPEC §7).

    ``label_key``: A_L of the delegator for ``context.label``; ``receiving_key``: B of the delegatee, both from verified
    keys. The fragments are not checked: only their proxies can. Raises ``MalformedGrant`` or ``InvalidGrantProof``.
    """
    if receiving_key.is_identity():
        raise MalformedGrant("the receiving key is the identity", culprit=context.delegatee)
    verified = VerifiedRekey(context, label_key, rekey, receiving_key)
    _require_bound(verified)
    rho = hashing.grant_check_scalar(verified.context_hash, rekey.ephemeral, rekey.pads)
    holds = pairing_product_is_one(
        [
            (label_key, rekey.masked_key - rekey.mask * rho),
            (rekey.commitments[0], H2() * rho - g2()),
            (-g1(), receiving_key),
        ]
    )
    if not holds:
        raise MalformedGrant(
            "U and V are not the re-key and its mask for this label and delegatee", culprit=context.delegator
        )
    return verified


def _require_bound(rekey: BoundRekey) -> None:
    _require_shape(rekey.context, rekey.label_key, rekey.rekey)
    _require_ephemeral_proof(rekey)


def _require_shape(context: GrantContext, label_key: G1, rekey: Rekey) -> None:
    points = (label_key, rekey.masked_key, rekey.mask, rekey.ephemeral, *rekey.commitments)
    if any(point.is_identity() for point in points):
        raise MalformedGrant("a point is the identity", culprit=context.delegator)
    if len(rekey.commitments) != context.threshold:
        raise MalformedGrant(
            f"{len(rekey.commitments)} commitments for threshold {context.threshold}", culprit=context.delegator
        )
    if len(rekey.pads) != len(context.members) or any(len(pad) != PAD_BYTES for pad in rekey.pads):
        raise MalformedGrant(
            f"not one 32-byte fragment for each of {len(context.members)} slots", culprit=context.delegator
        )


def _require_ephemeral_proof(bound: BoundRekey) -> None:
    # Without it a copied R with a bad pad makes an honest complaint publish the pad of the grant copied from. And it
    # binds all that a fragment is held against, or whoever tells a proxy of its grant changes a part of it, and the
    # complaint publishes the true fragment.
    rekey = bound.rekey
    transcript = hashing.grant_proof(bound.context_hash, bound.label_key, rekey.ephemeral, rekey.pads)
    if not knowledge_is_proven(g1(), rekey.ephemeral, rekey.ephemeral_proof, transcript):
        raise InvalidGrantProof(
            "the re-key was changed, or its delegator does not know the logarithm of R",
            culprit=bound.context.delegator,
        )


# --- fragments ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerifiedKFrag:
    """The fragment s_i of one slot, held against its commitment. Made by ``open_fragment`` alone. Secret."""

    grant: BoundRekey
    slot: Slot
    fragment: int = field(repr=False)
    commitment: G1

    @property
    def member(self) -> Member:
        """The committee member of this slot."""
        return self.grant.context.member(self.slot)


def open_fragment(grant: BoundRekey, slot: Slot, key: ProxyKey) -> VerifiedKFrag:
    """Decrypt and check the fragment of a slot with its proxy's key.

    Raises ``NoSuchSlot`` if the slot is not this key's and ``BadFragment``, naming the delegator, if the fragment is
    not the committed one.
    """
    if grant.context.member(slot).public_key != key.public:
        raise NoSuchSlot(f"slot {slot} is not that of this proxy key")
    fragment = unmask_fragment(grant, slot, grant.rekey.ephemeral.times_secret(key.secret))
    commitment = grant.commitment(slot)
    _require_good(grant, slot, fragment, commitment)
    return VerifiedKFrag(grant, slot, fragment, commitment)


def _require_good(grant: BoundRekey, slot: Slot, fragment: int, commitment: G1) -> None:
    if not fragment_is_good(grant, fragment, commitment):
        raise BadFragment(
            f"the fragment of slot {slot} is not what the delegator committed to", culprit=grant.context.delegator
        )


def unmask_fragment(grant: BoundRekey, slot: Slot, shared: G1) -> int:
    """E_i without its pad, given K = N_i^e: 256 bits, good or not."""
    pad = hashing.pad(grant.context_hash, grant.context.label, slot, shared)
    return int.from_bytes(xor(grant.rekey.pads[slot - 1], pad), "big")


def fragment_is_good(grant: BoundRekey, fragment: int, commitment: G1) -> bool:
    """Whether 0 < s_i < r and A_L^s_i == Y_i. A predicate: a check must raise on ``False``."""
    # Zero converts everything to the identity, which the chain takes from nobody: its proxy would be blamed.
    return 0 < fragment < R and grant.label_key.times_secret(fragment) == commitment
