// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Vm} from "../Test.sol";
import {SignedWorld} from "../worlds/SignedWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice A round in one transaction: results and a majority's signatures, exchanged off the chain.
contract RoundsSignedTest is SignedWorld {
    // --- success, with the gas targets ---

    function _finalized(Scene memory scene, Brought memory brought) private view {
        assertPhase(scene, IRounds.Phase.Finalized);
        IRounds.Round memory round = rounds.roundOf(scene.roundId);
        vm.assertEq(round.submitted, brought.contributors);
        vm.assertEq(round.contributors, brought.contributors);
        vm.assertEq(round.approvals, brought.voters | (uint32(1) << (brought.slot - 1)));
        vm.assertEq(round.leader, brought.slot);
        assertOpens(scene, scene.capsules[0], brought.results[0]);
    }

    function test_finalizeSigned__one_of_one__needs_no_signature() public {
        allow(1, 1);
        Scene memory scene = opened(1, 1, 1);
        Brought memory brought = bring(scene);
        vm.assertEq(brought.signatures.length, 0);
        finalizeSigned(scene, brought);
        vm.snapshotGasLastCall("rounds", "finalizeSigned 1/1");
        _finalized(scene, brought);
    }

    /// The first conversion of a grant costs more: it writes that the grant has served, and perhaps the owner's first credit.
    function test_finalizeSigned__three_of_five__within_230k() public {
        Scene memory scene = opened(3, 5, 1);
        finalizeSigned(scene, bring(scene));
        vm.assertLe(vm.snapshotGasLastCall("rounds", "finalizeSigned 3/5, first of a grant"), 255_000, "finalizeSigned");
        open(scene, publish(1));
        Brought memory brought = bring(scene);
        finalizeSigned(scene, brought);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "finalizeSigned 3/5"), 230_000, "finalizeSigned");
        _finalized(scene, brought);
    }

    function test_finalizeSigned__all_of_five_signed__counted() public {
        Scene memory scene = opened(3, 5, 1);
        Brought memory brought = bring(scene);
        brought.voters = 30;
        signAll(scene, brought, digestOf(scene, brought));
        finalizeSigned(scene, brought);
        vm.snapshotGasLastCall("rounds", "finalizeSigned 3/5, four signatures");
        _finalized(scene, brought);
    }

    function test_finalizeSigned__sixteen_of_thirty_two__within_330k() public {
        Scene memory scene = opened(16, 32, 1);
        finalizeSigned(scene, bring(scene));
        open(scene, publish(1));
        Brought memory brought = bring(scene);
        finalizeSigned(scene, brought);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "finalizeSigned 16/32"), 330_000, "finalizeSigned");
        _finalized(scene, brought);
    }

    function test_finalizeSigned__batch__every_result_opens_and_contributors_are_paid() public {
        Scene memory scene = opened(3, 5, 4);
        Brought memory brought = bring(scene);
        (brought.slot, brought.contributors) = (5, 26);
        brought.voters = 6;
        uint8[] memory slots = new uint8[](3);
        (slots[0], slots[1], slots[2]) = (2, 4, 5);
        G1Point[][] memory cfrags = new G1Point[][](3);
        for (uint256 i = 0; i < 3; ++i) {
            (cfrags[i],) = convert(scene, slots[i]);
        }
        brought.results = combine(cfrags, slots);
        signAll(scene, brought, digestOf(scene, brought));
        finalizeSigned(scene, brought);
        _finalized(scene, brought);
        for (uint256 j = 1; j < 4; ++j) {
            assertOpens(scene, scene.capsules[j], brought.results[j]);
        }
        skip(CHALLENGE_SECONDS + 1);
        for (uint256 i = 0; i < 3; ++i) {
            claim(scene, slots[i]);
            vm.assertEq(treasury.creditOf(memberOf(scene, slots[i])), 4 * FEE);
            vm.assertEq(proxies.proxyOf(memberOf(scene, slots[i])).served, 1);
        }
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotSubmitted.selector, scene.roundId, 1));
        claim(scene, 1);
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - reserveOf(3, 4));
        vm.assertEq(treasury.creditOf(owner), 4 * uint256(PRICE));
    }

    function test_finalizeSigned__events__as_of_a_proposal_and_a_vote() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        bytes32 hash = Transcript.resultHash(scene.roundId, 3, 0, BLS12381.hashOf(brought.results));
        vm.recordLogs();
        finalizeSigned(scene, brought);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes32 round = bytes32(RoundId.unwrap(scene.roundId));
        bytes32 leader = bytes32(uint256(uint160(memberOf(scene, 1))));
        vm.assertEq(logs[0].topics[0], IRounds.LeaderProposed.selector);
        vm.assertEq(logs[0].topics[1], round);
        vm.assertEq(logs[0].topics[2], leader);
        vm.assertEq(logs[0].data, abi.encode(uint8(1), uint32(3), uint128(0), hash, brought.results));
        vm.assertEq(logs[1].topics[0], IRounds.RoundFinalized.selector);
        vm.assertEq(logs[1].topics[1], round);
        vm.assertEq(logs[1].topics[3], leader);
        vm.assertEq(logs[1].data, abi.encode(uint32(3), uint32(3), hash, false));
    }

    /// The delegatee sees the results on their way and can read; leaving in front of them saves it nothing.
    function test_finalizeSigned__delegatee_surrenders_in_front_of_it__finalized_and_paid() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        vm.prank(user);
        grants.surrender(scene.grantId);
        finalizeSigned(scene, brought);
        _finalized(scene, brought);
        vm.assertEq(treasury.creditOf(owner), PRICE);
    }

    /// @dev Proxies that gave up waiting have begun on the chain: what stands there counts, in either phase.
    function test_finalizeSigned__some_or_all_cfrags_on_the_chain__finalized() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        submit(scene, 2);
        uint256 before = vm.snapshotState();
        finalizeSigned(scene, brought);
        _finalized(scene, brought);
        vm.revertToState(before);
        submit(scene, 1);
        assertPhase(scene, IRounds.Phase.Proposing);
        finalizeSigned(scene, brought);
        _finalized(scene, brought);
    }

    function test_finalizeSigned__slot_without_submission__cannot_be_challenged() public {
        Scene memory scene = opened(2, 3, 1);
        finalizeSigned(scene, bring(scene));
        (G1Point[] memory cfrags, Proof memory proof) = convert(scene, 1);
        proof.response = addmod(proof.response, 1, R);
        IRounds.Submission memory submission =
            IRounds.Submission(1, 0, cfrags, proof, rounds.roundOf(scene.roundId).key, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongSubmission.selector, scene.roundId, 1));
        rounds.challengeCfrags(scene.roundId, scene.committee, scene.data, submission, scene.capsules, keysOf(scene));
    }
}
