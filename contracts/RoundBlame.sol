// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundMoney} from "./RoundMoney.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {CommitteeBitmap} from "./libraries/CommitteeBitmap.sol";
import {RoundPhase} from "./libraries/RoundPhase.sol";
import {G1Point} from "./types/Points.sol";
import {Member, RecordId, RoundId} from "./types/Ids.sol";
import {Outcome, Price, RoundHead, RoundState, RoundTail} from "./types/RoundState.sol";

/// @title RoundBlame
/// @notice Evidence against what was posted: a member's cfrags, a publisher's capsule.
abstract contract RoundBlame is RoundMoney {
    using CommitteeBitmap for uint32;
    using CommitteeBitmap for uint256;
    using RoundPhase for RoundHead;

    bytes32 private constant BAD_CFRAG = "cfrag is bad";
    /// Where nobody can fetch it.
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    /// @inheritdoc IConversionRounds
    function challengeCfrags(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, Submission calldata submission, G1Point[] calldata, ChallengeKeys calldata
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        uint8 slot = submission.slot;
        if (head.deadline == 0) revert WrongPhase(roundId, Phase.None, Phase.Submitting);
        bool over = head.outcome != Outcome.Running;
        if (over && block.timestamp > head.voteEnd) revert ChallengeWindowOver(roundId);
        _requireRound(roundId, round.key, committee, _hashOf(data));
        if (slot == 0 || slot > head.committeeSize || !head.submitted.has(slot)) revert NotSubmitted(roundId, slot);
        address proxy = committee[slot - 1].accountOf();
        _askVerifier(round.submissions);

        head.submitted &= ~CommitteeBitmap.bit(slot);
        head.tailInUse = true;
        tail.challenged |= CommitteeBitmap.bit(slot);
        (round.head, round.tail) = (head, tail);
        emit CfragChallenged(roundId, proxy, slot, msg.sender);
        if (over) grants.returnReserve(roundId.grantOf(), _feePerCfragWei * head.remaining(tail.excluded), 0);
        proxies.penalize(proxy, msg.sender, _challengePenaltyWei, BAD_CFRAG);
    }

    /// @inheritdoc IConversionRounds
    function reportCapsules(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, RecordId[] calldata recordIds, CapsuleReport[] calldata, ChallengeKeys calldata, uint8 slot
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        Phase phase = _phase(roundId, head, tail.excluded);
        if (phase < Phase.Submitting || phase > Phase.Provable) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireRound(roundId, round.key, committee, _hashOf(data));
        if (slot != 0) _requireSlot(roundId, tail.challenged, committee, slot);
        uint128 left = uint128(uint256(_askVerifier(bytes32(uint256(tail.excluded)))));
        if (left == 0) return;
        for (uint256 j = 0; j < recordIds.length; ++j) {
            if ((left >> j) & 1 == 1) emit RecordExcluded(roundId, recordIds[j], msg.sender);
        }
        tail.excluded |= left;
        head.tailInUse = true;
        if (head.leader != 0) _dropProposal(head, tail);
        (round.head, round.tail) = (head, tail);
        uint256 count = uint256(left).count();
        // One fee of a record's reserve is the reporter's, for its gas; the opener, who chose the record, does not get it back.
        treasury.credit(_moneyOf(roundId), slot == 0 ? BURNED : msg.sender, count * _feePerCfragWei);
        grants.returnReserve(roundId.grantOf(), count * _feePerCfragWei * (head.threshold - 1), head.price == Price.Reserved ? count : 0);
    }

    /// @dev Hands the whole call on as it came, with one word of the round's state behind it (IConversionVerifier): to encode all of it again would
    /// take more code than a contract may have. Reverts as the verifier does; gives the word that it answers.
    function _askVerifier(bytes32 word) private view returns (bytes32) {
        (bool ok, bytes memory answer) = address(verifier).staticcall(abi.encodePacked(msg.data, word));
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return abi.decode(answer, (bytes32));
    }
}
