// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";
import {GrantId, Member, RecordId, RoundId} from "../types/Ids.sol";

/// @title Conversion rounds: t cfrags, a leader's verified result, a vote, and the converted ciphertext on record.
///
///     openRound -> submitCfrags x t -> propose -> vote x (n/2, the leader's own counts) -> RoundFinalized
///     openRound -> finalizeSigned, once t cfrags and a majority's signatures were exchanged off the chain -> RoundFinalized
///
/// @notice Every step is safe to repeat and any honest member can take the next one after a deadline. A wrong result cannot be proposed: the
/// contract checks e(W, h2) == e(c1, V) (SCHEME §6). Votes are the paper's consensus; if they do not come, the proof finalizes.
interface IConversionRounds {
    /// Derived from storage, the grant and the clock; see `phaseOf`.
    enum Phase {
        None,
        Submitting, // fewer than t cfrags stand
        Proposing, // t cfrags stand, no live proposal
        Voting, // a verified proposal, vote window open
        Provable, // vote window passed without a majority: anyone may finalize by proof
        Finalized,
        Expired, // deadline passed
        Ended // the grant was revoked or voided before t cfrags stood; or every record was excluded
    }

    /// Fixed for the contract's life; the reserve of a round is records * (threshold * feePerCfragWei + the grant's price of a conversion).
    struct Settings {
        uint32 roundSeconds; // openRound to the last proposal
        uint32 voteSeconds; // window of one proposal
        uint32 challengeSeconds; // after the round's end
        uint96 feePerCfragWei; // per record and contributor
        uint128 challengePenaltyWei; // from the bond of a bad cfrag, to the challenger
    }

    /// A record as openRound takes it: hashes to the record registry's recordHash (SPEC §6).
    struct RecordRef {
        RecordId recordId;
        G1Point c1;
        bytes32 sealHash;
    }

    /// What RoundOpened fixed, as hashes; with the committee it is the preimage of the round's key (SPEC §9).
    struct RoundData {
        bytes32 label;
        bytes32 maskHash; // keccak256(V)
        bytes32 rekeyRest; // rest of the re-key's hash
        bytes32 capsulesHash; // keccak256(c1_1 ‖ … ‖ c1_m)
        bytes32 recordIdsHash; // keccak256(word(recordId_1) ‖ … ‖ word(recordId_m))
    }

    /// A signature as of EIP-2098: r, and the parity of v in the top bit of s.
    struct Signature {
        bytes32 r;
        bytes32 vs;
    }

    struct Round {
        uint40 deadline; // last moment of submissions and proposals
        uint40 voteEnd; // of the live proposal; when finalized or closed: end of the challenge window
        uint32 submitted; // bitmaps: bit i-1 is slot i
        uint32 approvals;
        uint32 rejections;
        uint32 challenged; // slots whose cfrags were shown to be bad: no further part in this round
        uint8 leader; // slot of the live or final proposal, 0 if none
        uint8 records;
        uint8 threshold;
        uint8 committeeSize;
        bool finalized;
        bool closed;
        bool priceReserved; // the price of its records is neither the owner's yet nor back in the deposit
        uint128 excluded; // bit j: record j left the round
        uint32 claimed; // bitmap of slots that took their fee
        uint32 barred; // slots whose proposal a majority rejected: they do not propose again in this round
        uint32 contributors; // of the live or final proposal
        bytes32 key; // keccak256(committeeHash, keccak256(RoundData))
        bytes32 submissions; // hash chain (SPEC §9)
        bytes32 proposal; // keccak256(key, resultHash) of the latest proposal; live or final if there is a leader
    }

    event RoundOpened(
        RoundId indexed roundId, GrantId indexed grantId, address indexed opener, uint32 epoch, uint40 deadline, RoundData data, RecordId[] recordIds, G1Point[] capsules
    );
    event CfragsSubmitted(RoundId indexed roundId, address indexed proxy, uint8 slot, uint128 excluded, G1Point[] cfrags, Proof proof);
    event LeaderProposed(RoundId indexed roundId, address indexed leader, uint8 slot, uint32 contributors, uint128 excluded, bytes32 resultHash, G1Point[] results);
    event VoteCast(RoundId indexed roundId, address indexed proxy, uint8 slot, bool approve, bytes32 resultHash);
    event ProposalRejected(RoundId indexed roundId, address indexed leader, bytes32 resultHash);
    /// The conversion record: with LeaderProposed's results of the same resultHash, the converted ciphertexts.
    event RoundFinalized(RoundId indexed roundId, GrantId indexed grantId, address indexed leader, uint32 contributors, uint32 approvals, bytes32 resultHash, bool byProof);
    event RoundClosed(RoundId indexed roundId, Phase phase, uint32 missing);
    event CfragChallenged(RoundId indexed roundId, address indexed proxy, uint8 slot, address challenger);
    event RecordExcluded(RoundId indexed roundId, RecordId indexed recordId, address indexed reporter);
    event FeeClaimed(RoundId indexed roundId, address indexed proxy, uint256 amount);

