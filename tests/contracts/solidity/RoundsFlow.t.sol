// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsWorld} from "./RoundsWorld.sol";
import {IConversionRounds} from "../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../contracts/interfaces/IGrantRegistry.sol";
import {BLS12381} from "../../../contracts/libraries/BLS12381.sol";
import {G1Point, G2Point, Proof} from "../../../contracts/types/Points.sol";

/// @notice The way of a record from request to converted ciphertext, for several (t, n) and batch sizes, with the gas of each step.
contract RoundsFlowTest is RoundsWorld {
    function setUp() public {
        deployWorld(18);
    }

    function test_flow__one_of_one__finalized_by_the_proposal() public {
        Scene memory scene = granted(1, 1, 1 ether);
        open(scene, publish(1));
        submitAll(scene);
        propose(scene, 1);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    function test_flow__three_of_five__opens_for_the_delegatee_and_pays() public {
        Scene memory scene = granted(3, 5, 1 ether);
        open(scene, publish(5));
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

        grants.collectPrice(scene.grantId);
        vm.assertEq(treasury.creditOf(owner), PRICE);
        skip(CHALLENGE_SECONDS + 1);
        for (uint8 slot = 1; slot <= 3; ++slot) {
            claim(scene, slot);
            vm.assertEq(treasury.creditOf(memberOf(scene, slot)), 5 * FEE);
            vm.assertEq(proxies.proxyOf(memberOf(scene, slot)).served, 1);
        }
        vm.assertEq(grants.accessOf(scene.grantId).deposit, 1 ether - 15 * FEE);
    }

    function test_flow__nine_of_sixteen__finalized_by_the_ninth_vote() public {
        Scene memory scene = granted(9, 16, 1 ether);
        open(scene, publish(1));
        submitAll(scene);
        propose(scene, 16);
        for (uint8 slot = 1; slot <= 7; ++slot) {
            vote(scene, slot, true);
        }
        assertPhase(scene, IConversionRounds.Phase.Voting);
        vote(scene, 8, true);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    function test_flow__grant_with_first_round__opens_in_the_same_transaction() public {
        uint8 t = 2;
        IConversionRounds.RecordRef[] memory refs = publish(2);
        IGrantRegistry.FirstRound memory first = IGrantRegistry.FirstRound(0, refs);
        Scene memory scene;
        {
            scene.grantId = ask(t, 3, 1 ether);
            passBlock();
            scene = prepare(scene.grantId, 0);
        }
        G2Point memory receivingKey = g2Key(b);
        vm.prank(owner);
        grants.grant(scene.grantId, expiryIn(1 days), 10, receivingKey, only(scene.rekey), first);
        setRound(scene, 0, refs);
        assertPhase(scene, IConversionRounds.Phase.Submitting);
        submitAll(scene);
        finalize(scene);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    // --- gas: the targets of one record among three of five, and of a hundred records in the proposal ---

    function test_gas__three_of_five_one_record__within_targets() public {
        GrantIdAndScene memory s = _prepared(3, 5);
        Scene memory scene = s.scene;
        IGrantRegistry.Rekey[] memory rekeys = only(scene.rekey);
        G2Point memory receivingKey = g2Key(b);
        uint40 expiry = expiryIn(30 days);
        vm.prank(owner);
        grants.grant(scene.grantId, expiry, 1000, receivingKey, rekeys, noRound());
        uint256 call_ = vm.snapshotGasLastCall("rounds", "grant 3/5");
        _assertWithin(
            "grant", call_, abi.encodeCall(grants.grant, (scene.grantId, expiry, 1000, receivingKey, rekeys, noRound())), 400_000
        );

        IConversionRounds.RecordRef[] memory refs = publish(1);
        open(scene, refs);
        vm.snapshotGasLastCall("rounds", "openRound 1 record");
        bytes32 hash = dataHash(scene);
        for (uint8 slot = 1; slot <= 3; ++slot) {
            (G1Point[] memory cfrags, Proof memory proof) = convert(scene, slot);
            vm.prank(memberOf(scene, slot));
            rounds.submitCfrags(scene.roundId, scene.committee, hash, slot, cfrags, proof);
            call_ = vm.snapshotGasLastCall("rounds", string.concat("submitCfrags ", vm.toString(slot)));
            bytes memory input = abi.encodeCall(rounds.submitCfrags, (scene.roundId, scene.committee, hash, slot, cfrags, proof));
            _assertWithin("submitCfrags", call_, input, 60_000);
        }
        {
            G1Point[] memory results = resultsFrom(scene, 1);
            proposeThese(scene, 1, 7, results);
            call_ = vm.snapshotGasLastCall("rounds", "propose 1 record");
            bytes memory input = abi.encodeCall(
                rounds.propose, (scene.roundId, scene.committee, scene.data, 1, 7, scene.rekey.mask, scene.capsules, results)
            );
            _assertWithin("propose", call_, input, 230_000);
        }
        bytes32 resultHash = rounds.roundOf(scene.roundId).resultHash;
        for (uint8 slot = 2; slot <= 3; ++slot) {
            vm.prank(memberOf(scene, slot));
            rounds.vote(scene.roundId, scene.committee, hash, slot, resultHash, true);
            call_ = vm.snapshotGasLastCall("rounds", slot == 2 ? "vote" : "vote that finalizes");
            bytes memory input = abi.encodeCall(rounds.vote, (scene.roundId, scene.committee, hash, slot, resultHash, true));
            _assertWithin("vote", call_, input, 50_000);
        }
        assertPhase(scene, IConversionRounds.Phase.Finalized);
    }

    function test_gas__hundred_records__proposal_within_25k_a_record() public {
        Scene memory scene = granted(2, 3, 1 ether);
        open(scene, publish(100));
        uint256 call_ = vm.snapshotGasLastCall("rounds", "openRound 100 records");
        vm.assertLt(call_, 16_000_000);
        submitAll(scene);
        call_ = vm.snapshotGasLastCall("rounds", "submitCfrags 100 records");
        G1Point[] memory results = resultsFrom(scene, 1);
        proposeThese(scene, 1, 3, results);
        call_ = vm.snapshotGasLastCall("rounds", "propose 100 records");
        bytes memory input =
            abi.encodeCall(rounds.propose, (scene.roundId, scene.committee, scene.data, 1, 3, scene.rekey.mask, scene.capsules, results));
        _assertWithin("propose", call_, input, 2_500_000);
        vote(scene, 2, true);
        assertPhase(scene, IConversionRounds.Phase.Finalized);
        assertOpens(scene, scene.capsules[99], results[99]);
    }

    struct GrantIdAndScene {
        Scene scene;
    }

    function _prepared(uint8 t, uint8 n) private returns (GrantIdAndScene memory s) {
        s.scene.grantId = ask(t, n, 1 ether);
        passBlock();
        s.scene = prepare(s.scene.grantId, 0);
    }

    /// @dev A transaction's gas: the call's, 21,000, and 4 or 16 for each byte of input.
    function _assertWithin(string memory step, uint256 callGas, bytes memory input, uint256 target) private {
        uint256 total = callGas + 21_000;
        for (uint256 i = 0; i < input.length; ++i) {
            total += input[i] == 0 ? 4 : 16;
        }
        vm.assertLe(total, target, step);
    }
}
