// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Precompiles} from "../../../../contracts/libraries/Precompiles.sol";
import {G1Point, G2Point} from "../../../../contracts/types/Points.sol";

/// @dev The library behind calls, so that reverts can be seen and gas given.
contract Curve {
    function addG1(G1Point memory p, G1Point memory q) external view returns (G1Point memory) {
        return BLS12381.add(p, q);
    }

    function addG2(G2Point memory p, G2Point memory q) external view returns (G2Point memory) {
        return BLS12381.add(p, q);
    }

    function mulG1(G1Point memory p, uint256 x) external view returns (G1Point memory) {
        return BLS12381.mul(p, x);
    }

    function mulG2(G2Point memory p, uint256 x) external view returns (G2Point memory) {
        return BLS12381.mul(p, x);
    }

    function msm2G1(G1Point memory p, uint256 x, G1Point memory q, uint256 y) external view returns (G1Point memory) {
        return BLS12381.msm2(p, x, q, y);
    }

    function msm2G2(G2Point memory p, uint256 x, G2Point memory q, uint256 y) external view returns (G2Point memory) {
        return BLS12381.msm2(p, x, q, y);
    }

    function msm(G1Point[] memory points, uint256[] memory scalars) external view returns (G1Point memory) {
        return BLS12381.msm(points, scalars);
    }

    function msmCalldata(G1Point[] calldata points, uint256[] memory scalars) external view returns (G1Point memory) {
        return BLS12381.msmCalldata(points, scalars);
    }

    function tryMsm(G1Point[] memory points, uint256[] memory scalars) external view returns (bool, G1Point memory) {
        return BLS12381.tryMsm(points, scalars);
    }

    function pairingIsOne(G1Point[] memory p, G2Point[] memory q) external view returns (bool) {
        return BLS12381.pairingIsOne(p, q);
    }

    function requireNotIdentity(G1Point memory p) external pure {
        BLS12381.requireNotIdentity(p);
    }

    function requireNotIdentity2(G2Point memory p) external pure {
        BLS12381.requireNotIdentity(p);
    }

    function hashOfMemory(G1Point[] memory points) external pure returns (bytes32) {
        return BLS12381.hashOf(points);
    }

    function hashOfCalldata(G1Point[] calldata points) external pure returns (bytes32) {
        return BLS12381.hashOfCalldata(points);
    }

    function probe() external view {
        Precompiles.requireAll();
    }
}

