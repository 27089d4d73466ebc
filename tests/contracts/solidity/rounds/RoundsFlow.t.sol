// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {G1Point, G2Point} from "../../../../contracts/types/Points.sol";
import {GrantId} from "../../../../contracts/types/Ids.sol";

/// @notice The way of a record from request to converted ciphertext, for several (t, n) and batch sizes, with the gas of each step.
contract RoundsFlowTest is RoundsWorld {
    function setUp() public {
        deployWorld(18);
    }

    function test_flow__one_of_one__finalized_by_the_proposal() public {
        allow(1, 1);
        Scene memory scene = opened(1, 1, 1);
        submitAll(scene);
        propose(scene, 1);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    function test_flow__three_of_five__opens_for_the_delegatee_and_pays() public {
        Scene memory scene = opened(3, 5, 5);
        assertPhase(scene, IConversionRounds.Phase.Submitting);
        submitAll(scene);
        assertPhase(scene, IConversionRounds.Phase.Proposing);
        G1Point[] memory results = resultsFrom(scene, 1);
        propose(scene, 4);
        assertPhase(scene, IConversionRounds.Phase.Voting);
        vote(scene, 1, true);
        assertPhase(scene, IConversionRounds.Phase.Voting);
        vote(scene, 5, true);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
        for (uint256 j = 0; j < 5; ++j) {
            assertOpens(scene, scene.capsules[j], results[j]);
        }
        IConversionRounds.Round memory round = rounds.roundOf(scene.roundId);
        vm.assertEq(round.contributors, 7);
        vm.assertEq(round.leader, 4);
        vm.assertEq(round.approvals, 1 | (1 << 3) | (1 << 4));

        vm.assertEq(treasury.creditOf(owner), 5 * uint256(PRICE));
        skip(CHALLENGE_SECONDS + 1);
        for (uint8 slot = 1; slot <= 3; ++slot) {
            claim(scene, slot);
            vm.assertEq(treasury.creditOf(memberOf(scene, slot)), 5 * FEE);
            vm.assertEq(proxies.proxyOf(memberOf(scene, slot)).served, 1);
        }
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - reserveOf(3, 5));
    }

    function test_flow__nine_of_sixteen__finalized_by_the_ninth_vote() public {
        Scene memory scene = opened(9, 16, 1);
        submitAll(scene);
        propose(scene, 16);
        for (uint8 slot = 1; slot <= 7; ++slot) {
            vote(scene, slot, true);
        }
        assertPhase(scene, IConversionRounds.Phase.Voting);
        vote(scene, 8, true);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    function test_flow__offer_granted_with_first_round__opens_in_the_same_transaction() public {
        uint8 t = 2;
        IConversionRounds.RecordRef[] memory refs = publish(2);
        IGrantRegistry.FirstRound memory first = IGrantRegistry.FirstRound(0, refs);
        GrantId grantId = offer(t, 3, 1 ether);
        passBlock();
        Scene memory scene = prepare(grantId, 0);
        G2Point memory receivingKey = g2Key(b);
        vm.prank(owner);
        grants.grant(scene.grantId, expiryIn(1 days), 10, scene.draw, receivingKey, only(scene.rekey), first);
        setRound(scene, 0, refs);
        assertPhase(scene, IConversionRounds.Phase.Submitting);
        submitAll(scene);
        finalize(scene);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
        vm.assertEq(treasury.creditOf(owner), 0); // an offer has no price
        vm.assertFalse(rounds.roundOf(scene.roundId).priceReserved);
    }

    // --- gas: the targets of one record among three of five, and of a hundred records in the proposal ---

    function test_gas__request_and_grant_three_of_five__within_target() public {
        GrantId grantId = ask(3, 5, 1 ether);
        vm.snapshotGasLastCall("rounds", "requestAccess");
        passBlock();
        post(prepare(grantId, 0));
        vm.assertLe(vm.snapshotGasLastCall("rounds", "grant 3/5"), 465_000, "grant");
    }

    function test_gas__round_of_one_record__within_targets() public {
        Scene memory scene = granted(3, 5, 1 ether);
        open(scene, publish(1));
        vm.snapshotGasLastCall("rounds", "openRound 1 record");
        submitAll(scene);
        propose(scene, 1);
        vm.snapshotGasLastCall("rounds", "propose 1 record, first of a grant");
        open(scene, publish(1));
        for (uint8 slot = 1; slot <= 3; ++slot) {
            submit(scene, slot);
            vm.assertLe(vm.snapshotGasLastCall("rounds", string.concat("submitCfrags ", vm.toString(slot))), 60_000, "submitCfrags");
        }
        propose(scene, 1);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "propose 1 record"), 230_000, "propose");
        vote(scene, 2, true);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "vote"), 50_000, "vote");
        vote(scene, 3, true);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "vote that finalizes"), 50_000, "vote that finalizes");
        assertPhase(scene, IConversionRounds.Phase.Finalized);
        skip(CHALLENGE_SECONDS + 1);
        claim(scene, 1);
        vm.snapshotGasLastCall("rounds", "claimFees 1 round");
    }

    function test_claimFees__ten_rounds_of_a_grant__joined_for_half_the_gas() public {
        allow(1, 1);
        Scene memory scene = granted(1, 1, 1 ether);
        IConversionRounds.ClaimedRound[] memory claims = new IConversionRounds.ClaimedRound[](10);
        for (uint256 k = 0; k < claims.length; ++k) {
            open(scene, publish(1));
            submitAll(scene);
            propose(scene, 1);
            claims[k] = claimsOf(scene)[0];
        }
        skip(CHALLENGE_SECONDS + 1);
        rounds.claimFees(scene.committee, 1, claims);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "claimFees 10 rounds"), 10 * 50_000, "claimFees");
        vm.assertEq(treasury.creditOf(memberOf(scene, 1)), 10 * FEE);
        vm.assertEq(proxies.proxyOf(memberOf(scene, 1)).served, 10);
    }

    function test_gas__hundred_records__proposal_within_25k_a_record() public {
        Scene memory scene = opened(2, 3, 100);
        vm.snapshotGasLastCall("rounds", "openRound 100 records");
        submitAll(scene);
        vm.snapshotGasLastCall("rounds", "submitCfrags 100 records");
        G1Point[] memory results = resultsFrom(scene, 1);
        proposeThese(scene, 1, 3, results);
        vm.assertLe(vm.snapshotGasLastCall("rounds", "propose 100 records"), 100 * 25_000, "propose");
        vote(scene, 2, true);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
        assertOpens(scene, scene.capsules[99], results[99]);
    }
}
