// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {GrantId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice The price of a conversion, from the deposit to the owner or back: owed by a proven result, or by t cfrags that nobody shows to be bad.
contract RoundsMoneyTest is RoundsTest {
    function setUp() public {
        start(6);
    }

    function _deposit(RoundsWorld.Scene memory scene) private view returns (uint256) {
        return grants.accessOf(scene.grantId).deposit;
    }

    function _reserved(RoundsWorld.Scene memory scene) private view returns (bool) {
        return rounds.roundOf(scene.roundId).priceReserved;
    }

    /// @dev All that the grant has beyond its free deposit is `reserve`.
    function _assertHeld(RoundsWorld.Scene memory scene, uint256 reserve) private view {
        vm.assertEq(treasury.heldUnder(word(scene.grantId)), _deposit(scene) + reserve, "held");
    }

    function _settle(RoundsWorld.Scene memory scene) private pure returns (bytes memory) {
        return abi.encodeCall(IRounds.settlePrice, (scene.roundId));
    }

    function _nothing(RoundsWorld.Scene memory scene) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRounds.NothingToSettle.selector, scene.roundId);
    }

    function _expire() private {
        skip(ROUND_SECONDS + 1);
        world.closeRound();
    }

    // --- by a proven result ---

    function test_openRound__priced_grant__fees_and_price_are_set_aside() public {
        world.openScene(2, 3, 3);
        RoundsWorld.Scene memory scene = world.scene();
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 3));
        vm.assertTrue(_reserved(scene));
        _assertHeld(scene, reserveOf(2, 3));
    }

    function test_propose__right_result__the_price_is_the_owners_at_once_and_once() public {
        world.openScene(2, 3, 3);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        vm.recordLogs();
        world.proposeAs(1);
        assertLogged(address(grants), [IGrantRegistry.PricePaid.selector, word(scene.grantId), word(owner), 0], abi.encode(3 * uint256(PRICE)));
        vm.assertEq(treasury.creditOf(owner), 3 * uint256(PRICE));
        vm.assertFalse(_reserved(scene));
        vm.assertTrue(grants.accessOf(scene.grantId).served);
        _assertHeld(scene, 6 * uint256(FEE));
        // whatever the votes say, and whoever proposes it again
        world.voteAs(2, false);
        world.voteAs(3, false);
        world.proposeAs(2);
        vm.assertEq(treasury.creditOf(owner), 3 * uint256(PRICE));
        world.voteAs(3, true);
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
        _assertHeld(scene, 6 * uint256(FEE));
        skip(CHALLENGE_SECONDS + 1);
        refuse(owner, address(rounds), _settle(scene), _nothing(scene));
    }

    function test_propose__and_nobody_finalizes__the_price_stays_the_owners() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        world.proposeAs(1);
        skip(ROUND_SECONDS + 2 * VOTE_SECONDS + 1);
        assertPhase(scene.roundId, IRounds.Phase.Expired);
        world.closeRound();
        _assertHeld(scene, 2 * uint256(FEE));
        skip(CHALLENGE_SECONDS + 1);
        refuse(owner, address(rounds), _settle(scene), _nothing(scene));
        world.claimAs(1);
        world.claimAs(2);
        vm.assertEq(treasury.creditOf(owner), PRICE);
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 1));
        _assertHeld(scene, 0);
    }

    // --- by t cfrags ---

    function test_settlePrice__closed_with_t_cfrags__the_owners_after_the_window_and_once() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        bytes memory settle = _settle(scene);
        bytes memory running = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Proposing, IRounds.Phase.Finalized);
        refuse(owner, address(rounds), settle, running);
        _expire();
        vm.assertTrue(_reserved(scene));
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 2));
        uint256 until = vm.getBlockTimestamp() + CHALLENGE_SECONDS;
        skip(CHALLENGE_SECONDS);
        refuse(owner, address(rounds), settle, abi.encodeWithSelector(IRounds.ChallengeWindowOpen.selector, scene.roundId, until));
        skip(1);
        pass(STRANGER, address(rounds), settle);
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        vm.assertTrue(grants.accessOf(scene.grantId).served);
        _assertHeld(scene, 4 * uint256(FEE));
        refuse(owner, address(rounds), settle, _nothing(scene));
    }

    function test_claimFees__closed_with_t_cfrags__settles_the_price_too() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        _expire();
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(1);
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        world.claimAs(2);
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        refuse(owner, address(rounds), _settle(scene), _nothing(scene));
        _assertHeld(scene, 0);
    }

    function test_close__short_of_t_cfrags__the_price_returns_at_once() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitAs(3);
        _expire();
        vm.assertFalse(_reserved(scene));
        vm.assertEq(_deposit(scene), 1 ether - 2 * uint256(FEE));
        skip(CHALLENGE_SECONDS + 1);
        refuse(owner, address(rounds), _settle(scene), _nothing(scene));
        world.claimAs(3);
        vm.assertEq(treasury.creditOf(owner), 0);
        vm.assertFalse(grants.accessOf(scene.grantId).served);
        _assertHeld(scene, 0);
    }

    /// The challenge of the last second comes before the settlement of the first one after it; there is no moment that allows both.
    function test_settlePrice__one_of_t_cfrags_challenged_in_the_window__returns() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        (G1Point[] memory good, Proof memory goodProof) = world.convertAs(2);
        world.submitAs(2);
        bytes32[] memory later = new bytes32[](1);
        later[0] = linkOf(2, 0, good, goodProof);
        bytes memory challenge = challengeOf(scene, 1, w, proof, later);
        _expire();
        uint256 closed = vm.snapshotState();
        skip(CHALLENGE_SECONDS);
        pass(STRANGER, address(rounds), challenge);
        skip(1);
        pass(STRANGER, address(rounds), _settle(scene));
        vm.assertEq(treasury.creditOf(owner), 0);
        vm.assertEq(_deposit(scene), 1 ether - 2 * uint256(FEE));
        vm.assertFalse(grants.accessOf(scene.grantId).served);
        world.claimAs(2);
        _assertHeld(scene, 0);
        // too late: the price was owed
        vm.revertToState(closed);
        skip(CHALLENGE_SECONDS + 1);
        refuse(STRANGER, address(rounds), challenge, abi.encodeWithSelector(IRounds.ChallengeWindowOver.selector, scene.roundId));
        pass(STRANGER, address(rounds), _settle(scene));
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
    }

    /// Neither the revocation nor a reclaim in between reaches what a round holds.
    function test_settlePrice__grant_revoked_and_deposit_reclaimed_before__still_the_owners() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        vm.prank(owner);
        grants.revoke(scene.grantId);
        grants.reclaimDeposit(scene.grantId);
        vm.assertEq(treasury.creditOf(user), 1 ether - reserveOf(2, 2));
        _expire();
        skip(CHALLENGE_SECONDS + 1);
        pass(STRANGER, address(rounds), _settle(scene));
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        world.claimAs(1);
        world.claimAs(2);
        _assertHeld(scene, 0);
    }

    // --- records that leave ---

    /// The price goes by what is still in when it falls due.
    function test_settlePrice__a_record_left__paid_for_the_others() public {
        G1Point memory none;
        (RoundsWorld.Scene memory scene, IRecordRegistry.RecordInput memory bad) = openWithBad(none);
        world.submitByThreshold();
        pass(member(scene, 1), address(rounds), reportAs(scene, 1, one(reportOf(2, bad))));
        vm.assertEq(_deposit(scene), 1 ether - reserveOf(2, 2) - FEE);
        _assertHeld(scene, reserveOf(2, 2));
        _expire();
        _assertHeld(scene, reserveOf(2, 2));
        skip(CHALLENGE_SECONDS + 1);
        pass(STRANGER, address(rounds), _settle(scene));
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        _assertHeld(scene, 4 * uint256(FEE));
    }

    /// Nothing is left to pay for, though t cfrags stand; and a grant has not served by that, or bad records would make redraws cheap again.
    function test_settlePrice__every_record_left__pays_nothing_and_is_no_service() public {
        world.grantScene(2, 3, 1 ether);
        IRounds.RecordRef[] memory refs = new IRounds.RecordRef[](1);
        IRecordRegistry.RecordInput memory bad;
        G1Point memory none;
        (refs[0], bad) = world.publishBad(none);
        world.openOver(refs);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        pass(member(scene, 1), address(rounds), reportAs(scene, 1, one(reportOf(0, bad))));
        world.closeRound();
        vm.assertFalse(_reserved(scene));
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(1);
        refuse(STRANGER, address(rounds), _settle(scene), _nothing(scene));
        vm.assertFalse(grants.accessOf(scene.grantId).served);
        vm.assertEq(treasury.creditOf(member(scene, 1)), FEE); // the reporter's
        vm.assertEq(treasury.creditOf(owner), 0);
        vm.assertEq(_deposit(scene), 1 ether - FEE);
        _assertHeld(scene, 0);
    }

    // --- offers ---

    function test_offer__no_price__nothing_reserved_nothing_to_settle() public {
        world.offerScene(2, 3, 1 ether);
        GrantId grantId = world.scene().grantId;
        IRounds.RecordRef[] memory refs = world.publishRecords(2);
        world.openOver(refs);
        RoundsWorld.Scene memory scene = world.scene();
        bytes memory byUser = abi.encodeCall(rounds.openRound, (grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
        refuse(user, address(rounds), byUser, abi.encodeWithSelector(IGrantRegistry.NotPayer.selector, grantId, user, owner));
        vm.assertEq(_deposit(scene), 1 ether - 4 * uint256(FEE));
        vm.assertFalse(_reserved(scene));
        world.submitByThreshold();
        _expire();
        skip(CHALLENGE_SECONDS + 1);
        refuse(STRANGER, address(rounds), _settle(scene), _nothing(scene));
        world.claimAs(1);
        world.claimAs(2);
        _assertHeld(scene, 0);
        vm.assertEq(treasury.creditOf(owner), 0);
    }

    function test_settlePrice__no_round__WrongPhase() public {
        RoundId none = RoundId.wrap(1 << 80);
        bytes memory expected = abi.encodeWithSelector(IRounds.WrongPhase.selector, none, IRounds.Phase.None, IRounds.Phase.Finalized);
        refuse(STRANGER, address(rounds), abi.encodeCall(rounds.settlePrice, (none)), expected);
    }
}
