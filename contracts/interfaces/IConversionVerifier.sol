// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, Proof} from "../types/Points.sol";
import {RecordId, RoundId} from "../types/Ids.sol";
import {IConversionRounds} from "./IConversionRounds.sol";

/// @title The larger mathematics of rounds, without state: evidence of bad cfrags and capsules, and the sums of a batch (SCHEME §3, §5, §6).
/// @notice Anyone may call it, to look before he blames.
interface IConversionVerifier {
    /// One slot's batch, and all that its transcript binds.
    struct Conversion {
        address conversionRounds;
        RoundId roundId;
        address proxy;
        uint8 slot;
        G1Point labelKey; // A_L
        G1Point[] commitments; // C_0..C_{t-1}
        G1Point[] capsules;
        G1Point[] cfrags;
        Proof proof;
    }

    /// @notice The sums of a batch's result check: prod W_j^rho_j and prod c1_j^rho_j (SPEC §9). An MSM places every point in the subgroup.
    function combine(address conversionRounds, RoundId roundId, bytes32 maskHash, G1Point[] calldata capsules, G1Point[] calldata results)
        external
        view
        returns (G1Point memory result, G1Point memory capsule);

    /// @notice Whether the cfrags are the capsules' conversions by the slot's fragment (SPEC §9). False only for evidence:
    /// a caller who gives too little gas makes the call revert.
    /// Warning: labelKey and commitments must be known good, and so must the capsules if the maker of the cfrags is to be blamed.
    function cfragsHold(Conversion calldata conversion) external view returns (bool);

    /// @notice Whether the proof of knowledge of k in c1 = A_L^k holds (SPEC §4); false only for evidence, as above. Warning: `report` must be known to be of the record.
    function capsuleHolds(bytes32 label, RecordId recordId, IConversionRounds.CapsuleReport calldata report, G1Point calldata labelKey)
        external
        view
        returns (bool);
}
