// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundBlame} from "./RoundBlame.sol";
import {RoundChecks} from "./RoundChecks.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Generators} from "./libraries/Generators.sol";
import {CommitteeBitmap} from "./libraries/CommitteeBitmap.sol";
import {RoundCapsules} from "./libraries/RoundCapsules.sol";
import {RoundPhase} from "./libraries/RoundPhase.sol";
import {SignedVotes} from "./libraries/SignedVotes.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "./types/Points.sol";
import {GrantId, Member, RecordId, RoundId, toRoundId} from "./types/Ids.sol";
import {Outcome, Price, RoundHead, RoundState, RoundTail} from "./types/RoundState.sol";

/// @title ConversionRounds
/// @dev Assumes of the other contracts: GrantRegistry's re-keys are well formed and its committee is fixed once granted; a record's hash never
/// changes; Treasury and ProxyRegistry call nobody back.
/// Money: see RoundMoney.
contract ConversionRounds is RoundBlame {
    using CommitteeBitmap for uint32;
    using CommitteeBitmap for uint256;
    using RoundCapsules for G1Point[];
    using RoundPhase for RoundHead;

    uint256 private constant MAXIMUM_RECORDS = 100;

    constructor(
        IGrantRegistry grants_, IProxyRegistry proxies_, IRecordRegistry records_, ITreasury treasury_, Settings memory settings_
    ) RoundChecks(grants_, proxies_, records_, treasury_, settings_) {}

    // --- open ---

    /// @inheritdoc IConversionRounds
    function openRound(GrantId grantId, uint32 epoch, bytes32 maskHash, bytes32 rekeyRest, RecordRef[] calldata records_)
        external
        returns (RoundId)
    {
        return _open(grantId, msg.sender, epoch, maskHash, rekeyRest, records_);
    }

    /// @inheritdoc IConversionRounds
    function openFirstRound(
        GrantId grantId, address opener, uint32 epoch, bytes32 maskHash, bytes32 rekeyRest, RecordRef[] calldata records_
    ) external returns (RoundId) {
        if (msg.sender != address(grants)) revert NotGrantRegistry(msg.sender);
        return _open(grantId, opener, epoch, maskHash, rekeyRest, records_);
    }

    function _open(GrantId grantId, address opener, uint32 epoch, bytes32 maskHash, bytes32 rekeyRest, RecordRef[] calldata records_)
        private
        returns (RoundId roundId)
    {
        uint256 count = records_.length;
        if (count == 0 || count > MAXIMUM_RECORDS) revert WrongRecordCount(count, 1, MAXIMUM_RECORDS);
        if (Transcript.rekeyHash(maskHash, rekeyRest) != grants.rekeyHash(grantId, epoch)) revert RekeyMismatch(grantId, epoch);
        IGrantRegistry.Opening memory opening = grants.takeQuota(grantId, opener, uint32(count), _feePerCfragWei);
        roundId = toRoundId(grantId, opening.index);

        RoundData memory data;
        (data.label,,) = records.labelOf(opening.streamId, epoch);
        (data.maskHash, data.rekeyRest) = (maskHash, rekeyRest);
        (RecordId[] memory ids, G1Point[] memory capsules) = _takeRecords(data.label, records_);
        (data.capsulesHash, data.recordIdsHash) = (BLS12381.hashOf(capsules), Transcript.recordIdsHash(ids));

        RoundState storage round = _rounds[roundId];
        RoundHead memory head;
        head.deadline = uint40(block.timestamp + _roundSeconds);
        head.records = uint8(count);
        head.threshold = opening.threshold;
        head.committeeSize = opening.committeeSize;
        head.price = opening.priced ? Price.Reserved : Price.None;
        round.head = head;
        // The chain of submissions starts as the key: bound to the round, and never zero.
        bytes32 key = Transcript.roundKey(opening.committeeHash, _hashOf(data));
        (round.key, round.submissions) = (key, key);
        emit RoundOpened(roundId, grantId, opener, epoch, head.deadline, data, ids, capsules);
    }

    /// @dev Records of the label, ascending: the record's hash names its label, and with it stream, epoch and owner.
    function _takeRecords(bytes32 label, RecordRef[] calldata refs) private view returns (RecordId[] memory ids, G1Point[] memory capsules) {
        ids = new RecordId[](refs.length);
        capsules = new G1Point[](refs.length);
        for (uint256 j = 0; j < refs.length; ++j) {
            RecordId id = refs[j].recordId;
            if (j != 0 && RecordId.unwrap(id) <= RecordId.unwrap(ids[j - 1])) revert RecordsNotAscending(j);
            (ids[j], capsules[j]) = (id, refs[j].c1);
            if (Transcript.recordHash(label, BLS12381.hashOf(capsules[j]), refs[j].sealHash) != records.recordHash(id)) revert UnknownRecord(id);
        }
    }

    // --- convert ---

    /// @inheritdoc IConversionRounds
    function submitCfrags(
        RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot, G1Point[] calldata cfrags, Proof calldata proof
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        uint128 excluded = tail.excluded;
        Phase phase = _phase(roundId, head, excluded);
        if (phase == Phase.Proposing) revert EnoughCfrags(roundId, head.threshold);
        if (phase != Phase.Submitting) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireMember(roundId, round.key, tail.challenged, committee, roundDataHash, slot);
        if (head.submitted.has(slot)) revert AlreadySubmitted(roundId, slot);
        uint256 remaining = head.remaining(excluded);
        if (cfrags.length != remaining) revert WrongCfragCount(roundId, cfrags.length, remaining);
        if (proof.response >= BLS12381.R) revert ScalarTooLarge(proof.response);
        proxies.requireBonded(msg.sender);

        // One field of the head, and the chain: what every cfrag pays for.
        round.head.submitted = head.submitted | CommitteeBitmap.bit(slot);
        bytes32 link = Transcript.submissionLink(slot, excluded, BLS12381.hashOfCalldata(cfrags), proof);
        round.submissions = Transcript.appendLink(round.submissions, link);
        emit CfragsSubmitted(roundId, msg.sender, slot, excluded, cfrags, proof);
    }

    /// @inheritdoc IConversionRounds
    function propose(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, uint8 slot, uint32 contributors, G2Point calldata mask, G1Point[] calldata capsules, G1Point[] calldata results
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        _requirePhase(roundId, head, tail.excluded, Phase.Proposing);
        _requireMember(roundId, round.key, tail.challenged, committee, _hashOf(data), slot);
        if (tail.barred.has(slot)) revert LeaderBarred(roundId, slot);
        _requireContributors(roundId, head, contributors);
        bytes32 resultsHash = BLS12381.hashOfCalldata(results);
        _requireRight(roundId, data, head, tail.excluded, mask, capsules, results);

        bytes32 resultHash = Transcript.resultHash(roundId, contributors, tail.excluded, resultsHash);
        head.leader = slot;
        head.approvals = CommitteeBitmap.bit(slot);
        head.voteEnd = uint40(block.timestamp + _voteSeconds);
        head.contributors = contributors;
        uint256 prices = _takePrice(head, tail.excluded);
        (round.head, round.proposal) = (head, Transcript.proposal(round.key, resultHash));
        emit LeaderProposed(roundId, msg.sender, slot, contributors, tail.excluded, resultHash, results);
        if (head.approvals.isMajority(head.committeeSize)) _finalize(roundId, round, head, tail.excluded, msg.sender, resultHash, false);
        // A right result is on the chain, and the delegatee can read it whatever the votes say.
        grants.recordServed(roundId.grantOf(), prices);
    }

    /// @dev The number of records whose price falls due with a proven result; a later proposal of the round finds it settled.
    function _takePrice(RoundHead memory head, uint128 excluded) private pure returns (uint256 prices) {
        if (head.price == Price.Reserved) (head.price, prices) = (Price.Settled, head.remaining(excluded));
    }

    function _requireContributors(RoundId roundId, RoundHead memory head, uint32 contributors) private pure {
        if (!contributors.isSubsetOf(head.submitted)) revert ContributorsNotSubmitted(roundId, contributors, head.submitted);
        uint256 count = uint256(contributors).count();
        if (count != head.threshold) revert WrongContributorCount(roundId, count, head.threshold);
    }

    /// @dev e(prod W_j^rho_j, h2^-1) * e(prod c1_j^rho_j, V) == 1 (SCHEME §6). MSM and pairing place every point in the subgroup.
    function _requireRight(
        RoundId roundId, RoundData calldata data, RoundHead memory head, uint128 excluded, G2Point calldata mask, G1Point[] calldata capsules, G1Point[] calldata results
    ) private view {
        if (BLS12381.hashOf(mask) != data.maskHash) revert WrongRoundData(roundId);
        G1Point[] memory standing = capsules.standing(roundId, data.capsulesHash, excluded);
        uint256 count = head.remaining(excluded);
        if (results.length != count) revert WrongCfragCount(roundId, results.length, count);
        G1Point[] memory p = new G1Point[](2);
        G2Point[] memory q = new G2Point[](2);
        (q[0], q[1]) = (Generators.NEG_H2(), mask);
        if (count == 1) {
            (p[0], p[1]) = (results[0], standing[0]);
        } else {
            (p[0], p[1]) = verifier.combine(address(this), roundId, data.maskHash, standing, results);
        }
        if (!BLS12381.pairingIsOne(p, q)) revert WrongResult(roundId);
    }

    /// @inheritdoc IConversionRounds
    function vote(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot, bytes32 resultHash, bool approve) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        _requirePhase(roundId, head, tail.excluded, Phase.Voting);
        _requireProposal(roundId, round, committee, roundDataHash, resultHash);
        _requireSlot(roundId, tail.challenged, committee, slot);
        if ((head.approvals | tail.rejections).has(slot)) revert AlreadyVoted(roundId, slot);

        emit VoteCast(roundId, msg.sender, slot, approve, resultHash);
        address leader = committee[head.leader - 1].accountOf();
        if (approve) {
            head.approvals |= CommitteeBitmap.bit(slot);
            if (head.approvals.isMajority(head.committeeSize)) _finalize(roundId, round, head, tail.excluded, leader, resultHash, false);
            else round.head.approvals = head.approvals;
        } else {
            head.tailInUse = true;
            tail.rejections |= CommitteeBitmap.bit(slot);
            if (tail.rejections.isMajority(head.committeeSize)) {
                emit ProposalRejected(roundId, leader, resultHash);
                tail.barred |= CommitteeBitmap.bit(head.leader);
                _dropProposal(head, tail);
            }
            (round.head, round.tail) = (head, tail);
        }
    }

    /// @inheritdoc IConversionRounds
    function finalizeByProof(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, bytes32 resultHash) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        uint128 excluded = _tail(round, head).excluded;
        _requirePhase(roundId, head, excluded, Phase.Provable);
        _requireProposal(roundId, round, committee, roundDataHash, resultHash);
        _finalize(roundId, round, head, excluded, committee[head.leader - 1].accountOf(), resultHash, true);
    }

    /// @inheritdoc IConversionRounds
    function finalizeSigned(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, uint8 slot, uint32 contributors, G2Point calldata mask, G1Point[] calldata capsules, G1Point[] calldata results, uint32 voters, Signature[] calldata signatures
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        uint128 excluded = tail.excluded;
        Phase phase = _phase(roundId, head, excluded);
        if (phase != Phase.Submitting && phase != Phase.Proposing) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireMember(roundId, round.key, tail.challenged, committee, _hashOf(data), slot);
        uint32 allowed = CommitteeBitmap.all(head.committeeSize) & ~tail.challenged;
        if (!contributors.isSubsetOf(allowed)) revert SlotsNotAllowed(roundId, contributors, allowed);
        if (!head.submitted.isSubsetOf(contributors)) revert SubmittedLeftOut(roundId, head.submitted, contributors);
        allowed &= ~CommitteeBitmap.bit(slot);
        if (!voters.isSubsetOf(allowed)) revert SlotsNotAllowed(roundId, voters, allowed);
        // From here on as if the contributors had submitted, and slot had proposed.
        (head.submitted, head.contributors, head.leader) = (contributors, contributors, slot);
        head.approvals = voters | CommitteeBitmap.bit(slot);
        _requireContributors(roundId, head, contributors);
        if (!head.approvals.isMajority(head.committeeSize)) revert TooFewVotes(roundId, head.approvals, head.committeeSize);
        bytes32 resultHash = Transcript.resultHash(roundId, contributors, excluded, BLS12381.hashOfCalldata(results));
        SignedVotes.requireSigned(roundId, Transcript.voteDigest(address(this), roundId, resultHash), committee, voters, signatures);
        _requireRight(roundId, data, head, excluded, mask, capsules, results);

        uint256 prices = _takePrice(head, excluded);
        round.proposal = Transcript.proposal(round.key, resultHash);
        emit LeaderProposed(roundId, msg.sender, slot, contributors, excluded, resultHash, results);
        _finalize(roundId, round, head, excluded, msg.sender, resultHash, false);
        grants.recordServed(roundId.grantOf(), prices);
    }

    function _finalize(
        RoundId roundId, RoundState storage round, RoundHead memory head, uint128 excluded, address leader, bytes32 resultHash, bool byProof
    ) private {
        head.outcome = Outcome.Finalized;
        head.voteEnd = uint40(block.timestamp + _challengeSeconds);
        round.head = head;
        emit RoundFinalized(roundId, roundId.grantOf(), leader, head.contributors, head.approvals, resultHash, byProof);
        uint256 unspent = _unspentFees(head, head.remaining(excluded));
        if (unspent != 0) grants.returnReserve(roundId.grantOf(), unspent, 0);
    }

    // --- views ---

    /// @inheritdoc IConversionRounds
    function settings() external view returns (Settings memory) {
        return Settings(_roundSeconds, _voteSeconds, _challengeSeconds, _feePerCfragWei, _challengePenaltyWei);
    }

    /// @inheritdoc IConversionRounds
    function phaseOf(RoundId roundId) external view returns (Phase) {
        return _phase(roundId, _rounds[roundId].head, _rounds[roundId].tail.excluded);
    }

    /// @inheritdoc IConversionRounds
    function roundOf(RoundId roundId) external view returns (Round memory) {
        RoundState memory round = _rounds[roundId];
        (RoundHead memory head, RoundTail memory tail) = (round.head, round.tail);
        return Round({
            deadline: head.deadline,
            voteEnd: head.voteEnd,
            submitted: head.submitted,
            approvals: head.approvals,
            rejections: tail.rejections,
            challenged: tail.challenged,
            leader: head.leader,
            records: head.records,
            threshold: head.threshold,
            committeeSize: head.committeeSize,
            finalized: head.outcome == Outcome.Finalized,
            closed: head.outcome == Outcome.Closed,
            priceReserved: head.price == Price.Reserved,
            excluded: tail.excluded,
            claimed: tail.claimed,
            barred: tail.barred,
            contributors: head.contributors,
            key: round.key,
            submissions: round.submissions,
            proposal: round.proposal
        });
    }

    /// @inheritdoc IConversionRounds
    function rankOf(RoundId roundId, uint8 slot) external pure returns (uint256) {
        return Transcript.rank(roundId, slot);
    }
}
