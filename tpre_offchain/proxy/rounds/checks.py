"""What a proxy finds out about a round by checking: its fragment, the records' capsules, others' cfrags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tpre_offchain.chain.abi.events import CfragsSubmitted, RecordPublished
from tpre_offchain.crypto.capsule import Capsule, InvalidCapsuleProof, RecordContext, VerifiedCapsule, verify_capsule
from tpre_offchain.crypto.cfrag import InvalidCFragProof, RoundContext, VerifiedCFrags, verify_cfrags
from tpre_offchain.crypto.codec import cfrags_from_evm
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.errors import DecodingError
from tpre_offchain.proxy.contracts import ProxyContracts
from tpre_offchain.proxy.history import MissingHistory, events_of, word_topic
from tpre_offchain.proxy.messages import Batch
from tpre_offchain.proxy.rounds.grants import LabelGrant
from tpre_offchain.proxy.rounds.rounds import RoundFacts, positions_of
from tpre_offchain.proxy.rounds.snapshot import Verdict
from tpre_offchain.types import RecordId, Slot


@dataclass
class Findings:
    """What one proxy has found out about one round so far; lost with the process, and found out again."""

    grant: LabelGrant | None = None
    records: dict[int, RecordPublished] = field(default_factory=dict)
    """By position in the round."""
    capsules: dict[int, VerifiedCapsule] = field(default_factory=dict)
    bad_capsules: frozenset[int] | None = None
    cfrags: dict[Slot, VerifiedCFrags | None] = field(default_factory=dict)
    """None: their proof does not hold."""

    @property
    def fragment(self) -> Verdict | None:
        """Of the own fragment."""
        if self.grant is None:
            return None
        return Verdict.BAD if self.grant.kfrag is None else Verdict.GOOD

    @property
    def verdicts(self) -> Mapping[Slot, Verdict]:
        """Of others' cfrags."""
        return {slot: Verdict.BAD if found is None else Verdict.GOOD for slot, found in self.cfrags.items()}


def check_capsules(
    contracts: ProxyContracts, facts: RoundFacts, grant: LabelGrant, records: Mapping[int, RecordPublished]
) -> dict[int, VerifiedCapsule]:
    """The capsules whose proofs hold, by position; the rest of ``records`` are bad (SCHEME §3)."""
    found = {}
    for position, published in records.items():
        record, context = published.record, RecordContext(contracts.domain, grant.preimage, published.record_id)
        try:
            capsule = Capsule(
                G1.from_evm(facts.opened.capsules[position]),
                record.c2,
                record.c3,
                Proof(record.proof.challenge, record.proof.response),
            )
            found[position] = verify_capsule(grant.rekey.label_key, context, capsule)
        except (InvalidCapsuleProof, DecodingError):
            continue
    return found


async def fetch_records(contracts: ProxyContracts, facts: RoundFacts) -> dict[int, RecordPublished]:
    """The records of a round by position. Raises ``MissingHistory`` where the node has not all of them."""
    wanted: list[RecordId] = list(facts.opened.record_ids)
    topics = [[word_topic(record_id) for record_id in wanted]]
    found = await events_of(
        contracts, contracts.records.address, [RecordPublished], topics, to_block=facts.opened.at.block_number
    )
    records = {wanted.index(event.record_id): event for event in found if isinstance(event, RecordPublished)}
    if len(records) < len(wanted):
        raise MissingHistory(f"the node has {len(records)} of {len(wanted)} records of round {facts.round_id:#x}")
    return records


def check_submission(
    contracts: ProxyContracts, facts: RoundFacts, grant: LabelGrant, submission: CfragsSubmitted | Batch
) -> VerifiedCFrags | None:
    """One slot's cfrags if their proof holds, else None: they can be challenged, if they were posted (SCHEME §5)."""
    absent = positions_of(submission.excluded)
    try:
        c1s = [G1.from_evm(c1) for position, c1 in enumerate(facts.opened.capsules) if position not in absent]
        proof = (submission.proof.challenge, submission.proof.response)
        cfrags = cfrags_from_evm(submission.slot, submission.cfrags, proof, proxy=submission.proxy)
        return verify_cfrags(grant.rekey, RoundContext(contracts.domain, facts.round_id), c1s, cfrags)
    except (InvalidCFragProof, DecodingError):
        return None
