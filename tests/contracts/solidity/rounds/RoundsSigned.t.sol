// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Vm} from "../Test.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {Member, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice A round in one transaction: results and a majority's signatures, exchanged off the chain.
contract RoundsSignedTest is RoundsWorld {
    /// Half of secp256k1's order, rounded down.
    uint256 private constant MAXIMUM_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

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

    function digestOf(Scene memory scene, Brought memory brought) private view returns (bytes32) {
        bytes32 hash = Transcript.resultHash(scene.roundId, brought.contributors, scene.excluded, BLS12381.hashOf(brought.results));
        return Transcript.voteDigest(address(rounds), scene.roundId, hash);
    }

    function signAll(Scene memory scene, Brought memory brought, bytes32 digest) private view {
        brought.signatures = new IRounds.Signature[](count(brought.voters));
        uint256 next;
        for (uint8 slot = 1; slot <= scene.n; ++slot) {
            if (brought.voters & (uint32(1) << (slot - 1)) != 0) brought.signatures[next++] = sign(memberOf(scene, slot), digest);
        }
    }

    /// @dev Leader 1, contributors 1..t, and as many other voters as make the majority.
    function bring(Scene memory scene) private view returns (Brought memory brought) {
        (brought.slot, brought.contributors, brought.results) = (1, contributorsOf(scene), resultsFrom(scene, 1));
        for (uint8 slot = 2; 2 * (slot - 1) <= scene.n; ++slot) {
            brought.voters |= uint32(1) << (slot - 1);
        }
        signAll(scene, brought, digestOf(scene, brought));
    }

    function count(uint32 slots) private pure returns (uint256 members) {
        for (; slots != 0; slots &= slots - 1) {
            ++members;
        }
    }

    function inputOf(Scene memory scene, Brought memory brought) private view returns (bytes memory) {
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

    function finalizeSigned(Scene memory scene, Brought memory brought) private {
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

    function refuse(Scene memory scene, Brought memory brought, bytes memory expected) private {
        refuseOf(memberOf(scene, brought.slot), scene, brought, expected);
    }

    function refuseOf(address caller, Scene memory scene, Brought memory brought, bytes memory expected) private {
        bytes memory input = inputOf(scene, brought);
        vm.prank(caller);
        (bool ok, bytes memory out) = address(rounds).call(input);
        vm.assertFalse(ok, "the call went through");
        vm.assertEq(out, expected);
    }

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

    // --- refusals ---

    function _wrongPhase(Scene memory scene, IRounds.Phase phase) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, phase, IRounds.Phase.Submitting);
    }

    function test_finalizeSigned__no_round_or_one_that_is_over__WrongPhase() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        uint256 before = vm.snapshotState();
        finalizeSigned(scene, brought);
        refuse(scene, brought, _wrongPhase(scene, IRounds.Phase.Finalized));
        vm.revertToState(before);
        submitAll(scene);
        propose(scene, 2);
        refuse(scene, brought, _wrongPhase(scene, IRounds.Phase.Voting));
        vm.revertToState(before);
        skip(ROUND_SECONDS + 1);
        refuse(scene, brought, _wrongPhase(scene, IRounds.Phase.Expired));
        scene.roundId = RoundId.wrap(1 << 80);
        refuse(scene, brought, _wrongPhase(scene, IRounds.Phase.None));
    }

    function test_finalizeSigned__grant_revoked__WrongPhase() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        vm.prank(owner);
        grants.revoke(scene.grantId);
        refuse(scene, brought, _wrongPhase(scene, IRounds.Phase.Ended));
    }

    function _wrongSignature(Scene memory scene, uint8 slot) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRounds.WrongSignature.selector, scene.roundId, slot);
    }

    function test_finalizeSigned__forged_or_of_another_member__WrongSignature() public {
        Scene memory scene = opened(3, 5, 1);
        Brought memory brought = bring(scene);
        IRounds.Signature memory good = brought.signatures[1];
        // one of another member, also where that member's own stands beside it
        brought.signatures[1] = brought.signatures[0];
        refuse(scene, brought, _wrongSignature(scene, 3));
        brought.signatures[1] = IRounds.Signature(good.r, good.vs ^ HIGH_BIT);
        refuse(scene, brought, _wrongSignature(scene, 3));
        brought.signatures[1] = IRounds.Signature(bytes32(uint256(good.r) ^ 1), good.vs);
        refuse(scene, brought, _wrongSignature(scene, 3));
        brought.signatures[1] = IRounds.Signature(0, 0);
        refuse(scene, brought, _wrongSignature(scene, 3));
        brought.signatures[1] = good;
        finalizeSigned(scene, brought);
    }

    function test_finalizeSigned__signed_elsewhere__WrongSignature() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        bytes32 hash = Transcript.resultHash(scene.roundId, 3, 0, BLS12381.hashOf(brought.results));
        RoundId other = RoundId.wrap(RoundId.unwrap(scene.roundId) + 1);
        signAll(scene, brought, Transcript.voteDigest(address(rounds), other, hash));
        refuse(scene, brought, _wrongSignature(scene, 2));
        signAll(scene, brought, Transcript.voteDigest(address(grants), scene.roundId, hash));
        refuse(scene, brought, _wrongSignature(scene, 2));
        uint256 before = vm.snapshotState();
        vm.chainId(77);
        bytes32 elsewhere = Transcript.voteDigest(address(rounds), scene.roundId, hash);
        vm.revertToState(before);
        vm.chainId(31337);
        vm.assertTrue(elsewhere != digestOf(scene, brought), "the chain is not in the digest");
        signAll(scene, brought, elsewhere);
        refuse(scene, brought, _wrongSignature(scene, 2));
        // of other contributors
        brought.contributors = 5;
        bytes32 digest = digestOf(scene, brought);
        brought.contributors = 3;
        signAll(scene, brought, digest);
        refuse(scene, brought, _wrongSignature(scene, 2));
        // of the bare result, without a domain
        signAll(scene, brought, hash);
        refuse(scene, brought, _wrongSignature(scene, 2));
    }

    function test_finalizeSigned__high_s__SignatureNotLow() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        for (uint256 parity = 0; parity < 2; ++parity) {
            brought.signatures[0].vs = bytes32((parity << 255) | (MAXIMUM_S + 1));
            refuse(scene, brought, abi.encodeWithSelector(IRounds.SignatureNotLow.selector, scene.roundId, 2));
        }
        brought.signatures[0].vs = bytes32(MAXIMUM_S);
        refuse(scene, brought, _wrongSignature(scene, 2));
    }

    function test_finalizeSigned__too_few_or_too_many_signatures__refused() public {
        Scene memory scene = opened(3, 5, 1);
        Brought memory brought = bring(scene);
        IRounds.Signature[] memory both = brought.signatures;
        brought.signatures = new IRounds.Signature[](1);
        brought.signatures[0] = both[0];
        refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongSignatureCount.selector, scene.roundId, 1, 2));
        brought.voters = 2;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.TooFewVotes.selector, scene.roundId, 3, 5));
        brought.signatures = both;
        brought.voters = 0;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.TooFewVotes.selector, scene.roundId, 1, 5));
        brought.voters = 14;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongSignatureCount.selector, scene.roundId, 2, 3));
    }

    function test_finalizeSigned__slots_outside__SlotsNotAllowed() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        // the leader does not count twice, nor does a slot beyond the committee
        brought.voters = 3;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotsNotAllowed.selector, scene.roundId, 3, 6));
        brought.voters = 1 << 3;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotsNotAllowed.selector, scene.roundId, 8, 6));
        brought.voters = 2;
        brought.contributors = 1 | (1 << 31);
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotsNotAllowed.selector, scene.roundId, brought.contributors, 7));
    }

    function test_finalizeSigned__sender_not_in_the_slot__NotInSlot() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        refuseOf(user, scene, brought, abi.encodeWithSelector(IRounds.NotInSlot.selector, scene.roundId, 1, user));
        address second = memberOf(scene, 2);
        refuseOf(second, scene, brought, abi.encodeWithSelector(IRounds.NotInSlot.selector, scene.roundId, 1, second));
        Member[] memory committee = scene.committee;
        (committee[0], committee[1]) = (committee[1], committee[0]);
        refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongCommittee.selector, scene.roundId));
    }

    function test_finalizeSigned__wrong_result__WrongResult_though_a_majority_signed() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        brought.results[0] = BLS12381.add(brought.results[0], Generators.G1());
        signAll(scene, brought, digestOf(scene, brought));
        refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongResult.selector, scene.roundId));
        brought.results = new G1Point[](2);
        signAll(scene, brought, digestOf(scene, brought));
        refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongCfragCount.selector, scene.roundId, 2, 1));
    }

    function test_finalizeSigned__not_threshold_contributors__refused() public {
        Scene memory scene = opened(2, 3, 1);
        Brought memory brought = bring(scene);
        for (uint32 contributors = 0; contributors < 8; ++contributors) {
            if (count(contributors) == 2) continue;
            brought.contributors = contributors;
            signAll(scene, brought, digestOf(scene, brought));
            refuse(scene, brought, abi.encodeWithSelector(IRounds.WrongContributorCount.selector, scene.roundId, count(contributors), 2));
        }
    }

    function test_finalizeSigned__cfrags_on_the_chain_left_out__SubmittedLeftOut() public {
        Scene memory scene = opened(2, 3, 1);
        submit(scene, 3);
        Brought memory brought = bring(scene);
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SubmittedLeftOut.selector, scene.roundId, 4, 3));
    }

    function test_finalizeSigned__slot_shown_to_be_bad__no_part_in_it() public {
        Scene memory scene = opened(2, 3, 1);
        (G1Point[] memory cfrags, Proof memory proof) = convert(scene, 2);
        proof.response = addmod(proof.response, 1, R);
        submitThese(scene, 2, cfrags, proof);
        IRounds.Submission memory submission =
            IRounds.Submission(2, 0, cfrags, proof, rounds.roundOf(scene.roundId).key, new bytes32[](0));
        rounds.challengeCfrags(scene.roundId, scene.committee, scene.data, submission, scene.capsules, keysOf(scene));
        Brought memory brought = bring(scene);
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotsNotAllowed.selector, scene.roundId, 3, 5));
        brought.contributors = 5;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotsNotAllowed.selector, scene.roundId, 2, 4));
        brought.slot = 2;
        refuse(scene, brought, abi.encodeWithSelector(IRounds.SlotChallenged.selector, scene.roundId, 2));
    }
}
