// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsWorld} from "./RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point} from "../../../../contracts/types/Points.sol";

/// @notice What proxies do off the chain for a round in one transaction, and the call that brings it.
abstract contract SignedWorld is RoundsWorld {
    /// What finalizeSigned takes besides the scene.
    struct Brought {
        uint8 slot;
        uint32 contributors;
        G1Point[] results;
        uint32 voters;
        IRounds.Signature[] signatures;
    }

    function setUp() public {
        deployWorld(34);
    }

    // --- what proxies do off the chain ---

    function digestOf(Scene memory scene, Brought memory brought) internal view returns (bytes32) {
        bytes32 hash = Transcript.resultHash(scene.roundId, brought.contributors, scene.excluded, BLS12381.hashOf(brought.results));
        return Transcript.voteDigest(address(rounds), scene.roundId, hash);
    }

    function signAll(Scene memory scene, Brought memory brought, bytes32 digest) internal view {
        brought.signatures = new IRounds.Signature[](count(brought.voters));
        uint256 next;
        for (uint8 slot = 1; slot <= scene.n; ++slot) {
            if (brought.voters & (uint32(1) << (slot - 1)) != 0) brought.signatures[next++] = sign(memberOf(scene, slot), digest);
        }
    }

    /// @dev Leader 1, contributors 1..t, and as many other voters as make the majority.
    function bring(Scene memory scene) internal view returns (Brought memory brought) {
        (brought.slot, brought.contributors, brought.results) = (1, contributorsOf(scene), resultsFrom(scene, 1));
        for (uint8 slot = 2; 2 * (slot - 1) <= scene.n; ++slot) {
            brought.voters |= uint32(1) << (slot - 1);
        }
        signAll(scene, brought, digestOf(scene, brought));
    }

    function count(uint32 slots) internal pure returns (uint256 members) {
        for (; slots != 0; slots &= slots - 1) {
            ++members;
        }
    }

    function inputOf(Scene memory scene, Brought memory brought) internal view returns (bytes memory) {
        return abi.encodeCall(
            rounds.finalizeSigned,
            (
                scene.roundId,
                scene.committee,
                scene.data,
                brought.slot,
                brought.contributors,
                scene.rekey.mask,
                scene.capsules,
                brought.results,
                brought.voters,
                brought.signatures
            )
        );
    }

    function finalizeSigned(Scene memory scene, Brought memory brought) internal {
        vm.prank(memberOf(scene, brought.slot));
        rounds.finalizeSigned(
            scene.roundId,
            scene.committee,
            scene.data,
            brought.slot,
            brought.contributors,
            scene.rekey.mask,
            scene.capsules,
            brought.results,
            brought.voters,
            brought.signatures
        );
    }

    function refuse(Scene memory scene, Brought memory brought, bytes memory expected) internal {
        refuseOf(memberOf(scene, brought.slot), scene, brought, expected);
    }

    function refuseOf(address caller, Scene memory scene, Brought memory brought, bytes memory expected) internal {
        bytes memory input = inputOf(scene, brought);
        vm.prank(caller);
        (bool ok, bytes memory out) = address(rounds).call(input);
        vm.assertFalse(ok, "the call went through");
        vm.assertEq(out, expected);
    }
}
