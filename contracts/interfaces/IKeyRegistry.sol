// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";

/// @title Delegating and receiving keys of accounts, versioned, each taken only with a proof of knowledge (SCHEME §2).
/// @notice Versions count from 1; an old version stays valid for the grants and labels that name it.
interface IKeyRegistry {
    event DelegatingKeyRegistered(address indexed account, uint32 version, G1Point key);
    event ReceivingKeyRegistered(address indexed account, uint32 version, G2Point key);

    /// The proof does not show knowledge of the key's secret for this chain, registry, account, role and version.
    error InvalidKeyProof(address account, uint8 role);
    /// `key` is not the account's key of that role and version.
    error KeyMismatch(address account, uint8 role, uint32 version);
    /// The account has no key of that role.
    error NoKey(address account, uint8 role);

    /// @notice Registers the sender's next delegating key A = g1^a. Role 1.
    function registerDelegatingKey(G1Point calldata key, Proof calldata proof) external returns (uint32 version);

    /// @notice Registers the sender's next receiving key B = g2^b. Role 2.
    function registerReceivingKey(G2Point calldata key, Proof calldata proof) external returns (uint32 version);

    /// @notice Latest version of an account's key of a role (1 delegating, 2 receiving); 0 if none.
    function latestVersion(address account, uint8 role) external view returns (uint32);

    /// @notice keccak256 of the 128- or 256-byte key; 0 if that version does not exist.
    function keyHash(address account, uint8 role, uint32 version) external view returns (bytes32);
}
