// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IGrantVerifier} from "./interfaces/IGrantVerifier.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Generators} from "./libraries/Generators.sol";
import {Dleq} from "./libraries/Dleq.sol";
import {OwnerDraw} from "./libraries/OwnerDraw.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point} from "./types/Points.sol";

/// @title GrantVerifier
/// @dev A contract of its own because GrantRegistry with it would be too large for the chain; GrantRegistry's constructor deploys it.
contract GrantVerifier is IGrantVerifier {
    /// What follows from a re-key and the grant that it is for.
    struct Derived {
        bytes32 context;
        G1Point labelKey; // A_L
        bytes32 padsHash;
        bytes32 maskHash;
        bytes32 rekeyRest;
    }

    /// @inheritdoc IGrantVerifier
    function requireSeed(bytes32 input, G1Point memory delegatingKey, IGrantRegistry.DrawProof memory draw) external view returns (bytes32) {
        return OwnerDraw.requireSeed(input, delegatingKey, draw.gamma, draw.proof);
    }

    /// @inheritdoc IGrantVerifier
    function requireWellFormed(IGrantRegistry.Rekey memory rekey, G2Point memory receivingKey, Transcript.GrantContext memory bound)
        external
        view
        returns (bytes32 maskHash, bytes32 rekeyRest)
    {
        if (rekey.commitments.length != bound.threshold) {
            revert IGrantRegistry.WrongCommitmentCount(rekey.commitments.length, bound.threshold);
        }
        if (rekey.pads.length != bound.committeeSize) revert IGrantRegistry.WrongPadCount(rekey.pads.length, bound.committeeSize);
        _requireNoIdentity(rekey);
        Derived memory derived = _derive(rekey, bound);
        if (BLS12381.isIdentity(derived.labelKey)) revert IGrantRegistry.IdentityPoint("A_L");
        _requireEphemeralAndCommitments(rekey, bound, derived);
        _requireMask(rekey, receivingKey, bound, derived);
        return (derived.maskHash, derived.rekeyRest);
    }

    /// @inheritdoc IGrantVerifier
    function openFragment(
        IGrantRegistry.Rekey memory rekey, Transcript.GrantContext memory bound, Opening memory opening, bytes32 rekeyHash
    ) external view returns (bytes32 fragment, bool good) {
        Derived memory derived = _derive(rekey, bound);
        if (Transcript.rekeyHash(derived.maskHash, derived.rekeyRest) != rekeyHash) {
            revert IGrantRegistry.RekeyMismatch(bound.grantId, rekey.epoch);
        }
        _requireShared(rekey.ephemeral, bound, opening);
        fragment = rekey.pads[opening.slot - 1] ^ Transcript.pad(derived.context, bound.label, opening.slot, opening.sharedPoint);
        good = _isGood(uint256(fragment), derived.labelKey, rekey.commitments, opening.slot);
    }

    /// @dev Hashes and label key, without any check of the re-key. Writes the two hashes of the re-key into `bound`.
    function _derive(IGrantRegistry.Rekey memory rekey, Transcript.GrantContext memory bound) private view returns (Derived memory derived) {
        bound.maskedKeyHash = Transcript.maskedKeyHash(rekey.maskedKey, rekey.mask);
        bound.commitmentsHash = BLS12381.hashOf(rekey.commitments);
        derived.context = Transcript.grantContext(bound);
        derived.labelKey = BLS12381.add(rekey.delegatingKey, BLS12381.mul(Generators.G1(), Transcript.labelScalar(bound.label)));
        derived.padsHash = Transcript.padsHash(rekey.pads);
        derived.maskHash = BLS12381.hashOf(rekey.mask);
        derived.rekeyRest = Transcript.rekeyRest(
            BLS12381.hashOf(derived.labelKey),
            bound.commitmentsHash,
            Transcript.rekeyTail(
                BLS12381.hashOf(rekey.maskedKey),
                BLS12381.hashOf(rekey.ephemeral),
                derived.padsHash,
                bound.delegatorKeyVersion,
                bound.delegateeKeyVersion
            )
        );
    }

    function _requireNoIdentity(IGrantRegistry.Rekey memory rekey) private pure {
        if (BLS12381.isIdentity(rekey.maskedKey)) revert IGrantRegistry.IdentityPoint("U");
        if (BLS12381.isIdentity(rekey.mask)) revert IGrantRegistry.IdentityPoint("V");
        if (BLS12381.isIdentity(rekey.ephemeral)) revert IGrantRegistry.IdentityPoint("R");
        for (uint256 j = 0; j < rekey.commitments.length; ++j) {
            if (BLS12381.isIdentity(rekey.commitments[j])) revert IGrantRegistry.IdentityPoint("C");
        }
    }

    /// @dev Whoever posts R must know e: else he copies R of another grant, posts a bad fragment, and the honest proxy's complaint publishes
    /// the pad of that other grant. The proof binds all that a fragment is held against, so whoever tells a proxy of this grant cannot change a
    /// part of it and have the proxy's complaint publish the true fragment. The same sum carries C_1.. with coefficient 0, since an MSM checks
    /// the subgroup of every point that it is given: one of them outside would make a complaint fail later for want of a Y_i. (C_0 is in the
    /// pairing.)
    function _requireEphemeralAndCommitments(IGrantRegistry.Rekey memory rekey, Transcript.GrantContext memory bound, Derived memory derived)
        private
        view
    {
        uint256 count = rekey.commitments.length + 1;
        G1Point[] memory points = new G1Point[](count);
        uint256[] memory scalars = new uint256[](count);
        (points[0], scalars[0]) = (Generators.G1(), rekey.ephemeralProof.response);
        (points[1], scalars[1]) = (rekey.ephemeral, BLS12381.negate(rekey.ephemeralProof.challenge));
        for (uint256 j = 2; j < count; ++j) {
            points[j] = rekey.commitments[j - 1];
        }
        G1Point memory commitment = BLS12381.msm(points, scalars);
        uint128 challenge = Transcript.grantProofChallenge(derived.context, derived.labelKey, rekey.ephemeral, derived.padsHash, commitment);
        if (challenge != rekey.ephemeralProof.challenge) {
            revert IGrantRegistry.InvalidEphemeralProof(bound.grantId, bound.label);
        }
    }

    /// @dev e(A_L, U * V^-rho) * e(C_0, h2^rho * g2^-1) * e(g1^-1, B) == 1: both equations of SCHEME §4 in one, since rho depends on every value
    /// of the re-key, V included. G2ADD checks no subgroup, but the MSM places V^-rho in it and the pairing the sum, hence U is in it.
    function _requireMask(
        IGrantRegistry.Rekey memory rekey, G2Point memory receivingKey, Transcript.GrantContext memory bound, Derived memory derived
    ) private view {
        uint256 rho = Transcript.grantCheckScalar(derived.context, rekey.ephemeral, derived.padsHash);
        G1Point[] memory p = new G1Point[](3);
        G2Point[] memory q = new G2Point[](3);
        (p[0], q[0]) = (derived.labelKey, BLS12381.add(rekey.maskedKey, BLS12381.mul(rekey.mask, BLS12381.negate(rho))));
        (p[1], q[1]) = (rekey.commitments[0], BLS12381.add(BLS12381.mul(Generators.H2(), rho), Generators.NEG_G2()));
        (p[2], q[2]) = (Generators.NEG_G1(), receivingKey);
        if (!BLS12381.pairingIsOne(p, q)) revert IGrantRegistry.MalformedGrant(bound.grantId, bound.label);
    }

    /// @dev log_g1(N_i) == log_R(K), bound to chain, contract, grant, label and slot.
    function _requireShared(G1Point memory ephemeral, Transcript.GrantContext memory bound, Opening memory opening) private view {
        (G1Point memory first, G1Point memory second) =
            Dleq.equalLogsCommitments(Generators.G1(), opening.nodeKey, ephemeral, opening.sharedPoint, opening.proof);
        uint128 challenge = Transcript.complaintChallenge(
            bound.grantRegistry, bound.grantId, bound.label, opening.slot, opening.nodeKey, ephemeral, opening.sharedPoint, first, second
        );
        if (challenge != opening.proof.challenge) revert IGrantRegistry.InvalidComplaintProof(bound.grantId, opening.slot);
    }

    /// @dev Every point here was proven when the grant was made, so no precompile can fail but for want of gas, which reverts: a failure is
    /// never taken for evidence.
    function _isGood(uint256 fragment, G1Point memory labelKey, G1Point[] memory commitments, uint8 slot) private view returns (bool) {
        if (fragment == 0 || fragment >= BLS12381.R) return false;
        return BLS12381.equal(BLS12381.mul(labelKey, fragment), Dleq.commitmentOfSlot(commitments, slot));
    }
}
