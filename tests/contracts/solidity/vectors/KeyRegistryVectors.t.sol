// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice Keys and proofs that the Python library made (tests/vectors) before a KeyRegistry at the address that they are bound to.
contract KeyRegistryVectorsTest is Deployer {
    string private json;
    IKeyRegistry private keys;

    function load(string memory file) private {
        json = vm.readFile(string.concat(vm.projectRoot(), "/tests/vectors/", file));
    }

    function setUp() public {
        load("keys.json");
        vm.chainId(vm.parseJsonUint(json, ".domain.chainId"));
        keys = IKeyRegistry(vm.parseJsonAddress(json, ".domain.keyRegistry"));
        vm.etch(address(keys), address(deployKeyRegistry()).code); // it has no immutables
    }

    function item(string memory list, uint256 i, string memory rest) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", rest);
    }

    function test_register__keys_of_the_vectors__are_taken_in_order() public {
        for (uint256 i = 0; i < 2; ++i) {
            address account = vm.parseJsonAddress(json, item(".identities", i, ".account"));
            for (uint256 j = 0; j < 6; ++j) {
                register(account, string.concat(item(".identities", i, ""), item(".keys", j, "")));
            }
            vm.assertEq(keys.latestVersion(account, 1), 2);
            vm.assertEq(keys.latestVersion(account, 2), 2);
        }
    }

    function register(address account, string memory key) private {
        uint256 role = vm.parseJsonUint(json, string.concat(key, ".role"));
        uint32 version = uint32(vm.parseJsonUint(json, string.concat(key, ".version")));
        bytes memory point = vm.parseJsonBytes(json, string.concat(key, ".key"));
        Proof memory proof = Proof(
            uint128(uint256(vm.parseJsonBytes32(json, string.concat(key, ".proof.challenge")))),
            uint256(vm.parseJsonBytes32(json, string.concat(key, ".proof.response")))
        );
        if (role == 3) return; // the ProxyRegistry's
        vm.prank(account);
        uint32 given = role == 1
            ? keys.registerDelegatingKey(abi.decode(point, (G1Point)), proof)
            : keys.registerReceivingKey(abi.decode(point, (G2Point)), proof);
        vm.assertEq(given, version);
        vm.assertEq(keys.keyHash(account, uint8(role), version), keccak256(point));
    }

    /// Every encoding that no decoder may take, as a key: refused with the error of its cause.
    function test_register__rejected_points_of_the_vectors__revert() public {
        load("rejects.json");
        uint256 checked;
        for (uint256 i = 0; vm.keyExistsJson(json, item(".points", i, "")); ++i) {
            bytes memory point = vm.parseJsonBytes(json, item(".points", i, ".evm"));
            bool inG1 = keccak256(bytes(vm.parseJsonString(json, item(".points", i, ".group")))) == keccak256("G1");
            if (point.length != (inG1 ? 128 : 256)) continue; // no length is wrong in calldata of fixed size
            bool identity = keccak256(bytes(vm.parseJsonString(json, item(".points", i, ".python")))) == keccak256("IdentityPoint");
            vm.expectRevert(
                identity
                    ? abi.encodeWithSelector(BLS12381.UnexpectedIdentity.selector)
                    : abi.encodeWithSelector(BLS12381.InvalidPoint.selector, inG1 ? address(0x0c) : address(0x0e))
            );
            if (inG1) keys.registerDelegatingKey(abi.decode(point, (G1Point)), Proof(1, 1));
            else keys.registerReceivingKey(abi.decode(point, (G2Point)), Proof(1, 1));
            ++checked;
        }
        vm.assertGe(checked, 9);
    }
}