contract BLS12381Test is Test {
    Curve private curve = new Curve();

    address private constant G1ADD = address(0x0b);
    address private constant G1MSM = address(0x0c);
    address private constant G2ADD = address(0x0d);
    address private constant G2MSM = address(0x0e);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP_TO_G1 = address(0x10);
    uint256 private constant R = BLS12381.R;

    // --- points to start from ---

    /// (1, 1) is not on y^2 = x^3 + 4.
    function offCurve() private pure returns (G1Point memory) {
        return G1Point(0, bytes32(uint256(1)), 0, bytes32(uint256(1)));
    }

    function offCurve2() private pure returns (G2Point memory p) {
        (p.x0Low, p.y0Low) = (bytes32(uint256(1)), bytes32(uint256(1)));
    }

    /// On the curve with x = 4, outside the subgroup of order r.
    function offSubgroup() private pure returns (G1Point memory) {
        return G1Point(
            0,
            bytes32(uint256(4)),
            0x000000000000000000000000000000000a989badd40d6212b33cffc3f3763e9b,
            0xc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c
        );
    }

    function offSubgroup2() private pure returns (G2Point memory) {
        return G2Point(
            0x0000000000000000000000000000000000c85d5ad55709df9f7add6bbc1dab85,
            0x37bca1f7a08dda2803047fb0ec79bc4fb114440efcc4459cb41400ed6d01d98c,
            0x0000000000000000000000000000000000b383ec2171a4820ffb284d92c5c046,
            0x080227eb5b60ed71db04d7d0e78fb20889f265ae5e061669811569a6a6c4918a,
            0x00000000000000000000000000000000148b911d5344771d62d920b03cd0b46e,
            0x1a1e58c02eea292d068c59b6a20e73726f24bb5323dbcf1322299d5bb8cca539,
            0x00000000000000000000000000000000015973f0ea10e3a66091f305bf042d84,
            0x688a13c9baefc6cef4d83bf1e34b66b205d53d208d0748fc3e6e09eb2e1ea694
        );
    }

    /// g1 with p added to x: the same point mod p, in a form that is not canonical.
    function notCanonical() private pure returns (G1Point memory p) {
        p = Generators.G1();
        uint256 pLow = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
        uint256 low;
        unchecked {
            low = uint256(p.xLow) + pLow;
        }
        uint256 carry = low < pLow ? 1 : 0;
        p.xHigh = bytes32(uint256(p.xHigh) + 0x1a0111ea397fe69a4b1ba7b6434bacd7 + carry);
        p.xLow = bytes32(low);
    }

    function terms(uint256 count) private view returns (G1Point[] memory points, uint256[] memory scalars) {
        points = new G1Point[](count);
        scalars = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            points[i] = curve.mulG1(Generators.G1(), i + 2);
            scalars[i] = uint256(keccak256(abi.encode(i))) % R;
        }
    }

    function assertSame(G1Point memory p, G1Point memory q) private pure {
        vm.assertTrue(BLS12381.equal(p, q), "points differ");
    }

    // --- values ---

    function test_probe__chain_with_eip2537__passes() public view {
        curve.probe();
    }

    function test_constants__negatives__add_to_identity() public view {
        vm.assertTrue(BLS12381.isIdentity(curve.addG1(Generators.G1(), Generators.NEG_G1())));
        vm.assertTrue(BLS12381.isIdentity(curve.addG2(Generators.G2(), Generators.NEG_G2())));
        vm.assertTrue(BLS12381.isIdentity(curve.addG2(Generators.H2(), Generators.NEG_H2())));
        vm.assertFalse(BLS12381.isIdentity(Generators.G1()));
        vm.assertFalse(BLS12381.isIdentity(Generators.H2()));
    }

    /// RFC 9380 from its own steps: expand_message_xmd, two maps, one addition. Nobody chose h2.
    function test_h2__derived_again_from_its_message__is_the_constant() public view {
        bytes memory dst = "TPRE-V1-BLS12381G2_XMD:SHA-256_SSWU_RO_H2";
        bytes memory dstPrime = abi.encodePacked(dst, uint8(dst.length));
        bytes32 b0 = sha256(abi.encodePacked(new bytes(64), "TPRE-V1/h2", uint16(256), uint8(0), dstPrime));
        bytes32 previous = sha256(abi.encodePacked(b0, uint8(1), dstPrime));
        bytes memory uniform = abi.encodePacked(previous);
        for (uint8 i = 2; i <= 8; ++i) {
            previous = sha256(abi.encodePacked(b0 ^ previous, i, dstPrime));
            uniform = abi.encodePacked(uniform, previous);
        }
        G2Point[2] memory mapped;
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory u = abi.encodePacked(fieldElement(uniform, 128 * i), fieldElement(uniform, 128 * i + 64));
            (bool ok, bytes memory point) = address(0x11).staticcall(u);
            vm.assertTrue(ok && point.length == 256);
            mapped[i] = abi.decode(point, (G2Point));
        }
        vm.assertEq(BLS12381.hashOf(curve.addG2(mapped[0], mapped[1])), BLS12381.hashOf(Generators.H2()));
    }

    /// The 64 bytes at `offset`, mod p, as 64 bytes.
    function fieldElement(bytes memory source, uint256 offset) private view returns (bytes memory) {
        bytes memory wide = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            wide[i] = source[offset + i];
        }
        bytes memory p = hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
        (bool ok, bytes memory reduced) = address(5).staticcall(abi.encodePacked(uint256(64), uint256(1), uint256(48), wide, uint8(1), p));
        require(ok, "modexp");
        return abi.encodePacked(bytes16(0), reduced);
    }

    function test_mul__any_scalars__is_additive(uint256 x, uint256 y) public view {
        (x, y) = (x % R, y % R);
        assertSame(curve.mulG1(Generators.G1(), addmod(x, y, R)), curve.addG1(curve.mulG1(Generators.G1(), x), curve.mulG1(Generators.G1(), y)));
        assertSame(curve.mulG1(Generators.G1(), mulmod(x, y, R)), curve.mulG1(curve.mulG1(Generators.G1(), x), y));
        bytes32 left = BLS12381.hashOf(curve.mulG2(Generators.H2(), addmod(x, y, R)));
        vm.assertEq(left, BLS12381.hashOf(curve.msm2G2(Generators.H2(), x, Generators.H2(), y)));
        vm.assertEq(left, BLS12381.hashOf(curve.addG2(curve.mulG2(Generators.H2(), x), curve.mulG2(Generators.H2(), y))));
    }

    function test_msm__one_to_twelve_terms__all_forms_agree() public view {
        for (uint256 count = 1; count <= 12; ++count) {
            (G1Point[] memory points, uint256[] memory scalars) = terms(count);
            uint256 exponent;
            for (uint256 i = 0; i < count; ++i) {
                exponent = addmod(exponent, mulmod(i + 2, scalars[i], R), R);
            }
            G1Point memory expected = curve.mulG1(Generators.G1(), exponent);
            assertSame(curve.msm(points, scalars), expected);
            assertSame(curve.msmCalldata(points, scalars), expected);
            (bool ok, G1Point memory sum) = curve.tryMsm(points, scalars);
            vm.assertTrue(ok);
            assertSame(sum, expected);
            if (count == 2) assertSame(curve.msm2G1(points[0], scalars[0], points[1], scalars[1]), expected);
        }
    }

    /// The gas given is the price: what a bad point burns (all that was given) is what a good one costs (the chain's price).
    function test_msm__1_to_130_terms__is_given_the_price_of_the_precompile() public view {
        uint256 previous;
        for (uint256 count = 1; count <= 130; ++count) {
            G1Point[] memory points = new G1Point[](count);
            uint256[] memory scalars = new uint256[](count);
            for (uint256 i = 0; i < count; ++i) {
                points[i] = Generators.G1();
            }
            (bool ok, uint256 paid) = measure(abi.encodeCall(Curve.msm, (points, scalars)));
            vm.assertTrue(ok, "good points refused: too little gas given");
            points[0] = offCurve();
            uint256 burnt;
            (ok, burnt) = measure(abi.encodeCall(Curve.msm, (points, scalars)));
            vm.assertFalse(ok);
            // Our own steps after a good answer, which grow smoothly; one unit of the discount table is 12 * count.
            uint256 own = paid - burnt;
            if (count > 2) vm.assertApproxEqAbs(own, previous, 30);
            previous = own;
        }
    }

    function measure(bytes memory call) private view returns (bool ok, uint256 spent) {
        curve.probe(); // the account is warm from here on
        uint256 before = gasleft();
        (ok,) = address(curve).staticcall(call);
        spent = before - gasleft();
    }

    function test_pairing__product_of_one__is_found(uint256 x, uint256 y) public view {
        (x, y) = (1 + (x % (R - 1)), 1 + (y % (R - 1)));
        G1Point[] memory p = new G1Point[](2);
        G2Point[] memory q = new G2Point[](2);
        (p[0], q[0]) = (curve.mulG1(Generators.G1(), x), curve.mulG2(Generators.G2(), y));
        (p[1], q[1]) = (curve.mulG1(Generators.NEG_G1(), mulmod(x, y, R)), Generators.G2());
        vm.assertTrue(curve.pairingIsOne(p, q));
        q[1] = Generators.H2();
        vm.assertFalse(curve.pairingIsOne(p, q));
    }

    function test_hash__memory_and_calldata__agree() public view {
        (G1Point[] memory points,) = terms(3);
        bytes32 expected = keccak256(abi.encode(points[0], points[1], points[2]));
        vm.assertEq(curve.hashOfMemory(points), expected);
        vm.assertEq(curve.hashOfCalldata(points), expected);
        vm.assertEq(BLS12381.hashOf(points[1]), keccak256(abi.encode(points[1])));
        vm.assertEq(BLS12381.hashOf(Generators.H2()), keccak256(abi.encode(Generators.H2())));
        vm.assertEq(curve.hashOfCalldata(new G1Point[](0)), keccak256(""));
    }

    function test_negate__any_scalar__adds_to_zero(uint256 x) public pure {
        x %= R;
        vm.assertLt(BLS12381.negate(x), R);
        vm.assertEq(addmod(x, BLS12381.negate(x), R), 0);
        vm.assertEq(BLS12381.negate(0), 0);
    }

    // --- refusals ---

    function test_mul__scalar_not_reduced__reverts(uint256 excess) public {
        uint256 x = R + (excess % (type(uint256).max - R));
        bytes memory expected = abi.encodeWithSelector(BLS12381.ScalarTooLarge.selector, x);
        (G1Point[] memory points, uint256[] memory scalars) = terms(3);
        scalars[2] = x;
        vm.expectRevert(expected);
        curve.mulG1(Generators.G1(), x);
        vm.expectRevert(expected);
        curve.mulG2(Generators.G2(), x);
        vm.expectRevert(expected);
        curve.msm2G1(Generators.G1(), 1, Generators.G1(), x);
        vm.expectRevert(expected);
        curve.msm2G2(Generators.G2(), 1, Generators.G2(), x);
        vm.expectRevert(expected);
        curve.msm(points, scalars);
        vm.expectRevert(expected);
        curve.msmCalldata(points, scalars);
        vm.expectRevert(expected);
        curve.tryMsm(points, scalars);
    }

    function test_msm__no_or_unequal_terms__reverts() public {
        (G1Point[] memory points,) = terms(2);
        uint256[] memory one = new uint256[](1);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 2, 1));
        curve.msm(points, one);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 2, 1));
        curve.msmCalldata(points, one);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 2, 1));
        curve.tryMsm(points, one);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 0, 0));
        curve.tryMsm(new G1Point[](0), new uint256[](0));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 2, 0));
        curve.pairingIsOne(points, new G2Point[](0));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 0, 0));
        curve.pairingIsOne(new G1Point[](0), new G2Point[](0));
    }

    function test_operations__malformed_point__reverts_with_the_precompile() public {
        G1Point[3] memory bad = [offCurve(), notCanonical(), offSubgroup()];
        for (uint256 i = 0; i < 3; ++i) {
            (G1Point[] memory points, uint256[] memory scalars) = terms(3);
            points[1] = bad[i];
            scalars[1] = 0; // the scalar does not hide it
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1MSM));
            curve.msm(points, scalars);
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1MSM));
            curve.msmCalldata(points, scalars);
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1MSM));
            curve.mulG1(bad[i], 5);
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1MSM));
            curve.msm2G1(Generators.G1(), 1, bad[i], 0);
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, PAIRING));
            curve.pairingIsOne(points, new G2Point[](3));
            (bool ok,) = curve.tryMsm(points, scalars);
            vm.assertFalse(ok);
        }
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1ADD));
        curve.addG1(offCurve(), Generators.G1());
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G1ADD));
        curve.addG1(notCanonical(), Generators.G1());
    }

    function test_operations__malformed_point_of_g2__reverts_with_the_precompile() public {
        G2Point[2] memory bad = [offCurve2(), offSubgroup2()];
        G1Point[] memory p = new G1Point[](1);
        G2Point[] memory q = new G2Point[](1);
        p[0] = Generators.G1();
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G2MSM));
            curve.mulG2(bad[i], 1);
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G2MSM));
            curve.msm2G2(Generators.G2(), 1, bad[i], 0);
            q[0] = bad[i];
            vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, PAIRING));
            curve.pairingIsOne(p, q);
        }
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, G2ADD));
        curve.addG2(offCurve2(), Generators.G2());
    }

    /// Why nobody may feed G1ADD raw input.
    function test_add__point_outside_the_subgroup__is_not_noticed() public view {
        curve.addG1(offSubgroup(), Generators.G1());
        curve.addG2(offSubgroup2(), Generators.G2());
    }

    function test_require_not_identity__identity__reverts() public {
        G1Point memory zero;
        G2Point memory zero2;
        vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
        curve.requireNotIdentity(zero);
        vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
        curve.requireNotIdentity2(zero2);
        curve.requireNotIdentity(offCurve());
        zero2.y1Low = bytes32(uint256(1));
        curve.requireNotIdentity2(zero2);
    }

    // --- gas: a starved call is not evidence ---

    function test_mul__too_little_gas__reverts_with_what_it_needs() public {
        vm.expectRevert(abi.encodeWithSelector(BLS12381.InsufficientGas.selector, 14_190));
        curve.mulG1{gas: 12_000}(Generators.G1(), 7);
    }

    function test_try_msm__good_points_and_any_gas__never_says_malformed(uint256 gas_) public view {
        (G1Point[] memory points, uint256[] memory scalars) = terms(4);
        gas_ = bound(gas_, 1_000, 120_000);
        (bool done, bytes memory out) = address(curve).staticcall{gas: gas_}(abi.encodeCall(Curve.tryMsm, (points, scalars)));
        if (done) {
            (bool ok,) = abi.decode(out, (bool, G1Point));
            vm.assertTrue(ok, "starved call taken for a malformed point");
        }
        vm.assertTrue(done || gas_ < 110_000, "enough gas was refused");
    }

    /// Step by step through the range where the precompile's own price runs short.
    function test_try_msm__every_gas_around_the_price__never_says_malformed() public view {
        (G1Point[] memory points, uint256[] memory scalars) = terms(2);
        bool passed;
        for (uint256 gas_ = 20_000; gas_ < 60_000; gas_ += 97) {
            (bool done, bytes memory out) = address(curve).staticcall{gas: gas_}(abi.encodeCall(Curve.tryMsm, (points, scalars)));
            if (!done) continue;
            passed = true;
            (bool ok,) = abi.decode(out, (bool, G1Point));
            vm.assertTrue(ok);
        }
        vm.assertTrue(passed);
    }

    /// A fork that changes the precompile makes every call fail, good points too: that is nobody's bad point.
    function test_try_msm__precompile_that_refuses_all__reverts_and_blames_nobody() public {
        (G1Point[] memory points, uint256[] memory scalars) = terms(3);
        vm.mockCallRevert(G1MSM, "", "");
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, G1MSM));
        curve.tryMsm(points, scalars);
    }

    function test_probe__precompile_without_output__reverts_with_its_address() public {
        address[6] memory precompiles = [G1ADD, G1MSM, G2ADD, G2MSM, PAIRING, MAP_FP_TO_G1];
        for (uint256 i = 0; i < 6; ++i) {
            vm.mockCall(precompiles[i], "", "");
            vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, precompiles[i]));
            curve.probe();
            vm.clearMockedCalls();
        }
        curve.probe();
    }

    function test_probe__precompile_with_a_wrong_answer__reverts_with_its_address() public {
        vm.mockCall(G1ADD, "", abi.encode(Generators.G1()));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, G1ADD));
        curve.probe();
        vm.clearMockedCalls();
        vm.mockCall(PAIRING, "", abi.encode(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, PAIRING));
        curve.probe();
        vm.clearMockedCalls();
        // a point of the subgroup, but not the one that 1 maps to
        vm.mockCall(MAP_FP_TO_G1, "", abi.encode(Generators.G1()));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.PrecompileMissing.selector, MAP_FP_TO_G1));
        curve.probe();
    }
}
