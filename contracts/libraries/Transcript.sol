// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {G1Point, G2Point, Proof} from "../types/Points.sol";
import {GrantId, Member, RecordId, RoundId, StreamId} from "../types/Ids.sol";
import {BLS12381} from "./BLS12381.sol";

/// @title Every hash of SPEC that a contract computes: one pure function each, and the only place that knows the tags.
/// @notice H(tag, f1, f2, …) = keccak256(keccak256(tag) ‖ f1 ‖ f2 ‖ …) over words and points, all of fixed length (SPEC §2). `abi.encode`
/// of such values is just that concatenation.
library Transcript {
    bytes32 private constant LABEL = keccak256("TPRE-V1/label");
    bytes32 private constant KEY_PROOF = keccak256("TPRE-V1/key-proof");
    bytes32 private constant CAPSULE_PROOF = keccak256("TPRE-V1/capsule-proof");
    bytes32 private constant GRANT_CONTEXT = keccak256("TPRE-V1/grant-context");
    bytes32 private constant GRANT_PROOF = keccak256("TPRE-V1/grant-proof");
    bytes32 private constant GRANT_CHECK = keccak256("TPRE-V1/grant-check");
    bytes32 private constant PAD = keccak256("TPRE-V1/pad");
    bytes32 private constant COMPLAINT_PROOF = keccak256("TPRE-V1/complaint-proof");
    bytes32 private constant DRAW_INPUT = keccak256("TPRE-V1/draw-input");
    bytes32 private constant DRAW_PROOF = keccak256("TPRE-V1/draw-proof");
    bytes32 private constant DRAW = keccak256("TPRE-V1/draw");
    bytes32 private constant DRAW_STEP = keccak256("TPRE-V1/draw-step");
    bytes32 private constant CFRAG_SEED = keccak256("TPRE-V1/cfrag-seed");
    bytes32 private constant CFRAG_RHO = keccak256("TPRE-V1/cfrag-rho");
    bytes32 private constant CFRAG_PROOF = keccak256("TPRE-V1/cfrag-proof");
    bytes32 private constant RESULT_SEED = keccak256("TPRE-V1/result-seed");
    bytes32 private constant RESULT_RHO = keccak256("TPRE-V1/result-rho");

    // EIP-712
    bytes32 private constant DOMAIN_TYPE = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant DOMAIN_NAME = keccak256("TPRE ConversionRounds");
    bytes32 private constant DOMAIN_VERSION = keccak256("1");
    bytes32 private constant VOTE_TYPE = keccak256("Vote(uint256 roundId,bytes32 resultHash)");

    /// What a grant's context binds, in the order of SPEC §7 after the chain id.
    struct GrantContext {
        address grantRegistry;
        GrantId grantId;
        address delegator;
        uint32 delegatorKeyVersion;
        address delegatee;
        uint32 delegateeKeyVersion;
        uint8 threshold;
        uint8 committeeSize;
        bytes32 committeeHash;
        bytes32 label;
        bytes32 maskedKeyHash; // keccak256(U ‖ V)
        bytes32 commitmentsHash; // keccak256(C_0 ‖ … ‖ C_{t-1})
    }

    // --- keys and labels (SPEC §3) ---

    function labelOf(address recordRegistry, address owner, uint32 ownerKeyVersion, StreamId streamId, uint32 epoch) internal view returns (bytes32) {
        return keccak256(abi.encode(LABEL, block.chainid, recordRegistry, owner, ownerKeyVersion, streamId, epoch));
    }

    /// @dev h of A_L = A * g1^h.
    function labelScalar(bytes32 label) internal pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked("TPRE-V1/label-scalar", label))) % BLS12381.R;
    }

    function keyProofChallenge(address registry, address account, uint8 role, uint32 version, G1Point memory key, G1Point memory commitment)
        internal
        view
        returns (uint128)
    {
        return _low128(keccak256(abi.encode(KEY_PROOF, block.chainid, registry, account, role, version, key, commitment)));
    }

    function keyProofChallenge(address registry, address account, uint8 role, uint32 version, G2Point memory key, G2Point memory commitment)
        internal
        view
        returns (uint128)
    {
        return _low128(keccak256(abi.encode(KEY_PROOF, block.chainid, registry, account, role, version, key, commitment)));
    }

    // --- records (SPEC §4, §6) ---

    function capsuleProofChallenge(
        bytes32 label, RecordId recordId, G1Point memory labelKey, G1Point memory c1, bytes32 c2, bytes32 c3Hash, G1Point memory commitment
    ) internal pure returns (uint128) {
        return _low128(keccak256(abi.encode(CAPSULE_PROOF, label, recordId, labelKey, c1, c2, c3Hash, commitment)));
    }

    function sealHash(bytes32 c2, bytes32 c3Hash, Proof memory proof, bytes32 cidHash, bytes32 tagsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(c2, c3Hash, proof.challenge, proof.response, cidHash, tagsHash));
    }

    function recordHash(bytes32 label, bytes32 c1Hash, bytes32 sealHash_) internal pure returns (bytes32) {
        return keccak256(abi.encode(label, c1Hash, sealHash_));
    }

    // --- grants (SPEC §7) ---

    function committeeHash(Member[] memory committee) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(committee));
    }

    function maskedKeyHash(G2Point memory maskedKey, G2Point memory mask) internal pure returns (bytes32) {
        return keccak256(abi.encode(maskedKey, mask));
    }

    function padsHash(bytes32[] memory pads) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(pads));
    }

    function grantContext(GrantContext memory bound) internal view returns (bytes32) {
        return keccak256(abi.encode(GRANT_CONTEXT, block.chainid, bound));
    }

    function grantProofChallenge(
        bytes32 context, G1Point memory labelKey, G1Point memory ephemeral, bytes32 padsHash_, G1Point memory commitment
    ) internal pure returns (uint128) {
        return _low128(keccak256(abi.encode(GRANT_PROOF, context, labelKey, ephemeral, padsHash_, commitment)));
    }

    /// @dev rho of the grant's check.
    function grantCheckScalar(bytes32 context, G1Point memory ephemeral, bytes32 padsHash_) internal pure returns (uint256) {
        return _low128(keccak256(abi.encode(GRANT_CHECK, context, ephemeral, padsHash_)));
    }

    /// @dev What E_i is s(i) XORed with; `sharedPoint` = N_i^e.
    function pad(bytes32 context, bytes32 label, uint8 slot, G1Point memory sharedPoint) internal pure returns (bytes32) {
        return keccak256(abi.encode(PAD, context, label, slot, sharedPoint));
    }

    function complaintChallenge(
        address grantRegistry,
        GrantId grantId,
        bytes32 label,
        uint8 slot,
        G1Point memory nodeKey,
        G1Point memory ephemeral,
        G1Point memory sharedPoint,
        G1Point memory commitment1,
        G1Point memory commitment2
    ) internal view returns (uint128) {
        return _low128(
            keccak256(
                abi.encode(
                    COMPLAINT_PROOF, block.chainid, grantRegistry, grantId, label, slot, nodeKey, ephemeral, sharedPoint, commitment1, commitment2
                )
            )
        );
    }

    function rekeyTail(bytes32 maskedKeyOnlyHash, bytes32 ephemeralHash, bytes32 padsHash_, uint32 delegatorKeyVersion, uint32 delegateeKeyVersion)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(maskedKeyOnlyHash, ephemeralHash, padsHash_, delegatorKeyVersion, delegateeKeyVersion));
    }

    function rekeyRest(bytes32 labelKeyHash, bytes32 commitmentsHash, bytes32 rekeyTail_) internal pure returns (bytes32) {
        return keccak256(abi.encode(labelKeyHash, commitmentsHash, rekeyTail_));
    }

    function rekeyHash(bytes32 maskHash, bytes32 rekeyRest_) internal pure returns (bytes32) {
        return keccak256(abi.encode(maskHash, rekeyRest_));
    }

    /// @dev x of SCHEME §13: what is hashed to the curve, and raised to the owner's key.
    function drawInput(address grantRegistry, GrantId grantId, bytes32 blockHash) internal view returns (bytes32) {
        return keccak256(abi.encode(DRAW_INPUT, block.chainid, grantRegistry, grantId, blockHash));
    }

    function drawProofChallenge(
        bytes32 input, G1Point memory delegatingKey, G1Point memory base, G1Point memory gamma, G1Point memory commitment1, G1Point memory commitment2
    ) internal pure returns (uint128) {
        return _low128(keccak256(abi.encode(DRAW_PROOF, input, delegatingKey, base, gamma, commitment1, commitment2)));
    }

    function drawSeed(bytes32 input, G1Point memory gamma) internal pure returns (bytes32) {
        return keccak256(abi.encode(DRAW, input, gamma));
    }

    /// @dev By how much step k's place goes ahead, before the reduction mod (poolSize - k).
    function drawStep(bytes32 seed, uint256 k) internal pure returns (uint256 step) {
        bytes32 tag = DRAW_STEP;
        // abi.encode would take new memory at each of up to 256 steps
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, tag)
            mstore(add(start, 0x20), seed)
            mstore(add(start, 0x40), k)
            step := keccak256(start, 0x60)
        }
    }

    // --- rounds (SPEC §9) ---

    function recordIdsHash(RecordId[] memory recordIds) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(recordIds));
    }

    function roundDataHash(bytes32 label, bytes32 maskHash, bytes32 rekeyRest_, bytes32 capsulesHash, bytes32 recordIdsHash_)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(label, maskHash, rekeyRest_, capsulesHash, recordIdsHash_));
    }

    function roundKey(bytes32 committeeHash_, bytes32 roundDataHash_) internal pure returns (bytes32) {
        return keccak256(abi.encode(committeeHash_, roundDataHash_));
    }

    function rank(RoundId roundId, uint8 slot) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(roundId, slot)));
    }

    function cfragSeed(
        address conversionRounds, RoundId roundId, address proxy, G1Point memory labelKey, G1Point memory commitmentOfSlot, bytes32 capsulesHash, bytes32 cfragsHash
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(CFRAG_SEED, block.chainid, conversionRounds, roundId, proxy, labelKey, commitmentOfSlot, capsulesHash, cfragsHash));
    }

    function cfragScalar(bytes32 seed, uint256 j) internal pure returns (uint256) {
        return _low128(keccak256(abi.encode(CFRAG_RHO, seed, j)));
    }

    function cfragProofChallenge(bytes32 seed, G1Point memory commitment1, G1Point memory commitment2) internal pure returns (uint128) {
        return _low128(keccak256(abi.encode(CFRAG_PROOF, seed, commitment1, commitment2)));
    }

    /// @dev A link of the round's chain of submissions.
    function submissionLink(uint8 slot, uint128 excluded, bytes32 cfragsHash, Proof memory proof) internal pure returns (bytes32) {
        return keccak256(abi.encode(slot, excluded, cfragsHash, proof.challenge, proof.response));
    }

    function appendLink(bytes32 submissions, bytes32 link) internal pure returns (bytes32) {
        return keccak256(abi.encode(submissions, link));
    }

    function resultHash(RoundId roundId, uint32 contributors, uint128 excluded, bytes32 resultsHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(roundId, contributors, excluded, resultsHash));
    }

    /// @dev What a round keeps of its live or final proposal. The chain of submissions starts from the same key, but a link hashes five words
    /// where a result hash has four: none is the other.
    function proposal(bytes32 key, bytes32 resultHash_) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, resultHash_));
    }

    function resultSeed(address conversionRounds, RoundId roundId, bytes32 maskHash, bytes32 capsulesHash, bytes32 resultsHash) internal view returns (bytes32) {
        return keccak256(abi.encode(RESULT_SEED, block.chainid, conversionRounds, roundId, maskHash, capsulesHash, resultsHash));
    }

    /// @dev rho_j of the result check for m records; a single record needs none.
    function resultScalar(bytes32 seed, uint256 j, uint256 m) internal pure returns (uint256) {
        return m == 1 ? 1 : _low128(keccak256(abi.encode(RESULT_RHO, seed, j)));
    }

    /// @dev What a member signs to approve a result off the chain (EIP-712).
    function voteDigest(address conversionRounds, RoundId roundId, bytes32 resultHash_) internal view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION, block.chainid, conversionRounds));
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(abi.encode(VOTE_TYPE, roundId, resultHash_))));
    }

    function _low128(bytes32 digest) private pure returns (uint128) {
        return uint128(uint256(digest));
    }
}
