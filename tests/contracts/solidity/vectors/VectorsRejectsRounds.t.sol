// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {VectorsCases} from "../worlds/VectorsCases.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {Member, RecordId, RoundId, StreamId} from "../../../../contracts/types/Ids.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice As VectorsRejectsTest, for what a round sees: capsules, cfrags, results.
contract VectorsRejectsRoundsTest is VectorsCases {
    // --- records ---

    function test_publish__rejects_of_sizes__revert() public {
        deployFor("flow_2_3.json");
        registerParties();
        createStream();
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "publish") || bytes(ofCase(i, ".solidity")).length == 0) continue;
            file.replace(i);
            publishBad(i);
            file.restore();
            ++tried;
        }
        vm.assertGt(tried, 2);
        publish(0);
    }

    function publishBad(uint256 i) private {
        IRecordRegistry.RecordInput memory record = recordAt(0);
        (uint256 id, uint32 epoch) = (RecordId.unwrap(recordIdAt(0)), uint32(file.number(".label.epoch")));
        string memory name = ofCase(i, ".solidity");
        bytes memory failure;
        if (same(name, "SealedTooShort")) failure = abi.encodeWithSelector(IRecordRegistry.SealedTooShort.selector, record.c3.length, 16);
        else if (same(name, "SealedTooLong")) failure = abi.encodeWithSelector(IRecordRegistry.SealedTooLong.selector, record.c3.length, 4_096);
        else failure = abi.encodeWithSelector(IRecordRegistry.TextTooLong.selector, bytes(record.tags).length, 256);
        vm.expectRevert(failure);
        vm.prank(address(uint160(id >> 32)));
        records.publish(StreamId.wrap(uint64(id >> 192)), epoch, uint32(id), record);
    }

    // --- capsules ---

    function test_reportCapsules__rejects_of_capsules__are_upheld() public {
        deployFor("flow_2_3.json");
        registerParties();
        createStream();
        joinProxies();
        requestAccess();
        grantWith(rekey());
        uint256 clean = vm.snapshotState();
        reportFirst(true);
        vm.revertToState(clean);
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_capsule")) continue;
            file.replace(i);
            reportFirst(false);
            file.restore();
            vm.revertToState(clean);
            ++tried;
        }
        vm.assertGt(tried, 7);
    }

    /// @dev Publishes record 0 of the file, opens a round over it alone and reports its capsule.
    function reportFirst(bool good) private {
        publishAtItsPlace();
        openRound(0);
        (RoundId id, Member[] memory members, RecordId recordId) = (roundIdOf(0), committee(), recordIdAt(0));
        IConversionRounds.RoundData memory data = dataOfFirst();
        RecordId[] memory ids = new RecordId[](1);
        ids[0] = recordId;
        IConversionRounds.ChallengeKeys memory proven = challengeKeys();
        IConversionRounds.CapsuleReport[] memory reports = new IConversionRounds.CapsuleReport[](1);
        reports[0] = reportOfFirst();
        if (good) vm.expectRevert(abi.encodeWithSelector(IConversionRounds.CapsuleIsGood.selector, id, recordId));
        else vm.expectEmit(address(rounds));
        if (!good) emit IConversionRounds.RecordExcluded(id, recordId, address(this));
        rounds.reportCapsules(id, members, data, ids, reports, proven, 0);
        IConversionRounds.Phase expected = good ? IConversionRounds.Phase.Submitting : IConversionRounds.Phase.Ended;
        vm.assertEq(uint256(rounds.phaseOf(id)), uint256(expected), "phase");
    }

    /// @dev A record that stands at a later place needs others before it; what they hold is all one.
    function publishAtItsPlace() private {
        IRecordRegistry.RecordInput memory filler = recordAt(0);
        uint256 id = RecordId.unwrap(recordIdAt(0));
        (StreamId streamId, uint32 epoch) = (StreamId.wrap(uint64(id >> 192)), uint32(file.number(".label.epoch")));
        for (uint32 sequence = 0; sequence < uint32(id); ++sequence) {
            vm.prank(address(uint160(id >> 32)));
            records.publish(streamId, epoch, sequence, filler);
        }
        publish(0);
    }

    /// @dev The round's data over the record as replaced, where the file has it over its own.
    function dataOfFirst() private view returns (IConversionRounds.RoundData memory data) {
        data = roundDataOf(0);
        RecordId[] memory ids = new RecordId[](1);
        ids[0] = recordIdAt(0);
        data.capsulesHash = BLS12381.hashOf(capsulesOf(0));
        data.recordIdsHash = Transcript.recordIdsHash(ids);
    }

    function reportOfFirst() private view returns (IConversionRounds.CapsuleReport memory report) {
        report.c1 = file.g1(".records[0].c1");
        report.c2 = file.word(".records[0].c2");
        report.c3Hash = keccak256(file.data(".records[0].c3"));
        report.proof = file.proof(".records[0].proof");
        report.cidHash = file.word(".records[0].cidHash");
        report.tagsHash = keccak256(bytes(file.text(".records[0].tags")));
    }

    // --- cfrags ---

    function test_cfrags__rejects__are_refused_or_lost_to_a_challenge() public {
        buildRounds();
        uint256 clean = vm.snapshotState();
        submit(1, 1);
        challenge(1, 1, true);
        vm.revertToState(clean);
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_cfrags")) continue;
            file.replace(i);
            rejectCfrags(i);
            file.restore();
            vm.revertToState(clean);
            ++tried;
        }
        vm.assertGt(tried, 10);
    }

    function buildRounds() private {
        buildGranted("flow_2_3.json");
        for (uint256 round = 0; round < 3; ++round) {
            openRound(round);
        }
        // Record 1 is back in the third round, so that cfrags of the second fit it in number.
        vm.store(address(rounds), bytes32(uint256(keccak256(abi.encode(roundIdOf(2), 0))) + 1), 0);
        vm.assertEq(rounds.roundOf(roundIdOf(2)).excluded, 0, "excluded");
    }

    /// @dev What submitCfrags can see it refuses; all else a challenge finds.
    function rejectCfrags(uint256 i) private {
        string memory path = cfragPath(1, 1);
        (RoundId id, uint8 slot, Member[] memory members) = (roundIdOf(1), uint8(file.number(string.concat(path, ".slot"))), committee());
        G1Point[] memory cfrags = file.g1s(string.concat(path, ".points"));
        Proof memory proof = file.proof(string.concat(path, ".proof"));
        bytes32 dataHash = roundDataHashOf(1);
        address sender = slot <= members.length ? members[slot - 1].accountOf() : members[0].accountOf();
        bytes memory refusal;
        if (slot > members.length) refusal = abi.encodeWithSelector(IConversionRounds.NotInSlot.selector, id, slot, sender);
        else if (cfrags.length != rounds.roundOf(id).records) {
            refusal = abi.encodeWithSelector(IConversionRounds.WrongCfragCount.selector, id, cfrags.length, rounds.roundOf(id).records);
        } else if (proof.response >= R) {
            refusal = abi.encodeWithSelector(IConversionRounds.ScalarTooLarge.selector, proof.response);
        }
        if (refusal.length != 0) vm.expectRevert(refusal);
        vm.prank(sender);
        rounds.submitCfrags(id, members, dataHash, slot, cfrags, proof);
        if (refusal.length == 0) challenge(1, slot, false);
        else vm.assertEq(rounds.roundOf(id).submitted, 0, ofCase(i, ".name"));
    }

    function challenge(uint256 round, uint8 slot, bool good) private {
        (RoundId id, Member[] memory members) = (roundIdOf(round), committee());
        IConversionRounds.RoundData memory data = roundDataOf(round);
        IConversionRounds.Submission memory submission;
        string memory path = cfragPath(round, 1);
        submission.slot = slot;
        submission.excluded = rounds.roundOf(id).excluded;
        (submission.cfrags, submission.proof) = (file.g1s(string.concat(path, ".points")), file.proof(string.concat(path, ".proof")));
        // of this round even where the case names another: they differ in nothing but the id, which the key does not have
        submission.before = file.word(entry(".rounds", round, ".key"));
        submission.later = new bytes32[](0);
        (G1Point[] memory capsules, IConversionRounds.ChallengeKeys memory proven) = (capsulesOf(round), challengeKeys());
        if (good) vm.expectRevert(abi.encodeWithSelector(IConversionRounds.CfragIsGood.selector, id, slot));
        rounds.challengeCfrags(id, members, data, submission, capsules, proven);
        vm.assertEq(rounds.roundOf(id).challenged, good ? 0 : uint256(1) << (slot - 1), "challenged");
    }

    // --- results ---

    function test_propose__rejects_of_results__revert() public {
        buildRounds();
        for (uint256 round = 0; round < 2; ++round) {
            submit(round, 1);
            submit(round, 2);
        }
        uint256 clean = vm.snapshotState();
        for (uint256 round = 0; round < 2; ++round) {
            propose(round, false);
        }
        vm.revertToState(clean);
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_result")) continue;
            requireNamed(i, "WrongResult");
            file.replace(i);
            propose(rejects.number(entry(".cases", i, ".at.round")), true);
            file.restore();
            ++tried;
        }
        vm.assertGt(tried, 5);
    }

    function propose(uint256 round, bool wrong) private {
        (RoundId id, Member[] memory members) = (roundIdOf(round), committee());
        IConversionRounds.RoundData memory data = roundDataOf(round);
        (G2Point memory mask, G1Point[] memory capsules) = (file.g2(".grant.V"), capsulesOf(round));
        G1Point[] memory results = file.g1s(entry(".rounds", round, ".results"));
        if (wrong) vm.expectRevert(abi.encodeWithSelector(IConversionRounds.WrongResult.selector, id));
        vm.prank(members[0].accountOf());
        rounds.propose(id, members, data, 1, 3, mask, capsules, results);
    }
}