    error WrongPhase(RoundId roundId, Phase current, Phase expected);
    error WrongCommittee(RoundId roundId);
    error NotInSlot(RoundId roundId, uint8 slot, address caller);
    error WrongRoundData(RoundId roundId);
    error WrongRecordCount(uint256 given, uint256 minimum, uint256 maximum);
    error UnknownRecord(RecordId recordId);
    error RecordsNotAscending(uint256 position);
    error RekeyMismatch(GrantId grantId, uint32 epoch);
    error AlreadySubmitted(RoundId roundId, uint8 slot);
    error EnoughCfrags(RoundId roundId, uint8 threshold);
    error WrongCfragCount(RoundId roundId, uint256 given, uint256 expected);
    error ScalarTooLarge(uint256 scalar);
    /// The slot's cfrags were shown to be bad: it takes no further part in this round.
    error SlotChallenged(RoundId roundId, uint8 slot);
    /// A majority rejected this slot's proposal: it does not lead this round again.
    error LeaderBarred(RoundId roundId, uint8 slot);
    error ContributorsNotSubmitted(RoundId roundId, uint32 contributors, uint32 submitted);
    error WrongContributorCount(RoundId roundId, uint256 given, uint8 threshold);
    /// The pairing equation of SCHEME §6 does not hold.
    error WrongResult(RoundId roundId);
    error AlreadyVoted(RoundId roundId, uint8 slot);
    error WrongResultHash(RoundId roundId, bytes32 given);
    error NotSubmitted(RoundId roundId, uint8 slot);
    error WrongSubmission(RoundId roundId, uint8 slot);
    /// The cfrags' proof holds: nothing to challenge.
    error CfragIsGood(RoundId roundId, uint8 slot);
    error CapsuleIsGood(RoundId roundId, RecordId recordId);
    error ChallengeWindowOver(RoundId roundId);
    error ChallengeWindowOpen(RoundId roundId, uint256 until);
    error AlreadyClosed(RoundId roundId);
    /// No price of the round is left to settle.
    error NothingToSettle(RoundId roundId);
    /// Slots were named that are outside the committee, shown to be bad, or the leader's own where others' are asked for.
    error SlotsNotAllowed(RoundId roundId, uint32 slots, uint32 allowed);
    /// Cfrags stand on the chain that the result leaves out: they are owed their fee.
    error SubmittedLeftOut(RoundId roundId, uint32 submitted, uint32 contributors);
    error TooFewVotes(RoundId roundId, uint32 approvals, uint8 committeeSize);
    error WrongSignatureCount(RoundId roundId, uint256 given, uint256 expected);
    /// s is above half of the curve's order: the signature's other form.
    error SignatureNotLow(RoundId roundId, uint8 slot);
    /// Not the slot's member's signature of this result in this round, on this chain and contract.
    error WrongSignature(RoundId roundId, uint8 slot);
    error NotGrantRegistry(address caller);
    error BadSettings();

    /// @notice Opens a round over 1..100 records of one label of the grant, ascending by id. By whoever pays, the delegatee (the delegator of an offer), alone; takes
    /// quota, fees and price. It runs to its deadline past the grant's expiry.
    function openRound(GrantId grantId, uint32 epoch, bytes32 maskHash, bytes32 rekeyRest, RecordRef[] calldata records) external returns (RoundId);

    /// @notice GrantRegistry only: the first round in the grant's own transaction.
    function openFirstRound(GrantId grantId, address opener, uint32 epoch, bytes32 maskHash, bytes32 rekeyRest, RecordRef[] calldata records)
        external
        returns (RoundId);

    /// @notice Posts the cfrags w_j of all records still in the round, in order, with their batch proof (SCHEME §5). Points are checked when used.
    function submitCfrags(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot, G1Point[] calldata cfrags, Proof calldata proof) external;

