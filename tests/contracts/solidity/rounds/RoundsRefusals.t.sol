// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RoundsTest} from "../worlds/RoundsTest.sol";
import {RoundsWorld} from "../worlds/RoundsWorld.sol";
import {IConversionRounds as IRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";
import {Member, RecordId, RoundId} from "../../../../contracts/types/Ids.sol";

/// @notice What a round refuses, with the arguments of each error, and the votes' other endings.
contract RoundsRefusalsTest is RoundsTest {
    function setUp() public {
        start(6);
    }

    // --- opening ---

    function _open(RoundsWorld.Scene memory scene, IRounds.RecordRef[] memory refs) private view returns (bytes memory) {
        return abi.encodeCall(rounds.openRound, (scene.grantId, 0, scene.data.maskHash, scene.data.rekeyRest, refs));
    }

    function test_openRound__bad_input__refused_by_name() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        IRounds.RecordRef[] memory refs = world.publishRecords(2);
        refuse(STRANGER, address(rounds), _open(scene, refs), abi.encodeWithSelector(IGrantRegistry.NotPayer.selector, scene.grantId, STRANGER, user));
        refuse(owner, address(rounds), _open(scene, refs), abi.encodeWithSelector(IGrantRegistry.NotPayer.selector, scene.grantId, owner, user));
        refuse(user, address(rounds), _open(scene, new IRounds.RecordRef[](0)), abi.encodeWithSelector(IRounds.WrongRecordCount.selector, 0, 1, 100));
        refuse(user, address(rounds), _open(scene, new IRounds.RecordRef[](101)), abi.encodeWithSelector(IRounds.WrongRecordCount.selector, 101, 1, 100));
        refuse(
            user,
            address(rounds),
            abi.encodeCall(rounds.openRound, (scene.grantId, 1, scene.data.maskHash, scene.data.rekeyRest, refs)),
            abi.encodeWithSelector(IRounds.RekeyMismatch.selector, scene.grantId, 1)
        );
        (refs[0], refs[1]) = (refs[1], refs[0]);
        refuse(user, address(rounds), _open(scene, refs), abi.encodeWithSelector(IRounds.RecordsNotAscending.selector, 1));
        refs[0] = refs[1];
        refuse(user, address(rounds), _open(scene, refs), abi.encodeWithSelector(IRounds.RecordsNotAscending.selector, 1));
        refs = world.publishRecords(1);
        refs[0].sealHash = bytes32(uint256(1));
        refuse(user, address(rounds), _open(scene, refs), abi.encodeWithSelector(IRounds.UnknownRecord.selector, refs[0].recordId));
        refuse(
            user,
            address(rounds),
            abi.encodeCall(rounds.openFirstRound, (scene.grantId, user, 0, scene.data.maskHash, scene.data.rekeyRest, refs)),
            abi.encodeWithSelector(IRounds.NotGrantRegistry.selector, user)
        );
    }

    function test_openRound__record_of_another_epoch__refused() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        vm.prank(owner);
        records.advanceEpoch(stream);
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        refuse(user, address(rounds), _open(scene, refs), abi.encodeWithSelector(IRounds.UnknownRecord.selector, refs[0].recordId));
    }

    function test_openRound__deposit_or_quota_spent__refused() public {
        world.grantScene(2, 3, reserveOf(2, 1));
        RoundsWorld.Scene memory scene = world.scene();
        world.openOver(world.publishRecords(1));
        scene = world.scene();
        IRounds.RecordRef[] memory refs = world.publishRecords(1);
        refuse(user, address(rounds), _open(scene, refs), abi.encodeWithSelector(IGrantRegistry.DepositTooSmall.selector, scene.grantId, 0, reserveOf(2, 1)));
    }

    function test_constructor__no_time_to_act__BadSettings() public {
        IRounds.Settings memory settings = rounds.settings();
        settings.voteSeconds = 0;
        vm.expectRevert(IRounds.BadSettings.selector);
        deployConversionRounds(grants, proxies, records, treasury, settings);
    }

    // --- submitting ---

    function _submit(RoundsWorld.Scene memory scene, bytes32 hash, uint8 slot, G1Point[] memory w, Proof memory proof)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(rounds.submitCfrags, (scene.roundId, scene.committee, hash, slot, w, proof));
    }

    function test_submitCfrags__bad_input__refused_by_name() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        bytes32 hash = world.roundHash();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(1);
        address to = address(rounds);
        RoundId id = scene.roundId;
        address first = member(scene, 1);
        refuse(STRANGER, to, _submit(scene, hash, 1, w, proof), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 1, STRANGER));
        refuse(first, to, _submit(scene, hash, 2, w, proof), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 2, first));
        refuse(first, to, _submit(scene, hash, 0, w, proof), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 0, first));
        refuse(first, to, _submit(scene, hash, 4, w, proof), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 4, first));
        refuse(first, to, _submit(scene, bytes32(0), 1, w, proof), abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
        refuse(first, to, _submit(scene, hash, 1, new G1Point[](1), proof), abi.encodeWithSelector(IRounds.WrongCfragCount.selector, id, 1, 2));
        Proof memory large = Proof(proof.challenge, BLS12381.R);
        refuse(first, to, _submit(scene, hash, 1, w, large), abi.encodeWithSelector(IRounds.ScalarTooLarge.selector, BLS12381.R));
        Member[] memory committee = scene.committee;
        (committee[0], committee[1]) = (committee[1], committee[0]);
        refuse(first, to, _submit(scene, hash, 2, w, proof), abi.encodeWithSelector(IRounds.WrongCommittee.selector, id));
        (committee[0], committee[1]) = (committee[1], committee[0]);
        world.submitAs(1);
        refuse(first, to, _submit(scene, hash, 1, w, proof), abi.encodeWithSelector(IRounds.AlreadySubmitted.selector, id, 1));
        world.submitAs(3);
        refuse(member(scene, 2), to, _submit(scene, hash, 2, w, proof), abi.encodeWithSelector(IRounds.EnoughCfrags.selector, id, 2));
        RoundId none = RoundId.wrap(1 << 80);
        scene.roundId = none;
        refuse(first, to, _submit(scene, hash, 1, w, proof), abi.encodeWithSelector(IRounds.WrongPhase.selector, none, IRounds.Phase.None, IRounds.Phase.Submitting));
    }

    function test_submitCfrags__any_slot__logged_and_chained() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (G1Point[] memory w, Proof memory proof) = world.convertAs(2);
        vm.recordLogs();
        world.submitAs(2);
        assertLogged(
            address(rounds),
            [IRounds.CfragsSubmitted.selector, word(scene.roundId), word(member(scene, 2)), 0],
            abi.encode(uint8(2), uint128(0), w, proof)
        );
        bytes32 link = keccak256(abi.encode(uint8(2), uint128(0), keccak256(abi.encode(w[0])), proof.challenge, proof.response));
        IRounds.Round memory round = rounds.roundOf(scene.roundId);
        vm.assertEq(round.submissions, keccak256(abi.encode(round.key, link)));
        vm.assertEq(round.submitted, 2);
    }

    // --- proposing ---

    function _propose(RoundsWorld.Scene memory scene, uint8 slot, uint32 contributors, G1Point[] memory w) private view returns (bytes memory) {
        return abi.encodeCall(
            rounds.propose, (scene.roundId, scene.committee, scene.data, slot, contributors, scene.rekey.mask, scene.capsules, w)
        );
    }

    function test_propose__bad_input__refused_by_name() public {
        world.openScene(2, 3, 2);
        RoundsWorld.Scene memory scene = world.scene();
        (address to, RoundId id, address leader) = (address(rounds), scene.roundId, member(scene, 3));
        G1Point[] memory w = world.results(1);
        bytes memory early = abi.encodeWithSelector(IRounds.WrongPhase.selector, id, IRounds.Phase.Submitting, IRounds.Phase.Proposing);
        refuse(leader, to, _propose(scene, 3, 3, w), early);
        world.submitByThreshold();
        refuse(leader, to, _propose(scene, 3, 5, w), abi.encodeWithSelector(IRounds.ContributorsNotSubmitted.selector, id, 5, 3));
        refuse(leader, to, _propose(scene, 3, 1, w), abi.encodeWithSelector(IRounds.WrongContributorCount.selector, id, 1, 2));
        refuse(leader, to, _propose(scene, 1, 3, w), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 1, leader));
        refuse(leader, to, _propose(scene, 3, 3, new G1Point[](1)), abi.encodeWithSelector(IRounds.WrongCfragCount.selector, id, 1, 2));
        (w[0], w[1]) = (w[1], w[0]);
        refuse(leader, to, _propose(scene, 3, 3, w), abi.encodeWithSelector(IRounds.WrongResult.selector, id));
        refuse(leader, to, _propose(scene, 3, 3, scene.capsules), abi.encodeWithSelector(IRounds.WrongResult.selector, id));
        (w[0], w[1]) = (w[1], w[0]);
        w[0].xLow = bytes32(uint256(1));
        refuse(leader, to, _propose(scene, 3, 3, w), abi.encodeWithSelector(BLS12381.InvalidPoint.selector, address(0x0c)));
        w = world.results(1);
        scene.rekey.mask = world.g2(5);
        refuse(leader, to, _propose(scene, 3, 3, w), abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
        scene = world.scene();
        scene.capsules[0] = scene.capsules[1];
        refuse(leader, to, _propose(scene, 3, 3, w), abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
    }

    // --- voting ---

    function _vote(RoundsWorld.Scene memory scene, uint8 slot, bytes32 resultHash) private view returns (bytes memory) {
        return abi.encodeCall(rounds.vote, (scene.roundId, scene.committee, world.roundHash(), slot, resultHash, true));
    }

    function test_vote__bad_input__refused_by_name() public {
        world.openScene(2, 4, 1);
        RoundsWorld.Scene memory scene = world.scene();
        (address to, RoundId id) = (address(rounds), scene.roundId);
        world.submitByThreshold();
        bytes memory early = abi.encodeWithSelector(IRounds.WrongPhase.selector, id, IRounds.Phase.Proposing, IRounds.Phase.Voting);
        refuse(member(scene, 2), to, _vote(scene, 2, 0), early);
        bytes32 resultHash = world.proposeAs(1);
        vm.assertEq(rounds.roundOf(id).proposal, Transcript.proposal(rounds.roundOf(id).key, resultHash));
        refuse(member(scene, 2), to, _vote(scene, 2, 0), abi.encodeWithSelector(IRounds.WrongResultHash.selector, id, bytes32(0)));
        bytes memory foreign = abi.encodeCall(rounds.vote, (id, scene.committee, 0, 2, resultHash, true));
        refuse(member(scene, 2), to, foreign, abi.encodeWithSelector(IRounds.WrongRoundData.selector, id));
        (scene.committee[2], scene.committee[3]) = (scene.committee[3], scene.committee[2]);
        refuse(member(scene, 2), to, _vote(scene, 2, resultHash), abi.encodeWithSelector(IRounds.WrongCommittee.selector, id));
        scene = world.scene();
        refuse(member(scene, 1), to, _vote(scene, 1, resultHash), abi.encodeWithSelector(IRounds.AlreadyVoted.selector, id, 1));
        refuse(STRANGER, to, _vote(scene, 2, resultHash), abi.encodeWithSelector(IRounds.NotInSlot.selector, id, 2, STRANGER));
        world.voteAs(2, false);
        refuse(member(scene, 2), to, _vote(scene, 2, resultHash), abi.encodeWithSelector(IRounds.AlreadyVoted.selector, id, 2));
        assertPhase(id, IRounds.Phase.Voting);
    }

    function test_vote__majority_against__next_leader_takes_over() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        bytes32 resultHash = world.proposeAs(1);
        world.voteAs(2, false);
        vm.recordLogs();
        world.voteAs(3, false);
        assertLogged(
            address(rounds), [IRounds.ProposalRejected.selector, word(scene.roundId), word(member(scene, 1)), 0], abi.encode(resultHash)
        );
        assertPhase(scene.roundId, IRounds.Phase.Proposing);
        bytes memory barred = abi.encodeWithSelector(IRounds.LeaderBarred.selector, scene.roundId, 1);
        refuse(member(scene, 1), address(rounds), _propose(scene, 1, 3, world.results(1)), barred);
        world.proposeAs(2);
        world.voteAs(1, true);
        assertPhase(scene.roundId, IRounds.Phase.Finalized);
    }

    function test_vote__majority_in_favour__logged_with_its_makers() public {
        world.openScene(2, 3, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        bytes32 resultHash = world.proposeAs(3);
        vm.recordLogs();
        world.voteAs(2, true);
        assertLogged(
            address(rounds),
            [IRounds.RoundFinalized.selector, word(scene.roundId), word(scene.grantId), word(member(scene, 3))],
            abi.encode(uint32(3), uint32(6), resultHash, false)
        );
        bytes memory over = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Finalized, IRounds.Phase.Voting);
        refuse(member(scene, 1), address(rounds), _vote(scene, 1, resultHash), over);
    }

    // --- proof instead of votes ---

    function _finalizeByProof(RoundsWorld.Scene memory scene, bytes32 resultHash) private view returns (bytes memory) {
        return abi.encodeCall(rounds.finalizeByProof, (scene.roundId, scene.committee, world.roundHash(), resultHash));
    }

    function test_finalizeByProof__after_the_window__finalized_by_anyone() public {
        world.openScene(2, 5, 1);
        RoundsWorld.Scene memory scene = world.scene();
        world.submitByThreshold();
        bytes32 resultHash = world.proposeAs(1);
        bytes memory early = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Voting, IRounds.Phase.Provable);
        refuse(STRANGER, address(rounds), _finalizeByProof(scene, resultHash), early);
        skip(VOTE_SECONDS + 1);
        bytes memory late = abi.encodeWithSelector(IRounds.WrongPhase.selector, scene.roundId, IRounds.Phase.Provable, IRounds.Phase.Voting);
        refuse(member(scene, 2), address(rounds), _vote(scene, 2, resultHash), late);
        bytes memory other = abi.encodeWithSelector(IRounds.WrongResultHash.selector, scene.roundId, bytes32(0));
        refuse(STRANGER, address(rounds), _finalizeByProof(scene, 0), other);
        bytes32 hash = world.roundHash();
        vm.recordLogs();
        vm.prank(STRANGER);
        rounds.finalizeByProof(scene.roundId, scene.committee, hash, resultHash);
        assertLogged(
            address(rounds),
            [IRounds.RoundFinalized.selector, word(scene.roundId), word(scene.grantId), word(member(scene, 1))],
            abi.encode(uint32(3), uint32(1), resultHash, true)
        );
    }

    function testFuzz_rankOf__any_two_slots__differ(uint256 id, uint8 slot, uint8 other) public view {
        vm.assume(slot != other);
        vm.assertNotEq(rounds.rankOf(RoundId.wrap(id), slot), rounds.rankOf(RoundId.wrap(id), other));
        vm.assertEq(rounds.rankOf(RoundId.wrap(id), slot), uint256(keccak256(abi.encode(id, slot))));
    }
}
