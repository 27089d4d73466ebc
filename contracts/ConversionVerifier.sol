// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "./interfaces/IConversionRounds.sol";
import {IConversionVerifier} from "./interfaces/IConversionVerifier.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Dleq} from "./libraries/Dleq.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {RecordId, RoundId} from "./types/Ids.sol";

/// @title ConversionVerifier
/// @dev A contract of its own because ConversionRounds with it would be too large for the chain; ConversionRounds' constructor deploys it.
contract ConversionVerifier is IConversionVerifier {
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
    function cfragsHold(Conversion calldata conversion) external view returns (bool) {
        G1Point memory commitment = Dleq.commitmentOfSlot(conversion.commitments, conversion.slot);
        bytes32 seed = Transcript.cfragSeed(
            conversion.conversionRounds,
            conversion.roundId,
            conversion.proxy,
            conversion.labelKey,
            commitment,
            BLS12381.hashOfCalldata(conversion.capsules),
            BLS12381.hashOfCalldata(conversion.cfrags)
        );
        return Dleq.batchHolds(seed, conversion.labelKey, commitment, conversion.capsules, conversion.cfrags, conversion.proof);
    }

    /// @inheritdoc IConversionVerifier
    /// @dev The identity is no capsule, though k = 0 can be proven.
    function capsuleHolds(bytes32 label, RecordId recordId, IConversionRounds.CapsuleReport calldata report, G1Point calldata labelKey)
        external
        view
        returns (bool)
    {
        if (BLS12381.isIdentity(report.c1)) return false;
        (bool ok, G1Point memory commitment) = Dleq.trySchnorrCommitment(labelKey, report.c1, report.proof);
        if (!ok) return false;
        return Transcript.capsuleProofChallenge(label, recordId, labelKey, report.c1, report.c2, report.c3Hash, commitment)
            == report.proof.challenge;
    }
}
