// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point} from "../types/Points.sol";
import {BLS12381} from "./BLS12381.sol";

/// @title Hashing to G1: encode_to_curve of RFC 9380, suite BLS12381G1_XMD:SHA-256_SSWU_NU_, for messages of 32 bytes.
/// @notice Nobody knows the logarithm of what comes out. It is in the subgroup: the map of EIP-2537 clears the cofactor.
library HashToCurve {
    address private constant MODEXP = address(0x05);
    /// The order of the base field.
    bytes private constant P = hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

    /// @param dstPrime the domain separation tag with its length behind it (RFC 9380, 5.3.1)
    function encodeToG1(bytes32 message, bytes memory dstPrime) internal view returns (G1Point memory) {
        (bytes32 first, bytes32 second) = expand(message, dstPrime);
        return BLS12381.mapToG1(reduce(first, second));
    }

    /// @dev expand_message_xmd with SHA-256, 64 bytes.
    function expand(bytes32 message, bytes memory dstPrime) internal pure returns (bytes32 first, bytes32 second) {
        bytes32 start = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(64), uint8(0), dstPrime));
        first = sha256(abi.encodePacked(start, uint8(1), dstPrime));
        second = sha256(abi.encodePacked(start ^ first, uint8(2), dstPrime));
    }

    /// @dev hash_to_field's last step: 64 bytes as a number, mod p, in EIP-2537's 64 bytes.
    function reduce(bytes32 high, bytes32 low) internal view returns (bytes memory element) {
        (bool ok, bytes memory reduced) = MODEXP.staticcall(abi.encodePacked(uint256(64), uint256(1), uint256(48), high, low, uint8(1), P));
        if (!ok || reduced.length != 48) revert BLS12381.PrecompileMissing(MODEXP);
        return abi.encodePacked(bytes16(0), reduced);
    }
}
