// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";
import {Transcript} from "../libraries/Transcript.sol";
import {IGrantRegistry} from "./IGrantRegistry.sol";

/// @title The mathematics of grants, without state: the seed of a draw (SCHEME §13), whether a re-key is well formed, and whether an encrypted
/// fragment is good (SCHEME §4).
/// @notice Its errors are those of IGrantRegistry and BLS12381. Anyone may call it, to check a re-key before posting it.
interface IGrantVerifier {
    /// What a complaint shows: K = N_i^e with a proof of equal logs (g1, N_i; R, K).
    struct Opening {
        uint8 slot;
        G1Point nodeKey; // N_i
        G1Point sharedPoint; // K
        Proof proof;
    }

    /// @notice The seed that `draw` gives for this input; reverts InvalidDrawProof unless it was made with the secret of `delegatingKey`.
    /// Warning: the caller must know that delegatingKey is the owner's.
    function requireSeed(bytes32 input, G1Point memory delegatingKey, IGrantRegistry.DrawProof memory draw) external view returns (bytes32 seed);

    /// @notice Reverts unless the re-key is well formed; returns the two hashes by which it is known later (SPEC §7).
    /// Warning: the caller must know that rekey.delegatingKey and receivingKey are the keys of the versions that `bound` names.
    /// @param bound the grant's context; its two hashes of the re-key are filled in here
    function requireWellFormed(IGrantRegistry.Rekey memory rekey, G2Point memory receivingKey, Transcript.GrantContext memory bound)
        external
        view
        returns (bytes32 maskHash, bytes32 rekeyRest);

    /// @notice Opens slot i's fragment of the re-key that was granted under `rekeyHash`: its value, and whether 0 < s_i < r and A_L^s_i == Y_i.
    /// Reverts RekeyMismatch for another re-key, InvalidComplaintProof unless the opening's proof holds.
    function openFragment(
        IGrantRegistry.Rekey memory rekey, Transcript.GrantContext memory bound, Opening memory opening, bytes32 rekeyHash
    ) external view returns (bytes32 fragment, bool good);
}
