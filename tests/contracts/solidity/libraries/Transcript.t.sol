// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {GrantId, Member, RecordId, RoundId, StreamId} from "../../../../contracts/types/Ids.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice Every hash of Transcript against tests/vectors, which the Python library made.
contract TranscriptTest is Test {
    string private json;

    function load(string memory file) private {
        json = vm.readFile(string.concat(vm.projectRoot(), "/tests/vectors/", file));
        vm.chainId(number(".domain.chainId"));
    }

    // --- reading ---

    function word(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }

    function number(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function account(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function g1(string memory key) private view returns (G1Point memory) {
        return abi.decode(vm.parseJsonBytes(json, key), (G1Point));
    }

    function g2(string memory key) private view returns (G2Point memory) {
        return abi.decode(vm.parseJsonBytes(json, key), (G2Point));
    }

    function g1List(string memory key) private view returns (G1Point[] memory points) {
        bytes[] memory encoded = vm.parseJsonBytesArray(json, key);
        points = new G1Point[](encoded.length);
        for (uint256 i = 0; i < points.length; ++i) {
            points[i] = abi.decode(encoded[i], (G1Point));
        }
    }

    function proofAt(string memory key) private view returns (Proof memory) {
        return Proof(uint128(uint256(word(string.concat(key, ".challenge")))), uint256(word(string.concat(key, ".response"))));
    }

    function entry(string memory list, uint256 i, string memory rest) private pure returns (string memory) {
        return string.concat(list, "[", vm.toString(i), "]", rest);
    }

    // --- keys.json ---

    function test_keys__vectors__give_the_same_challenges() public {
        load("keys.json");
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 j = 0; j < 6; ++j) {
                checkKey(string.concat(entry(".identities", i, ""), entry(".keys", j, "")), account(entry(".identities", i, ".account")));
            }
        }
    }

    function checkKey(string memory key, address owner) private view {
        uint8 role = uint8(number(string.concat(key, ".role")));
        uint32 version = uint32(number(string.concat(key, ".version")));
        address registry = account(string.concat(key, ".registry"));
        string memory commitment = string.concat(key, ".proof.commitments[0]");
        uint128 challenge = role == 2
            ? Transcript.keyProofChallenge(registry, owner, role, version, g2(string.concat(key, ".key")), g2(commitment))
            : Transcript.keyProofChallenge(registry, owner, role, version, g1(string.concat(key, ".key")), g1(commitment));
        vm.assertEq(challenge, proofAt(string.concat(key, ".proof")).challenge);
    }

    function test_labels__vectors__give_the_same_labels_and_keys() public {
        load("keys.json");
        for (uint256 i = 0; i < 9; ++i) {
            string memory key = entry(".labels", i, "");
            bytes32 label = Transcript.labelOf(
                account(".domain.recordRegistry"),
                account(string.concat(key, ".owner")),
                uint32(number(string.concat(key, ".ownerKeyVersion"))),
                StreamId.wrap(uint64(number(string.concat(key, ".streamId")))),
                uint32(number(string.concat(key, ".epoch")))
            );
            vm.assertEq(label, word(string.concat(key, ".label")));
            uint256 scalar = Transcript.labelScalar(label);
            vm.assertEq(scalar, uint256(word(string.concat(key, ".scalar"))));
            G1Point memory labelKey = BLS12381.msm2(g1(string.concat(key, ".delegatingKey")), 1, Generators.G1(), scalar);
            vm.assertEq(BLS12381.hashOf(labelKey), BLS12381.hashOf(g1(string.concat(key, ".labelKey"))));
        }
    }

    function test_constants__vectors__are_ours() public {
        load("keys.json");
        vm.assertEq(BLS12381.hashOf(Generators.G1()), BLS12381.hashOf(g1(".constants.g1")));
        vm.assertEq(BLS12381.hashOf(Generators.G2()), BLS12381.hashOf(g2(".constants.g2")));
        vm.assertEq(BLS12381.hashOf(Generators.H2()), BLS12381.hashOf(g2(".constants.h2")));
    }

    // --- flow_t_n.json ---

    function test_flow_1_of_1__vectors__give_the_same_hashes() public {
        checkFlow("flow_1_1.json");
    }

    function test_flow_3_of_5__vectors__give_the_same_hashes() public {
        checkFlow("flow_3_5.json");
    }

    function checkFlow(string memory file) private {
        load(file);
        for (uint256 i = 0; i < 3; ++i) {
            checkRecord(entry(".records", i, ""));
        }
        checkGrant();
        checkComplaint();
        for (uint256 i = 0; i < 3; ++i) {
            checkRound(entry(".rounds", i, ""));
        }
    }

    function checkRecord(string memory key) private view {
        Proof memory proof = proofAt(string.concat(key, ".proof"));
        G1Point memory c1 = g1(string.concat(key, ".c1"));
        bytes32 c2 = word(string.concat(key, ".c2"));
        bytes32 c3Hash = keccak256(vm.parseJsonBytes(json, string.concat(key, ".c3")));
        uint128 challenge = Transcript.capsuleProofChallenge(
            word(".label.label"),
            RecordId.wrap(uint256(word(string.concat(key, ".recordId")))),
            g1(".label.labelKey"),
            c1,
            c2,
            c3Hash,
            g1(string.concat(key, ".proof.commitments[0]"))
        );
        vm.assertEq(challenge, proof.challenge);
        bytes32 tagsHash = keccak256(bytes(vm.parseJsonString(json, string.concat(key, ".tags"))));
        bytes32 sealHash = Transcript.sealHash(c2, c3Hash, proof, word(string.concat(key, ".cidHash")), tagsHash);
        vm.assertEq(sealHash, word(string.concat(key, ".sealHash")));
        vm.assertEq(Transcript.recordHash(word(".label.label"), BLS12381.hashOf(c1), sealHash), word(string.concat(key, ".recordHash")));
    }

    function committee() private view returns (Member[] memory members) {
        bytes32[] memory words = vm.parseJsonBytes32Array(json, ".grant.committee");
        members = new Member[](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            members[i] = Member.wrap(uint256(words[i]));
        }
    }

    function checkGrant() private view {
        bytes32 committeeHash = Transcript.committeeHash(committee());
        vm.assertEq(committeeHash, word(".grant.committeeHash"));
        bytes32 context = Transcript.grantContext(
            Transcript.GrantContext({
                grantRegistry: account(".domain.grantRegistry"),
                grantId: GrantId.wrap(uint64(number(".grant.grantId"))),
                delegator: account(".delegator.account"),
                delegatorKeyVersion: uint32(number(".delegator.version")),
                delegatee: account(".delegatee.account"),
                delegateeKeyVersion: uint32(number(".delegatee.version")),
                threshold: uint8(number(".threshold")),
                committeeSize: uint8(number(".committeeSize")),
                committeeHash: committeeHash,
                label: word(".label.label"),
                maskedKeyHash: Transcript.maskedKeyHash(g2(".grant.U"), g2(".grant.V")),
                commitmentsHash: BLS12381.hashOf(g1List(".grant.commitments"))
            })
        );
        vm.assertEq(context, word(".grant.context"));
        G1Point memory ephemeral = g1(".grant.R");
        bytes32[] memory pads = vm.parseJsonBytes32Array(json, ".grant.pads");
        vm.assertEq(
            Transcript.grantProofChallenge(
                context, g1(".label.labelKey"), ephemeral, Transcript.padsHash(pads), g1(".grant.ephemeralProof.commitments[0]")
            ),
            proofAt(".grant.ephemeralProof").challenge
        );
        vm.assertEq(Transcript.grantCheckScalar(context, ephemeral, Transcript.padsHash(pads)), uint256(word(".grant.rho")));
        for (uint8 slot = 1; slot <= pads.length; ++slot) {
            bytes32 pad = Transcript.pad(context, word(".label.label"), slot, g1(entry(".grant.shared", slot - 1, "")));
            vm.assertEq(pad, word(entry(".grant.padHashes", slot - 1, "")));
            vm.assertEq(pad ^ pads[slot - 1], word(entry(".grant.fragments", slot - 1, "")));
        }
        checkRekeyHashes(ephemeral, pads);
    }

    function checkRekeyHashes(G1Point memory ephemeral, bytes32[] memory pads) private view {
        vm.assertEq(BLS12381.hashOf(g2(".grant.V")), word(".grant.maskHash"));
        bytes32 tail = Transcript.rekeyTail(
            BLS12381.hashOf(g2(".grant.U")),
            BLS12381.hashOf(ephemeral),
            Transcript.padsHash(pads),
            uint32(number(".delegator.version")),
            uint32(number(".delegatee.version"))
        );
        vm.assertEq(tail, word(".grant.rekeyTail"));
        bytes32 rest = Transcript.rekeyRest(BLS12381.hashOf(g1(".label.labelKey")), BLS12381.hashOf(g1List(".grant.commitments")), tail);
        vm.assertEq(rest, word(".grant.rekeyRest"));
        vm.assertEq(Transcript.rekeyHash(word(".grant.maskHash"), rest), word(".grant.rekeyHash"));
    }

    function checkComplaint() private view {
        uint8 slot = uint8(number(".complaint.slot"));
        uint128 challenge = Transcript.complaintChallenge(
            account(".domain.grantRegistry"),
            GrantId.wrap(uint64(number(".grant.grantId"))),
            word(".label.label"),
            slot,
            g1(entry(".grant.members", slot - 1, ".key")),
            g1(".grant.R"),
            g1(".complaint.K"),
            g1(".complaint.proof.commitments[0]"),
            g1(".complaint.proof.commitments[1]")
        );
        vm.assertEq(challenge, proofAt(".complaint.proof").challenge);
    }

    function checkRound(string memory key) private view {
        RoundId roundId = RoundId.wrap(uint256(word(string.concat(key, ".roundId"))));
        G1Point[] memory all = capsulesAt(string.concat(key, ".records"));
        uint256[] memory indices = vm.parseJsonUintArray(json, string.concat(key, ".records"));
        RecordId[] memory ids = new RecordId[](indices.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            ids[i] = RecordId.wrap(uint256(word(entry(".records", indices[i], ".recordId"))));
        }
        bytes32 capsulesHash = BLS12381.hashOf(all);
        vm.assertEq(capsulesHash, word(string.concat(key, ".capsulesHash")));
        bytes32 idsHash = Transcript.recordIdsHash(ids);
        vm.assertEq(idsHash, word(string.concat(key, ".recordIdsHash")));
        bytes32 dataHash =
            Transcript.roundDataHash(word(".label.label"), word(".grant.maskHash"), word(".grant.rekeyRest"), capsulesHash, idsHash);
        vm.assertEq(dataHash, word(string.concat(key, ".roundDataHash")));
        bytes32 roundKey = Transcript.roundKey(word(".grant.committeeHash"), dataHash);
        vm.assertEq(roundKey, word(string.concat(key, ".key")));
        bytes32 remainingHash = BLS12381.hashOf(capsulesAt(string.concat(key, ".remaining")));
        uint256 n = number(".committeeSize");
        bytes32 submissions = roundKey;
        for (uint256 i = 0; i < n; ++i) {
            vm.assertEq(Transcript.rank(roundId, uint8(i + 1)), uint256(word(entry(string.concat(key, ".ranks"), i, ""))));
            submissions = checkCfrag(key, i, roundId, remainingHash, submissions);
        }
        checkResult(key, roundId, remainingHash);
    }

    function capsulesAt(string memory key) private view returns (G1Point[] memory capsules) {
        uint256[] memory indices = vm.parseJsonUintArray(json, key);
        capsules = new G1Point[](indices.length);
        for (uint256 i = 0; i < indices.length; ++i) {
            capsules[i] = g1(entry(".records", indices[i], ".c1"));
        }
    }

    function checkCfrag(string memory round, uint256 i, RoundId roundId, bytes32 capsulesHash, bytes32 submissions)
        private
        view
        returns (bytes32)
    {
        string memory key = entry(string.concat(round, ".cfrags"), i, "");
        bytes32 cfragsHash = BLS12381.hashOf(g1List(string.concat(key, ".points")));
        bytes32 seed = Transcript.cfragSeed(
            account(".domain.conversionRounds"),
            roundId,
            account(string.concat(key, ".proxy")),
            g1(".label.labelKey"),
            g1(entry(".grant.slotCommitments", i, "")),
            capsulesHash,
            cfragsHash
        );
        vm.assertEq(seed, word(string.concat(key, ".seed")));
        bytes32[] memory rhos = vm.parseJsonBytes32Array(json, string.concat(key, ".rhos"));
        for (uint256 j = 0; j < rhos.length; ++j) {
            vm.assertEq(Transcript.cfragScalar(seed, j), uint256(rhos[j]));
        }
        Proof memory proof = proofAt(string.concat(key, ".proof"));
        vm.assertEq(
            Transcript.cfragProofChallenge(seed, g1(string.concat(key, ".proof.commitments[0]")), g1(string.concat(key, ".proof.commitments[1]"))),
            proof.challenge
        );
        uint128 excluded = uint128(number(string.concat(round, ".excluded")));
        bytes32 link = Transcript.submissionLink(uint8(i + 1), excluded, cfragsHash, proof);
        vm.assertEq(link, word(string.concat(key, ".link")));
        submissions = Transcript.appendLink(submissions, link);
        vm.assertEq(submissions, word(string.concat(key, ".submissions")));
        return submissions;
    }

    function checkResult(string memory key, RoundId roundId, bytes32 capsulesHash) private view {
        bytes32 resultsHash = BLS12381.hashOf(g1List(string.concat(key, ".results")));
        bytes32 seed =
            Transcript.resultSeed(account(".domain.conversionRounds"), roundId, word(".grant.maskHash"), capsulesHash, resultsHash);
        vm.assertEq(seed, word(string.concat(key, ".resultSeed")));
        bytes32[] memory rhos = vm.parseJsonBytes32Array(json, string.concat(key, ".resultRhos"));
        for (uint256 j = 0; j < rhos.length; ++j) {
            vm.assertEq(Transcript.resultScalar(seed, j, rhos.length), uint256(rhos[j]));
        }
        uint32 contributors = uint32(number(string.concat(key, ".contributorBitmap")));
        uint128 excluded = uint128(number(string.concat(key, ".excluded")));
        bytes32 resultHash = Transcript.resultHash(roundId, contributors, excluded, resultsHash);
        vm.assertEq(resultHash, word(string.concat(key, ".resultHash")));
        vm.assertEq(Transcript.proposal(word(string.concat(key, ".key")), resultHash), word(string.concat(key, ".proposal")));
    }

    // --- the draw: no vector, the words of SPEC §7 and SCHEME §13 ---

    function test_draw__input_seed_and_step__are_those_of_the_spec(address registry, uint64 grantId, bytes32 blockHash, uint64 chain, uint32 k) public {
        vm.chainId(bound(chain, 1, type(uint64).max - 1));
        bytes32 input = Transcript.drawInput(registry, GrantId.wrap(grantId), blockHash);
        bytes memory fields = abi.encodePacked(block.chainid, bytes32(uint256(uint160(registry))), uint256(grantId), blockHash);
        vm.assertEq(input, keccak256(bytes.concat(keccak256("TPRE-V1/draw-input"), fields)));
        G1Point memory gamma = G1Point(0, keccak256("x"), bytes32(uint256(1)), keccak256("y"));
        bytes32 seed = Transcript.drawSeed(input, gamma);
        vm.assertEq(seed, keccak256(abi.encodePacked(keccak256("TPRE-V1/draw"), input, gamma.xHigh, gamma.xLow, gamma.yHigh, gamma.yLow)));
        vm.assertEq(Transcript.drawStep(seed, k), uint256(keccak256(abi.encodePacked(keccak256("TPRE-V1/draw-step"), seed, uint256(k)))));
    }

    function test_draw__challenge__binds_input_key_base_gamma_and_commitments_in_this_order(bytes32 input, bytes32 salt) public pure {
        G1Point[5] memory points;
        bytes memory fields = abi.encodePacked(keccak256("TPRE-V1/draw-proof"), input);
        for (uint256 i = 0; i < points.length; ++i) {
            bytes32 one = keccak256(abi.encode(salt, i));
            points[i] = G1Point(0, one, 0, keccak256(abi.encode(one)));
            fields = bytes.concat(fields, abi.encode(points[i]));
        }
        uint128 challenge = Transcript.drawProofChallenge(input, points[0], points[1], points[2], points[3], points[4]);
        vm.assertEq(challenge, uint256(keccak256(fields)) & type(uint128).max);
    }
}
