// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Blockhash} from "@openzeppelin/contracts/utils/Blockhash.sol";

import {GrantChecks} from "./GrantChecks.sol";
import {GrantVerifier} from "./GrantVerifier.sol";
import {IGrantRegistry} from "./interfaces/IGrantRegistry.sol";
import {IGrantVerifier} from "./interfaces/IGrantVerifier.sol";
import {Transcript} from "./libraries/Transcript.sol";
import {G1Point} from "./types/Points.sol";
import {GrantId, Member} from "./types/Ids.sol";

/// @title GrantDraw
/// @notice The draw of a grant's committee (SCHEME §13, SPEC §7): from the hash of the request's own block, which no transaction of that block can
/// read, and a unique value of the owner's key, which nobody who builds that block can compute.
abstract contract GrantDraw is GrantChecks {
    IGrantVerifier public immutable verifier;

    constructor() {
        verifier = new GrantVerifier();
    }

    /// @inheritdoc IGrantRegistry
    function drawInputOf(GrantId grantId) external view returns (bytes32 input, bytes32 blockHash) {
        return _drawInput(grantId, _known(grantId));
    }

    /// @dev Warning: delegatingKey must be known to be the delegator's of the version that epochFrom names.
    function _draw(GrantId grantId, Access storage access, G1Point calldata delegatingKey, DrawProof calldata proof)
        internal
        view
        returns (Member[] memory committee, bytes32 blockHash)
    {
        bytes32 input;
        (input, blockHash) = _drawInput(grantId, access);
        bytes32 seed = verifier.requireSeed(input, delegatingKey, proof);
        committee = proxies.draw(seed, access.poolSize, access.requestBlock, access.committeeSize);
    }

    function _drawInput(GrantId grantId, Access storage access) private view returns (bytes32 input, bytes32 blockHash) {
        uint256 requestBlock = access.requestBlock;
        if (block.number <= requestBlock) revert DrawTooEarly(grantId, requestBlock);
        blockHash = _hashOfBlock(requestBlock);
        if (blockHash == 0) revert DrawLapsed(grantId, requestBlock, block.number);
        input = Transcript.drawInput(address(this), grantId, blockHash);
    }

    /// @dev True once the hash of the request's block cannot be had any more: the request told nobody anything, and cannot be granted.
    function _isLapsed(uint256 requestBlock) internal view returns (bool) {
        return block.number > requestBlock && _hashOfBlock(requestBlock) == 0;
    }

    /// @dev The hash of an earlier block, 0 if it cannot be had. Blocks beyond the last 256 are asked of EIP-2935's contract. OpenZeppelin's
    /// Blockhash.blockHash would take the data of a revert for a hash, and where that contract is a stub that reverts with a message (the
    /// Hardhat node's) every draw would have the same seed: only 32 bytes of success count here.
    function _hashOfBlock(uint256 number) private view returns (bytes32) {
        if (block.number - number <= 256) return blockhash(number);
        (bool ok, bytes memory answer) = Blockhash.HISTORY_STORAGE_ADDRESS.staticcall(abi.encode(number));
        return ok && answer.length == 32 ? bytes32(answer) : bytes32(0);
    }
}