    /// @notice Proposes the combined results W_j of all records still in the round from t submitted slots. Reverts unless right; counts as the leader's
    /// vote, and makes the price of the round's records the owner's.
    function propose(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, uint8 slot, uint32 contributors, G2Point calldata mask, G1Point[] calldata capsules, G1Point[] calldata results
    ) external;

    /// @notice Votes on the live proposal. More than n/2 in favour finalizes in this transaction, more than n/2 against frees the round.
    function vote(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot, bytes32 resultHash, bool approve) external;

    /// @notice Anyone: finalizes the proposal of that hash, whose vote window passed without a majority.
    function finalizeByProof(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, bytes32 resultHash) external;

    /// @notice The whole round in one transaction: the results W_j of all records still in it, verified as by `propose`, with the signed approvals of
    /// a majority (SPEC §15). `contributors`: the t slots whose cfrags went into W; all that stand on the chain must be among them, and they are
    /// paid as if they had submitted. `voters`: the other members who approve, with their signatures in ascending order of slots.
    /// There are no cfrags on the chain to challenge: the pairing proves the results, the majority vouches for who contributed.
    function finalizeSigned(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, uint8 slot, uint32 contributors, G2Point calldata mask, G1Point[] calldata capsules, G1Point[] calldata results, uint32 voters, Signature[] calldata signatures
    ) external;

    /// @notice Anyone, once Expired or Ended: returns what is not owed, opens the challenge window after which standing cfrags are paid, and
    /// counts who was missing. Nobody was in a round that Expired with t cfrags, or that a record or a challenged slot left; nor was a member
    /// whose exit had begun when it was opened, or who joined since.
    function close(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash) external;

    /// One submission and its place in the hash chain.
    struct Submission {
        uint8 slot;
        uint128 excluded;
        G1Point[] cfrags;
        Proof proof;
        bytes32 before; // chain value before it
        bytes32[] later; // links that followed it
    }

    /// @notice Anyone, until the challenge window ends: shows that a submission's proof does not hold. Takes the cfrag out and pays the challenger
    /// from the bond. A live proposal that names the slot stays: its results were checked by the pairing equation, not by their parts.
    /// `keys` holds A_L and C_0..C_{t-1} of the grant, checked against the round's rekeyRest.
    function challengeCfrags(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, Submission calldata submission, G1Point[] calldata capsules, ChallengeKeys calldata keys
    ) external;

    /// The grant's values that a challenge needs, hashed again to `rekeyRest` (SPEC §7).
    struct ChallengeKeys {
        G1Point labelKey; // A_L
        G1Point[] commitments;
        bytes32 rekeyTail;
    }

    /// A record's preimage, for the proof of its capsule (SPEC §6).
    struct CapsuleReport {
        uint8 position; // in the round
        G1Point c1;
        bytes32 c2;
        bytes32 c3Hash;
        Proof proof;
        bytes32 cidHash;
        bytes32 tagsHash;
    }

    /// @notice Anyone, before the round ends: shows that capsule proofs do not hold; their records leave the round, and a live proposal that
    /// still has one falls (its leader may propose again). The last record out ends the round. Records that left before are skipped.
    /// @param slot of the sender, to whom one fee of each record's reserve goes; 0 for one who is no member: then that fee is burned
    function reportCapsules(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, RecordId[] calldata recordIds, CapsuleReport[] calldata reports, ChallengeKeys calldata keys, uint8 slot
    ) external;

    /// A round of a claim, and the hash of its RoundData.
    struct ClaimedRound {
        RoundId roundId;
        bytes32 roundDataHash;
    }

    /// @notice Anyone, after the challenge windows of finalized or closed rounds: credits the fees of a slot whose cfrags stood in each of them.
    /// Rounds whose fee was claimed before are skipped; of the others, all or none.
    function claimFees(Member[] calldata committee, uint8 slot, ClaimedRound[] calldata claims) external;

    /// @notice Anyone, after the challenge window of a round that was closed with its price reserved: the price is the owner's if t cfrags still
    /// stand, for then anybody can combine them; else it goes back to the deposit. Claiming a fee of the round does it too.
    function settlePrice(RoundId roundId) external;

    function settings() external view returns (Settings memory);

    function phaseOf(RoundId roundId) external view returns (Phase);

    function roundOf(RoundId roundId) external view returns (Round memory);

    /// @notice Rank order of slots in a round: lower goes first. rank = keccak256(roundId, slot).
    function rankOf(RoundId roundId, uint8 slot) external view returns (uint256);
}
