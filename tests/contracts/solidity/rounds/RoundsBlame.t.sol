// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsScene.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {RecordId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice Evidence: bad cfrags pay, good ones cannot be blamed, not even by a caller who starves the check of gas; bad capsules leave.
contract RoundsBlameTest is RoundsTest {
    function setUp() public {
        start(6);
    }

    /// @dev The call that challenges `slot`'s submission, the first of the round.
    function _challenge(RoundsWorld.Scene memory scene, uint8 slot, G1Point[] memory w, Proof memory proof, bytes32[] memory later)
        private
        view
        returns (bytes memory)
    {
        IRounds.Submission memory submission = IRounds.Submission(slot, scene.excluded, w, proof, rounds.roundOf(scene.roundId).key, later);
        return abi.encodeCall(
            rounds.challengeCfrags, (scene.roundId, scene.committee, scene.data, submission, scene.capsules, world.challengeKeys())
        );
    }

    function _link(uint8 slot, uint128 excluded, G1Point[] memory w, Proof memory proof) private pure returns (bytes32) {
        return keccak256(abi.encode(slot, excluded, BLS12381.hashOf(w), proof.challenge, proof.response));
    }

    function _none() private pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    function _upheld(RoundsWorld.Scene memory scene, uint8 slot, bytes memory input) private {
        uint256 bond = proxies.proxyOf(member(scene, slot)).bond;
        vm.recordLogs();
        vm.prank(STRANGER);
        (bool ok,) = address(rounds).call(input);
        vm.assertTrue(ok, "challenge refused");
        assertLogged(
            address(rounds), [IRounds.CfragChallenged.selector, word(scene.roundId), word(member(scene, slot)), 0], abi.encode(slot, STRANGER)
        );
        vm.assertEq(treasury.creditOf(STRANGER), CHALLENGE_PENALTY / 2);
        vm.assertEq(proxies.proxyOf(member(scene, slot)).bond, bond - CHALLENGE_PENALTY);
        IRounds.Round memory round = rounds.roundOf(scene.roundId);
        vm.assertEq(round.submitted & (uint32(1) << (slot - 1)), 0);
        vm.assertEq(round.challenged, uint32(1) << (slot - 1));
    }

    function test_challengeCfrags__wrong_fragment__upheld_and_slot_is_out() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(2);
        world.submitAs(2, w, proof);
        (G1Point[] memory good, Proof memory goodProof) = world.convertAs(1);
        world.submitAs(1);
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
        bytes32[] memory later = new bytes32[](1);
        later[0] = _link(1, 0, good, goodProof);
        _upheld(scene, 2, _challenge(scene, 2, w, proof, later));
        assertPhase(scene.roundId, IRounds.Phase.Submitting);
        bytes memory again = abi.encodeCall(rounds.submitCfrags, (scene.roundId, scene.committee, world.roundHash(), 2, w, proof));
        refuse(member(scene, 2), address(rounds), again, abi.encodeWithSelector(IRounds.SlotChallenged.selector, scene.roundId, 2));
        world.submitAs(3);
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
    }

    function test_challengeCfrags__one_wrong_point_under_the_right_proof__upheld() public {
        world.openScene(1, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        w[1] = scene.capsules[1];
        world.submitAs(1, w, proof);
        _upheld(scene, 1, _challenge(scene, 1, w, proof, _none()));
    }

    function test_challengeCfrags__point_off_the_curve__upheld() public {
        world.openScene(1, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        w[0].yLow = bytes32(uint256(w[0].yLow) ^ 1);
        world.submitAs(1, w, proof);
        _upheld(scene, 1, _challenge(scene, 1, w, proof, _none()));
    }

    /// cfrags and proof of one round say nothing in the next round over the same record.
    function test_challengeCfrags__replayed_from_another_round__upheld() public {
        world.grantScene(1, 3, 1 ether);
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        world.openOver(refs);
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.openOver(refs);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitAs(1, w, proof);
        _upheld(scene, 1, _challenge(scene, 1, w, proof, _none()));
    }

    function test_challengeCfrags__good_cfrags_or_false_evidence__refused_by_name() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (address to, RoundId id) = (address(rounds), scene.roundId);
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.submitAs(1);
        refuse(STRANGER, to, _challenge(scene, 1, w, proof, _none()), abi.encodeWithSelector(IRounds.CfragIsGood.selector, id, 1));
        refuse(STRANGER, to, _challenge(scene, 2, w, proof, _none()), abi.encodeWithSelector(IRounds.NotSubmitted.selector, id, 2));
        (G1Point[] memory bad, Proof memory badProof) = world.convertWrongly(1);
        refuse(STRANGER, to, _challenge(scene, 1, bad, badProof, _none()), abi.encodeWithSelector(IRounds.WrongSubmission.selector, id, 1));
        scene.data.rekeyRest = bytes32(uint256(1));
        refuse(STRANGER, to, _challenge(scene, 1, w, proof, _none()), abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
    }

    /// Whatever gas a caller gives, good cfrags are never found bad.
    function test_challengeCfrags__starved_of_gas__never_blames_the_honest() public {
        world.openScene(1, 1, 3);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.submitAs(1);
        bytes memory input = _challenge(scene, 1, w, proof, _none());
        for (uint256 gas_ = 60_000; gas_ < 400_000; gas_ += 7_919) {
            (bool ok,) = address(rounds).call{gas: gas_}(input);
            vm.assertFalse(ok, "blamed for want of gas");
        }
        vm.assertEq(rounds.roundOf(scene.roundId).challenged, 0);
    }

    function test_challengeCfrags__after_the_window__refused() public {
        world.openScene(1, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        skip(CHALLENGE_SECONDS + 1);
        refuse(
            STRANGER, address(rounds), _challenge(scene, 1, w, proof, _none()), abi.encodeWithSelector(IRounds.ChallengeWindowOver.selector, scene.roundId)
        );
    }

    function test_challengeCfrags__in_the_window__fee_returns_to_the_grant() public {
        world.openScene(1, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - 2 * FEE);
        _upheld(scene, 1, _challenge(scene, 1, w, proof, _none()));
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether);
    }

    // --- capsules ---

    function _report(RoundsWorld.Scene memory scene, uint8 position, IRecordRegistry.RecordInput memory record) private view returns (bytes memory) {
        IRounds.CapsuleReport memory report = IRounds.CapsuleReport(
            position, record.c1, record.c2, keccak256(record.c3), record.proof, record.cidHash, keccak256(bytes(record.tags))
        );
        return abi.encodeCall(
            rounds.reportCapsule, (scene.roundId, scene.committee, scene.data, scene.ids, report, world.challengeKeys())
        );
    }

    /// @dev A round over two good records and a bad one, which comes last.
    function _openWithBad(G1Point memory c1) private returns (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) {
        world.grantScene(2, 3, 1 ether);
        IRounds.RecordRef[] memory good = world.publishRecords(2);
        IRounds.RecordRef[] memory refs = new IRounds.RecordRef[](3);
        (refs[0], refs[1]) = (good[0], good[1]);
        (refs[2], bad) = world.publishBad(c1);
        world.openOver(refs);
        scene = world.scene();
    }

    function _excluded(RoundsWorld.Scene memory scene, bytes memory input) private {
        vm.recordLogs();
        vm.prank(STRANGER);
        (bool ok,) = address(rounds).call(input);
        vm.assertTrue(ok, "report refused");
        assertLogged(
            address(rounds),
            [IRounds.RecordExcluded.selector, word(scene.roundId), bytes32(RecordId.unwrap(scene.ids[2])), word(STRANGER)],
            ""
        );
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 4);
        world.exclude(2);
    }

    function test_reportCapsule__proof_does_not_hold__record_leaves_and_the_rest_is_converted() public {
        G1Point memory same;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = _openWithBad(same);
        world.submitAs(1); // converted with the bad record still in: it stands, and counts for the two others
        _excluded(scene, _report(scene, 2, bad));
        refuse(
            STRANGER, address(rounds), _report(scene, 2, bad), abi.encodeWithSelector(IRounds.AlreadyExcluded.selector, scene.roundId, scene.ids[2])
        );
        world.submitAs(2);
        world.finalizeRound();
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
        world.checkOpens(0, world.results(1)[0]);
        // the bad record's fees went back
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - 4 * FEE);
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(1);
        vm.assertEq(treasury.creditOf(member(scene, 1)), 2 * FEE);
    }

    function test_reportCapsule__capsule_off_the_curve__record_leaves() public {
        G1Point memory off = G1Point(0, bytes32(uint256(5)), 0, bytes32(uint256(7)));
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = _openWithBad(off);
        _excluded(scene, _report(scene, 2, bad));
    }

    /// A copy of another record's capsule has no proof in its own place.
    function test_reportCapsule__copied_capsule__record_leaves() public {
        G1Point memory copied = world.publishRecords(1)[0].c1;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = _openWithBad(copied);
        _excluded(scene, _report(scene, 2, bad));
    }

    function test_reportCapsule__live_proposal_with_the_record__falls() public {
        G1Point memory same;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = _openWithBad(same);
        world.submitByThreshold();
        world.proposeAs(1);
        _excluded(scene, _report(scene, 2, bad));
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
        world.finalizeRound();
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
    }

    function test_reportCapsule__last_record__round_ends_without_cost_to_proxies() public {
        world.grantScene(2, 3, 1 ether);
        IRounds.RecordRef[] memory refs = new IRounds.RecordRef[](1);
        IRecordRegistry.RecordInput memory bad;
        G1Point memory same;
        (refs[0], bad) = world.publishBad(same);
        world.openOver(refs);
        RoundsWorld.Scene memory scene = world.scene();
        (bool ok,) = address(rounds).call(_report(scene, 0, bad));
        vm.assertTrue(ok, "report refused");
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        world.closeRound();
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether);
        vm.assertEq(proxies.proxyOf(member(scene, 1)).missed, 0);
    }

    function test_reportCapsule__good_or_foreign_record__refused_by_name() public {
        G1Point memory same;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = _openWithBad(same);
        refuse(
            STRANGER, address(rounds), _report(scene, 1, bad), abi.encodeWithSelector(IRounds.UnknownRecord.selector, scene.ids[1])
        );
        refuse(STRANGER, address(rounds), _report(scene, 3, bad), abi.encodeWithSelector(IRounds.WrongRoundData.selector, scene.roundId));
        (uint32 next, bytes memory input) = _goodReport(scene);
        refuse(STRANGER, address(rounds), input, abi.encodeWithSelector(IRounds.CapsuleIsGood.selector, scene.roundId, scene.ids[next]));
    }

    function _goodReport(RoundsWorld.Scene memory scene) private view returns (uint32, bytes memory) {
        return (0, _report(scene, 0, world.recordAt(scene.label, scene.ids[0])));
    }
}
