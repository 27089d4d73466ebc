// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SignedWorld} from "../worlds/SignedWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {Member, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice What finalizeSigned refuses, with the arguments of each error.
contract RoundsSignedRefusalsTest is SignedWorld {
    /// Half of secp256k1's order, rounded down.
    uint256 private constant MAXIMUM_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

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
