// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {HashToCurve} from "../../../../contracts/libraries/HashToCurve.sol";
import {OwnerDraw} from "../../../../contracts/libraries/OwnerDraw.sol";
import {G1Point} from "../../../../contracts/types/Points.sol";

/// @dev The library behind calls, so that reverts can be seen.
contract Hasher {
    function encode(bytes32 message, bytes memory dstPrime) external view returns (G1Point memory) {
        return HashToCurve.encodeToG1(message, dstPrime);
    }

    function expand(bytes32 message, bytes memory dstPrime) external pure returns (bytes32, bytes32) {
        return HashToCurve.expand(message, dstPrime);
    }

    function reduce(bytes32 high, bytes32 low) external view returns (bytes memory) {
        return HashToCurve.reduce(high, low);
    }

    function map(bytes memory element) external view returns (G1Point memory) {
        return BLS12381.mapToG1(element);
    }
}

/// @notice HashToCurve against RFC 9380. The RFC's own answers are for other lengths than ours (messages of 32 bytes, 64 bytes of output), so
/// the known answers here come from py_ecc 8 (`py_ecc.bls.hash_to_curve`: expand_message_xmd, map_to_curve_G1, clear_cofactor_G1), after it was
/// seen to give the RFC's: appendix K.1 for "", "abc" and "abcdef0123456789" at 0x20 bytes, and J.9.2 for "abc".
contract HashToCurveTest is Test {
    address private constant MODEXP = address(0x05);
    address private constant MAP_FP_TO_G1 = address(0x10);
    /// The RFC's tags of K.1 (38 characters) and J.9.2 (50), each with its length behind it.
    bytes private constant EXPANDER = "QUUX-V01-CS02-with-expander-SHA256-128\x26";
    bytes private constant SUITE = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_NU_\x32";
    uint256 private constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 private constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    bytes32 private constant ONES = bytes32(type(uint256).max);
    bytes32 private constant COUNTED = 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f;
    Hasher private hasher = new Hasher();

    // --- expand_message_xmd ---

    function _assertExpands(bytes32 message, bytes32 first, bytes32 second) private view {
        (bytes32 high, bytes32 low) = hasher.expand(message, EXPANDER);
        vm.assertEq(high, first);
        vm.assertEq(low, second);
    }

    function test_expand__known_answers__are_given() public view {
        _assertExpands(0, 0xb3433aa4721aa30bb828064293936e4a98ef40c43ed90693adb1261029702193, 0x294b2e6dfbc51b97d9dda96bf71c18d083d977a2795f1bc9ca28edce9815f6f7);
        _assertExpands(ONES, 0x75b169c029f9da61259042f4cb0efa1036070235bfec0c7dcdf3f2557f20ecab, 0x0fe2d36b7cec205ffdbc3ba1048a312e4d097efb2db2267440134e679f0d3c23);
        _assertExpands(COUNTED, 0xbecff660b613cd7891e16646076c2657046058fe4b14812891ef943188aef039, 0x11c5a00f347b24a2f2c2f8fe2ae85b6948d45a02867c0a6ff2ba8a8e2d9ba938);
        bytes32 abc = 0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad;
        _assertExpands(abc, 0x9b7a5d77c48a8ef3269b3ec401f09802c6645c613c3dab59552b3c3a314addf4, 0xeb0da508c0379ff05b023d0b4c5598f63cd0c99bbe0d6ad90b5fcff31c36d286);
    }

    // --- encode_to_curve ---

    function _assertEncodes(bytes32 message, bytes memory dstPrime, G1Point memory expected) private view {
        vm.assertEq(abi.encode(hasher.encode(message, dstPrime)), abi.encode(expected));
    }

    function test_encode__known_answers_of_the_suite__are_given() public view {
        _assertEncodes(0, SUITE, G1Point(
            bytes32(uint256(0x05750169f10a867835b8bbeb27f75f6f)), 0xabb2cfc087b7a06fd9d0964ec9214be4eb14b112a049652acaa502a50085fd3d,
            bytes32(uint256(0x0b3dab4808ff15d21b497a263ced759c)), 0x2dcb876ba496f68e5e6ce703b159ffeb38794ea9b30c22c710e8487c0c18d350
        ));
        _assertEncodes(ONES, SUITE, G1Point(
            bytes32(uint256(0x187f68a255bdc3e6ae165365374aed12)), 0x3dc52d5e72873dde9739e3f977834ad0ccde07c52bd34c548c2efbae021911a4,
            bytes32(uint256(0x1178c0f6a5bf478c4aba0455563eb18a)), 0x376c9dd78761ee1140ad81dea2c7fc4fce2ef12367130b3fb078143f5538b267
        ));
        _assertEncodes(COUNTED, SUITE, G1Point(
            bytes32(uint256(0x196f50c67d686be2ddbebbe889cf39f4)), 0x3cc947611962bb915e4ecd3307c1751ad5f0f850dc4fc2a59f30fb69adb89019,
            bytes32(uint256(0x09a91d14960e6e9428c9ed2f16f9b344)), 0x9f269938e6fd2129d689613e3def1cbeca9148bc4b3843584f2a3b5b06c0b82b
        ));
    }

    function test_encode__known_answers_of_the_draw__are_given() public view {
        bytes memory tag = "TPRE-V1-BLS12381G1_XMD:SHA-256_SSWU_NU_DRAW";
        vm.assertEq(OwnerDraw.DST_PRIME, abi.encodePacked(tag, uint8(tag.length)));
        _assertEncodes(0, OwnerDraw.DST_PRIME, G1Point(
            bytes32(uint256(0x006fbdbd9b9bc6df7f713c8b4e2376aa)), 0x5a3f6e96e76492b0a580bd79318bae06d2dc7e0ba27fbaf2562c3222afe7b3f1,
            bytes32(uint256(0x11c92e1f1333b13185c67e53f4502120)), 0xfdee1682399227da43f39ffa7f2331c68e0f2a8b6fa2cd7daf1cf3eb21e3c354
        ));
        _assertEncodes(ONES, OwnerDraw.DST_PRIME, G1Point(
            bytes32(uint256(0x0ef3616a1dad19609bb8b13557ae80f0)), 0x8519505ee97ec00aef2eed07ff1a558eacb93211694c82872d3b410472d53b7f,
            bytes32(uint256(0x0d6a86eaa2f82f3cc696d25d7cbd6fcf)), 0xb983150d0e178af8d06153aa2f95c737f21b7918bf3b7aeecc4e73e43a1371cc
        ));
        _assertEncodes(COUNTED, OwnerDraw.DST_PRIME, G1Point(
            bytes32(uint256(0x11ccf49df0f849b05911c0b63ae97662)), 0xaf6e1be954cf8bbc3f40e56cd757677410acba48374ea657785c37b9b90b1dcf,
            bytes32(uint256(0x0f6d0e976aee44c02056aeaeba199341)), 0x927885be3e74a5f525fb38f907d390cb135d8e18d78a7956f35cdd5a4031d3f8
        ));
    }

    /// The MSM takes points of the subgroup alone.
    function testFuzz_encode__any_message__gives_a_point_of_the_subgroup(bytes32 message) public view {
        G1Point memory point = hasher.encode(message, OwnerDraw.DST_PRIME);
        vm.assertFalse(BLS12381.isIdentity(point));
        vm.assertTrue(BLS12381.equal(BLS12381.mul(point, 1), point));
    }

    // --- the field element is reduced, and canonical ---

    function _assertReduces(uint256 high, uint256 low, uint256 expectedHigh, uint256 expectedLow) private view {
        vm.assertEq(hasher.reduce(bytes32(high), bytes32(low)), abi.encodePacked(expectedHigh, expectedLow));
    }

    function test_reduce__at_the_edge_of_p__is_canonical() public view {
        _assertReduces(0, 0, 0, 0);
        _assertReduces(P_HIGH, P_LOW - 1, P_HIGH, P_LOW - 1);
        _assertReduces(P_HIGH, P_LOW, 0, 0);
        _assertReduces(P_HIGH, P_LOW + 1, 0, 1);
        // 2^512 - 1 and 2^256 * (2^256 - 1) mod p, by Python
        _assertReduces(type(uint256).max, type(uint256).max, 0x2cb5d3a884e56c4fab7cd07ee4e16bc, 0x15efebb5d396d7cf82383087033108464532383fa8eaff4e967d3988a62b6c9c);
        _assertReduces(type(uint256).max, 0, 0x2cb5d3a884e56c4fab7cd07ee4e16bb, 0x15efebb5d396d7cf82383087033108464532383fa8eaff4e967d3988a62b6c9d);
    }

    /// The precompile itself takes canonical numbers only: without the reduction nearly every message would be refused.
    function test_map__number_not_below_p_or_of_another_length__refused() public {
        hasher.map(abi.encodePacked(P_HIGH, P_LOW - 1));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, MAP_FP_TO_G1));
        hasher.map(abi.encodePacked(P_HIGH, P_LOW));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 48, 64));
        hasher.map(new bytes(48));
    }

    function test_reduce__chain_without_modexp__PrecompileMissing() public {
        vm.mockCall(MODEXP, "", "");
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, MODEXP));
        hasher.encode(0, OwnerDraw.DST_PRIME);
        vm.mockCallRevert(MODEXP, "", "");
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, MODEXP));
        hasher.encode(0, OwnerDraw.DST_PRIME);
    }
}
