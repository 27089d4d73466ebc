// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Prover} from "../Prover.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {ITreasury} from "../../../../contracts/interfaces/ITreasury.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";

/// @dev A registry with its Treasury, and proxies that join it.
abstract contract ProxyPool is Deployer, Prover {
    address internal constant GRANTS = address(0x6001);
    address internal constant ROUNDS = address(0x6002);
    uint128 internal constant BOND = 1 ether;
    uint128 internal constant MISS_PENALTY = 0.1 ether;
    uint32 internal constant COOLDOWN_BLOCKS = 8_192;
    uint32 internal constant COOLDOWN_SECONDS = 3 days;
    ITreasury internal treasury;
    IProxyRegistry internal proxies;

    function defaultSettings() internal pure returns (IProxyRegistry.Settings memory) {
        return IProxyRegistry.Settings(BOND, MISS_PENALTY, 2, COOLDOWN_BLOCKS, COOLDOWN_SECONDS);
    }

    function deployPool() internal {
        treasury = deployTreasury(vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1), GRANTS, ROUNDS);
        proxies = deployProxyRegistry(treasury, GRANTS, ROUNDS, defaultSettings());
    }

    function account(uint256 i) internal pure returns (address) {
        return address(uint160(0xA0000000 + i));
    }

    function secretOf(uint256 i, uint16 version) internal pure returns (uint256) {
        return scalarOf("node", (i << 16) | version);
    }

    function keyOf(uint256 i, uint16 version) internal view returns (G1Point memory key, Proof memory proof) {
        return proveG1Key(address(proxies), account(i), 3, version, secretOf(i, version));
    }

    function join(uint256 i) internal {
        (G1Point memory key, Proof memory proof) = keyOf(i, proxies.proxyOf(account(i)).keyVersion + 1);
        hoax(account(i), BOND);
        proxies.join{value: BOND}(key, proof, "http://127.0.0.1");
    }

    function quit(uint256 i) internal {
        vm.prank(account(i));
        proxies.leavePool();
    }

    function mine(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    function penalize(uint256 i, uint128 amount) internal {
        vm.prank(ROUNDS);
        proxies.penalize(account(i), address(0xB0B), amount, "why");
    }

    /// @dev Missed a round that was opened at this time.
    function missed(uint256 i, uint256 openedAt) internal returns (bool counted) {
        vm.prank(ROUNDS);
        return proxies.recordMiss(account(i), uint40(openedAt), address(0xB0B));
    }

    /// @dev Missed a round that was opened just now.
    function missed(uint256 i) internal returns (bool counted) {
        return missed(i, vm.getBlockTimestamp());
    }

    function bondKey(uint256 i) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account(i))) << 96);
    }
}
