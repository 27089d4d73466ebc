// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IGrantRegistry} from "../interfaces/IGrantRegistry.sol";
import {G1Point, Proof} from "../types/Points.sol";
import {Dleq} from "./Dleq.sol";
import {Generators} from "./Generators.sol";
import {HashToCurve} from "./HashToCurve.sol";
import {Transcript} from "./Transcript.sol";

/// @title The seed of a draw (SCHEME §13, SPEC §7): from the hash of the request's block, and a value of the owner's key that is unique for it.
library OwnerDraw {
    /// "TPRE-V1-BLS12381G1_XMD:SHA-256_SSWU_NU_DRAW" and its length, 43.
    bytes internal constant DST_PRIME = "TPRE-V1-BLS12381G1_XMD:SHA-256_SSWU_NU_DRAW\x2b";

    /// @dev Requires gamma == P^a for the a of `delegatingKey` == g1^a, P the point that `input` hashes to; gives the seed.
    /// Warning: the caller must know that delegatingKey is the owner's.
    function requireSeed(bytes32 input, G1Point memory delegatingKey, G1Point memory gamma, Proof memory proof) internal view returns (bytes32) {
        G1Point memory base = HashToCurve.encodeToG1(input, DST_PRIME);
        (G1Point memory first, G1Point memory second) = Dleq.equalLogsCommitments(Generators.G1(), delegatingKey, base, gamma, proof);
        if (Transcript.drawProofChallenge(input, delegatingKey, base, gamma, first, second) != proof.challenge) revert IGrantRegistry.InvalidDrawProof(input);
        return Transcript.drawSeed(input, gamma);
    }
}
