// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Sets of committee slots: bit i-1 is slot i, i = 1..32.
library CommitteeBitmap {
    /// @dev The set of one slot. Slots are 1..32; slot 0 panics.
    function bit(uint8 slot) internal pure returns (uint32) {
        return uint32(1) << (slot - 1);
    }

    function has(uint32 slots, uint8 slot) internal pure returns (bool) {
        return slots & bit(slot) != 0;
    }

    function isSubsetOf(uint32 slots, uint32 others) internal pure returns (bool) {
        return slots & ~others == 0;
    }

    /// @dev The set of slots 1..n, n <= 32.
    function all(uint8 n) internal pure returns (uint32) {
        return uint32((uint64(1) << n) - 1);
    }

    /// @dev More than half of a committee of n.
    function isMajority(uint32 slots, uint8 n) internal pure returns (bool) {
        return 2 * count(slots) > n;
    }

    /// @dev Number of members; also of a wider set, such as the records of a round.
    function count(uint256 bits) internal pure returns (uint256 members) {
        // Each turn clears the lowest bit that is set, so there are as many turns as members.
        for (; bits != 0; bits &= bits - 1) {
            unchecked {
                ++members;
            }
        }
    }
}
