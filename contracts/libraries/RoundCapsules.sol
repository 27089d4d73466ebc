// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "../interfaces/IConversionRounds.sol";
import {G1Point} from "../types/Points.sol";
import {RoundId} from "../types/Ids.sol";
import {BLS12381} from "./BLS12381.sol";
import {CommitteeBitmap} from "./CommitteeBitmap.sol";

/// @title The capsules of a round's records.
library RoundCapsules {
    using CommitteeBitmap for uint256;

    /// @dev Those still in the round, of all that it was opened with. Error: IConversionRounds.WrongRoundData if these are not all.
    function standing(G1Point[] calldata capsules, RoundId roundId, bytes32 capsulesHash, uint128 excluded) internal pure returns (G1Point[] memory found) {
        if (BLS12381.hashOfCalldata(capsules) != capsulesHash) revert IConversionRounds.WrongRoundData(roundId);
        if (excluded == 0) return capsules;
        found = new G1Point[](capsules.length - uint256(excluded).count());
        uint256 next;
        for (uint256 j = 0; j < capsules.length; ++j) {
            if ((excluded >> j) & 1 == 0) found[next++] = capsules[j];
        }
    }
}
