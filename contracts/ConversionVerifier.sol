// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IConversionVerifier} from "./interfaces/IConversionVerifier.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Dleq} from "./libraries/Dleq.sol";
import {RoundCapsules} from "./libraries/RoundCapsules.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {Member, RecordId, RoundId} from "./types/Ids.sol";

/// @title ConversionVerifier
/// @dev A contract of its own because ConversionRounds with it would be too large for the chain; ConversionRounds' constructor deploys it.
contract ConversionVerifier is IConversionVerifier {
    using RoundCapsules for G1Point[];

    IRecordRegistry public immutable records;

    constructor(IRecordRegistry records_) {
        records = records_;
    }

    /// @inheritdoc IConversionVerifier
    function combine(address conversionRounds, RoundId roundId, bytes32 maskHash, G1Point[] calldata capsules, G1Point[] calldata results)
        external
        view
        returns (G1Point memory result, G1Point memory capsule)
    {
        uint256 count = results.length;
        bytes32 seed = Transcript.resultSeed(
            conversionRounds, roundId, maskHash, BLS12381.hashOfCalldata(capsules), BLS12381.hashOfCalldata(results)
        );
        uint256[] memory rho = new uint256[](count);
        for (uint256 j = 0; j < count; ++j) {
            rho[j] = Transcript.resultScalar(seed, j, count);
        }
        return (BLS12381.msmCalldata(results, rho), BLS12381.msmCalldata(capsules, rho));
    }

    /// @inheritdoc IConversionVerifier
    function challengeCfrags(
        RoundId roundId,
        Member[] calldata committee,
        IConversionRounds.RoundData calldata data,
        IConversionRounds.Submission calldata submission,
        G1Point[] calldata capsules,
        IConversionRounds.ChallengeKeys calldata keys
    ) external view returns (uint256) {
        _requireKeys(roundId, data, keys);
        bytes32 cfragsHash = BLS12381.hashOfCalldata(submission.cfrags);
        if (_chainOf(submission, cfragsHash) != _lastWord()) revert IConversionRounds.WrongSubmission(roundId, submission.slot);
        // A proxy answers for the capsules too: it converts only those whose proof holds, and a malformed one has none.
        G1Point[] memory converted = capsules.standing(roundId, data.capsulesHash, submission.excluded);
        G1Point memory commitment = Dleq.commitmentOfSlot(keys.commitments, submission.slot);
        address proxy = committee[submission.slot - 1].accountOf();
        bytes32 seed = Transcript.cfragSeed(msg.sender, roundId, proxy, keys.labelKey, commitment, BLS12381.hashOf(converted), cfragsHash);
        if (Dleq.batchHolds(seed, keys.labelKey, commitment, converted, submission.cfrags, submission.proof)) {
            revert IConversionRounds.CfragIsGood(roundId, submission.slot);
        }
        return 1;
    }

    /// @dev The value of the chain that the submission and the links after it give. A link hashes a slot below 256 where no other hash of the
    /// protocol has room for one, so none can stand in for it.
    function _chainOf(IConversionRounds.Submission calldata submission, bytes32 cfragsHash) private pure returns (bytes32 chain) {
        bytes32 link = Transcript.submissionLink(submission.slot, submission.excluded, cfragsHash, submission.proof);
        chain = Transcript.appendLink(submission.before, link);
        for (uint256 i = 0; i < submission.later.length; ++i) {
            chain = Transcript.appendLink(chain, submission.later[i]);
        }
    }

    /// @inheritdoc IConversionVerifier
    function reportCapsules(
        RoundId roundId,
        Member[] calldata,
        IConversionRounds.RoundData calldata data,
        RecordId[] calldata recordIds,
        IConversionRounds.CapsuleReport[] calldata reports,
        IConversionRounds.ChallengeKeys calldata keys,
        uint8
    ) external view returns (uint256 positions) {
        uint256 excluded = uint256(_lastWord());
        _requireKeys(roundId, data, keys);
        if (Transcript.recordIdsHash(recordIds) != data.recordIdsHash) revert IConversionRounds.WrongRoundData(roundId);
        for (uint256 i = 0; i < reports.length; ++i) {
            IConversionRounds.CapsuleReport calldata report = reports[i];
            if (report.position >= recordIds.length) revert IConversionRounds.WrongRoundData(roundId);
            uint256 bit = 1 << report.position;
            if ((excluded | positions) & bit != 0) continue;
            positions |= bit;
            RecordId recordId = recordIds[report.position];
            bytes32 sealHash = Transcript.sealHash(report.c2, report.c3Hash, report.proof, report.cidHash, report.tagsHash);
            bytes32 recordHash = Transcript.recordHash(data.label, BLS12381.hashOf(report.c1), sealHash);
            if (recordHash != records.recordHash(recordId)) revert IConversionRounds.UnknownRecord(recordId);
            if (_capsuleHolds(data.label, recordId, report, keys.labelKey)) revert IConversionRounds.CapsuleIsGood(roundId, recordId);
        }
    }

    /// @dev The identity is no capsule, though k = 0 can be proven.
    function _capsuleHolds(bytes32 label, RecordId recordId, IConversionRounds.CapsuleReport calldata report, G1Point calldata labelKey)
        private
        view
        returns (bool)
    {
        if (BLS12381.isIdentity(report.c1)) return false;
        (bool ok, G1Point memory commitment) = Dleq.trySchnorrCommitment(labelKey, report.c1, report.proof);
        if (!ok) return false;
        return Transcript.capsuleProofChallenge(label, recordId, labelKey, report.c1, report.c2, report.c3Hash, commitment)
            == report.proof.challenge;
    }

    /// @dev The keys are those of the round's re-key, which were proven when it was granted.
    function _requireKeys(RoundId roundId, IConversionRounds.RoundData calldata data, IConversionRounds.ChallengeKeys calldata keys) private pure {
        bytes32 rest = Transcript.rekeyRest(BLS12381.hashOf(keys.labelKey), BLS12381.hashOfCalldata(keys.commitments), keys.rekeyTail);
        if (rest != data.rekeyRest) revert IConversionRounds.WrongRoundData(roundId);
    }

    /// @dev What ConversionRounds put behind the arguments.
    function _lastWord() private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(sub(calldatasize(), 0x20))
        }
    }
}
