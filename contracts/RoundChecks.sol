// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {CommitteeBitmap} from "./libraries/CommitteeBitmap.sol";
import {RoundPhase} from "./libraries/RoundPhase.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {Member, RoundId} from "./types/Ids.sol";
import {RoundHead, RoundState, RoundTail} from "./types/RoundState.sol";

/// @title RoundChecks
/// @notice What ConversionRounds keeps of its rounds, and what it requires of whoever moves one on.
abstract contract RoundChecks is IConversionRounds {
    using CommitteeBitmap for uint32;

    IGrantRegistry public immutable grants;
    uint32 internal immutable _voteSeconds;

    mapping(RoundId => RoundState) internal _rounds;

    constructor(IGrantRegistry grants_, uint32 voteSeconds) {
        (grants, _voteSeconds) = (grants_, voteSeconds);
    }

    /// @dev Records that left and rejections. Most rounds have neither, and then the tail is not read.
    function _tail(RoundState storage round, RoundHead memory head) internal view returns (RoundTail memory tail) {
        if (head.tailInUse) tail = round.tail;
    }

    function _phase(RoundId roundId, RoundHead memory head, uint128 excluded) internal view returns (Phase) {
        return RoundPhase.phaseOf(head, excluded, grants.isLive(roundId.grantOf()), block.timestamp, _voteSeconds);
    }

    // --- requirements ---

    function _requirePhase(RoundId roundId, RoundHead memory head, uint128 excluded, Phase expected) internal view {
        Phase current = _phase(roundId, head, excluded);
        if (current != expected) revert WrongPhase(roundId, current, expected);
    }

    /// @dev Committee and data are the round's.
    function _requireRound(RoundId roundId, bytes32 key, Member[] calldata committee, bytes32 roundDataHash) internal view {
        bytes32 committeeHash = _hashOf(committee);
        if (Transcript.roundKey(committeeHash, roundDataHash) == key) return;
        // Which of the two it was is worth a call only now.
        (, bytes32 expected) = grants.liveCommittee(roundId.grantOf());
        if (committeeHash != expected) revert WrongCommittee(roundId);
        revert WrongRoundData(roundId);
    }

    /// @dev The same, and the sender is in `slot`.
    function _requireMember(RoundId roundId, bytes32 key, RoundHead memory head, Member[] calldata committee, bytes32 roundDataHash, uint8 slot)
        internal
        view
    {
        _requireRound(roundId, key, committee, roundDataHash);
        _requireSlot(roundId, head, committee, slot);
    }

    /// @dev Committee, data and result are those of the live proposal, by one read: votes pay for it.
    function _requireProposal(
        RoundId roundId, RoundState storage round, Member[] calldata committee, bytes32 roundDataHash, bytes32 resultHash
    ) internal view {
        bytes32 key = Transcript.roundKey(_hashOf(committee), roundDataHash);
        if (Transcript.proposal(key, resultHash) == round.proposal) return;
        _requireRound(roundId, round.key, committee, roundDataHash);
        revert WrongResultHash(roundId, resultHash);
    }

    /// @dev The sender is the member in `slot`, with no bad cfrags in this round.
    function _requireSlot(RoundId roundId, RoundHead memory head, Member[] calldata committee, uint8 slot) internal view {
        if (slot == 0 || slot > committee.length || committee[slot - 1].accountOf() != msg.sender) revert NotInSlot(roundId, slot, msg.sender);
        if (head.challenged.has(slot)) revert SlotChallenged(roundId, slot);
    }

    /// @dev The keys are those of the round's re-key, which were proven when it was granted.
    function _requireKeys(RoundId roundId, RoundData calldata data, ChallengeKeys calldata keys) internal pure {
        bytes32 rest = Transcript.rekeyRest(
            BLS12381.hashOf(keys.labelKey), BLS12381.hashOfCalldata(keys.commitments), keys.rekeyTail
        );
        if (rest != data.rekeyRest) revert WrongRoundData(roundId);
    }

    /// @dev Transcript.committeeHash from calldata, where the members are one run of words: every submission and vote pays for it.
    function _hashOf(Member[] calldata committee) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let start := mload(0x40)
            let size := shl(5, committee.length)
            calldatacopy(start, committee.offset, size)
            digest := keccak256(start, size)
        }
    }

    function _hashOf(RoundData memory data) internal pure returns (bytes32) {
        return Transcript.roundDataHash(data.label, data.maskHash, data.rekeyRest, data.capsulesHash, data.recordIdsHash);
    }
}
