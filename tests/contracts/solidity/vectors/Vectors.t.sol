// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {VectorsWorld} from "../worlds/VectorsWorld.sol";
import {IConversionRounds} from "../../../../contracts/interfaces/IConversionRounds.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IGrantVerifier} from "../../../../contracts/interfaces/IGrantVerifier.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {GrantId, Member, RoundId} from "../../../../contracts/types/Ids.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice The contracts take every vector that is good: keys, records, grants, complaints, cfrags, results. Hashes are Transcript.t.sol's.
contract VectorsTest is VectorsWorld {
    // --- keys.json ---

    function test_register__keys_of_the_vectors__are_taken() public {
        deployFor("keys.json");
        for (uint256 i = 0; i < 2; ++i) {
            for (uint256 k = 0; k < 6; ++k) {
                register(file.account(entry(".identities", i, ".account")), string.concat(entry(".identities", i, ""), entry(".keys", k, "")));
            }
        }
    }

    /// @dev The file lists an identity's keys by version, so each is the next one of its role.
    function register(address owner, string memory path) private {
        (uint256 role, uint32 version) = (file.number(string.concat(path, ".role")), uint32(file.number(string.concat(path, ".version"))));
        Proof memory proof = file.proof(string.concat(path, ".proof"));
        string memory keyPath = string.concat(path, ".key");
        if (role == 2) {
            G2Point memory key = file.g2(keyPath);
            vm.prank(owner);
            vm.assertEq(keys.registerReceivingKey(key, proof), version, "version");
            vm.assertEq(keys.keyHash(owner, 2, version), BLS12381.hashOf(key), "receiving key");
            return;
        }
        G1Point memory point = file.g1(keyPath);
        if (role == 1) {
            vm.prank(owner);
            vm.assertEq(keys.registerDelegatingKey(point, proof), version, "version");
            vm.assertEq(keys.keyHash(owner, 1, version), BLS12381.hashOf(point), "delegating key");
        } else if (version == 1) {
            hoax(owner, BOND);
            proxies.join{value: BOND}(point, proof, "");
        } else {
            vm.prank(owner);
            proxies.rotateKey(point, proof);
        }
        if (role == 3) vm.assertEq(proxies.proxyKeyHash(owner, uint16(version)), BLS12381.hashOf(point), "proxy key");
    }

    // --- flow_t_n.json ---

    function test_flow_1_of_1__vectors__run_on_the_contracts() public {
        runFlow("flow_1_1.json");
    }

    function test_flow_2_of_3__vectors__run_on_the_contracts() public {
        runFlow("flow_2_3.json");
    }

    function test_flow_3_of_5__vectors__run_on_the_contracts() public {
        runFlow("flow_3_5.json");
    }

    function test_flow_5_of_9__vectors__run_on_the_contracts() public {
        runFlow("flow_5_9.json");
    }

    function runFlow(string memory name) private {
        buildGranted(name);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertEq(records.recordHash(recordIdAt(i)), file.word(entry(".records", i, ".recordHash")), "record hash");
        }
        vm.assertEq(grants.rekeyHash(grantId(), uint32(file.number(".label.epoch"))), file.word(".grant.rekeyHash"), "re-key hash");
        checkFragments();
        for (uint256 round = 0; round < 3; ++round) {
            checkRound(round);
        }
    }

    /// @dev The contract's own arithmetic opens every pad of the file and finds it good; the pad that the file calls bad opens, and is bad.
    function checkFragments() private view {
        uint256 n = file.number(".committeeSize");
        for (uint8 slot = 1; slot <= n; ++slot) {
            (bytes32 fragment, bool good) = verifierOf(grants).openFragment(rekey(), boundOf(), openingOf(slot), file.word(".grant.rekeyHash"));
            vm.assertEq(fragment, file.word(entry(".grant.fragments", slot - 1, "")), "fragment");
            vm.assertTrue(good, "fragment is good");
        }
        uint8 last = uint8(file.number(".complaint.slot"));
        IGrantRegistry.Rekey memory bad = rekeyWithBadPad(last);
        (bytes32 maskHash, bytes32 rest) = verifierOf(grants).requireWellFormed(bad, file.g2(".delegatee.key"), boundOf());
        (, bool stillGood) = verifierOf(grants).openFragment(bad, boundOf(), filedOpening(), Transcript.rekeyHash(maskHash, rest));
        vm.assertFalse(stillGood, "the bad pad opens to a good fragment");
    }

    function rekeyWithBadPad(uint8 slot) private view returns (IGrantRegistry.Rekey memory bad) {
        bad = rekey();
        bad.pads[slot - 1] = file.word(".complaint.badPad");
        bad.ephemeralProof = file.proof(".complaint.badPadProof");
    }

    function openingOf(uint8 slot) private view returns (IGrantVerifier.Opening memory opening) {
        uint256 secret = uint256(file.word(entry(".grant.members", slot - 1, ".secret")));
        opening.slot = slot;
        opening.nodeKey = file.g1(entry(".grant.members", slot - 1, ".key"));
        (opening.sharedPoint, opening.proof) = proveComplaint(address(grants), grantId(), label(), slot, secret, file.g1(".grant.R"));
        vm.assertEq(BLS12381.hashOf(opening.sharedPoint), BLS12381.hashOf(file.g1(entry(".grant.shared", slot - 1, ""))), "shared point");
    }

    function filedOpening() private view returns (IGrantVerifier.Opening memory) {
        uint8 slot = uint8(file.number(".complaint.slot"));
        return IGrantVerifier.Opening(
            slot, file.g1(entry(".grant.members", slot - 1, ".key")), file.g1(".complaint.K"), file.proof(".complaint.proof")
        );
    }

    function checkRound(uint256 round) private {
        openRound(round);
        RoundId id = roundIdOf(round);
        vm.assertEq(rounds.roundOf(id).key, file.word(entry(".rounds", round, ".key")), "round key");
        uint8 t = uint8(file.number(".threshold"));
        uint256 before = vm.snapshotState();
        // The file's chain of submissions has all slots in order; the contract takes the first t.
        for (uint8 slot = 1; slot <= t; ++slot) {
            submit(round, slot);
            vm.assertEq(rounds.roundOf(id).submissions, file.word(string.concat(cfragPath(round, slot), ".submissions")), "submissions");
        }
        checkCfragsAreGood(round, t);
        vm.assertTrue(vm.revertToState(before), "snapshot");
        finalize(round, id);
    }

    /// @dev The contract's own check of each batch proof, by way of a challenge that fails.
    function checkCfragsAreGood(uint256 round, uint8 t) private {
        (RoundId id, Member[] memory members) = (roundIdOf(round), committee());
        IConversionRounds.RoundData memory data = roundDataOf(round);
        (G1Point[] memory capsules, IConversionRounds.ChallengeKeys memory proven) = (capsulesOf(round), challengeKeys());
        for (uint8 slot = 1; slot <= t; ++slot) {
            IConversionRounds.Submission memory submission = submissionOf(round, slot, t);
            vm.expectRevert(abi.encodeWithSelector(IConversionRounds.CfragIsGood.selector, id, slot));
            rounds.challengeCfrags(id, members, data, submission, capsules, proven);
        }
    }

    function submissionOf(uint256 round, uint8 slot, uint8 t) private view returns (IConversionRounds.Submission memory submission) {
        string memory path = cfragPath(round, slot);
        submission.slot = slot;
        submission.excluded = uint128(file.number(entry(".rounds", round, ".excluded")));
        submission.cfrags = file.g1s(string.concat(path, ".points"));
        submission.proof = file.proof(string.concat(path, ".proof"));
        submission.before = slot == 1
            ? file.word(entry(".rounds", round, ".key"))
            : file.word(string.concat(cfragPath(round, slot - 1), ".submissions"));
        submission.later = new bytes32[](t - slot);
        for (uint8 next = slot + 1; next <= t; ++next) {
            submission.later[next - slot - 1] = file.word(string.concat(cfragPath(round, next), ".link"));
        }
    }

    /// @dev The file's contributors submit, its results are proposed by the last of them, and a majority approves.
    function finalize(uint256 round, RoundId id) private {
        uint256[] memory contributors = file.numbers(entry(".rounds", round, ".contributors"));
        for (uint256 i = 0; i < contributors.length; ++i) {
            submit(round, uint8(contributors[i]));
        }
        uint8 leader = uint8(contributors[contributors.length - 1]);
        propose(round, id, leader);
        bytes32 resultHash = file.word(entry(".rounds", round, ".resultHash"));
        vm.assertEq(rounds.roundOf(id).proposal, file.word(entry(".rounds", round, ".proposal")), "proposal");
        (Member[] memory members, bytes32 dataHash) = (committee(), roundDataHashOf(round));
        for (uint8 slot = 1; rounds.phaseOf(id) != IConversionRounds.Phase.Finalized; ++slot) {
            if (slot == leader) continue;
            vm.prank(members[slot - 1].accountOf());
            rounds.vote(id, members, dataHash, slot, resultHash, true);
        }
        vm.assertEq(rounds.roundOf(id).leader, leader, "leader");
    }

    function propose(uint256 round, RoundId id, uint8 leader) private {
        Member[] memory members = committee();
        IConversionRounds.RoundData memory data = roundDataOf(round);
        uint32 contributors = uint32(file.number(entry(".rounds", round, ".contributorBitmap")));
        G2Point memory mask = file.g2(".grant.V");
        (G1Point[] memory capsules, G1Point[] memory results) = (capsulesOf(round), file.g1s(entry(".rounds", round, ".results")));
        vm.prank(members[leader - 1].accountOf());
        rounds.propose(id, members, data, leader, contributors, mask, capsules, results);
    }

    // --- the complaint of a flow, both ways ---

    function test_complain__vector_about_a_good_fragment__costs_the_proxy() public {
        buildGranted("flow_2_3.json");
        vm.assertFalse(file.flag(".complaint.upheld"), "the file's complaint is not upheld");
        (uint8 slot, address proxy) = complainant();
        vm.expectEmit(address(grants));
        emit IGrantRegistry.FragmentComplaint(grantId(), label(), slot, proxy, false, file.word(".complaint.fragment"));
        complain(rekey(), slot, proxy);
        vm.assertEq(proxies.proxyOf(proxy).bond, BOND - 0.1 ether, "bond");
        vm.assertTrue(grants.isLive(grantId()), "the grant lives on");
    }

    function test_complain__vector_with_the_bad_pad__voids_the_grant() public {
        deployFor("flow_2_3.json");
        registerParties();
        createStream();
        joinProxies();
        requestAccess();
        (uint8 slot, address proxy) = complainant();
        IGrantRegistry.Rekey memory bad = rekeyWithBadPad(slot);
        grantWith(bad);
        complain(bad, slot, proxy);
        vm.assertEq(uint256(grants.accessOf(grantId()).status), uint256(IGrantRegistry.Status.Voided), "status");
        vm.assertEq(proxies.proxyOf(proxy).bond, BOND, "bond");
    }

    function complainant() private view returns (uint8 slot, address proxy) {
        slot = uint8(file.number(".complaint.slot"));
        proxy = committee()[slot - 1].accountOf();
    }

    function complain(IGrantRegistry.Rekey memory given, uint8 slot, address proxy) private {
        (GrantId id, Member[] memory members, IGrantVerifier.Opening memory opening) = (grantId(), committee(), filedOpening());
        vm.prank(proxy);
        grants.complain(id, members, given, slot, opening.nodeKey, opening.sharedPoint, opening.proof);
    }
}
