"""Re-encryption by one proxy, its proof, and the combination of t of them (SCHEME §5, §6)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tpre_offchain.crypto import hashing
from tpre_offchain.crypto.capsule import VerifiedCapsule
from tpre_offchain.crypto.curve import G1, G2, H2, msm, pairing_product_is_one
from tpre_offchain.crypto.hashing import Domain, Random
from tpre_offchain.crypto.kfrag import BoundRekey, VerifiedKFrag
from tpre_offchain.crypto.polynomial import lagrange_at_zero
from tpre_offchain.crypto.proofs import Joined, Proof, equality_is_proven, prove_equality
from tpre_offchain.errors import CryptoError, VerificationError
from tpre_offchain.types import RoundId, Slot


class BatchMismatch(CryptoError):
    """Capsules, cfrags or results that do not belong together: another label, another round, another number of them."""


class NotEnoughCFrags(CryptoError):
    """Fewer verified cfrags than the threshold."""

    default_retryable = True


class DuplicateSlot(CryptoError):
    """Two of the cfrags come from the same slot."""


class InvalidCFragProof(VerificationError):
    """The cfrags of ``slot`` are not its capsules raised to its fragment. Its proxy is to blame."""

    slot: Slot

    def __init__(self, slot: Slot, message: str, *, culprit: str | None = None) -> None:
        super().__init__(f"slot {slot}: {message}", culprit=culprit, hint="challenge them: the bond pays for it")
        self.slot = slot

    def to_dict(self) -> dict[str, str | bool | None]:
        """The error as plain values, with the slot."""
        return {**super().to_dict(), "slot": str(self.slot)}


class WrongResult(VerificationError):
    """The results are not the capsules raised to the secret that V masks."""


@dataclass(frozen=True, slots=True)
class RoundContext:
    """The round that cfrags and results are bound to."""

    domain: Domain
    round_id: RoundId


# --- one proxy's batch ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CFrags:
    """The converted points w_j of one slot, for all capsules of a round in order, with one proof. Public."""

    slot: Slot
    points: tuple[G1, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class VerifiedCFrags:
    """Cfrags whose proof holds. Made by ``verify_cfrags`` alone; combination takes nothing else."""

    round: RoundContext
    grant: BoundRekey
    capsules: tuple[G1, ...]
    """c1 of each, in order."""
    cfrags: CFrags

    @property
    def slot(self) -> Slot:
        """The slot that they come from."""
        return self.cfrags.slot

    def without(self, positions: Collection[int]) -> VerifiedCFrags:
        """The same without some of the batch, counted from 0: records may leave a round after its first cfrags.

        The proof covers the whole batch, hence each of its parts.
        """
        kept = [j for j in range(len(self.capsules)) if j not in positions]
        points = tuple(self.cfrags.points[j] for j in kept)
        capsules = tuple(self.capsules[j] for j in kept)
        return replace(self, capsules=capsules, cfrags=replace(self.cfrags, points=points))


def make_cfrags(
    kfrag: VerifiedKFrag, round_context: RoundContext, capsules: Sequence[VerifiedCapsule], random: Random
) -> CFrags:
    """Convert a batch with one fragment: w_j = c1_j^s_i and a proof for all of them (SCHEME §5).

    Takes 32 bytes of ``random``. Raises ``BatchMismatch`` for no capsules or capsules of another label.
    """
    if not capsules:
        raise BatchMismatch("no capsules")
    _require_label(kfrag.grant, capsules)
    c1s = [capsule.c1 for capsule in capsules]
    points = tuple(c1.times_secret(kfrag.fragment) for c1 in c1s)
    seed = _seed(kfrag.grant, kfrag.slot, kfrag.commitment, round_context, c1s, points)
    bases = (kfrag.grant.label_key, Joined.of(c1s, hashing.cfrag_scalars(seed, len(points))))
    proof = prove_equality(bases, kfrag.fragment, hashing.cfrag_proof(seed), random)
    return CFrags(kfrag.slot, points, proof)


def verify_cfrags(
    grant: BoundRekey, round_context: RoundContext, capsules: Sequence[VerifiedCapsule | G1], cfrags: CFrags
) -> VerifiedCFrags:
    """Check one slot's batch against the commitment of its fragment (SCHEME §5).

    ``capsules``: verified, or their c1 alone, since a batch may hold one that its proxy should not have converted.
    Raises ``InvalidCFragProof``, naming the proxy; ``NoSuchSlot``; ``BatchMismatch`` for capsules of another label.
    """
    _require_label(grant, [capsule for capsule in capsules if isinstance(capsule, VerifiedCapsule)])
    c1s = tuple(capsule.c1 if isinstance(capsule, VerifiedCapsule) else capsule for capsule in capsules)
    if not c1s:
        raise BatchMismatch("no capsules")
    culprit = grant.context.member(cfrags.slot).account
    if len(cfrags.points) != len(c1s):
        raise InvalidCFragProof(cfrags.slot, f"{len(cfrags.points)} cfrags for {len(c1s)} capsules", culprit=culprit)
    if any(point.is_identity() for point in cfrags.points):
        raise InvalidCFragProof(cfrags.slot, "a cfrag is the identity", culprit=culprit)
    commitment = grant.commitment(cfrags.slot)
    seed = _seed(grant, cfrags.slot, commitment, round_context, c1s, cfrags.points)
    scalars = hashing.cfrag_scalars(seed, len(c1s))
    bases = (grant.label_key, Joined.of(c1s, scalars))
    points = (commitment, Joined.of(cfrags.points, scalars))
    if not equality_is_proven(bases, points, cfrags.proof, hashing.cfrag_proof(seed)):
        raise InvalidCFragProof(cfrags.slot, "the proof does not hold", culprit=culprit)
    return VerifiedCFrags(round_context, grant, c1s, cfrags)


def _seed(
    grant: BoundRekey,
    slot: Slot,
    commitment: G1,
    round_context: RoundContext,
    capsules: Sequence[G1],
    points: Sequence[G1],
) -> bytes:
    return hashing.cfrag_seed(
        round_context.domain,
        round_context.round_id,
        grant.context.member(slot).account,
        (grant.label_key, commitment),
        capsules,
        points,
    )


def _require_label(grant: BoundRekey, capsules: Sequence[VerifiedCapsule]) -> None:
    for capsule in capsules:
        if capsule.label_key != grant.label_key or capsule.context.label != grant.context.label:
            raise BatchMismatch(f"record {capsule.context.record_id:#x} is not of the grant's label")


# --- combination ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CombinedResult:
    """W_j for all capsules of a round in order, and the slots that they were combined from."""

    contributors: tuple[Slot, ...]
    points: tuple[G1, ...]

    @property
    def contributor_bitmap(self) -> int:
        """Bit i - 1 is slot i."""
        return sum(1 << (slot - 1) for slot in self.contributors)


@dataclass(frozen=True, slots=True)
class VerifiedResult:
    """Results that passed the pairing check. Made by ``verify_result`` alone."""

    round: RoundContext
    capsules: tuple[G1, ...]
    points: tuple[G1, ...]


def combine_cfrags(cfrags: Sequence[VerifiedCFrags], threshold: int) -> CombinedResult:
    """W_j = prod_i w_ij^lambda_i from the first ``threshold`` of the cfrags (SCHEME §6).

    Raises ``NotEnoughCFrags``, ``DuplicateSlot``, or ``BatchMismatch`` if they differ in round, grant or capsules.
    """
    slots = [one.slot for one in cfrags]
    if len(set(slots)) != len(slots):
        raise DuplicateSlot("two cfrags come from the same slot")
    if len(cfrags) < threshold or threshold < 1:
        raise NotEnoughCFrags(f"{len(cfrags)} verified cfrags, {threshold} needed")
    first = cfrags[0]
    if any((o.round, o.grant, o.capsules) != (first.round, first.grant, first.capsules) for o in cfrags):
        raise BatchMismatch("the cfrags are of different rounds, grants or capsules")
    if threshold != first.grant.context.threshold:
        raise BatchMismatch(f"threshold {threshold}, but the grant's is {first.grant.context.threshold}")
    chosen = sorted(cfrags[:threshold], key=lambda one: one.slot)
    coefficients = lagrange_at_zero(one.slot for one in chosen)
    weights = [coefficients[one.slot] for one in chosen]
    columns = zip(*(one.cfrags.points for one in chosen), strict=True)
    return CombinedResult(tuple(one.slot for one in chosen), tuple(msm(column, weights) for column in columns))


def verify_result(
    round_context: RoundContext, mask: G2, capsules: Sequence[G1], points: Sequence[G1]
) -> VerifiedResult:
    """Check e(W_j, h2) == e(c1_j, V) for a whole batch by two pairings, as the contract does (SCHEME §6).

    ``mask``: V of the grant; ``capsules``: c1_j of the records in the round. Raises ``WrongResult``, or
    ``BatchMismatch`` if they are not equally many.
    """
    if not capsules or len(capsules) != len(points):
        raise BatchMismatch(f"{len(points)} results for {len(capsules)} capsules")
    if any(point.is_identity() for point in points):
        raise WrongResult("a result is the identity")
    mask_hash = hashing.points_hash([mask])
    seed = hashing.result_seed(round_context.domain, round_context.round_id, mask_hash, capsules, points)
    scalars = hashing.result_scalars(seed, len(capsules))
    if not pairing_product_is_one([(-msm(points, scalars), H2()), (msm(capsules, scalars), mask)]):
        raise WrongResult("the results are not the conversions of the capsules under this grant")
    return VerifiedResult(round_context, tuple(capsules), tuple(points))
