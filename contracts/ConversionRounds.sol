// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ConversionVerifier} from "./ConversionVerifier.sol";
import {RoundChecks} from "./RoundChecks.sol";
import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IConversionVerifier} from "./interfaces/IConversionVerifier.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Generators} from "./libraries/Generators.sol";
import {CommitteeBitmap} from "./libraries/CommitteeBitmap.sol";
import {RoundPhase} from "./libraries/RoundPhase.sol";
import {SignedVotes} from "./libraries/SignedVotes.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "./types/Points.sol";
import {GrantId, Member, RecordId, RoundId, StreamId, toRoundId} from "./types/Ids.sol";
import {Outcome, RoundHead, RoundState, RoundTail} from "./types/RoundState.sol";

/// @title ConversionRounds
/// @dev Assumes of the other contracts: GrantRegistry's re-keys are well formed and its committee is fixed once granted; a record's hash never
/// changes; Treasury and ProxyRegistry call nobody back.
///
/// Money: takeQuota sets aside threshold * records * fee. While a round runs that is its reserve; from its end (finalized or closed) the reserve
/// is fee * (records still in) for each standing slot, and what exceeds it has gone back to the grant.
contract ConversionRounds is RoundChecks {
    using CommitteeBitmap for uint32;
    using CommitteeBitmap for uint256;
    using RoundPhase for RoundHead;

    uint256 private constant MAXIMUM_RECORDS = 100;
    bytes32 private constant BAD_CFRAG = "cfrag is bad";

    IProxyRegistry public immutable proxies;
    IRecordRegistry public immutable records;
    ITreasury public immutable treasury;
    IConversionVerifier public immutable verifier;
    uint32 private immutable _roundSeconds;
    uint32 private immutable _challengeSeconds;
    uint96 private immutable _feePerCfragWei;
    uint128 private immutable _challengePenaltyWei;

    constructor(
        IGrantRegistry grants_, IProxyRegistry proxies_, IRecordRegistry records_, ITreasury treasury_, Settings memory settings_
    ) RoundChecks(grants_, settings_.voteSeconds) {
        if (settings_.roundSeconds == 0 || settings_.voteSeconds == 0 || settings_.challengeSeconds == 0) revert BadSettings();
        (proxies, records, treasury) = (proxies_, records_, treasury_);
        _roundSeconds = settings_.roundSeconds;
        _challengeSeconds = settings_.challengeSeconds;
        _feePerCfragWei = settings_.feePerCfragWei;
        _challengePenaltyWei = settings_.challengePenaltyWei;
        verifier = new ConversionVerifier();
    }

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
        (uint32 index, uint8 threshold, uint8 committeeSize, bytes32 committeeHash, StreamId streamId) =
            grants.takeQuota(grantId, opener, uint32(count), _feePerCfragWei);
        roundId = toRoundId(grantId, index);

        RoundData memory data;
        (data.label,,) = records.labelOf(streamId, epoch);
        (data.maskHash, data.rekeyRest) = (maskHash, rekeyRest);
        (RecordId[] memory ids, G1Point[] memory capsules) = _takeRecords(data.label, records_);
        (data.capsulesHash, data.recordIdsHash) = (BLS12381.hashOf(capsules), Transcript.recordIdsHash(ids));

        RoundState storage round = _rounds[roundId];
        RoundHead memory head;
        head.deadline = uint40(block.timestamp + _roundSeconds);
        head.records = uint8(count);
        head.threshold = threshold;
        head.committeeSize = committeeSize;
        round.head = head;
        // The chain of submissions starts as the key: bound to the round, and never zero.
        bytes32 key = Transcript.roundKey(committeeHash, _hashOf(data));
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
        uint128 excluded = _tail(round, head).excluded;
        Phase phase = _phase(roundId, head, excluded);
        if (phase == Phase.Proposing) revert EnoughCfrags(roundId, head.threshold);
        if (phase != Phase.Submitting) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireMember(roundId, round.key, head, committee, roundDataHash, slot);
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
        _requireMember(roundId, round.key, head, committee, _hashOf(data), slot);
        if (tail.barred.has(slot)) revert LeaderBarred(roundId, slot);
        _requireContributors(roundId, head, contributors);
        bytes32 resultsHash = BLS12381.hashOfCalldata(results);
        _requireRight(roundId, data, head, tail.excluded, mask, capsules, results);

        bytes32 resultHash = Transcript.resultHash(roundId, contributors, tail.excluded, resultsHash);
        head.leader = slot;
        head.approvals = CommitteeBitmap.bit(slot);
        head.voteEnd = uint40(block.timestamp + _voteSeconds);
        head.contributors = contributors;
        (round.head, round.proposal) = (head, Transcript.proposal(round.key, resultHash));
        emit LeaderProposed(roundId, msg.sender, slot, contributors, tail.excluded, resultHash, results);
        if (head.approvals.isMajority(head.committeeSize)) _finalize(roundId, round, head, tail.excluded, msg.sender, resultHash, false);
        // A right result is on the chain, and the delegatee can read it whatever the votes say: the grant has served.
        grants.markConverted(roundId.grantOf());
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
        G1Point[] memory standing = _standingCapsules(roundId, data, capsules, excluded);
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

    /// @dev The capsules still in the round, of all that it was opened with.
    function _standingCapsules(RoundId roundId, RoundData calldata data, G1Point[] calldata capsules, uint128 excluded)
        private
        pure
        returns (G1Point[] memory standing)
    {
        if (BLS12381.hashOfCalldata(capsules) != data.capsulesHash) revert WrongRoundData(roundId);
        if (excluded == 0) return capsules;
        standing = new G1Point[](capsules.length - uint256(excluded).count());
        uint256 next;
        for (uint256 j = 0; j < capsules.length; ++j) {
            if ((excluded >> j) & 1 == 0) standing[next++] = capsules[j];
        }
    }

    /// @inheritdoc IConversionRounds
    function vote(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash, uint8 slot, bytes32 resultHash, bool approve) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        _requirePhase(roundId, head, tail.excluded, Phase.Voting);
        _requireProposal(roundId, round, committee, roundDataHash, resultHash);
        _requireSlot(roundId, head, committee, slot);
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
        uint128 excluded = _tail(round, head).excluded;
        Phase phase = _phase(roundId, head, excluded);
        if (phase != Phase.Submitting && phase != Phase.Proposing) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireMember(roundId, round.key, head, committee, _hashOf(data), slot);
        uint32 allowed = CommitteeBitmap.all(head.committeeSize) & ~head.challenged;
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

        round.proposal = Transcript.proposal(round.key, resultHash);
        emit LeaderProposed(roundId, msg.sender, slot, contributors, excluded, resultHash, results);
        _finalize(roundId, round, head, excluded, msg.sender, resultHash, false);
        grants.markConverted(roundId.grantOf());
    }

    function _finalize(
        RoundId roundId, RoundState storage round, RoundHead memory head, uint128 excluded, address leader, bytes32 resultHash, bool byProof
    ) private {
        head.outcome = Outcome.Finalized;
        head.voteEnd = uint40(block.timestamp + _challengeSeconds);
        round.head = head;
        emit RoundFinalized(roundId, roundId.grantOf(), leader, head.contributors, head.approvals, resultHash, byProof);
        uint256 unspent = _unspent(head, excluded);
        if (unspent != 0) grants.returnReserve(roundId.grantOf(), unspent);
    }

    /// @dev A proposal's votes go with it; its hash stays behind without meaning, which saves the next one a fresh slot.
    function _dropProposal(RoundHead memory head, RoundTail memory tail) private pure {
        (head.leader, head.approvals, head.contributors, head.voteEnd, tail.rejections) = (0, 0, 0, 0, 0);
    }

    /// @inheritdoc IConversionRounds
    function close(RoundId roundId, Member[] calldata committee, bytes32 roundDataHash) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        Phase phase = _phase(roundId, head, tail.excluded);
        if (phase != Phase.Expired && phase != Phase.Ended) revert WrongPhase(roundId, phase, Phase.Expired);
        if (head.outcome == Outcome.Closed) revert AlreadyClosed(roundId);
        _requireRound(roundId, round.key, committee, roundDataHash);

        // Missing: whoever left an expired round short of t cfrags. A live proposal says that t were there.
        uint32 missing;
        if (phase == Phase.Expired && head.leader == 0 && head.standing() < head.threshold) {
            missing = CommitteeBitmap.all(head.committeeSize) & ~(head.submitted | head.challenged);
        }
        _dropProposal(head, tail);
        head.outcome = Outcome.Closed;
        head.voteEnd = uint40(block.timestamp + _challengeSeconds);
        round.head = head;
        if (head.tailInUse) round.tail = tail;
        emit RoundClosed(roundId, phase, missing);
        GrantId grantId = roundId.grantOf();
        grants.returnReserve(grantId, _unspent(head, tail.excluded));
        if (missing != 0) proxies.recordMisses(_accountsOf(committee, missing), grants.accessOf(grantId).delegatee);
    }

    function _accountsOf(Member[] calldata committee, uint32 slots) private pure returns (address[] memory accounts) {
        accounts = new address[](uint256(slots).count());
        uint256 next;
        for (uint8 slot = 1; slot <= committee.length; ++slot) {
            if (slots.has(slot)) accounts[next++] = committee[slot - 1].accountOf();
        }
    }

    // --- blame ---

    /// @inheritdoc IConversionRounds
    function challengeCfrags(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, Submission calldata submission, G1Point[] calldata capsules, ChallengeKeys calldata keys
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        uint8 slot = submission.slot;
        if (head.deadline == 0) revert WrongPhase(roundId, Phase.None, Phase.Submitting);
        bool over = head.outcome != Outcome.Running;
        if (over && block.timestamp > head.voteEnd) revert ChallengeWindowOver(roundId);
        _requireRound(roundId, round.key, committee, _hashOf(data));
        _requireKeys(roundId, data, keys);
        if (slot == 0 || slot > head.committeeSize || !head.submitted.has(slot)) revert NotSubmitted(roundId, slot);
        if (_chainOf(submission) != round.submissions) revert WrongSubmission(roundId, slot);
        address proxy = committee[slot - 1].accountOf();
        // A proxy answers for the capsules too: it converts only those whose proof holds, and a malformed one has none.
        G1Point[] memory converted = _standingCapsules(roundId, data, capsules, submission.excluded);
        IConversionVerifier.Conversion memory conversion = IConversionVerifier.Conversion(
            address(this), roundId, proxy, slot, keys.labelKey, keys.commitments, converted, submission.cfrags, submission.proof
        );
        if (verifier.cfragsHold(conversion)) revert CfragIsGood(roundId, slot);

        head.submitted &= ~CommitteeBitmap.bit(slot);
        head.challenged |= CommitteeBitmap.bit(slot);
        round.head = head;
        emit CfragChallenged(roundId, proxy, slot, msg.sender);
        if (over) grants.returnReserve(roundId.grantOf(), _feePerCfragWei * head.remaining(_tail(round, head).excluded));
        proxies.penalize(proxy, msg.sender, _challengePenaltyWei, BAD_CFRAG);
    }

    /// @dev The value of the chain that the submission and the links after it give. A link hashes a slot below 256 where no other hash of the
    /// protocol has room for one, so none can stand in for it.
    function _chainOf(Submission calldata submission) private pure returns (bytes32 chain) {
        bytes32 link = Transcript.submissionLink(
            submission.slot, submission.excluded, BLS12381.hashOfCalldata(submission.cfrags), submission.proof
        );
        chain = Transcript.appendLink(submission.before, link);
        for (uint256 i = 0; i < submission.later.length; ++i) {
            chain = Transcript.appendLink(chain, submission.later[i]);
        }
    }

    /// @inheritdoc IConversionRounds
    function reportCapsule(
        RoundId roundId, Member[] calldata committee, RoundData calldata data, RecordId[] calldata recordIds, CapsuleReport calldata report, ChallengeKeys calldata keys
    ) external {
        RoundState storage round = _rounds[roundId];
        RoundHead memory head = round.head;
        RoundTail memory tail = _tail(round, head);
        Phase phase = _phase(roundId, head, tail.excluded);
        if (phase < Phase.Submitting || phase > Phase.Provable) revert WrongPhase(roundId, phase, Phase.Submitting);
        _requireRound(roundId, round.key, committee, _hashOf(data));
        _requireKeys(roundId, data, keys);
        if (Transcript.recordIdsHash(recordIds) != data.recordIdsHash || report.position >= recordIds.length) revert WrongRoundData(roundId);
        RecordId recordId = recordIds[report.position];
        if ((tail.excluded >> report.position) & 1 == 1) revert AlreadyExcluded(roundId, recordId);
        bytes32 sealHash = Transcript.sealHash(report.c2, report.c3Hash, report.proof, report.cidHash, report.tagsHash);
        if (Transcript.recordHash(data.label, BLS12381.hashOf(report.c1), sealHash) != records.recordHash(recordId)) revert UnknownRecord(recordId);
        if (verifier.capsuleHolds(data.label, recordId, report, keys.labelKey)) revert CapsuleIsGood(roundId, recordId);

        tail.excluded |= uint128(1) << report.position;
        head.tailInUse = true;
        if (head.leader != 0) _dropProposal(head, tail);
        (round.head, round.tail) = (head, tail);
        emit RecordExcluded(roundId, recordId, msg.sender);
    }

    // --- pay ---

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
        if (head.outcome == Outcome.Running) revert WrongPhase(roundId, _phase(roundId, head, tail.excluded), Phase.Finalized);
        if (block.timestamp <= head.voteEnd) revert ChallengeWindowOpen(roundId, head.voteEnd);
        _requireRound(roundId, round.key, committee, roundDataHash);
        if (slot == 0 || slot > head.committeeSize || !head.submitted.has(slot)) revert NotSubmitted(roundId, slot);
        if (tail.claimed.has(slot)) revert AlreadyClaimed(roundId, slot);

        round.tail.claimed = tail.claimed | CommitteeBitmap.bit(slot);
        address proxy = committee[slot - 1].accountOf();
        uint256 fee = _feePerCfragWei * head.remaining(tail.excluded);
        emit FeeClaimed(roundId, proxy, fee);
        treasury.credit(bytes32(uint256(GrantId.unwrap(roundId.grantOf()))), proxy, fee);
        proxies.recordServed(proxy);
    }

    /// @dev What the reserve has beyond the fees of the slots that stand.
    function _unspent(RoundHead memory head, uint128 excluded) private view returns (uint256) {
        return _feePerCfragWei * (uint256(head.threshold) * head.records - head.standing() * head.remaining(excluded));
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
            challenged: head.challenged,
            leader: head.leader,
            records: head.records,
            threshold: head.threshold,
            committeeSize: head.committeeSize,
            finalized: head.outcome == Outcome.Finalized,
            closed: head.outcome == Outcome.Closed,
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
