// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "./interfaces/IProxyRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {GrantId, Member} from "./types/Ids.sol";

/// @title GrantChecks
/// @notice What GrantRegistry keeps of its grants, and what it requires of whoever acts on one.
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

    function _requireDelegatee(GrantId grantId, Access storage access) internal view {
        if (msg.sender != access.delegatee) revert NotDelegatee(grantId, msg.sender, access.delegatee);
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

    // --- values ---

    function _isLive(Access storage access) internal view returns (bool) {
        return access.status == Status.Granted && block.timestamp < access.expiry;
    }

    function _orZero(bytes32 stored) internal pure returns (bytes32) {
        return stored == RESERVED ? bytes32(0) : stored;
    }
}
