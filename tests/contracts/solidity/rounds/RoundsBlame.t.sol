// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice Evidence against cfrags: bad ones pay, good ones cannot be blamed, not even by a caller who starves the check of gas. Evidence against
/// capsules is in RoundsCapsules.t.sol.
contract RoundsBlameTest is RoundsTest {
    function setUp() public {
        start(6);
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
        later[0] = linkOf(1, 0, good, goodProof);
        _upheld(scene, 2, challengeOf(scene, 2, w, proof, later));
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
        _upheld(scene, 1, challengeOf(scene, 1, w, proof, noLinks()));
    }

    function test_challengeCfrags__point_off_the_curve__upheld() public {
        world.openScene(1, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        w[0].yLow = bytes32(uint256(w[0].yLow) ^ 1);
        world.submitAs(1, w, proof);
        _upheld(scene, 1, challengeOf(scene, 1, w, proof, noLinks()));
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
        _upheld(scene, 1, challengeOf(scene, 1, w, proof, noLinks()));
    }

    function test_challengeCfrags__good_cfrags_or_false_evidence__refused_by_name() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (address to, RoundId id) = (address(rounds), scene.roundId);
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.submitAs(1);
        refuse(STRANGER, to, challengeOf(scene, 1, w, proof, noLinks()), abi.encodeWithSelector(IRounds.CfragIsGood.selector, id, 1));
        refuse(STRANGER, to, challengeOf(scene, 2, w, proof, noLinks()), abi.encodeWithSelector(IRounds.NotSubmitted.selector, id, 2));
        (G1Point[] memory bad, Proof memory badProof) = world.convertWrongly(1);
        refuse(STRANGER, to, challengeOf(scene, 1, bad, badProof, noLinks()), abi.encodeWithSelector(IRounds.WrongSubmission.selector, id, 1));
        scene.data.rekeyRest = bytes32(uint256(1));
        refuse(STRANGER, to, challengeOf(scene, 1, w, proof, noLinks()), abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
    }

    /// Whatever gas a caller gives, good cfrags are never found bad.
    function test_challengeCfrags__starved_of_gas__never_blames_the_honest() public {
        world.allowFrom(1, 1);
        world.openScene(1, 1, 3);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.submitAs(1);
        bytes memory input = challengeOf(scene, 1, w, proof, noLinks());
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
            STRANGER, address(rounds), challengeOf(scene, 1, w, proof, noLinks()), abi.encodeWithSelector(IRounds.ChallengeWindowOver.selector, scene.roundId)
        );
    }

    function test_challengeCfrags__in_the_window__fee_returns_to_the_grant_and_then_the_price() public {
        world.openScene(1, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        skip(ROUND_SECONDS + 1);
        world.closeRound();
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - reserveOf(1, 2));
        skip(CHALLENGE_SECONDS); // its last second
        _upheld(scene, 1, challengeOf(scene, 1, w, proof, noLinks()));
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - 2 * uint256(PRICE));
        skip(1);
        rounds.settlePrice(scene.roundId);
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether);
    }

    function test_challengeCfrags__no_round__WrongPhase() public {
        world.openScene(1, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        scene.roundId = RoundId.wrap(1 << 80);
        bytes memory none = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.None, IRounds.Phase.Submitting);
        refuse(STRANGER, address(rounds), challengeOf(scene, 1, w, proof, noLinks()), none);
    }

    /// ConversionRounds puts the chain of submissions behind the call that it hands on. What a caller puts there comes before it, and is nothing.
    function test_challengeCfrags__words_behind_the_arguments__change_nothing() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (address to, RoundId id) = (address(rounds), scene.roundId);
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        world.submitAs(1);
        // cfrags that nobody posted, with the chain that they would give
        (G1Point[] memory bad, Proof memory badProof) = world.convertWrongly(1);
        bytes32 forged = keccak256(abi.encode(rounds.roundOf(id).key, linkOf(1, 0, bad, badProof)));
        bytes memory input = bytes.concat(challengeOf(scene, 1, bad, badProof, noLinks()), forged);
        refuse(STRANGER, to, input, abi.encodeWithSelector(IRounds.WrongSubmission.selector, id, 1));
        input = bytes.concat(challengeOf(scene, 1, w, proof, noLinks()), forged, hex"0102");
        refuse(STRANGER, to, input, abi.encodeWithSelector(IRounds.CfragIsGood.selector, id, 1));
        (bad, badProof) = world.convertWrongly(2);
        world.submitAs(2, bad, badProof);
        bytes32 before = keccak256(abi.encode(rounds.roundOf(id).key, linkOf(1, 0, w, proof)));
        input = challengeOf(scene, IRounds.Submission(2, 0, bad, badProof, before, noLinks()));
        pass(STRANGER, to, bytes.concat(input, forged, forged));
        vm.assertEq(rounds.roundOf(id).challenged, 2);
    }

    /// The proposal was checked by its pairing, not by its parts: it stays, and so does its price. The fee of the bad part returns.
    function test_challengeCfrags__under_a_live_proposal__it_stays_and_the_fee_returns() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertWrongly(1);
        world.submitAs(1, w, proof);
        (G1Point[] memory good, Proof memory goodProof) = world.convertAs(2);
        world.submitAs(2);
        world.proposeAs(2);
        bytes32[] memory later = new bytes32[](1);
        later[0] = linkOf(2, 0, good, goodProof);
        _upheld(scene, 1, challengeOf(scene, 1, w, proof, later));
        assertPhase(scene.roundId, IRounds.Phase.Voting);
        world.voteAs(3, true);
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
        vm.assertEq(treasury.creditOf(owner), 2 * uint256(PRICE));
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - reserveOf(1, 2));
        skip(CHALLENGE_SECONDS + 1);
        world.claimAs(2);
        bytes memory claim = abi.encodeCall(rounds.claimFees, (scene.committee, 1, world.roundClaims()));
        refuse(STRANGER, address(rounds), claim, abi.encodeWithSelector(IRounds.NotSubmitted.selector, scene.roundId, 1));
        vm.assertEq(treasury.heldUnder(word(scene.grantId)), grants.accessOf(scene.grantId).deposit);
    }
}
