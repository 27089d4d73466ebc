// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";

/// @notice What a System is deployed with: prices, penalties and times, for it and for the tests that look at it from outside.
abstract contract Settings {
    uint96 internal constant PRICE = 0.005 ether; // of a conversion
    uint128 internal constant REDRAW_FEE = 0.01 ether;
    uint128 internal constant COMPLAINT_PENALTY = 0.3 ether;
    uint128 internal constant CHALLENGE_PENALTY = 0.4 ether;
    uint96 internal constant FEE = 0.001 ether;
    uint128 internal constant BOND = 2 ether;
    uint128 internal constant MISS_PENALTY = 0.05 ether;
    uint32 internal constant MISS_LIMIT = 1;
    uint32 internal constant ROUND_SECONDS = 600;
    uint32 internal constant VOTE_SECONDS = 120;
    uint32 internal constant CHALLENGE_SECONDS = 3600;
    uint40 internal constant MAX_GRANT_SECONDS = 365 days;

    /// @dev What a round over `records` records sets aside in a grant with threshold t.
    function reserveOf(uint8 t, uint256 records) internal pure returns (uint256) {
        return records * (t * uint256(FEE) + PRICE);
    }

    function proxySettings() internal pure returns (IProxyRegistry.Settings memory) {
        return IProxyRegistry.Settings(BOND, MISS_PENALTY, MISS_LIMIT, 8192, ROUND_SECONDS + 2 * VOTE_SECONDS + CHALLENGE_SECONDS);
    }

    function grantSettings() internal pure returns (IGrantRegistry.Settings memory) {
        return IGrantRegistry.Settings(REDRAW_FEE, COMPLAINT_PENALTY, MAX_GRANT_SECONDS);
    }

    function roundSettings() internal pure returns (IConversionRounds.Settings memory) {
        return IConversionRounds.Settings(ROUND_SECONDS, VOTE_SECONDS, CHALLENGE_SECONDS, FEE, CHALLENGE_PENALTY);
    }
}
