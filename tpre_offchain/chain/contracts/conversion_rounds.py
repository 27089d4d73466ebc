"""ConversionRounds: cfrags, a leader's verified result, votes, the converted ciphertext on record (SPEC §9)."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.ids import index_of_round
from tpre_offchain.chain.abi.structs import (
    CapsuleReport,
    ChallengeKeys,
    ClaimedRound,
    Member,
    Phase,
    Proof,
    RecordRef,
    Round,
    RoundData,
    RoundSettings,
    Signature,
    Submission,
)
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Epoch, GrantId, RecordId, RoundId, Slot

OVER = frozenset({Phase.FINALIZED, Phase.EXPIRED, Phase.ENDED})
PROPOSED = OVER | {Phase.VOTING, Phase.PROVABLE}
SUBMITTED = PROPOSED | {Phase.PROPOSING}


class ConversionRounds(Contract):
    """Every step is safe to repeat: an outbox's ``ensure`` takes "already done" for a normal end."""

    NAME = "ConversionRounds"

    async def phase_of(self, round_id: RoundId, block: int | str = "latest") -> Phase:
        """The round's phase, from storage, grant and clock."""
        return Phase(await self.view("phaseOf", round_id, block=block))

    async def round_of(self, round_id: RoundId, block: int | str = "latest") -> Round:
        """A round as it is now, or was at a block."""
        stored: Round = await self.view("roundOf", round_id, block=block)
        return stored

    async def rank_of(self, round_id: RoundId, slot: Slot) -> int:
        """A slot's rank in a round: the lower goes first."""
        return int(await self.view("rankOf", round_id, slot))

    async def settings(self) -> RoundSettings:
        """Windows, fee and penalty of all rounds."""
        found: RoundSettings = await self.view("settings")
        return found

    def open_round(
        self, grant_id: GrantId, epoch: Epoch, mask_hash: bytes, rekey_rest: bytes, records: Sequence[RecordRef]
    ) -> Call:
        """Opens a round over 1..100 records of one label, ascending by id."""
        return self.transaction(
            "openRound",
            grant_id,
            epoch,
            mask_hash,
            rekey_rest,
            records,
            description=f"open a round of {len(records)} records of grant {grant_id}",
        )

    def submit_cfrags(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        round_data_hash: bytes,
        slot: Slot,
        cfrags: Sequence[bytes],
        proof: Proof,
    ) -> Call:
        """Posts the slot's cfrags (G1, 128 bytes each) of all records still in the round, with their batch proof."""
        return self.transaction(
            "submitCfrags",
            round_id,
            committee,
            round_data_hash,
            slot,
            cfrags,
            proof,
            description=f"submit cfrags to {_shown(round_id)}",
            done_errors=frozenset({"AlreadySubmitted", "EnoughCfrags"}),
            done_phases=SUBMITTED,
        )

    def propose(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        data: RoundData,
        slot: Slot,
        contributors: int,
        mask: bytes,
        capsules: Sequence[bytes],
        results: Sequence[bytes],
    ) -> Call:
        """Proposes the results W (G1) combined from the contributors (bitmap of slots).

        ``mask`` is V (G2); ``capsules`` are all of the round, ``results`` those of the records still in it.
        """
        return self.transaction(
            "propose",
            round_id,
            committee,
            data,
            slot,
            contributors,
            mask,
            capsules,
            results,
            description=f"propose the result of {_shown(round_id)}",
            done_phases=PROPOSED,
        )

    def vote(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        round_data_hash: bytes,
        slot: Slot,
        result_hash: bytes,
        *,
        approve: bool,
    ) -> Call:
        """Votes on the live proposal."""
        return self.transaction(
            "vote",
            round_id,
            committee,
            round_data_hash,
            slot,
            result_hash,
            approve,
            description=f"vote {'for' if approve else 'against'} the result of {_shown(round_id)}",
            done_errors=frozenset({"AlreadyVoted"}),
            done_phases=OVER | {Phase.PROVABLE},
        )

    def finalize_by_proof(
        self, round_id: RoundId, committee: Sequence[Member], round_data_hash: bytes, result_hash: bytes
    ) -> Call:
        """Finalizes a verified proposal whose vote window passed without a majority."""
        return self.transaction(
            "finalizeByProof",
            round_id,
            committee,
            round_data_hash,
            result_hash,
            description=f"finalize {_shown(round_id)} by proof",
            done_phases=OVER,
        )

    def finalize_signed(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        data: RoundData,
        slot: Slot,
        contributors: int,
        mask: bytes,
        capsules: Sequence[bytes],
        results: Sequence[bytes],
        voters: int,
        signatures: Sequence[Signature],
    ) -> Call:
        """Brings results and the signed votes of a majority at once; arguments as of ``propose``.

        ``voters``: the other members who approve (bitmap of slots), with their signatures in ascending order of slots.
        """
        return self.transaction(
            "finalizeSigned",
            round_id,
            committee,
            data,
            slot,
            contributors,
            mask,
            capsules,
            results,
            voters,
            signatures,
            description=f"finalize {_shown(round_id)} by signed votes",
            done_phases=PROPOSED,
        )

    def close(self, round_id: RoundId, committee: Sequence[Member], round_data_hash: bytes) -> Call:
        """Returns what is not owed of a round that is over, and counts who was missing."""
        return self.transaction(
            "close",
            round_id,
            committee,
            round_data_hash,
            description=f"close {_shown(round_id)}",
            done_errors=frozenset({"AlreadyClosed"}),
        )

    def challenge_cfrags(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        data: RoundData,
        submission: Submission,
        capsules: Sequence[bytes],
        keys: ChallengeKeys,
    ) -> Call:
        """Shows that a submission's proof does not hold; the bond pays the challenger."""
        return self.transaction(
            "challengeCfrags",
            round_id,
            committee,
            data,
            submission,
            capsules,
            keys,
            description=f"challenge slot {submission.slot}'s cfrags of {_shown(round_id)}",
            done_errors=frozenset({"NotSubmitted", "SlotChallenged"}),
        )

    def report_capsules(
        self,
        round_id: RoundId,
        committee: Sequence[Member],
        data: RoundData,
        record_ids: Sequence[RecordId],
        reports: Sequence[CapsuleReport],
        keys: ChallengeKeys,
        slot: Slot,
    ) -> Call:
        """Shows that capsule proofs do not hold; their records leave the round, one fee of each is the reporter's.

        ``slot``: of the sender, 0 for one who is no member. Records that left before are skipped.
        """
        return self.transaction(
            "reportCapsules",
            round_id,
            committee,
            data,
            record_ids,
            reports,
            keys,
            slot,
            description=f"report {len(reports)} capsules of {_shown(round_id)}",
            done_phases=OVER,
        )

    def claim_fees(self, committee: Sequence[Member], slot: Slot, claims: Sequence[ClaimedRound]) -> Call:
        """Credits the fees of a slot whose cfrags stood in these rounds of one committee, after their challenge
        windows. Those that were claimed before are skipped; of the others all or none.
        """
        rounds = _shown(claims[0].round_id) if len(claims) == 1 else f"{len(claims)} rounds"
        return self.transaction(
            "claimFees",
            committee,
            slot,
            claims,
            description=f"claim the fees of {rounds}",
        )

    def settle_price(self, round_id: RoundId) -> Call:
        """Gives the price of a round that was closed with t cfrags to the owner, after its challenge window."""
        return self.transaction(
            "settlePrice",
            round_id,
            description=f"settle the price of {_shown(round_id)}",
            done_errors=frozenset({"NothingToSettle"}),
        )


def _shown(round_id: RoundId) -> str:
    return f"round {round_id >> 32}/{index_of_round(round_id)}"
