// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Deployer} from "../Deployer.sol";
import {Prover} from "../Prover.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {RecordId, StreamId, toRecordId} from "../../../../contracts/types/Ids.sol";
import {G1Point, Proof} from "../../../../contracts/types/Points.sol";

contract RecordRegistryTest is Deployer, Prover {
    address private immutable OWNER = makeAddr("owner");
    address private immutable DEVICE = makeAddr("device");
    address private immutable STRANGER = makeAddr("stranger");
    IKeyRegistry private keys = deployKeyRegistry();
    IRecordRegistry private records = deployRecordRegistry(keys);
    uint256 private a = scalarOf("a", 1);
    StreamId private stream;

    IRecordRegistry.Terms private terms = IRecordRegistry.Terms(2, 3, 5 gwei);

    function setUp() public {
        registerKey(OWNER, 1, a);
        vm.prank(OWNER);
        stream = records.createStream("vitals", "heart rate, 1 Hz", terms);
    }

    function registerKey(address account, uint32 version, uint256 secret) private {
        (G1Point memory key, Proof memory proof) = proveG1Key(address(keys), account, 1, version, secret);
        vm.prank(account);
        keys.registerDelegatingKey(key, proof);
    }

    function label(uint32 keyVersion, uint32 epoch) private view returns (bytes32) {
        return Transcript.labelOf(address(records), OWNER, keyVersion, stream, epoch);
    }

    function record(uint32 sequence, uint256 sealedBytes, string memory tags) private view returns (IRecordRegistry.RecordInput memory) {
        return makeRecord(label(1, 0), toRecordId(stream, OWNER, sequence), a, 7 + sequence, new bytes(sealedBytes), tags);
    }

    // --- streams ---

    function test_create_stream__owner_with_key__is_numbered_and_open_to_its_owner() public {
        vm.expectEmit(address(records));
        emit IRecordRegistry.StreamCreated(StreamId.wrap(2), OWNER, "second", "summary", terms, 1);
        vm.expectEmit(address(records));
        emit IRecordRegistry.PublisherSet(StreamId.wrap(2), OWNER, true);
        vm.prank(OWNER);
        StreamId second = records.createStream("second", "summary", terms);
        IRecordRegistry.Stream memory s = records.streamOf(second);
        vm.assertEq(s.owner, OWNER);
        vm.assertEq(s.nameHash, "second");
        vm.assertEq(s.keyVersion, 1);
        vm.assertEq(s.epoch, 0);
        vm.assertEq(s.minimumThreshold, 2);
        vm.assertEq(s.minimumCommittee, 3);
        vm.assertEq(s.priceWei, 5 gwei);
        vm.assertEq(records.streamCount(), 2);
        (bool allowed, uint32 next) = records.publisherOf(second, OWNER);
        vm.assertTrue(allowed);
        vm.assertEq(next, 0);
    }

    function test_create_stream__owner_without_key__reverts() public {
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.OwnerHasNoDelegatingKey.selector, STRANGER));
        records.createStream("x", "", terms);
    }

    function test_create_stream__summary_too_long__reverts() public {
        string memory summary = string(new bytes(1025));
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.TextTooLong.selector, 1025, 1024));
        records.createStream("x", summary, terms);
    }

    function test_terms__any__are_taken_only_if_1_le_t_le_n_le_32(uint8 t, uint8 n) public {
        IRecordRegistry.Terms memory asked = IRecordRegistry.Terms(t, n, 1);
        bool good = t >= 1 && t <= n && n <= 32;
        bytes memory refusal = abi.encodeWithSelector(IRecordRegistry.BadTerms.selector, t, n);
        vm.startPrank(OWNER);
        if (!good) vm.expectRevert(refusal);
        records.createStream("x", "", asked);
        if (!good) vm.expectRevert(refusal);
        records.setTerms(stream, asked);
        vm.stopPrank();
        vm.assertEq(records.streamOf(stream).minimumThreshold, good ? t : 2);
        vm.assertEq(records.streamOf(stream).minimumCommittee, good ? n : 3);
    }

    function test_set_terms__owner__changes_them_and_nothing_else() public {
        IRecordRegistry.Terms memory other = IRecordRegistry.Terms(4, 9, 77);
        vm.expectEmit(address(records));
        emit IRecordRegistry.TermsChanged(stream, other);
        vm.prank(OWNER);
        records.setTerms(stream, other);
        IRecordRegistry.Stream memory s = records.streamOf(stream);
        vm.assertEq(s.minimumThreshold, 4);
        vm.assertEq(s.minimumCommittee, 9);
        vm.assertEq(s.priceWei, 77);
        vm.assertEq(s.owner, OWNER);
        vm.assertEq(s.nameHash, "vitals");
    }

    function test_owner_functions__stranger__revert() public {
        bytes memory refusal = abi.encodeWithSelector(IRecordRegistry.NotStreamOwner.selector, stream, STRANGER, OWNER);
        vm.startPrank(STRANGER);
        vm.expectRevert(refusal);
        records.setTerms(stream, terms);
        vm.expectRevert(refusal);
        records.setPublisher(stream, STRANGER, true);
        vm.expectRevert(refusal);
        records.advanceEpoch(stream);
        vm.stopPrank();
    }

    function test_any_function__unknown_stream__reverts() public {
        StreamId none = StreamId.wrap(99);
        bytes memory refusal = abi.encodeWithSelector(IRecordRegistry.UnknownStream.selector, none);
        IRecordRegistry.RecordInput memory r = record(0, 16, "");
        vm.expectRevert(refusal);
        records.setTerms(none, terms);
        vm.expectRevert(refusal);
        records.advanceEpoch(none);
        vm.expectRevert(refusal);
        records.streamOf(none);
        vm.expectRevert(refusal);
        records.labelOf(none, 0);
        vm.expectRevert(refusal);
        records.publish(none, 0, 0, r);
    }

    // --- epochs and labels ---

    function test_advance_epoch__new_key__takes_it_and_keeps_the_old_label() public {
        bytes32 first = label(1, 0);
        registerKey(OWNER, 2, scalarOf("a", 2));
        // a newer key changes no label by itself
        (bytes32 now_,, uint32 version) = records.labelOf(stream, 0);
        vm.assertEq(now_, first);
        vm.assertEq(version, 1);
        vm.expectEmit(address(records));
        emit IRecordRegistry.EpochAdvanced(stream, 1, 2, label(2, 1));
        vm.prank(OWNER);
        vm.assertEq(records.advanceEpoch(stream), 1);
        (bytes32 old, address owner, uint32 oldVersion) = records.labelOf(stream, 0);
        vm.assertEq(old, first);
        vm.assertEq(owner, OWNER);
        vm.assertEq(oldVersion, 1);
        (bytes32 current,, uint32 currentVersion) = records.labelOf(stream, 1);
        vm.assertEq(current, label(2, 1));
        vm.assertEq(currentVersion, 2);
        vm.assertNotEq(current, old);
    }

    function test_label__epoch_to_come__reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.UnknownEpoch.selector, stream, 1, 0));
        records.labelOf(stream, 1);
    }

    // --- publishing ---

    function test_publish__owner__stores_the_hash_and_logs_the_rest() public {
        IRecordRegistry.RecordInput memory r = record(0, 400, "ecg");
        RecordId id = toRecordId(stream, OWNER, 0);
        vm.expectEmit(address(records));
        emit IRecordRegistry.RecordPublished(id, stream, label(1, 0), 0, r);
        vm.prank(OWNER);
        vm.assertEq(RecordId.unwrap(records.publish(stream, 0, 0, r)), RecordId.unwrap(id));
        vm.assertEq(records.recordHash(id), keccak256(abi.encode(label(1, 0), keccak256(abi.encode(r.c1)), sealHashOf(r))));
        (, uint32 next) = records.publisherOf(stream, OWNER);
        vm.assertEq(next, 1);
    }

    function test_publish__400_bytes_sealed__costs_at_most_90k() public {
        for (uint32 sequence = 0; sequence < 2; ++sequence) {
            IRecordRegistry.RecordInput memory r = makeRecord(
                label(1, 0), toRecordId(stream, OWNER, sequence), a, 7 + sequence, noise(416), "vitals/ecg"
            );
            vm.prank(OWNER);
            records.publish(stream, 0, sequence, r);
            vm.assertLe(vm.snapshotGasLastCall("RecordRegistry", sequence == 0 ? "publish first record" : "publish"), 90_000);
        }
    }

    /// A ciphertext without zero bytes: the dearest calldata.
    function noise(uint256 size) private pure returns (bytes memory out) {
        out = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            out[i] = bytes1(uint8(1 + (uint256(keccak256(abi.encode(i))) % 255)));
        }
    }

    function test_publish__named_device__counts_its_own_records() public {
        vm.expectEmit(address(records));
        emit IRecordRegistry.PublisherSet(stream, DEVICE, true);
        vm.prank(OWNER);
        records.setPublisher(stream, DEVICE, true);
        IRecordRegistry.RecordInput memory r = record(0, 20, "");
        vm.prank(OWNER);
        records.publish(stream, 0, 0, r);
        vm.prank(DEVICE);
        RecordId id = records.publish(stream, 0, 0, r);
        vm.assertEq(RecordId.unwrap(id), RecordId.unwrap(toRecordId(stream, DEVICE, 0)));
        vm.assertNotEq(records.recordHash(id), bytes32(0));
    }

    function test_publish__not_or_no_longer_a_publisher__reverts() public {
        IRecordRegistry.RecordInput memory r = record(0, 20, "");
        bytes memory refusal = abi.encodeWithSelector(IRecordRegistry.NotPublisher.selector, stream, DEVICE);
        vm.prank(DEVICE);
        vm.expectRevert(refusal);
        records.publish(stream, 0, 0, r);
        vm.startPrank(OWNER);
        records.setPublisher(stream, DEVICE, true);
        records.setPublisher(stream, DEVICE, false);
        vm.stopPrank();
        vm.prank(DEVICE);
        vm.expectRevert(refusal);
        records.publish(stream, 0, 0, r);
    }

    function test_publish__past_or_coming_epoch__reverts() public {
        IRecordRegistry.RecordInput memory r = record(0, 20, "");
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.StaleEpoch.selector, stream, 1, 0));
        records.publish(stream, 1, 0, r);
        records.advanceEpoch(stream);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.StaleEpoch.selector, stream, 0, 1));
        records.publish(stream, 0, 0, r);
    }

    /// A repeat changes nothing: records are immutable.
    function test_publish__again_or_ahead__reverts_and_keeps_the_record(uint32 sequence) public {
        vm.startPrank(OWNER);
        records.publish(stream, 0, 0, record(0, 20, "first"));
        bytes32 before = records.recordHash(toRecordId(stream, OWNER, 0));
        if (sequence == 1) sequence = 0;
        IRecordRegistry.RecordInput memory other = record(0, 21, "other");
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.WrongSequence.selector, stream, OWNER, sequence, 1));
        records.publish(stream, 0, sequence, other);
        vm.assertEq(records.recordHash(toRecordId(stream, OWNER, 0)), before);
    }

    function test_publish__at_and_over_the_limits__is_taken_and_refused() public {
        IRecordRegistry.RecordInput memory good = record(0, 4096, string(new bytes(256)));
        IRecordRegistry.RecordInput memory sealedTooLong = record(1, 4097, "");
        IRecordRegistry.RecordInput memory sealedTooShort = record(1, 15, "");
        IRecordRegistry.RecordInput memory tagsTooLong = record(1, 16, string(new bytes(257)));
        vm.startPrank(OWNER);
        records.publish(stream, 0, 0, good);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.SealedTooLong.selector, 4097, 4096));
        records.publish(stream, 0, 1, sealedTooLong);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.SealedTooShort.selector, 15, 16));
        records.publish(stream, 0, 1, sealedTooShort);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.TextTooLong.selector, 257, 256));
        records.publish(stream, 0, 1, tagsTooLong);
    }

    function test_publish_batch__n_records__equals_n_publications(uint8 count) public {
        count = uint8(bound(count, 1, 8));
        IRecordRegistry.RecordInput[] memory batch = new IRecordRegistry.RecordInput[](count);
        for (uint32 i = 0; i < count; ++i) {
            batch[i] = record(i, 40 + i, "");
        }
        uint256 snapshot = vm.snapshotState();
        vm.startPrank(OWNER);
        for (uint32 i = 0; i < count; ++i) {
            records.publish(stream, 0, i, batch[i]);
        }
        bytes32[] memory expected = hashes(count);
        vm.revertToState(snapshot);
        for (uint32 i = 0; i < count; ++i) {
            vm.expectEmit(address(records));
            emit IRecordRegistry.RecordPublished(toRecordId(stream, OWNER, i), stream, label(1, 0), 0, batch[i]);
        }
        records.publishBatch(stream, 0, 0, batch);
        vm.stopPrank();
        vm.assertEq(hashes(count), expected);
        (, uint32 next) = records.publisherOf(stream, OWNER);
        vm.assertEq(next, count);
    }

    function hashes(uint32 count) private view returns (bytes32[] memory out) {
        out = new bytes32[](count);
        for (uint32 i = 0; i < count; ++i) {
            out[i] = records.recordHash(toRecordId(stream, OWNER, i));
        }
    }

    function test_publish_batch__empty_or_out_of_place__reverts() public {
        IRecordRegistry.RecordInput[] memory batch = new IRecordRegistry.RecordInput[](0);
        vm.startPrank(OWNER);
        vm.expectRevert(IRecordRegistry.EmptyBatch.selector);
        records.publishBatch(stream, 0, 0, batch);
        batch = new IRecordRegistry.RecordInput[](1);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.WrongSequence.selector, stream, OWNER, 3, 0));
        records.publishBatch(stream, 0, 3, batch);
    }

    function test_publish_batch__one_bad_record__publishes_none() public {
        IRecordRegistry.RecordInput[] memory batch = new IRecordRegistry.RecordInput[](2);
        (batch[0], batch[1]) = (record(0, 16, ""), record(1, 4097, ""));
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IRecordRegistry.SealedTooLong.selector, 4097, 4096));
        records.publishBatch(stream, 0, 0, batch);
        vm.assertEq(records.recordHash(toRecordId(stream, OWNER, 0)), bytes32(0));
        (, uint32 next) = records.publisherOf(stream, OWNER);
        vm.assertEq(next, 0);
    }

    function test_record_hash__never_published__is_zero(uint256 id) public view {
        vm.assertEq(records.recordHash(RecordId.wrap(id)), bytes32(0));
    }
}
