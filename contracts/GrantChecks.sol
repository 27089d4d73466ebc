// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";

import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {GrantId, Member} from "./types/Ids.sol";

/// @title GrantChecks
/// @notice What GrantRegistry keeps of its grants, what it requires of whoever acts on one, and the draw of committees.
abstract contract GrantChecks is IGrantRegistry {
    uint8 private constant PROXY = 3;
    uint256 private constant MAXIMUM_TEXT = 512;
    /// What the request writes where the grant will put its hashes: whoever asks pays for the two slots, not the owner who answers. Reads as 0.
    bytes32 internal constant RESERVED = bytes32(uint256(1));

    IProxyRegistry public immutable proxies;

    /// @inheritdoc IGrantRegistry
    uint64 public grantCount;
    mapping(GrantId => Access) internal _access;
    mapping(GrantId => mapping(uint32 epoch => bytes32)) internal _rekeyHash;

    constructor(IProxyRegistry proxies_) {
        proxies = proxies_;
    }

    // --- requirements ---

    function _known(GrantId grantId) internal view returns (Access storage access) {
        access = _access[grantId];
        if (access.status == Status.None) revert UnknownGrant(grantId);
    }

    function _requireStatus(GrantId grantId, Status expected) internal view returns (Access storage access) {
        access = _known(grantId);
        if (access.status != expected) revert WrongStatus(grantId, access.status, expected);
    }

    function _requireLive(GrantId grantId) internal view returns (Access storage access) {
        access = _requireStatus(grantId, Status.Granted);
        if (block.timestamp >= access.expiry) revert StaleGrant(grantId, access.expiry);
    }

    function _requireDelegator(GrantId grantId, Access storage access) internal view {
        if (msg.sender != access.delegator) revert NotDelegator(grantId, msg.sender, access.delegator);
    }

    function _requireCommittee(GrantId grantId, Access storage access, Member[] calldata committee) internal view {
        if (Transcript.committeeHash(committee) != access.committeeHash) revert CommitteeMismatch(grantId);
    }

    function _requireShort(uint256 length) internal pure {
        if (length > MAXIMUM_TEXT) revert TextTooLong(length, MAXIMUM_TEXT);
    }

    /// @dev The sender is the slot's member, and `nodeKey` its key of the version that the committee names.
    function _requireSlot(Member[] calldata committee, uint8 slot, G1Point calldata nodeKey) internal view {
        if (slot == 0 || slot > committee.length || committee[slot - 1].accountOf() != msg.sender) revert NotInSlot(slot, msg.sender);
        uint16 version = committee[slot - 1].keyVersionOf();
        if (BLS12381.hashOf(nodeKey) != proxies.proxyKeyHash(msg.sender, version)) revert IKeyRegistry.KeyMismatch(msg.sender, PROXY, version);
    }

    // --- the draw ---

    /// @dev The draw of SPEC §7. The seed is the hash of the request's own block, which no transaction of that block can read.
    function _draw(GrantId grantId, Access storage access) internal view returns (Member[] memory) {
        uint256 requestBlock = access.requestBlock;
        if (block.number <= requestBlock) revert DrawTooEarly(grantId, requestBlock);
        bytes32 blockHash = _hashOfBlock(requestBlock);
        if (blockHash == 0) revert DrawLapsed(grantId, requestBlock, block.number);
        return proxies.draw(Transcript.drawSeed(blockHash, grantId), access.poolSize, requestBlock, access.committeeSize);
    }

    /// @dev True once the hash of the request's block cannot be had any more.
    function _isLapsed(uint256 requestBlock) internal view returns (bool) {
        return block.number > requestBlock && _hashOfBlock(requestBlock) == 0;
    }

    /// @dev The hash of an earlier block, 0 if it cannot be had. Blocks beyond the last 256 are asked of EIP-2935's contract. OpenZeppelin's
    /// Blockhash.blockHash would take the data of a revert for a hash, and where that contract is a stub that reverts with a message (the
    /// Hardhat node's) every draw would have the same seed: only 32 bytes of success count here.
    function _hashOfBlock(uint256 number) internal view returns (bytes32) {
        if (block.number - number <= 256) return blockhash(number);
        (bool ok, bytes memory answer) = Blockhash.HISTORY_STORAGE_ADDRESS.staticcall(abi.encode(number));
        return ok && answer.length == 32 ? bytes32(answer) : bytes32(0);
    }

    // --- values ---

    function _isLive(Access storage access) internal view returns (bool) {
        return access.status == Status.Granted && block.timestamp < access.expiry;
    }

    function _orZero(bytes32 stored) internal pure returns (bytes32) {
        return stored == RESERVED ? bytes32(0) : stored;
    }
}
