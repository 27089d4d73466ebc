// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundChecks} from "./RoundChecks.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {CommitteeBitmap} from "./libraries/CommitteeBitmap.sol";
import {RoundPhase} from "./libraries/RoundPhase.sol";
import {GrantId, Member, RoundId} from "./types/Ids.sol";
import {Outcome, Price, RoundHead, RoundState, RoundTail} from "./types/RoundState.sol";

/// @title RoundMoney
/// @notice What a round owes to whom, from its end on.
/// @dev takeQuota sets aside records * (threshold * fee + price). While a round runs its reserve is that for the records still in; a record that leaves
/// takes its own along. The price leaves when a result is proven, or waits past the end of a round that was closed with t cfrags. From the end on
/// (finalized or closed) the reserve is fee * (records still in) for each standing slot, and that price; the rest has gone back to the grant.
abstract contract RoundMoney is RoundChecks {
    using CommitteeBitmap for uint32;
    using CommitteeBitmap for uint256;
    using RoundPhase for RoundHead;

    /// @inheritdoc IConversionRounds
    function close(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        Phase phase = _phase(roundId, head, tail.excluded);
        if (phase != Phase.Expired && phase != Phase.Ended) revert WrongPhase(roundId, phase, Phase.Expired);
        if (head.outcome == Outcome.Closed) revert AlreadyClosed(roundId);
        _requireRound(roundId, round.key, committee, roundDataHash);

        // Whoever left an expired round short of t cfrags, if nothing in it kept him from it. A live proposal says that t were there.
        bool short = phase == Phase.Expired && head.leader == 0 && head.standing() < head.threshold;
        uint32 silent = short && tail.excluded == 0 && tail.challenged == 0 ? CommitteeBitmap.all(head.committeeSize) & ~head.submitted : 0;
        _dropProposal(head, tail);
        head.outcome = Outcome.Closed;
        head.voteEnd = uint40(block.timestamp + _challengeSeconds);
        uint256 remaining = head.remaining(tail.excluded);
        uint256 prices = 0;
        // Short of t cfrags nothing can be read, and where every record left nothing is there to be.
        bool unread = head.standing() < head.threshold || remaining == 0;
        if (head.price == Price.Reserved && unread) (head.price, prices) = (Price.Settled, remaining);
        round.head = head;
        if (head.tailInUse) round.tail = tail;
        GrantId grantId = roundId.grantOf();
        grants.returnReserve(grantId, _unspentFees(head, remaining), prices);
        uint32 missing = silent == 0 ? 0 : _recordMisses(grantId, committee, silent, head.deadline - _roundSeconds);
        emit RoundClosed(roundId, phase, missing);
    }

    /// @dev Those of the silent slots that ProxyRegistry counts.
    function _recordMisses(GrantId grantId, Member[] calldata committee, uint32 silent, uint40 openedAt) private returns (uint32 missing) {
        address beneficiary = grants.accessOf(grantId).delegatee;
        for (uint8 slot = 1; slot <= committee.length; ++slot) {
            if (!silent.has(slot)) continue;
            if (proxies.recordMiss(committee[slot - 1].accountOf(), openedAt, beneficiary)) missing |= CommitteeBitmap.bit(slot);
        }
    }

    /// @inheritdoc IConversionRounds
    function claimFees(Member[] calldata committee, uint8 slot, ClaimedRound[] calldata claims) external {
        for (uint256 i = 0; i < claims.length; ++i) {
            _claimFee(claims[i].roundId, committee, claims[i].roundDataHash, slot);
        }
    }

    function _claimFee(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot) private {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = round.tail;
        _requireSettled(roundId, head, tail.excluded);
        _requireRound(roundId, round.key, committee, roundDataHash);
        if (slot == 0 || slot > head.committeeSize || !head.submitted.has(slot)) revert NotSubmitted(roundId, slot);
        // Anybody may have claimed it first: no reason to lose the other claims.
        if (tail.claimed.has(slot)) return;

        round.tail.claimed = tail.claimed | CommitteeBitmap.bit(slot);
        address proxy = committee[slot - 1].accountOf();
        uint256 fee = _feePerCfragWei * head.remaining(tail.excluded);
        emit FeeClaimed(roundId, proxy, fee);
        if (head.price == Price.Reserved) _settlePrice(roundId, round, head, tail.excluded);
        treasury.credit(_moneyOf(roundId), proxy, fee);
        proxies.recordServed(proxy);
    }

    /// @inheritdoc IConversionRounds
    function settlePrice(RoundId roundId) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        uint128 excluded = _tail(round, head).excluded;
        _requireSettled(roundId, head, excluded);
        if (head.price != Price.Reserved) revert NothingToSettle(roundId);
        _settlePrice(roundId, round, head, excluded);
    }

    function _settlePrice(RoundId roundId, RoundState storage round, RoundHead memory head, uint128 excluded) private {
        round.head.price = Price.Settled;
        uint256 remaining = head.remaining(excluded);
        if (head.standing() < head.threshold) grants.returnReserve(roundId.grantOf(), 0, remaining);
        else grants.recordServed(roundId.grantOf(), remaining);
    }

    /// @dev The round is over, and so is the time to show that its cfrags are bad.
    function _requireSettled(RoundId roundId, RoundHead memory head, uint128 excluded) private view {
        if (head.outcome == Outcome.Running) revert WrongPhase(roundId, _phase(roundId, head, excluded), Phase.Finalized);
        if (block.timestamp <= head.voteEnd) revert ChallengeWindowOpen(roundId, head.voteEnd);
    }

    /// @dev What the reserve has beyond the fees of the slots that stand.
    function _unspentFees(RoundHead memory head, uint256 remaining) internal view returns (uint256) {
        return _feePerCfragWei * remaining * (head.threshold - head.standing());
    }

    function _moneyOf(RoundId roundId) internal pure returns (bytes32) {
        return bytes32(uint256(GrantId.unwrap(roundId.grantOf())));
    }
}
