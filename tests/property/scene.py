"""A small world for tests: an owner, a user, a device, a committee, and the steps between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import pytest

from tpre_offchain.crypto import hashing, kfrag, pre
from tpre_offchain.crypto.capsule import record_id_of
from tpre_offchain.crypto.curve import G1, R, g1
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.crypto.keys import Identity, LabelPreimage, ProxyKey, ReceivingKey
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.crypto.proofs import prove_knowledge
from tpre_offchain.types import GrantId, RoundId, Slot

DOMAIN = Domain(31337, *(f"0x{i:040x}" for i in range(0xA0, 0xA5)))


def source(seed: int) -> Random:
    """Randomness that a failing test can be run again with."""
    calls = 0

    def random(size: int) -> bytes:
        nonlocal calls
        calls += 1
        return hashlib.shake_256(f"{seed} {calls}".encode()).digest(size)

    return random


def address(who: str) -> str:
    return "0x" + hashlib.sha256(who.encode()).hexdigest()[:40]


def identity(who: str) -> Identity:
    return Identity.from_seed(hashlib.sha256(who.encode()).digest())


def node_key(who: str, version: int = 1) -> ProxyKey:
    """The key of a proxy, random in life and in a test the same each time."""
    return ProxyKey.generate(version, lambda size: hashlib.shake_256(f"{who}, version {version}".encode()).digest(size))


def metadata(name: str = "a.csv") -> Metadata:
    digest = hashlib.sha256(name.encode()).digest()
    return Metadata(
        dek=digest,
        cid=b"\x01\x70\x12\x20" + digest,
        encrypted_sha256=digest,
        encrypted_length=149,
        plain_length=100,
        created_at_s=1_750_000_000,
        media_type="text/csv",
        name=name,
    )


@contextmanager
def bad_fragments(spoilt: Callable[[Slot], bool] = lambda _: True) -> Iterator[None]:
    """Meanwhile whoever grants deals these slots other fragments than they are committed to."""
    honest = kfrag.encrypted_fragment

    def dealt(fragment: int, ctx: bytes, context: pre.GrantContext, slot: Slot, e: int) -> bytes:
        return honest((fragment + spoilt(slot)) % R, ctx, context, slot, e)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kfrag, "encrypted_fragment", dealt)
        yield


def proven_anew(context: pre.GrantContext, label_key: G1, rekey: pre.Rekey, e: int, random: Random) -> pre.Rekey:
    """The re-key with R = g1^e and a proof that holds: what a delegator who lies can post."""
    ephemeral = g1() * e
    ctx = context.hash(rekey.masked_key, rekey.mask, rekey.commitments)
    proof = prove_knowledge(g1(), e, hashing.grant_proof(ctx, label_key, ephemeral, rekey.pads), random)
    return replace(rekey, ephemeral=ephemeral, ephemeral_proof=proof)


@dataclass(frozen=True)
class Scene:
    """One label of an owner, granted to a user through a committee of ``size`` with ``threshold``."""

    threshold: int = 2
    size: int = 3
    seed: int = 1
    owner: str = "owner"
    user: str = "user"
    epoch: int = 0

    @cached_property
    def random(self) -> Random:
        return source(self.seed)

    @cached_property
    def preimage(self) -> LabelPreimage:
        return LabelPreimage(address(self.owner), 1, 7, self.epoch)

    @cached_property
    def label_secret(self) -> int:
        return pre.label_secret(identity(self.owner).delegating_key().secret, pre.label_of(DOMAIN, self.preimage))

    @cached_property
    def label_key(self) -> G1:
        return pre.label_key(identity(self.owner).delegating_key().public, pre.label_of(DOMAIN, self.preimage))

    @cached_property
    def receiving_key(self) -> ReceivingKey:
        return identity(self.user).receiving_key()

    @cached_property
    def proxies(self) -> tuple[ProxyKey, ...]:
        return tuple(node_key(f"proxy {i}") for i in range(1, self.size + 1))

    @cached_property
    def grant_context(self) -> pre.GrantContext:
        members = (pre.Member(address(f"proxy {i}"), 1, key.public) for i, key in enumerate(self.proxies, 1))
        return pre.GrantContext(
            domain=DOMAIN,
            grant_id=GrantId(5),
            delegator=self.preimage.owner,
            delegator_key_version=1,
            delegatee=address(self.user),
            delegatee_key_version=1,
            threshold=self.threshold,
            members=tuple(members),
            label=pre.label_of(DOMAIN, self.preimage),
        )

    @cached_property
    def rekey(self) -> pre.VerifiedRekey:
        return self.verified(
            pre.generate_kfrags(self.label_secret, self.receiving_key.public, self.grant_context, self.random)
        )

    def verified(self, rekey: pre.Rekey) -> pre.VerifiedRekey:
        return pre.verify_rekey(self.grant_context, self.label_key, self.receiving_key.public, rekey)

    def tampered(self, **changes: object) -> pre.Rekey:
        """The scene's re-key with some values replaced."""
        return replace(self.rekey.rekey, **changes)  # type: ignore[arg-type]

    def kfrag(self, slot: int) -> pre.VerifiedKFrag:
        return pre.open_fragment(self.rekey, Slot(slot), self.proxies[slot - 1])

    def record_context(self, sequence: int = 0) -> pre.RecordContext:
        record_id = record_id_of(self.preimage.stream_id, address("device"), sequence)
        return pre.RecordContext(DOMAIN, self.preimage, record_id)

    def capsule(self, sequence: int = 0) -> pre.VerifiedCapsule:
        context = self.record_context(sequence)
        secret = identity("device").publisher_secret
        made = pre.encrypt(self.label_key, context, metadata(f"{sequence}.csv"), secret, self.random)
        return pre.verify_capsule(self.label_key, context, made)

    @cached_property
    def round(self) -> pre.RoundContext:
        return pre.RoundContext(DOMAIN, RoundId(5 << 32))

    def cfrags(self, slot: int, capsules: Sequence[pre.VerifiedCapsule]) -> pre.VerifiedCFrags:
        made = pre.reencrypt(self.kfrag(slot), self.round, capsules, self.random)
        return pre.verify_cfrags(self.rekey, self.round, capsules, made)

    def convert(self, slots: Sequence[int], capsules: Sequence[pre.VerifiedCapsule]) -> pre.CombinedResult:
        return pre.combine([self.cfrags(slot, capsules) for slot in slots], self.threshold)

    def open(self, capsule: pre.VerifiedCapsule, result: G1) -> Metadata:
        return pre.decrypt_reencrypted(self.receiving_key, self.rekey, capsule.context, capsule.capsule, result)
