"""Keys, their proofs of knowledge, and labels (SCHEME §2, SPEC §3).

An identity is one 32-byte seed. From it come a delegating key (owner) and a receiving key (user), each in versions
counted from 1. A proxy's key of a version is random and comes from no seed: once it is erased, nothing opens what was
dealt to it (SCHEME §14). A key counts for nothing before its proof of knowledge has been verified: without it a
receiving key could be built from the owner's own, and a delegating key be a shifted copy of another's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import ClassVar, Final

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.curve import G1, G2, R, active_backend, g1, g2
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.crypto.proofs import Proof, knowledge_is_proven, prove_knowledge
from tpre_offchain.errors import CryptoError, IdentityPoint, VerificationError, WrongLength
from tpre_offchain.types import Label

__all__ = [
    "DelegatingKey",
    "Domain",
    "Identity",
    "InvalidKeyProof",
    "LabelPreimage",
    "ProxyKey",
    "ReceivingKey",
    "Role",
    "UnusableLabel",
    "VerifiedKey",
    "label_key",
    "label_of",
    "label_scalar",
    "label_secret",
    "prove_key",
    "verify_key_proof",
]

SEED_BYTES: Final = 32


class Role(IntEnum):
    """What a key is for; the number is part of its proof."""

    DELEGATING = 1
    RECEIVING = 2
    PROXY = 3


class InvalidKeyProof(VerificationError):
    """The proof does not show knowledge of the key's secret for this chain, registry, account, role and version."""


class UnusableLabel(CryptoError):
    """The label key would be the identity: a + h = 0."""

    default_hint = "advance the stream's epoch: the next label is another"


@dataclass(frozen=True, slots=True)
class DelegatingKey:
    """An owner's key a, A = g1^a."""

    secret: int = field(repr=False)
    public: G1
    version: int = 1

    role: ClassVar[Role] = Role.DELEGATING


@dataclass(frozen=True, slots=True)
class ReceivingKey:
    """A user's key b, B = g2^b."""

    secret: int = field(repr=False)
    public: G2
    version: int = 1

    role: ClassVar[Role] = Role.RECEIVING


@dataclass(frozen=True, slots=True)
class ProxyKey:
    """A proxy's key ni, N_i = g1^ni."""

    secret: int = field(repr=False)
    public: G1
    version: int = 1

    role: ClassVar[Role] = Role.PROXY

    @classmethod
    def of_secret(cls, secret: int, version: int) -> ProxyKey:
        """The key of a scalar in [1, r-1]."""
        return cls(secret, g1().times_secret(secret), version)

    @classmethod
    def generate(cls, version: int, random: Random) -> ProxyKey:
        """A fresh key from 48 bytes of ``random``, a cryptographic source (SPEC §3)."""
        return cls.of_secret(hashing.reduce(hashing.draw(random, hashing.REDUCED_BYTES)), version)


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that one seed gives: no key of a proxy. Nothing of it is shown by ``repr``."""

    seed: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """The identity of a 32-byte seed. Raises ``WrongLength`` for another size."""
        if len(seed) != SEED_BYTES:
            raise WrongLength(f"{len(seed)} bytes instead of {SEED_BYTES}", what="seed")
        return cls(bytes(seed))

    def delegating_key(self, version: int = 1) -> DelegatingKey:
        """The owner's key of a version."""
        secret = hashing.identity_scalar(self.seed, "delegating", version)
        return DelegatingKey(secret, g1().times_secret(secret), version)

    def receiving_key(self, version: int = 1) -> ReceivingKey:
        """The user's key of a version."""
        secret = hashing.identity_scalar(self.seed, "receiving", version)
        return ReceivingKey(secret, g2().times_secret(secret), version)

    @property
    def publisher_secret(self) -> bytes:
        """32 bytes that hedge the randomness of this identity's capsules (SCHEME §3)."""
        return hashing.publisher_secret(self.seed)


# --- registration ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VerifiedKey:
    """A public key whose account has proven to know its secret. Made by ``verify_key_proof`` alone."""

    role: Role
    account: str
    version: int
    public: G1 | G2


def prove_key(domain: Domain, account: str, key: DelegatingKey | ReceivingKey | ProxyKey, random: Random) -> Proof:
    """The proof with which ``account`` registers ``key`` as its version ``key.version`` (SPEC §3)."""
    transcript = _transcript(domain, key.role, account, key.version, key.public)
    if isinstance(key, ReceivingKey):
        return prove_knowledge(g2(), key.secret, transcript, random)
    return prove_knowledge(g1(), key.secret, transcript, random)


def verify_key_proof(
    domain: Domain, role: Role, account: str, version: int, public: G1 | G2, proof: Proof
) -> VerifiedKey:
    """Check the proof of a key. Raises ``InvalidKeyProof``, or ``IdentityPoint`` for the identity."""
    if public.is_identity():
        raise IdentityPoint("a key is not the identity", what="key", culprit=account)
    if isinstance(public, G2) != (role is Role.RECEIVING):
        raise InvalidKeyProof(f"a {role.name.lower()} key is in the other group", culprit=account)
    transcript = _transcript(domain, role, account, version, public)
    if isinstance(public, G2):
        proven = knowledge_is_proven(g2(), public, proof, transcript)
    else:
        proven = knowledge_is_proven(g1(), public, proof, transcript)
    if not proven:
        raise InvalidKeyProof(
            f"the proof of a {role.name.lower()} key, version {version}, does not hold", culprit=account
        )
    return VerifiedKey(role, account, version, public)


def _transcript(domain: Domain, role: Role, account: str, version: int, public: G1 | G2) -> hashing.Transcript:
    registry = domain.proxy_registry if role is Role.PROXY else domain.key_registry
    return hashing.key_proof(domain.chain_id, registry, account, role, version, public)


# --- labels ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LabelPreimage:
    """What a label stands for: one epoch of a stream, under one version of its owner's key."""

    owner: str
    key_version: int
    stream_id: int
    epoch: int


@lru_cache(maxsize=1024)
def label_of(domain: Domain, preimage: LabelPreimage) -> Label:
    """The label, 32 bytes (SPEC §3)."""
    return hashing.label(domain, preimage.owner, preimage.key_version, preimage.stream_id, preimage.epoch)


def label_scalar(label: Label) -> int:
    """h of SCHEME §2, in [0, r)."""
    return hashing.label_scalar(label)


def label_key(delegating_key: G1, label: Label) -> G1:
    """A_L = A g1^h, which anyone derives. Raises ``UnusableLabel`` if it is the identity."""
    return _label_key(active_backend(), delegating_key, label_scalar(label))


@lru_cache(maxsize=16)
def _label_key(_: str, delegating_key: G1, scalar: int) -> G1:
    """The last few are kept: whoever checks the capsules of one needs it again and again."""
    key = delegating_key + g1() * scalar
    if key.is_identity():
        raise UnusableLabel("the label key is the identity")
    return key.fixed()


def label_secret(secret: int, label: Label) -> int:
    """a_L = a + h mod r, from the delegating key's secret. Raises ``UnusableLabel`` if it is zero."""
    scalar = (secret + label_scalar(label)) % R
    if not scalar:
        raise UnusableLabel("the label's secret is zero")
    return scalar
