// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice How rounds end that are not finalized: by revocation, surrender and time; who was missing then; and claims of the fees that are left.
contract RoundsEndTest is RoundsTest {
    function setUp() public {
        start(6);
    }

    function _vote(RoundsWorld.Scene memory scene, uint8 slot, bytes32 resultHash) private view returns (bytes memory) {
        return abi.encodeCall(rounds.vote, (scene.roundId, scene.committee, world.roundHash(), slot, resultHash, true));
    }

    function _close(RoundsWorld.Scene memory scene) private view returns (bytes memory) {
        return abi.encodeCall(rounds.close, (scene.roundId, scene.committee, world.roundHash()));
    }

    function _revoke(RoundsWorld.Scene memory scene) private {
        vm.prank(owner);
        grants.revoke(scene.grantId);
    }

    /// @dev Closes the kept round and looks at what the event says.
    function _closes(RoundsWorld.Scene memory scene, IRounds.Phase phase, uint32 missing) private {
        vm.recordLogs();
        world.closeRound();
        assertLogged(address(rounds), [IRounds.RoundClosed.selector, word(scene.roundId), 0, 0], abi.encode(phase, missing));
    }

    function _missed(RoundsWorld.Scene memory scene, uint8 slot) private view returns (uint256) {
        return proxies.proxyOf(member(scene, slot)).missed;
    }

    // --- revocation and expiry in mid-round ---

    function test_revoke__short_of_t_cfrags__round_ends_at_once_and_none_opens() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(2);
        bytes memory input = abi.encodeCall(rounds.submitCfrags, (scene.roundId, scene.committee, world.roundHash(), 2, w, proof));
        world.submitAs(1);
        _revoke(scene);
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        bytes memory ended = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Ended, IRounds.Phase.Submitting);
        refuse(member(scene, 2), address(rounds), input, ended);
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        bytes memory revoked = abi.encodeWithSelector(
            IGrantRegistry.WrongStatus.selector, scene.grantId, IGrantRegistry.Status.Revoked, IGrantRegistry.Status.Granted
        );
        input = abi.encodeCall(rounds.openRound, (scene.grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
        refuse(user, address(rounds), input, revoked);
    }

    /// What t cfrags give can be read by whoever sees them: so it is proposed, voted on and paid, whoever ends the grant.
    function test_revoke_or_surrender__t_cfrags_stand__round_is_finished_and_paid() public {
        for (uint256 how = 0; how < 2; ++how) {
            world.openScene(2, 3, 1);
            RoundsWorld.Scene memory scene = world.scene();
            world.submitByThreshold();
            if (how == 0) {
                _revoke(scene);
            } else {
                vm.prank(user);
                grants.surrender(scene.grantId);
            }
            assertPhase(scene.roundId, IRounds.Phase.Proposing);
            uint256 before = treasury.creditOf(owner);
            world.finalizeRound();
            assertPhase(scene.roundId, IRounds.Phase.Finalized);
            vm.assertEq(treasury.creditOf(owner) - before, PRICE);
        }
    }

    /// The user sees the last cfrag on its way, combines the t with it, and would have its money back: what is open runs on, and is paid.
    function test_surrender__in_front_of_the_last_cfrag__round_runs_on_and_is_paid() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitAs(1);
        vm.prank(user);
        grants.surrender(scene.grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether - reserveOf(2, 1));
        assertPhase(scene.roundId, IRounds.Phase.Submitting);
        world.submitAs(2);
        world.finalizeRound();
        vm.assertEq(treasury.creditOf(owner), PRICE);
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(1);
        world.claimAs(2);
        vm.assertEq(treasury.heldUnder(word(scene.grantId)), 0);
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        bytes memory surrendered = abi.encodeWithSelector(
            IGrantRegistry.WrongStatus.selector, scene.grantId, IGrantRegistry.Status.Surrendered, IGrantRegistry.Status.Granted
        );
        bytes memory input = abi.encodeCall(rounds.openRound, (scene.grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
        refuse(user, address(rounds), input, surrendered);
    }

    function test_revoke__one_of_t_cfrags_is_shown_to_be_bad__round_ends() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        (G1Point[] memory good, Proof memory goodProof) = world.convertAs(2);
        world.submitAs(2);
        _revoke(scene);
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
        bytes32[] memory later = new bytes32[](1);
        later[0] = linkOf(2, 0, good, goodProof);
        pass(STRANGER, address(rounds), challengeOf(scene, 1, w, proof, later));
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        _closes(scene, IRounds.Phase.Ended, 0);
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - FEE); // slot 2 is owed its fee
    }

    function test_revoke__mid_vote__the_vote_goes_on() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        bytes32 resultHash = world.proposeAs(1);
        _revoke(scene);
        assertPhase(scene.roundId, IRounds.Phase.Voting);
        pass(member(scene, 2), address(rounds), _vote(scene, 2, resultHash));
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
    }

    function test_expiry__round_opened_in_the_last_second__runs_to_its_own_deadline() public {
        world.grantScene(2, 3, 1 ether);
        uint40 expiry = grants.accessOf(world.scene().grantId).expiry;
        vm.warp(expiry - 1);
        world.openOver(world.publishRecords(1));
        RoundsWorld.Scene memory scene = world.scene();
        vm.assertEq(rounds.roundOf(scene.roundId).deadline, expiry - 1 + ROUND_SECONDS);
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        vm.warp(expiry);
        bytes memory input = abi.encodeCall(rounds.openRound, (scene.grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
        refuse(user, address(rounds), input, abi.encodeWithSelector(IGrantRegistry.StaleGrant.selector, scene.grantId, expiry));
        vm.warp(expiry - 1 + ROUND_SECONDS);
        assertPhase(scene.roundId, IRounds.Phase.Submitting);
        world.submitByThreshold();
        world.finalizeRound();
        vm.assertEq(treasury.creditOf(owner), PRICE);
        grants.reclaimDeposit(scene.grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether - reserveOf(2, 1));
    }

    // --- who is missing ---

    function test_close__expired_short_of_cfrags__counts_the_missing() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitAs(2);
        bytes memory input = _close(scene);
        bytes memory early = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Submitting, IRounds.Phase.Expired);
        refuse(STRANGER, address(rounds), input, early);
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Expired, 5);
        vm.assertEq(_missed(scene, 1), 1);
        vm.assertEq(_missed(scene, 2), 0);
        vm.assertEq(_missed(scene, 3), 1);
        refuse(STRANGER, address(rounds), input, abi.encodeWithSelector(IRounds.AlreadyClosed.selector, scene.roundId));
        // the second miss is beyond the limit: the user is paid from the bond
        world.openOver(world.publishRecords(1));
        world.submitAs(2);
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        vm.assertEq(treasury.creditOf(user), MISS_PENALTY);
    }

    function test_close__ended_by_revocation__nobody_is_counted_missing() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        _revoke(scene);
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Ended, 0);
        vm.assertEq(_missed(scene, 1), 0);
    }

    /// The third was kept out: EnoughCfrags. That one of the two was bad came out later.
    function test_close__a_slot_was_challenged__nobody_is_counted_missing() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        pass(STRANGER, address(rounds), challengeOf(scene, 1, w, proof, noLinks()));
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Expired, 0);
        vm.assertEq(_missed(scene, 2) + _missed(scene, 3), 0);
    }

    /// Reports take time, of which the round gives none back.
    function test_close__a_record_left__nobody_is_counted_missing() public {
        G1Point memory none;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        pass(STRANGER, address(rounds), reportAs(scene, 0, one(reportOf(2, bad))));
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Expired, 0);
        vm.assertEq(_missed(scene, 1), 0);
    }

    function test_close__t_cfrags_and_no_proposal__nobody_is_counted_missing() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Expired, 0);
        vm.assertEq(_missed(scene, 3), 0);
    }

    /// Who had begun to leave may be refused (NotBonded), so it is not counted; who leaves in mid-round does not dodge.
    function test_close__members_on_their_way_out__counted_only_if_it_began_after_the_opening() public {
        world.grantScene(3, 3, 1 ether);
        RoundsWorld.Scene memory scene = world.scene();
        vm.prank(member(scene, 1));
        proxies.leavePool();
        skip(1);
        world.openOver(world.publishRecords(1));
        scene = world.scene();
        skip(1);
        vm.prank(member(scene, 2));
        proxies.leavePool();
        skip(ROUND_SECONDS + 1);
        _closes(scene, IRounds.Phase.Expired, 6);
        vm.assertEq(_missed(scene, 1), 0);
        vm.assertEq(_missed(scene, 2), 1);
        vm.assertEq(_missed(scene, 3), 1);
    }

    // --- fees ---

    function _claim(RoundsWorld.Scene memory scene, uint8 slot) private view returns (bytes memory) {
        return abi.encodeCall(rounds.claimFees, (scene.committee, slot, world.roundClaims()));
    }

    function test_claimFees__too_early_or_for_nothing__refused_by_name() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        (address to, RoundId id) = (address(rounds), scene.roundId);
        refuse(STRANGER, to, _claim(scene, 1), abi.encodeWithSelector(IRounds.WrongPhase.selector, id, IRounds.Phase.Proposing, IRounds.Phase.Finalized));
        world.finalizeRound();
        uint256 until = vm.getBlockTimestamp() + CHALLENGE_SECONDS;
        skip(CHALLENGE_SECONDS);
        refuse(STRANGER, to, _claim(scene, 1), abi.encodeWithSelector(IRounds.ChallengeWindowOpen.selector, id, until));
        skip(1);
        vm.recordLogs();
        world.claimAs(1);
        assertLogged(to, [IRounds.FeeClaimed.selector, word(id), word(member(scene, 1)), 0], abi.encode(uint256(FEE)));
        for (uint8 slot = 0; slot < 5; ++slot) {
            if (slot == 1 || slot == 2) continue;
            refuse(STRANGER, to, _claim(scene, slot), abi.encodeWithSelector(IRounds.NotSubmitted.selector, id, slot));
        }
    }

    /// Anybody may claim a fee first: that is no reason to lose the others of a joint claim.
    function test_claimFees__some_claimed_before_or_named_twice__skipped_and_paid_once() public {
        world.grantScene(2, 3, 1 ether);
        IRounds.ClaimedRound[] memory claims = new IRounds.ClaimedRound[](4);
        for (uint256 k = 0; k < 3; ++k) {
            world.openOver(world.publishRecords(1));
            world.submitByThreshold();
            world.finalizeRound();
            claims[k] = world.roundClaims()[0];
        }
        claims[3] = claims[1];
        RoundsWorld.Scene memory scene = world.scene();
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(2); // the third round's
        rounds.claimFees(scene.committee, 2, claims);
        vm.assertEq(treasury.creditOf(member(scene, 2)), 3 * uint256(FEE));
        vm.assertEq(proxies.proxyOf(member(scene, 2)).served, 3);
        rounds.claimFees(scene.committee, 2, claims);
        vm.assertEq(treasury.creditOf(member(scene, 2)), 3 * uint256(FEE));
        vm.assertEq(proxies.proxyOf(member(scene, 2)).served, 3);
        // but what is no claim at all still fails as a whole
        claims[0].roundDataHash = 0;
        bytes memory input = abi.encodeCall(rounds.claimFees, (scene.committee, 1, claims));
        refuse(STRANGER, address(rounds), input, abi.encodeWithSelector(IRounds.WrongRoundData.selector, claims[0].roundId));
        vm.assertEq(treasury.creditOf(member(scene, 1)), 0);
    }

    /// Posted cfrags are paid whether or not the round is finalized.
    function test_claimFees__expired_round__standing_cfrags_are_paid() public {
        world.openScene(2, 3, 5);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitAs(3);
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - 5 * FEE);
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(3);
        vm.assertEq(treasury.creditOf(member(scene, 3)), 5 * FEE);
        vm.assertEq(treasury.creditOf(owner), 0);
    }
}
