// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point} from "../types/Points.sol";
import {BLS12381} from "./BLS12381.sol";
import {Generators} from "./Generators.sol";

/// @title Whether the chain has EIP-2537's precompiles, by known answers: asked once, when the first contract is deployed.
library Precompiles {
    /// @dev Known-answer tests of the precompiles. Errors: BLS12381.PrecompileMissing with the first that is not as it must be.
    function requireAll() internal view {
        // keccak256 of g1^2 and g2^2.
        bytes32 g1Squared = 0xd2b0d7b43ce993a817a069205ed3d7a139117befb9c0865d520f91ba88ac133b;
        bytes32 g2Squared = 0xca1308ad7babea380be417af0920e37dad333649603f01c9f44687ede587e7f9;
        if (BLS12381.hashOf(BLS12381.add(Generators.G1(), Generators.G1())) != g1Squared) revert BLS12381.PrecompileMissing(BLS12381.G1ADD);
        if (BLS12381.hashOf(BLS12381.mul(Generators.G1(), 2)) != g1Squared) revert BLS12381.PrecompileMissing(BLS12381.G1MSM);
        if (BLS12381.hashOf(BLS12381.add(Generators.G2(), Generators.G2())) != g2Squared) revert BLS12381.PrecompileMissing(BLS12381.G2ADD);
        if (BLS12381.hashOf(BLS12381.mul(Generators.G2(), 2)) != g2Squared) revert BLS12381.PrecompileMissing(BLS12381.G2MSM);
        G1Point[] memory p = new G1Point[](2);
        G2Point[] memory q = new G2Point[](2);
        (p[0], p[1], q[0], q[1]) = (Generators.G1(), Generators.NEG_G1(), Generators.G2(), Generators.G2());
        if (!BLS12381.pairingIsOne(p, q)) revert BLS12381.PrecompileMissing(BLS12381.PAIRING);
        p[1] = Generators.G1();
        if (BLS12381.pairingIsOne(p, q)) revert BLS12381.PrecompileMissing(BLS12381.PAIRING);
        // keccak256 of the point that u = 1 maps to.
        bytes32 mapped = 0x9ac8949dc0f430c817214cedce245bb027db3b6619be3698a316f245aecd6f59;
        if (BLS12381.hashOf(BLS12381.mapToG1(abi.encode(0, 1))) != mapped) revert BLS12381.PrecompileMissing(BLS12381.MAP_FP_TO_G1);
    }
}
