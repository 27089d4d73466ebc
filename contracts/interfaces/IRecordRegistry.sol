// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, Proof} from "../types/Points.sol";
import {RecordId, StreamId} from "../types/Ids.sol";

/// @title Streams and their records. Records never change or vanish.
/// @notice Large values live in events; storage keeps their keccak256 (SPEC §6).
interface IRecordRegistry {
    struct Terms {
        uint8 minimumThreshold; // t asked for must be >= this, >= 1
        uint8 minimumCommittee; // n asked for must be >= this, >= minimumThreshold
        uint96 priceWei; // of one conversion, for the owner
    }

    struct Stream {
        address owner;
        uint32 epoch; // current, from 0
        uint32 keyVersion; // the owner's delegating key version of the current epoch
        uint8 minimumThreshold;
        uint8 minimumCommittee;
        uint96 priceWei;
        bytes32 nameHash;
    }

    /// Capsule c1 and sealed metadata c2, c3 with the capsule's proof (SCHEME §3); keccak256 of the binary CID; public tags (UTF-8, <= 256 bytes).
    struct RecordInput {
        G1Point c1;
        bytes32 c2;
        bytes c3;
        Proof proof;
        bytes32 cidHash;
        string tags;
    }

    event StreamCreated(
        StreamId indexed streamId, address indexed owner, bytes32 nameHash, string summary, Terms terms, uint32 keyVersion
    );
    event TermsChanged(StreamId indexed streamId, Terms terms);
    event PublisherSet(StreamId indexed streamId, address indexed publisher, bool allowed);
    event EpochAdvanced(StreamId indexed streamId, uint32 epoch, uint32 keyVersion, bytes32 label);
    event RecordPublished(RecordId indexed recordId, StreamId indexed streamId, bytes32 indexed label, uint32 epoch, RecordInput record);

    error UnknownStream(StreamId streamId);
    error NotStreamOwner(StreamId streamId, address caller, address owner);
    error NotPublisher(StreamId streamId, address caller);
    error StaleEpoch(StreamId streamId, uint32 given, uint32 current);
    error WrongSequence(StreamId streamId, address publisher, uint32 given, uint32 next);
    error UnknownEpoch(StreamId streamId, uint32 epoch, uint32 current);
    error BadTerms(uint8 minimumThreshold, uint8 minimumCommittee);
    error TextTooLong(uint256 length, uint256 limit);
    error SealedTooLong(uint256 length, uint256 limit);
    /// c3 is shorter than its own tag: nobody could open it.
    error SealedTooShort(uint256 length, uint256 minimum);
    error EmptyBatch();
    error OwnerHasNoDelegatingKey(address owner);

    /// @notice Creates a stream with the sender as owner and first publisher; epoch 0, the sender's latest delegating key.
    function createStream(bytes32 nameHash, string calldata summary, Terms calldata terms) external returns (StreamId);

    function setTerms(StreamId streamId, Terms calldata terms) external;

    function setPublisher(StreamId streamId, address publisher, bool allowed) external;

    /// @notice Starts the next epoch, under the owner's latest delegating key: a new label for all that follows.
    function advanceEpoch(StreamId streamId) external returns (uint32 epoch);

    /// @notice Publishes the sender's record number `sequence` of the stream. A repeat fails with WrongSequence and changes nothing.
    function publish(StreamId streamId, uint32 epoch, uint32 sequence, RecordInput calldata record) external returns (RecordId);

    function publishBatch(StreamId streamId, uint32 epoch, uint32 firstSequence, RecordInput[] calldata records) external;

    function streamOf(StreamId streamId) external view returns (Stream memory);

    function streamCount() external view returns (uint64);

    /// @notice Next sequence number of a publisher, and whether it may publish.
    function publisherOf(StreamId streamId, address publisher) external view returns (bool allowed, uint32 nextSequence);

    /// @notice Label of an epoch up to the current one, with the owner and key version that it names (SCHEME §2).
    function labelOf(StreamId streamId, uint32 epoch) external view returns (bytes32 label, address owner, uint32 keyVersion);

    /// @notice keccak256(label, keccak256(c1), sealHash); 0 if there is no such record (SPEC §6).
    function recordHash(RecordId recordId) external view returns (bytes32);
}
