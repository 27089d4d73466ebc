// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";
import {BLS12381} from "./BLS12381.sol";
import {Transcript} from "./Transcript.sol";

/// @title Proofs of knowledge and of equal discrete logarithms in their short form (c, z).
/// @notice A verifier computes the commitment T = base^z * point^-c again and requires that the transcript over T gives c (SPEC §2). The
/// challenges are in Transcript. 128 bits are sound because the transcript binds the statement.
/// @dev The `...Commitment` functions check every point's subgroup, and that the response is < r.
library Dleq {
    /// @dev T of a Schnorr proof for point = base^x. Errors: BLS12381.ScalarTooLarge (response), BLS12381.InvalidPoint.
    function schnorrCommitment(G1Point memory base, G1Point memory point, Proof memory proof) internal view returns (G1Point memory) {
        return BLS12381.msm2(base, proof.response, point, BLS12381.negate(proof.challenge));
    }

    /// @dev The same in G2.
    function schnorrCommitment(G2Point memory base, G2Point memory point, Proof memory proof) internal view returns (G2Point memory) {
        return BLS12381.msm2(base, proof.response, point, BLS12381.negate(proof.challenge));
    }

    /// @dev T1, T2 of a proof that log_base1(point1) == log_base2(point2).
    function equalLogsCommitments(G1Point memory base1, G1Point memory point1, G1Point memory base2, G1Point memory point2, Proof memory proof)
        internal
        view
        returns (G1Point memory, G1Point memory)
    {
        return (schnorrCommitment(base1, point1, proof), schnorrCommitment(base2, point2, proof));
    }

    /// @dev For evidence (BLS12381.tryMsm): `ok` is false if the response is not reduced or a point is malformed, and then only.
    function trySchnorrCommitment(G1Point memory base, G1Point memory point, Proof memory proof) internal view returns (bool ok, G1Point memory commitment) {
        if (proof.response >= BLS12381.R) return (false, commitment);
        G1Point[] memory points = new G1Point[](2);
        (points[0], points[1]) = (base, point);
        uint256[] memory scalars = new uint256[](2);
        (scalars[0], scalars[1]) = (proof.response, BLS12381.negate(proof.challenge));
        return BLS12381.tryMsm(points, scalars);
    }

    /// @dev Y_i = prod C_j^(i^j): the commitment to slot i's fragment. Slots and thresholds are at most 32, so i^j < r needs no reduction.
    function commitmentOfSlot(G1Point[] memory commitments, uint8 slot) internal view returns (G1Point memory) {
        uint256[] memory powers = new uint256[](commitments.length);
        uint256 power = 1;
        for (uint256 j = 0; j < powers.length; ++j) {
            powers[j] = power;
            power *= slot;
        }
        return BLS12381.msm(commitments, powers);
    }

    /// @dev Whether a batch of cfrags is good: log_labelKey(commitment) is log_{c1_j}(w_j) for all j, by one proof over the combination with
    /// 128-bit coefficients from `seed` (SCHEME §5). False only for a proof that fails, an unreduced response or a malformed capsule or cfrag; want of gas reverts.
    /// Warning: labelKey and commitment must be known good, and so must the capsules if the maker of the cfrags is to be blamed.
    /// @param seed Transcript.cfragSeed over all that follows but the proof
    function batchHolds(
        bytes32 seed, G1Point memory labelKey, G1Point memory commitment, G1Point[] memory capsules, G1Point[] memory cfrags, Proof memory proof
    ) internal view returns (bool) {
        uint256 m = capsules.length;
        if (m == 0 || m != cfrags.length) revert BLS12381.WrongTermCount(m, cfrags.length);
        if (proof.response >= BLS12381.R) return false;
        uint256 minusC = BLS12381.negate(proof.challenge);
        // T2 = C^z * w^-c with C = prod c1_j^rho_j and w = prod w_j^rho_j, as one sum.
        G1Point[] memory points = new G1Point[](2 * m);
        uint256[] memory scalars = new uint256[](2 * m);
        for (uint256 j = 0; j < m; ++j) {
            uint256 rho = Transcript.cfragScalar(seed, j);
            (points[j], scalars[j]) = (capsules[j], mulmod(rho, proof.response, BLS12381.R));
            (points[m + j], scalars[m + j]) = (cfrags[j], mulmod(rho, minusC, BLS12381.R));
        }
        (bool ok, G1Point memory commitment2) = BLS12381.tryMsm(points, scalars);
        if (!ok) return false;
        G1Point memory commitment1 = schnorrCommitment(labelKey, commitment, proof);
        return Transcript.cfragProofChallenge(seed, commitment1, commitment2) == proof.challenge;
    }
}
