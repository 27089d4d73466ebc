// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Generators} from "./Generators.sol";
import {G1Point, G2Point} from "../types/Points.sol";

/// @title BLS12-381 over the precompiles of EIP-2537.
/// @notice What each precompile checks: the MSMs and the pairing that every point is canonical, on the curve and in the subgroup;
/// G1ADD and G2ADD that it is on the curve only. Warning: never feed G1ADD or G2ADD a point that nothing else checks. No precompile rejects
/// the identity: callers do, with `requireNotIdentity`.
/// @dev A failing precompile burns all gas that it is given, so each call gets exactly its price; and a precompile starved of gas fails like
/// one fed a bad point, so each call first requires that the price is there. A chain without EIP-2537 answers with no output: PrecompileMissing.
library BLS12381 {
    /// The order r of G1, G2 and GT.
    uint256 internal constant R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    address internal constant G1ADD = address(0x0b);
    address internal constant G1MSM = address(0x0c);
    address internal constant G2ADD = address(0x0d);
    address internal constant G2MSM = address(0x0e);
    address internal constant PAIRING = address(0x0f);
    address internal constant MAP_FP_TO_G1 = address(0x10);

    uint256 private constant G1ADD_GAS = 375;
    uint256 private constant G2ADD_GAS = 600;
    uint256 private constant G1MUL_GAS = 12_000;
    uint256 private constant G2MUL_GAS = 22_500;
    uint256 private constant MAP_G1_GAS = 5_500;
    uint256 private constant PAIRING_BASE_GAS = 37_700;
    uint256 private constant PAIRING_PAIR_GAS = 32_600;
    /// Left for our own steps before and after a precompile.
    uint256 private constant OWN_GAS = 2_000;

    uint256 private constant G1_BYTES = 128;
    uint256 private constant G2_BYTES = 256;
    // A term of an MSM: point and scalar.
    uint256 private constant G1_TERM = 160;
    uint256 private constant G2_TERM = 288;

    /// EIP-2537's G1MSM discount per mille for 1..128 points, two bytes each.
    bytes private constant G1_DISCOUNTS =
        hex"03e803b50350031d02fc02ee02e202d802cf02c802c102ba02b402af02aa02a5"
        hex"02a1029d029902950292028e028b0288028502820280027d027b027802760273"
        hex"0271026f026d026b026902670265026302610260025e025c025b025902570256"
        hex"0254025302510250024f024d024c024a02490248024602450244024302410240"
        hex"023f023e023d023c023a0239023802370236023502340233023202310230022f"
        hex"022e022d022c022b022a02290228022702260225022402230223022202210220"
        hex"021f021e021d021c021c021b021a021902180218021702160215021402140213"
        hex"0212021102100210020f020e020d020d020c020b020a020a0209020802080207";

    /// The precompile is not there, or does not answer as EIP-2537 says at its price.
    error PrecompileMissing(address precompile);
    /// The precompile rejected a point: not canonical, not on the curve or not in the subgroup.
    error InvalidPoint(address precompile);
    /// A scalar is not reduced: it must be < r.
    error ScalarTooLarge(uint256 scalar);
    /// Too little gas is left for the precompile's price.
    error InsufficientGas(uint256 needed);
    /// A sum or product of no terms, or of unequal numbers of terms.
    error WrongTermCount(uint256 points, uint256 others);
    /// The identity where a key, capsule or commitment must be.
    error UnexpectedIdentity();

    // --- scalars and encodings ---

    function requireScalar(uint256 scalar) internal pure {
        if (scalar >= R) revert ScalarTooLarge(scalar);
    }

    /// @dev -scalar mod r, for scalar < r.
    function negate(uint256 scalar) internal pure returns (uint256) {
        return scalar == 0 ? 0 : R - scalar;
    }

    function isIdentity(G1Point memory p) internal pure returns (bool) {
        return (p.xHigh | p.xLow | p.yHigh | p.yLow) == 0;
    }

    function isIdentity(G2Point memory p) internal pure returns (bool) {
        return (p.x0High | p.x0Low | p.x1High | p.x1Low | p.y0High | p.y0Low | p.y1High | p.y1Low) == 0;
    }

    function requireNotIdentity(G1Point memory p) internal pure {
        if (isIdentity(p)) revert UnexpectedIdentity();
    }

    function requireNotIdentity(G2Point memory p) internal pure {
        if (isIdentity(p)) revert UnexpectedIdentity();
    }

    /// @dev Equality of encodings, which is equality of points: the precompiles take and give canonical encodings only.
    function equal(G1Point memory p, G1Point memory q) internal pure returns (bool) {
        return p.xHigh == q.xHigh && p.xLow == q.xLow && p.yHigh == q.yHigh && p.yLow == q.yLow;
    }

    /// @dev keccak256 of the 128-byte form.
    function hashOf(G1Point memory p) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(p, 0x80)
        }
    }

    /// @dev keccak256 of the 256-byte form.
    function hashOf(G2Point memory p) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            digest := keccak256(p, 0x100)
        }
    }

    /// @dev keccak256 of the points' 128-byte forms one after the other.
    function hashOf(G1Point[] memory points) internal pure returns (bytes32 digest) {
        uint256 start = _allocate(points.length * G1_BYTES);
        uint256 cursor = start;
        for (uint256 i = 0; i < points.length; ++i) {
            G1Point memory p = points[i];
            assembly ("memory-safe") {
                mcopy(cursor, p, 0x80)
            }
            cursor += G1_BYTES;
        }
        assembly ("memory-safe") {
            digest := keccak256(start, sub(cursor, start))
        }
    }

    /// @dev The same for calldata, where an array of points is one run of bytes.
    function hashOfCalldata(G1Point[] calldata points) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let start := mload(0x40)
            let size := mul(points.length, 0x80)
            calldatacopy(start, points.offset, size)
            digest := keccak256(start, size)
        }
    }

    // --- group operations ---

    /// @dev p + q. Warning: checks the curve, not the subgroup.
    function add(G1Point memory p, G1Point memory q) internal view returns (G1Point memory sum) {
        uint256 input = _allocate(2 * G1_BYTES);
        assembly ("memory-safe") {
            mcopy(input, p, 0x80)
            mcopy(add(input, 0x80), q, 0x80)
        }
        if (!_run(G1ADD, input, 2 * G1_BYTES, _address(sum), G1_BYTES, G1ADD_GAS)) revert InvalidPoint(G1ADD);
    }

    /// @dev p + q. Warning: checks the curve, not the subgroup.
    function add(G2Point memory p, G2Point memory q) internal view returns (G2Point memory sum) {
        uint256 input = _allocate(2 * G2_BYTES);
        assembly ("memory-safe") {
            mcopy(input, p, 0x100)
            mcopy(add(input, 0x100), q, 0x100)
        }
        if (!_run(G2ADD, input, 2 * G2_BYTES, _address(sum), G2_BYTES, G2ADD_GAS)) revert InvalidPoint(G2ADD);
    }

    /// @dev p * x. Errors: ScalarTooLarge, InvalidPoint.
    function mul(G1Point memory p, uint256 x) internal view returns (G1Point memory product) {
        uint256 input = _allocate(G1_TERM);
        _putTerm(input, p, x);
        if (!_run(G1MSM, input, G1_TERM, _address(product), G1_BYTES, G1MUL_GAS)) revert InvalidPoint(G1MSM);
    }

    /// @dev p * x. Errors: ScalarTooLarge, InvalidPoint.
    function mul(G2Point memory p, uint256 x) internal view returns (G2Point memory product) {
        uint256 input = _allocate(G2_TERM);
        _putTerm(input, p, x);
        if (!_run(G2MSM, input, G2_TERM, _address(product), G2_BYTES, G2MUL_GAS)) revert InvalidPoint(G2MSM);
    }

    /// @dev p * x + q * y in one call. Errors: ScalarTooLarge, InvalidPoint.
    function msm2(G1Point memory p, uint256 x, G1Point memory q, uint256 y) internal view returns (G1Point memory sum) {
        uint256 input = _allocate(2 * G1_TERM);
        _putTerm(input, p, x);
        _putTerm(input + G1_TERM, q, y);
        if (!_run(G1MSM, input, 2 * G1_TERM, _address(sum), G1_BYTES, _g1MsmGas(2))) revert InvalidPoint(G1MSM);
    }

    /// @dev p * x + q * y in one call. Errors: ScalarTooLarge, InvalidPoint.
    function msm2(G2Point memory p, uint256 x, G2Point memory q, uint256 y) internal view returns (G2Point memory sum) {
        uint256 input = _allocate(2 * G2_TERM);
        _putTerm(input, p, x);
        _putTerm(input + G2_TERM, q, y);
        // EIP-2537 gives two points of G2 no discount.
        if (!_run(G2MSM, input, 2 * G2_TERM, _address(sum), G2_BYTES, 2 * G2MUL_GAS)) revert InvalidPoint(G2MSM);
    }

    /// @dev The sum of points[i] * scalars[i]; every point's subgroup is checked, whatever its scalar.
    /// Errors: WrongTermCount, ScalarTooLarge, InvalidPoint.
    function msm(G1Point[] memory points, uint256[] memory scalars) internal view returns (G1Point memory sum) {
        uint256 count = points.length;
        uint256 input = _putTerms(points, scalars);
        if (!_run(G1MSM, input, count * G1_TERM, _address(sum), G1_BYTES, _g1MsmGas(count))) revert InvalidPoint(G1MSM);
    }

    /// @dev `msm` over points in calldata.
    function msmCalldata(G1Point[] calldata points, uint256[] memory scalars) internal view returns (G1Point memory sum) {
        uint256 count = points.length;
        if (count == 0 || count != scalars.length) revert WrongTermCount(count, scalars.length);
        uint256 input = _allocate(count * G1_TERM);
        uint256 cursor = input;
        for (uint256 i = 0; i < count; ++i) {
            uint256 x = scalars[i];
            requireScalar(x);
            assembly ("memory-safe") {
                calldatacopy(cursor, add(points.offset, mul(i, 0x80)), 0x80)
                mstore(add(cursor, 0x80), x)
            }
            cursor += G1_TERM;
        }
        if (!_run(G1MSM, input, count * G1_TERM, _address(sum), G1_BYTES, _g1MsmGas(count))) revert InvalidPoint(G1MSM);
    }

    /// @dev `msm` for evidence: `ok` is false only if a point is malformed. Not for want of gas (InsufficientGas: the whole call is required
    /// twice over), and not because the chain has changed the precompile (PrecompileMissing: when the call fails, as many good points with the same
    /// scalars must pass for the same gas), so nobody is blamed by a caller who starves the call or by a fork.
    function tryMsm(G1Point[] memory points, uint256[] memory scalars) internal view returns (bool ok, G1Point memory sum) {
        uint256 count = points.length;
        uint256 price = _g1MsmGas(count);
        uint256 input = _putTerms(points, scalars);
        _requireGas(2 * price + OWN_GAS);
        ok = _run(G1MSM, input, count * G1_TERM, _address(sum), G1_BYTES, price);
        if (ok) return (true, sum);
        G1Point memory good = Generators.G1();
        for (uint256 i = 0; i < count; ++i) {
            _putTerm(input + i * G1_TERM, good, scalars[i]);
        }
        if (!_run(G1MSM, input, count * G1_TERM, _address(good), G1_BYTES, price)) revert PrecompileMissing(G1MSM);
        return (false, sum);
    }

    /// @dev Whether the product of e(p[i], q[i]) is one; every point's subgroup is checked. Errors: WrongTermCount, InvalidPoint.
    function pairingIsOne(G1Point[] memory p, G2Point[] memory q) internal view returns (bool) {
        uint256 count = p.length;
        if (count == 0 || count != q.length) revert WrongTermCount(count, q.length);
        uint256 input = _allocate(count * (G1_BYTES + G2_BYTES));
        uint256 cursor = input;
        for (uint256 i = 0; i < count; ++i) {
            G1Point memory a = p[i];
            G2Point memory b = q[i];
            assembly ("memory-safe") {
                mcopy(cursor, a, 0x80)
                mcopy(add(cursor, 0x80), b, 0x100)
            }
            cursor += G1_BYTES + G2_BYTES;
        }
        uint256 price = PAIRING_BASE_GAS + count * PAIRING_PAIR_GAS;
        // The answer takes the place of the first point.
        if (!_run(PAIRING, input, cursor - input, input, 32, price)) revert InvalidPoint(PAIRING);
        bool isOne;
        assembly ("memory-safe") {
            isOne := eq(mload(input), 1)
        }
        return isOne;
    }

    /// @dev The map of a field element (64 bytes, canonical) to the curve, cofactor cleared. Error: InvalidPoint for a number that is not below p.
    function mapToG1(bytes memory element) internal view returns (G1Point memory point) {
        if (element.length != 64) revert WrongTermCount(element.length, 64);
        uint256 input;
        assembly ("memory-safe") {
            input := add(element, 0x20)
        }
        if (!_run(MAP_FP_TO_G1, input, 64, _address(point), G1_BYTES, MAP_G1_GAS)) revert InvalidPoint(MAP_FP_TO_G1);
    }

    // --- the one place that calls a precompile ---

    /// @dev Calls with exactly `price` gas. False: the precompile failed, and not for want of gas.
    function _run(address precompile, uint256 input, uint256 inputSize, uint256 output, uint256 outputSize, uint256 price)
        private
        view
        returns (bool ok)
    {
        _requireGas(price);
        uint256 answered;
        assembly ("memory-safe") {
            ok := staticcall(price, precompile, input, inputSize, output, outputSize)
            answered := returndatasize()
        }
        if (ok && answered != outputSize) revert PrecompileMissing(precompile);
    }

    /// @dev A call can be given 63/64 of what is left.
    function _requireGas(uint256 price) private view {
        uint256 needed = price + price / 63 + OWN_GAS;
        if (gasleft() < needed) revert InsufficientGas(needed);
    }

    function _g1MsmGas(uint256 count) private pure returns (uint256) {
        if (count == 1) return G1MUL_GAS;
        if (count == 2) return (2 * G1MUL_GAS * 949) / 1000;
        if (count > 128) return (count * G1MUL_GAS * 519) / 1000;
        bytes memory discounts = G1_DISCOUNTS;
        uint256 discount;
        assembly ("memory-safe") {
            // the two bytes that end at 2 * count
            discount := and(mload(add(discounts, shl(1, count))), 0xffff)
        }
        return (count * G1MUL_GAS * discount) / 1000;
    }

    /// @dev The terms of an MSM as the precompile takes them.
    function _putTerms(G1Point[] memory points, uint256[] memory scalars) private pure returns (uint256 input) {
        uint256 count = points.length;
        if (count == 0 || count != scalars.length) revert WrongTermCount(count, scalars.length);
        input = _allocate(count * G1_TERM);
        for (uint256 i = 0; i < count; ++i) {
            _putTerm(input + i * G1_TERM, points[i], scalars[i]);
        }
    }

    function _putTerm(uint256 cursor, G1Point memory p, uint256 x) private pure {
        requireScalar(x);
        assembly ("memory-safe") {
            mcopy(cursor, p, 0x80)
            mstore(add(cursor, 0x80), x)
        }
    }

    function _putTerm(uint256 cursor, G2Point memory p, uint256 x) private pure {
        requireScalar(x);
        assembly ("memory-safe") {
            mcopy(cursor, p, 0x100)
            mstore(add(cursor, 0x100), x)
        }
    }

    function _allocate(uint256 size) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
            mstore(0x40, add(pointer, size))
        }
    }

    function _address(G1Point memory p) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := p
        }
    }

    function _address(G2Point memory p) private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := p
        }
    }
}
