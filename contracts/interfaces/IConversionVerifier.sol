// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point} from "../types/Points.sol";
import {Member, RecordId, RoundId} from "../types/Ids.sol";
import {IConversionRounds} from "./IConversionRounds.sol";

/// @title The larger mathematics of rounds, without state: evidence of bad cfrags and capsules, and the sums of a batch (SCHEME §3, §5, §6).
interface IConversionVerifier {
    /// @notice The sums of a batch's result check: prod W_j^rho_j and prod c1_j^rho_j (SPEC §9). An MSM places every point in the subgroup.
    function combine(address conversionRounds, RoundId roundId, bytes32 maskHash, G1Point[] calldata capsules, G1Point[] calldata results)
        external
        view
        returns (G1Point memory result, G1Point memory capsule);

    /// @notice Reverts unless a submission is one of those that the round's chain has, and its proof does not hold: CfragIsGood, WrongSubmission,
    /// WrongRoundData. A caller who gives too little gas makes the call revert, and blames nobody.
    /// ConversionRounds hands on its own call of that name, and behind its arguments, as a further word, the chain of submissions.
    function challengeCfrags(
        RoundId roundId,
        Member[] calldata committee,
        IConversionRounds.RoundData calldata data,
        IConversionRounds.Submission calldata submission,
        G1Point[] calldata capsules,
        IConversionRounds.ChallengeKeys calldata keys
    ) external view returns (uint256);

    /// @notice Reverts unless the capsule proof of each report fails: CapsuleIsGood, UnknownRecord, WrongRoundData. Reports of positions that left
    /// the round before, and further ones of a position, are skipped. Want of gas reverts.
    /// ConversionRounds hands on its own call of that name, and behind its arguments, as a further word, the positions that left before.
    /// @return positions of the bad capsules, as a bitmap without those
    function reportCapsules(
        RoundId roundId,
        Member[] calldata committee,
        IConversionRounds.RoundData calldata data,
        RecordId[] calldata recordIds,
        IConversionRounds.CapsuleReport[] calldata reports,
        IConversionRounds.ChallengeKeys calldata keys,
        uint8 slot
    ) external view returns (uint256 positions);
}
