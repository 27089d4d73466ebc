// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "../interfaces/IConversionRounds.sol";
import {Outcome, RoundHead} from "../types/RoundState.sol";
import {CommitteeBitmap} from "./CommitteeBitmap.sol";

/// @title The phase of a round (SPEC §9): a pure function of what is stored, whether the grant was ended, and the time.
library RoundPhase {
    using CommitteeBitmap for uint256;

    /// @param excluded the records that left the round
    /// @param ended whether the grant was revoked or voided: that ends a round which nobody can read yet. Expiry and surrender end none.
    /// @param time unix time, in seconds
    /// @param voteSeconds length of a vote window; a proposal of the last moment still has one to be voted on and one to be proven
    function phaseOf(RoundHead memory head, uint128 excluded, bool ended, uint256 time, uint256 voteSeconds)
        internal
        pure
        returns (IConversionRounds.Phase)
    {
        if (head.deadline == 0) return IConversionRounds.Phase.None;
        if (head.outcome == Outcome.Finalized) return IConversionRounds.Phase.Finalized;
        if (remaining(head, excluded) == 0) return IConversionRounds.Phase.Ended;
        if (head.leader != 0) {
            if (time <= head.voteEnd) return IConversionRounds.Phase.Voting;
            return time <= head.deadline + 2 * voteSeconds ? IConversionRounds.Phase.Provable : IConversionRounds.Phase.Expired;
        }
        bool readable = standing(head) >= head.threshold;
        if (ended && !readable) return IConversionRounds.Phase.Ended;
        if (time > head.deadline) return IConversionRounds.Phase.Expired;
        return readable ? IConversionRounds.Phase.Proposing : IConversionRounds.Phase.Submitting;
    }

    /// @dev Number of slots whose cfrags are posted and not shown to be bad.
    function standing(RoundHead memory head) internal pure returns (uint256) {
        return uint256(head.submitted).count();
    }

    /// @dev Number of records still in the round.
    function remaining(RoundHead memory head, uint128 excluded) internal pure returns (uint256) {
        return head.records - uint256(excluded).count();
    }
}
