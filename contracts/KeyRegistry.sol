// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IKeyRegistry} from "./interfaces/IKeyRegistry.sol";
import {BLS12381} from "./libraries/BLS12381.sol";
import {Generators} from "./libraries/Generators.sol";
import {Dleq} from "./libraries/Dleq.sol";
import {Precompiles} from "./libraries/Precompiles.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "./types/Points.sol";

/// @title Keys of accounts: see IKeyRegistry.
contract KeyRegistry is IKeyRegistry {
    uint8 private constant DELEGATING = 1;
    uint8 private constant RECEIVING = 2;

    /// @inheritdoc IKeyRegistry
    mapping(address account => mapping(uint8 role => uint32)) public override latestVersion;
    /// @inheritdoc IKeyRegistry
    mapping(address account => mapping(uint8 role => mapping(uint32 version => bytes32))) public override keyHash;

    /// @dev Deployment fails on a chain without EIP-2537: BLS12381.PrecompileMissing.
    constructor() {
        Precompiles.requireAll();
    }

    /// @inheritdoc IKeyRegistry
    function registerDelegatingKey(G1Point calldata key, Proof calldata proof) external returns (uint32 version) {
        G1Point memory k = key;
        BLS12381.requireNotIdentity(k);
        version = latestVersion[msg.sender][DELEGATING] + 1;
        G1Point memory commitment = Dleq.schnorrCommitment(Generators.G1(), k, proof);
        uint128 challenge = Transcript.keyProofChallenge(address(this), msg.sender, DELEGATING, version, k, commitment);
        if (challenge != proof.challenge) revert InvalidKeyProof(msg.sender, DELEGATING);
        _take(DELEGATING, version, BLS12381.hashOf(k));
        emit DelegatingKeyRegistered(msg.sender, version, key);
    }

    /// @inheritdoc IKeyRegistry
    function registerReceivingKey(G2Point calldata key, Proof calldata proof) external returns (uint32 version) {
        G2Point memory k = key;
        BLS12381.requireNotIdentity(k);
        version = latestVersion[msg.sender][RECEIVING] + 1;
        G2Point memory commitment = Dleq.schnorrCommitment(Generators.G2(), k, proof);
        uint128 challenge = Transcript.keyProofChallenge(address(this), msg.sender, RECEIVING, version, k, commitment);
        if (challenge != proof.challenge) revert InvalidKeyProof(msg.sender, RECEIVING);
        _take(RECEIVING, version, BLS12381.hashOf(k));
        emit ReceivingKeyRegistered(msg.sender, version, key);
    }

    function _take(uint8 role, uint32 version, bytes32 hash) private {
        latestVersion[msg.sender][role] = version;
        keyHash[msg.sender][role][version] = hash;
    }
}
