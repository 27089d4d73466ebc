// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";

/// @notice Calls with all the gas that a transaction may have, and their figures in snapshots/limits.json.
abstract contract GasMeter is Test {
    uint256 private constant TRANSACTION_GAS = 16_777_216;
    /// What nodes take and pass on (geth's txMaxSize) without what surrounds the input.
    uint256 private constant INPUT_BYTES = 131_072 - 256;

    /// @dev A transaction of its own with all the gas that one may have: what it needs beyond what it is charged for (refunds, gas that a
    /// precompile's call must have to spare) counts too.
    function _call(address caller, address target, uint256 value, bytes memory input) internal returns (bool ok, bytes memory output) {
        hoax(caller, value);
        return target.call{value: value, gas: TRANSACTION_GAS - 21_000}(input);
    }

    function _within(string memory name, address caller, address target, uint256 value, bytes memory input) internal returns (bytes memory) {
        (bool ok, bytes memory output) = _call(caller, target, value, input);
        vm.assertTrue(ok, name);
        vm.assertLe(vm.snapshotGasLastCall("limits", name), TRANSACTION_GAS, name);
        vm.assertLe(input.length, INPUT_BYTES, name);
        return output;
    }

    function _within(string memory name, address caller, address target, bytes memory input) internal returns (bytes memory) {
        return _within(name, caller, target, 0, input);
    }

    /// @dev Of a list without a limit of its own: `passed` items are as many as nodes pass on, `fitting` as many as the gas is enough for.
    function _most(
        string memory name, address caller, address target, function(uint256) view returns (bytes memory) inputOf, uint256 passed, uint256 fitting
    ) internal {
        vm.assertTrue(inputOf(passed + 1).length > INPUT_BYTES, "nodes pass on more than stated");
        uint256 before = vm.snapshotState();
        (bool ok,) = _call(caller, target, 0, inputOf(fitting + 1));
        vm.assertFalse(ok, "more fit than stated");
        (ok,) = _call(caller, target, 0, inputOf(fitting));
        vm.assertTrue(ok, "fewer fit than stated");
        vm.revertToState(before);
        _within(name, caller, target, inputOf(passed));
    }

    function _text(uint256 length) internal pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "x";
        }
        return string(text);
    }
}
