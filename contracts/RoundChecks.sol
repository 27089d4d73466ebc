// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ConversionVerifier} from "./ConversionVerifier.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IConversionVerifier} from "./interfaces/IConversionVerifier.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
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
    IProxyRegistry public immutable proxies;
    IRecordRegistry public immutable records;
    ITreasury public immutable treasury;
    IConversionVerifier public immutable verifier;
    uint32 internal immutable _roundSeconds;
    uint32 internal immutable _voteSeconds;
    uint32 internal immutable _challengeSeconds;
    uint96 internal immutable _feePerCfragWei;
    uint128 internal immutable _challengePenaltyWei;

    mapping(RoundId => RoundState) internal _rounds;

    constructor(IGrantRegistry grants_, IProxyRegistry proxies_, IRecordRegistry records_, ITreasury treasury_, Settings memory settings_) {
        if (settings_.roundSeconds == 0 || settings_.voteSeconds == 0 || settings_.challengeSeconds == 0) revert BadSettings();
        (grants, proxies, records, treasury) = (grants_, proxies_, records_, treasury_);
        (_roundSeconds, _voteSeconds, _challengeSeconds) = (settings_.roundSeconds, settings_.voteSeconds, settings_.challengeSeconds);
        (_feePerCfragWei, _challengePenaltyWei) = (settings_.feePerCfragWei, settings_.challengePenaltyWei);
        verifier = new ConversionVerifier(records_);
    }

    /// @dev Records that left, rejections, bad cfrags. Most rounds have none, and then the tail is not read.
    function _tail(RoundState storage round, RoundHead memory head) internal view returns (RoundTail memory tail) {
        if (head.tailInUse) tail = round.tail;
    }

    function _phase(RoundId roundId, RoundHead memory head, uint128 excluded) internal view returns (Phase) {
        return RoundPhase.phaseOf(head, excluded, grants.isEnded(roundId.grantOf()), block.timestamp, _voteSeconds);
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
        if (committeeHash != grants.committeeHashOf(roundId.grantOf())) revert WrongCommittee(roundId);
        revert WrongRoundData(roundId);
    }

    /// @dev The same, and the sender is in `slot`.
    function _requireMember(RoundId roundId, bytes32 key, uint32 challenged, Member[] calldata committee, bytes32 roundDataHash, uint8 slot)
        internal
        view
    {
        _requireRound(roundId, key, committee, roundDataHash);
        _requireSlot(roundId, challenged, committee, slot);
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
    function _requireSlot(RoundId roundId, uint32 challenged, Member[] calldata committee, uint8 slot) internal view {
        if (slot == 0 || slot > committee.length || committee[slot - 1].accountOf() != msg.sender) revert NotInSlot(roundId, slot, msg.sender);
        if (challenged.has(slot)) revert SlotChallenged(roundId, slot);
    }

    /// @dev A proposal's votes go with it; its hash stays behind without meaning, which saves the next one a fresh slot.
    function _dropProposal(RoundHead memory head, RoundTail memory tail) internal pure {
        (head.leader, head.approvals, head.contributors, head.voteEnd, tail.rejections) = (0, 0, 0, 0, 0);
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
