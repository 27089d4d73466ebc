// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {VectorsFile} from "./VectorsFile.sol";
import {VectorsWorld} from "./VectorsWorld.sol";

/// @notice The cases of rejects.json, for tests that run each of a kind. A test replaces with `file.replace(i)`, and must `file.restore()`.
abstract contract VectorsCases is VectorsWorld {
    VectorsFile internal rejects;

    function setUp() public virtual {
        rejects = new VectorsFile("rejects.json");
    }

    function isCase(uint256 i) internal view returns (bool) {
        return rejects.exists(entry(".cases", i, ""));
    }

    function ofCase(uint256 i, string memory key) internal view returns (string memory) {
        return rejects.text(entry(".cases", i, key));
    }

    function isOf(uint256 i, string memory check) internal view returns (bool) {
        return same(ofCase(i, ".check"), check);
    }

    function same(string memory left, string memory right) internal pure returns (bool) {
        return keccak256(bytes(left)) == keccak256(bytes(right));
    }

    /// @dev The error that the case names, as `name`.
    function requireNamed(uint256 i, string memory name) internal view {
        vm.assertEq(ofCase(i, ".solidity"), name);
    }
}
