"""What a proxy knows of one round: what the chain says, what it found out by checking, and the time."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.types import RoundId, Slot


class Verdict(enum.Enum):
    """What a check found. A thing that was not checked yet has no verdict."""

    GOOD = "good"
    BAD = "bad"


NOBODY: frozenset[Slot] = frozenset()


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What one proxy exchanged with the others off the chain about a round. Times are unix seconds."""

    reachable: frozenset[Slot]
    """Members with an endpoint, this proxy among them."""
    held: frozenset[Slot] = NOBODY
    """Whose verified cfrags this proxy holds, its own among them."""
    offered_at_s: Mapping[Slot, float] = field(default_factory=lambda: MappingProxyType({}))
    """The leaders that it turned to."""
    failed: frozenset[Slot] = NOBODY
    """Those of them that did not take what they were offered."""
    asked: frozenset[Slot] | None = None
    """Contributors of the result that it asked votes for."""
    approvals: frozenset[Slot] = NOBODY
    """Others whose signed votes for that result it has."""
    signed_at_s: float = 0.0
    """When it first signed for another's result, which is then on its way to the chain; 0: never."""


@dataclass(frozen=True, slots=True)
class RoundSnapshot:
    """One round at one moment, as one proxy sees it. Times are unix seconds."""

    round_id: RoundId
    threshold: int
    ranking: tuple[Slot, ...]
    """Every slot of the committee, lowest rank first (SPEC §9)."""
    records: int
    deadline_s: int
    """Last second of submissions and proposals."""
    vote_seconds: int

    now_s: float
    since_s: float
    """When this proxy saw the round enter its present phase."""

    # what the chain says
    submitted: frozenset[Slot] = NOBODY
    """Slots whose cfrags stand: submitted and not challenged."""
    challenged: frozenset[Slot] = NOBODY
    leader: Slot | None = None
    """Slot of the live or final proposal."""
    contributors: frozenset[Slot] = NOBODY
    """Of that proposal."""
    vote_end_s: int = 0
    """End of the live proposal's vote; once the round has ended, of its challenge window."""
    approvals: frozenset[Slot] = NOBODY
    rejections: frozenset[Slot] = NOBODY
    rejected_leaders: frozenset[Slot] = NOBODY
    """Slots whose proposal a majority voted down: they may not propose again."""
    excluded: frozenset[int] = frozenset()
    """Positions of records that left the round."""
    finalized: bool = False
    settled: bool = False
    """Somebody closed the round after it expired or ended."""
    grant_ended: bool = False
    """Revoked or voided: that ends a round which nobody can read yet. Expiry and surrender end none."""
    claimed: frozenset[Slot] = NOBODY
    fee_wei: int = 0
    """Owed to each slot whose cfrags stand when the challenge window is over."""

    # what this proxy found out
    fragment: Verdict | None = None
    """Its own fragment of the grant's re-key."""
    bad_capsules: frozenset[int] | None = None
    """Positions of records whose capsule proof does not hold; None: not checked."""
    cfrags: Mapping[Slot, Verdict] = field(default_factory=lambda: MappingProxyType({}))
    """Of the submissions that it checked."""

    exchanged: Exchanged | None = None
    """None: this proxy goes by way of the chain alone."""

    @property
    def majority(self) -> int:
        """Votes that decide: more than half of the committee."""
        return len(self.ranking) // 2 + 1

    @property
    def phase(self) -> Phase:
        """The phase that ``ConversionRounds.phaseOf`` gives in a block of this second."""
        now = int(self.now_s)
        if self.finalized:
            return Phase.FINALIZED
        if len(self.excluded) == self.records:
            return Phase.ENDED
        if self.leader is not None:
            if now <= self.vote_end_s:
                return Phase.VOTING
            return Phase.PROVABLE if now <= self.deadline_s + 2 * self.vote_seconds else Phase.EXPIRED
        readable = len(self.submitted) >= self.threshold
        if self.grant_ended and not readable:
            return Phase.ENDED
        if now > self.deadline_s:
            return Phase.EXPIRED
        return Phase.PROPOSING if readable else Phase.SUBMITTING
