// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {RecordId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice Evidence against capsules: bad ones leave the round at the opener's cost, one fee of each to the member who showed it; good ones stay.
contract RoundsCapsulesTest is RoundsTest {
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;
    G1Point private none; // openWithBad: another proof, not another point

    function setUp() public {
        start(6);
    }

    function _deposit(RoundsWorld.Scene memory scene) private view returns (uint256) {
        return grants.accessOf(scene.grantId).deposit;
    }

    /// @dev The bad record, third of three, is reported by slot 1 and leaves.
    function _excluded(RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) private {
        uint256 free = _deposit(scene);
        address reporter = member(scene, 1);
        bytes memory input = reportAs(scene, 1, one(reportOf(2, bad)));
        vm.recordLogs();
        pass(reporter, address(rounds), input);
        assertLogged(
            address(rounds),
            [IRounds.RecordExcluded.selector, word(scene.roundId), bytes32(RecordId.unwrap(scene.ids[2])), word(reporter)],
            ""
        );
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 4);
        vm.assertEq(treasury.creditOf(reporter), FEE);
        // the opener, who chose the record, gets the rest of its reserve back
        vm.assertEq(_deposit(scene), free + reserveOf(2, 1) - FEE);
        world.exclude(2);
    }

    // --- bad ones leave ---

    function test_reportCapsules__proof_does_not_hold__record_leaves_and_the_rest_is_converted() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        world.submitAs(1); // converted with the bad record still in: it stands, and counts for the two others
        _excluded(scene, bad);
        world.submitAs(2);
        world.finalizeRound();
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
        world.checkOpens(0, world.results(1)[0]);
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 2) - FEE);
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(1);
        world.claimAs(2);
        vm.assertEq(treasury.creditOf(member(scene, 1)), 3 * uint256(FEE));
        vm.assertEq(treasury.creditOf(member(scene, 2)), 2 * uint256(FEE));
        vm.assertEq(treasury.heldUnder(word(scene.grantId)), _deposit(scene));
    }

    function test_reportCapsules__capsule_off_the_curve__record_leaves() public {
        G1Point memory off = G1Point(0, bytes32(uint256(5)), 0, bytes32(uint256(7)));
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(off);
        _excluded(scene, bad);
    }

    /// A copy of another record's capsule has no proof in its own place.
    function test_reportCapsules__copied_capsule__record_leaves() public {
        G1Point memory copied = world.publishRecords(1)[0].c1;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(copied);
        _excluded(scene, bad);
    }

    /// The price of the proven result was the owner's before; it is not paid again, and does not come back.
    function test_reportCapsules__live_proposal_with_the_record__falls() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        world.submitByThreshold();
        world.proposeAs(1);
        vm.assertEq(treasury.creditOf(owner), 3 * uint256(PRICE));
        pass(member(scene, 3), address(rounds), reportAs(scene, 3, one(reportOf(2, bad))));
        world.exclude(2);
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 3) + FEE);
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
        world.finalizeRound();
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
        vm.assertEq(treasury.creditOf(owner), 3 * uint256(PRICE));
        vm.assertEq(treasury.heldUnder(word(scene.grantId)), _deposit(scene) + 4 * uint256(FEE));
    }

    function test_reportCapsules__while_the_proposal_is_provable__falls_and_expires() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        world.submitByThreshold();
        skip(ROUND_SECONDS);
        world.proposeAs(1);
        skip(VOTE_SECONDS + 1);
        assertPhase(scene.roundId, IRounds.Phase.Provable);
        pass(STRANGER, address(rounds), reportAs(scene, 0, one(reportOf(2, bad))));
        assertPhase(scene.roundId, IRounds.Phase.Expired);
        vm.recordLogs();
        world.closeRound();
        assertLogged(address(rounds), [IRounds.RoundClosed.selector, word(scene.roundId), 0, 0], abi.encode(IRounds.Phase.Expired, uint32(0)));
    }

    function test_reportCapsules__every_record__round_ends_without_cost_to_proxies() public {
        (RoundsWorld.Scene memory scene, IRounds.CapsuleReport[] memory reports) = _openAllBad(4);
        pass(member(scene, 2), address(rounds), reportAs(scene, 2, reports));
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 15);
        assertPhase(scene.roundId, IRounds.Phase.Ended);
        vm.assertEq(treasury.creditOf(member(scene, 2)), 4 * uint256(FEE));
        world.closeRound();
        vm.assertEq(_deposit(scene), 1 ether - 4 * uint256(FEE));
        for (uint8 slot = 1; slot <= 3; ++slot) {
            vm.assertEq(proxies.proxyOf(member(scene, slot)).missed, 0);
        }
    }

    function _openAllBad(uint256 count) private returns (RoundsWorld.Scene memory scene, IRounds.CapsuleReport[] memory reports) {
        world.grantScene(2, 3, 1 ether);
        IRounds.RecordRef[] memory refs = new IRounds.RecordRef[](count);
        reports = new IRounds.CapsuleReport[](count);
        for (uint8 j = 0; j < count; ++j) {
            IRecordRegistry.RecordInput memory bad;
            (refs[j], bad) = world.publishBad(none);
            reports[j] = reportOf(j, bad);
        }
        world.openOver(refs);
        scene = world.scene();
    }

    // --- who reports, and what was reported already ---

    function test_reportCapsules__by_nobody_of_the_committee__the_fee_is_burned() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        pass(user, address(rounds), reportAs(scene, 0, one(reportOf(2, bad))));
        vm.assertEq(treasury.creditOf(user), 0);
        vm.assertEq(treasury.creditOf(BURNED), FEE);
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 2) - FEE);
    }

    function test_reportCapsules__not_in_the_slot_or_challenged__refused_by_name() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        (address to, RoundId id) = (address(rounds), scene.roundId);
        IRounds.CapsuleReport[] memory reports = one(reportOf(2, bad));
        refuse(user, to, reportAs(scene, 1, reports), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 1, user));
        refuse(user, to, reportAs(scene, 4, reports), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 4, user));
        address first = member(scene, 1);
        refuse(first, to, reportAs(scene, 2, reports), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 2, first));
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        pass(STRANGER, to, challengeOf(scene, 1, w, proof, noLinks()));
        refuse(first, to, reportAs(scene, 1, reports), abi.encodeWithSelector(IRounds.SlotChallenged.selector, id, 1));
    }

    function test_reportCapsules__again_or_twice_in_one_call__skipped_and_paid_once() public {
        (RoundsWorld.Scene memory scene, IRounds.CapsuleReport[] memory reports) = _openAllBad(3);
        IRounds.CapsuleReport[] memory twice = new IRounds.CapsuleReport[](2);
        (twice[0], twice[1]) = (reports[1], reports[1]);
        pass(member(scene, 1), address(rounds), reportAs(scene, 1, twice));
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 2);
        vm.assertEq(treasury.creditOf(member(scene, 1)), FEE);
        // the second reporter is paid for what the first left, and one that comes too late for nothing
        pass(member(scene, 2), address(rounds), reportAs(scene, 2, twice));
        vm.assertEq(treasury.creditOf(member(scene, 2)), 0);
        IRounds.CapsuleReport[] memory two = new IRounds.CapsuleReport[](2);
        (two[0], two[1]) = (reports[1], reports[2]);
        pass(member(scene, 2), address(rounds), reportAs(scene, 2, two));
        vm.assertEq(treasury.creditOf(member(scene, 2)), FEE);
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 6);
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 1) - 2 * FEE);
        pass(member(scene, 2), address(rounds), reportAs(scene, 2, new IRounds.CapsuleReport[](0)));
    }

    /// As with challenges: the word that ConversionRounds puts behind the call is the last one.
    function test_reportCapsules__words_behind_the_arguments__change_nothing() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        bytes memory input = bytes.concat(reportAs(scene, 0, one(reportOf(2, bad))), bytes32(type(uint256).max));
        pass(STRANGER, address(rounds), input);
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 4);
        // nor does a word that says 0 have the record out, and its fee paid, once more
        pass(STRANGER, address(rounds), bytes.concat(input, bytes32(0)));
        vm.assertEq(treasury.creditOf(BURNED), FEE);
    }

    // --- good ones stay ---

    function test_reportCapsules__good_or_foreign_record_or_wrong_papers__refused_by_name() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        (address to, RoundId id) = (address(rounds), scene.roundId);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(1, bad))), abi.encodeWithSelector(IRounds.UnknownRecord.selector, scene.ids[1]));
        bytes memory data = abi.encodeWithSelector(IRounds.WrongRoundData.selector, id);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(3, bad))), data);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(255, bad))), data);
        IRounds.CapsuleReport[] memory both = new IRounds.CapsuleReport[](2);
        (both[0], both[1]) = (reportOf(2, bad), reportOf(0, world.recordAt(scene.label, scene.ids[0])));
        // one good among them, and none leaves
        refuse(STRANGER, to, reportAs(scene, 0, both), abi.encodeWithSelector(IRounds.CapsuleIsGood.selector, id, scene.ids[0]));
        vm.assertEq(rounds.roundOf(id).excluded, 0);
        both = one(both[0]);
        RecordId first = scene.ids[0];
        scene.ids[0] = scene.ids[1];
        refuse(STRANGER, to, reportAs(scene, 0, both), data);
        scene.ids[0] = first;
        IRounds.ChallengeKeys memory keys = world.challengeKeys();
        keys.labelKey = keys.commitments[0];
        bytes memory input = abi.encodeCall(rounds.reportCapsules, (id, scene.committee, scene.data, scene.ids, both, keys, 0));
        refuse(STRANGER, to, input, data);
        scene.data.label = 0;
        refuse(STRANGER, to, reportAs(scene, 0, both), data);
    }

    function test_reportCapsules__round_that_is_over_or_none__WrongPhase() public {
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        (address to, RoundId id) = (address(rounds), scene.roundId);
        uint256 running = vm.snapshotState();
        world.submitByThreshold();
        world.finalizeRound();
        bytes memory over = abi.encodeWithSelector(IRounds.WrongPhase.selector, id, IRounds.Phase.Finalized, IRounds.Phase.Submitting);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(2, bad))), over);
        vm.revertToState(running);
        skip(ROUND_SECONDS + 1);
        over = abi.encodeWithSelector(IRounds.WrongPhase.selector, id, IRounds.Phase.Expired, IRounds.Phase.Submitting);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(2, bad))), over);
        scene.roundId = RoundId.wrap(1 << 80);
        over = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.None, IRounds.Phase.Submitting);
        refuse(STRANGER, to, reportAs(scene, 0, one(reportOf(2, bad))), over);
    }

    /// Whatever gas a caller gives, a good capsule never leaves.
    function test_reportCapsules__starved_of_gas__never_excludes_a_good_one() public {
        (RoundsWorld.Scene memory scene,) = openWithBad(none);
        bytes memory input = reportAs(scene, 0, one(reportOf(0, world.recordAt(scene.label, scene.ids[0]))));
        for (uint256 gas_ = 30_000; gas_ < 300_000; gas_ += 5_003) {
            (bool ok,) = address(rounds).call{gas: gas_}(input);
            vm.assertFalse(ok, "excluded for want of gas");
        }
        vm.assertEq(rounds.roundOf(scene.roundId).excluded, 0);
    }
}
