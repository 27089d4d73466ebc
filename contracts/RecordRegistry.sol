// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {IRecordRegistry} from "./interfaces/IRecordRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {RecordId, StreamId, toRecordId} from "./types/Ids.sol";

/// @title Streams and records: see IRecordRegistry.
/// @dev A capsule's point and proof are not checked here: proxies check them before they convert, and ConversionRounds on report.
contract RecordRegistry is IRecordRegistry {
    struct Publisher {
        bool allowed;
        uint32 nextSequence;
    }

    uint8 private constant DELEGATING = 1;
    uint256 private constant MAX_COMMITTEE = 32;
    uint256 private constant MAX_SUMMARY_BYTES = 1024;
    uint256 private constant MAX_TAGS_BYTES = 256;
    uint256 private constant MAX_SEALED_BYTES = 4096;
    uint256 private constant MIN_SEALED_BYTES = 16; // the tag of AES-GCM

    IKeyRegistry private immutable KEYS;

    /// @inheritdoc IRecordRegistry
    uint64 public override streamCount;
    /// @inheritdoc IRecordRegistry
    mapping(RecordId => bytes32) public override recordHash;
    mapping(StreamId => Stream) private _streams;
    mapping(StreamId => mapping(uint32 epoch => uint32)) private _keyVersions;
    mapping(StreamId => mapping(address => Publisher)) private _publishers;

    modifier onlyOwnerOf(StreamId streamId) {
        address owner = _existing(streamId).owner;
        if (msg.sender != owner) revert NotStreamOwner(streamId, msg.sender, owner);
        _;
    }

    constructor(IKeyRegistry keys) {
        KEYS = keys;
    }

    // --- streams ---

    /// @inheritdoc IRecordRegistry
    function createStream(bytes32 nameHash, string calldata summary, Terms calldata terms) external returns (StreamId streamId) {
        _requireTerms(terms);
        _requireText(summary, MAX_SUMMARY_BYTES);
        uint32 keyVersion = _latestKeyVersion();
        streamId = StreamId.wrap(++streamCount);
        _streams[streamId] = Stream({
            owner: msg.sender,
            epoch: 0,
            keyVersion: keyVersion,
            minimumThreshold: terms.minimumThreshold,
            minimumCommittee: terms.minimumCommittee,
            priceWei: terms.priceWei,
            nameHash: nameHash
        });
        _keyVersions[streamId][0] = keyVersion;
        _publishers[streamId][msg.sender].allowed = true;
        emit StreamCreated(streamId, msg.sender, nameHash, summary, terms, keyVersion);
        emit PublisherSet(streamId, msg.sender, true);
    }

    /// @inheritdoc IRecordRegistry
    function setTerms(StreamId streamId, Terms calldata terms) external onlyOwnerOf(streamId) {
        _requireTerms(terms);
        Stream storage stream = _streams[streamId];
        stream.minimumThreshold = terms.minimumThreshold;
        stream.minimumCommittee = terms.minimumCommittee;
        stream.priceWei = terms.priceWei;
        emit TermsChanged(streamId, terms);
    }

    /// @inheritdoc IRecordRegistry
    function setPublisher(StreamId streamId, address publisher, bool allowed) external onlyOwnerOf(streamId) {
        _publishers[streamId][publisher].allowed = allowed;
        emit PublisherSet(streamId, publisher, allowed);
    }

    /// @inheritdoc IRecordRegistry
    function advanceEpoch(StreamId streamId) external onlyOwnerOf(streamId) returns (uint32 epoch) {
        uint32 keyVersion = _latestKeyVersion();
        Stream storage stream = _streams[streamId];
        epoch = stream.epoch + 1;
        stream.epoch = epoch;
        stream.keyVersion = keyVersion;
        _keyVersions[streamId][epoch] = keyVersion;
        emit EpochAdvanced(streamId, epoch, keyVersion, Transcript.labelOf(address(this), msg.sender, keyVersion, streamId, epoch));
    }

    // --- records ---

    /// @inheritdoc IRecordRegistry
    function publish(StreamId streamId, uint32 epoch, uint32 sequence, RecordInput calldata record) external returns (RecordId recordId) {
        bytes32 label = _startPublishing(streamId, epoch, sequence, 1);
        recordId = _put(streamId, epoch, label, sequence, record);
    }

    /// @inheritdoc IRecordRegistry
    function publishBatch(StreamId streamId, uint32 epoch, uint32 firstSequence, RecordInput[] calldata records) external {
        if (records.length == 0) revert EmptyBatch();
        bytes32 label = _startPublishing(streamId, epoch, firstSequence, records.length);
        for (uint256 i = 0; i < records.length; ++i) {
            // no overflow: _startPublishing has added them all
            _put(streamId, epoch, label, uint32(firstSequence + i), records[i]);
        }
    }

    // --- views ---

    /// @inheritdoc IRecordRegistry
    function streamOf(StreamId streamId) external view returns (Stream memory) {
        return _existing(streamId);
    }

    /// @inheritdoc IRecordRegistry
    function publisherOf(StreamId streamId, address publisher) external view returns (bool allowed, uint32 nextSequence) {
        Publisher storage state = _publishers[streamId][publisher];
        return (state.allowed, state.nextSequence);
    }

    /// @inheritdoc IRecordRegistry
    function labelOf(StreamId streamId, uint32 epoch) external view returns (bytes32 label, address owner, uint32 keyVersion) {
        Stream storage stream = _existing(streamId);
        if (epoch > stream.epoch) revert UnknownEpoch(streamId, epoch, stream.epoch);
        owner = stream.owner;
        keyVersion = _keyVersions[streamId][epoch];
        label = Transcript.labelOf(address(this), owner, keyVersion, streamId, epoch);
    }

    // --- internal ---

    /// @dev Checks who writes, where and when; takes `count` sequence numbers; gives the label.
    function _startPublishing(StreamId streamId, uint32 epoch, uint32 sequence, uint256 count) private returns (bytes32) {
        Stream storage stream = _existing(streamId);
        Publisher storage publisher = _publishers[streamId][msg.sender];
        if (!publisher.allowed) revert NotPublisher(streamId, msg.sender);
        if (epoch != stream.epoch) revert StaleEpoch(streamId, epoch, stream.epoch);
        uint32 next = publisher.nextSequence;
        if (sequence != next) revert WrongSequence(streamId, msg.sender, sequence, next);
        publisher.nextSequence = next + uint32(count);
        return Transcript.labelOf(address(this), stream.owner, stream.keyVersion, streamId, epoch);
    }

    function _put(StreamId streamId, uint32 epoch, bytes32 label, uint32 sequence, RecordInput calldata record) private returns (RecordId recordId) {
        if (record.c3.length > MAX_SEALED_BYTES) revert SealedTooLong(record.c3.length, MAX_SEALED_BYTES);
        if (record.c3.length < MIN_SEALED_BYTES) revert SealedTooShort(record.c3.length, MIN_SEALED_BYTES);
        _requireText(record.tags, MAX_TAGS_BYTES);
        recordId = toRecordId(streamId, msg.sender, sequence);
        G1Point memory c1 = record.c1;
        bytes32 sealHash = Transcript.sealHash(record.c2, keccak256(record.c3), record.proof, record.cidHash, keccak256(bytes(record.tags)));
        recordHash[recordId] = Transcript.recordHash(label, BLS12381.hashOf(c1), sealHash);
        emit RecordPublished(recordId, streamId, label, epoch, record);
    }

    function _existing(StreamId streamId) private view returns (Stream storage stream) {
        stream = _streams[streamId];
        if (stream.owner == address(0)) revert UnknownStream(streamId);
    }

    function _latestKeyVersion() private view returns (uint32 version) {
        version = KEYS.latestVersion(msg.sender, DELEGATING);
        if (version == 0) revert OwnerHasNoDelegatingKey(msg.sender);
    }

    function _requireTerms(Terms calldata terms) private pure {
        if (terms.minimumThreshold == 0 || terms.minimumCommittee < terms.minimumThreshold || terms.minimumCommittee > MAX_COMMITTEE) {
            revert BadTerms(terms.minimumThreshold, terms.minimumCommittee);
        }
    }

    function _requireText(string calldata text, uint256 limit) private pure {
        if (bytes(text).length > limit) revert TextTooLong(bytes(text).length, limit);
    }
}
