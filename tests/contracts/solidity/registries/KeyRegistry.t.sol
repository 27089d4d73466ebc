// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Prover} from "../Prover.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

contract KeyRegistryTest is Deployer, Prover {
    IKeyRegistry private keys = deployKeyRegistry();
    address private immutable ALICE = makeAddr("alice");
    address private immutable BOB = makeAddr("bob");

    function expectInvalid(address account, uint8 role) private {
        vm.expectRevert(abi.encodeWithSelector(IKeyRegistry.InvalidKeyProof.selector, account, role));
        vm.prank(account);
    }

    function test_create__chain_without_eip2537__reverts() public {
        vm.mockCall(address(0x0c), "", "");
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, address(0x0c)));
        deployKeyRegistry();
    }

    function test_register_delegating_key__proven__is_versioned_from_one(uint256 a) public {
        a = scalarOf("a", a);
        for (uint32 version = 1; version <= 2; ++version) {
            (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), ALICE, 1, version, a + version - 1);
            vm.expectEmit(address(keys));
            emit IKeyRegistry.DelegatingKeyRegistered(ALICE, version, key);
            vm.prank(ALICE);
            vm.assertEq(keys.registerDelegatingKey(key, proof), version);
            vm.assertEq(keys.latestVersion(ALICE, 1), version);
            vm.assertEq(keys.keyHash(ALICE, 1, version), BLS12381.hashOf(key));
        }
        // the first stays for the labels that name it; the other role is untouched
        vm.assertEq(keys.keyHash(ALICE, 1, 1), BLS12381.hashOf(g1Key(a)));
        vm.assertEq(keys.latestVersion(ALICE, 2), 0);
        vm.assertEq(keys.keyHash(ALICE, 1, 3), 0);
    }

    function test_register_receiving_key__proven__is_versioned_from_one(uint256 b) public {
        b = scalarOf("b", b);
        for (uint32 version = 1; version <= 2; ++version) {
            (G2Point memory key, Proof memory proof) = proveG2Key(address(keys), BOB, version, b + version - 1);
            vm.expectEmit(address(keys));
            emit IKeyRegistry.ReceivingKeyRegistered(BOB, version, key);
            vm.prank(BOB);
            vm.assertEq(keys.registerReceivingKey(key, proof), version);
            vm.assertEq(keys.latestVersion(BOB, 2), version);
            vm.assertEq(keys.keyHash(BOB, 2, version), BLS12381.hashOf(key));
        }
        vm.assertEq(keys.latestVersion(BOB, 1), 0);
    }

    function test_register__proof_of_another_account_version_role_registry_or_chain__reverts() public {
        uint256 a = scalarOf("a", 1);
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), BOB, 1, 1, a);
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
        (key, proof) = proveG1Key(address(keys), ALICE, 1, 2, a);
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
        (key, proof) = proveG1Key(address(keys), ALICE, 3, 1, a);
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
        (key, proof) = proveG1Key(address(this), ALICE, 1, 1, a);
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
        (key, proof) = proveG1Key(address(keys), ALICE, 1, 1, a);
        vm.chainId(777);
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
        vm.chainId(31337);
        vm.prank(ALICE);
        keys.registerDelegatingKey(key, proof);
    }

    function test_register_delegating_key__any_field_changed__reverts(uint256 which, uint128 by) public {
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), ALICE, 1, 1, scalarOf("a", by));
        which %= 3;
        if (which == 0) proof.challenge ^= uint128(bound(by, 1, type(uint128).max));
        if (which == 1) proof.response = addmod(proof.response, bound(by, 1, type(uint128).max), R);
        if (which == 2) key = BLS12381.add(key, Generators.G1());
        expectInvalid(ALICE, 1);
        keys.registerDelegatingKey(key, proof);
    }

    /// The attack of SCHEME §2: a "user" registers B = A^x in G2 from the owner's own key, whose logarithm it does not know. It can only
    /// answer with the logarithm of something else.
    function test_register_receiving_key__not_known_to_the_sender__reverts(uint256 x) public {
        G2Point memory owners = g2Key(scalarOf("a", 5));
        (, Proof memory proof) = proveG2Key(address(keys), BOB, 1, scalarOf("x", x));
        expectInvalid(BOB, 2);
        keys.registerReceivingKey(owners, proof);
    }

    /// A copy of another's key, shifted by a known scalar: same label keys in another owner's name.
    function test_register_delegating_key__shifted_copy_of_anothers__reverts() public {
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), ALICE, 1, 1, scalarOf("a", 5));
        proof.response = addmod(proof.response, mulmod(proof.challenge, 9, R), R); // as for a + 9
        key = BLS12381.add(key, g1Key(9));
        expectInvalid(BOB, 1);
        keys.registerDelegatingKey(key, proof);
    }

    function test_register__identity__reverts() public {
        G1Point memory zero;
        G2Point memory zero2;
        Proof memory proof = Proof(0, 0);
        vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
        keys.registerDelegatingKey(zero, proof);
        vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
        keys.registerReceivingKey(zero2, proof);
    }

    function test_register__malformed_point__reverts() public {
        G1Point memory key = G1Point(0, bytes32(uint256(1)), 0, bytes32(uint256(1)));
        G2Point memory key2 = Generators.G2();
        key2.x0Low = 0;
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, address(0x0c)));
        keys.registerDelegatingKey(key, Proof(1, 1));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, address(0x0e)));
        keys.registerReceivingKey(key2, Proof(1, 1));
    }

    function test_register__response_not_reduced__reverts() public {
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), ALICE, 1, 1, 5);
        proof.response += R; // still below 2^256: the same scalar for the precompile
        vm.expectRevert(abi.encodeWithSelector(BLS12381.ScalarTooLarge.selector, proof.response));
        vm.prank(ALICE);
        keys.registerDelegatingKey(key, proof);
    }
}
