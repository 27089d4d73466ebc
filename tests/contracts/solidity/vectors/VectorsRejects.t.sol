// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {VectorsCases} from "../worlds/VectorsCases.sol";
import {IGrantRegistry} from "../../../../contracts/interfaces/IGrantRegistry.sol";
import {IKeyRegistry} from "../../../../contracts/interfaces/IKeyRegistry.sol";
import {IProxyRegistry} from "../../../../contracts/interfaces/IProxyRegistry.sol";
import {IRecordRegistry} from "../../../../contracts/interfaces/IRecordRegistry.sol";
import {IGrantVerifier} from "../../../../contracts/interfaces/IGrantVerifier.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @notice The contracts reject every case of rejects.json that they get to see, with the error that the case names and its arguments; where
/// the case names none, a report, challenge or complaint about it is upheld. With nothing replaced, each check passes first.
contract VectorsRejectsTest is VectorsCases {
    address private constant G1MSM = address(0x0c);
    address private constant G2MSM = address(0x0e);
    address private constant PAIRING = address(0x0f);

    function test_cases__every_error_named_for_contracts__is_of_a_check_tested_here() public view {
        string[8] memory known =
            ["verify_key_proof", "publish", "verify_capsule", "verify_rekey", "open_fragment", "verify_complaint", "verify_cfrags", "verify_result"];
        uint256 i;
        for (; isCase(i); ++i) {
            bool found = bytes(ofCase(i, ".solidity")).length == 0;
            for (uint256 k = 0; k < known.length; ++k) {
                found = found || isOf(i, known[k]);
            }
            vm.assertTrue(found, ofCase(i, ".name"));
        }
        vm.assertGt(i, 50);
    }

    // --- keys ---

    function test_register__rejects_of_key_proofs__revert() public {
        deployFor("keys.json");
        uint256 clean = vm.snapshotState();
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_key_proof")) continue;
            uint256 k = rejects.number(entry(".cases", i, ".at.key"));
            string memory identity = entry(".identities", rejects.number(entry(".cases", i, ".at.identity")), "");
            registerKey(identity, k, "");
            vm.revertToState(clean);
            registerEarlierVersions(i, identity, k);
            file.replace(i);
            registerKey(identity, k, ofCase(i, ".solidity"));
            file.restore();
            vm.revertToState(clean);
            ++tried;
        }
        vm.assertGt(tried, 5);
    }

    /// @dev A case that speaks of version 2 is only reached by an account that has version 1: the good key of the file.
    function registerEarlierVersions(uint256 i, string memory identity, uint256 k) private {
        file.replace(i);
        uint256 version = file.number(string.concat(identity, entry(".keys", k, ".version")));
        file.restore();
        if (version == 2) registerKey(identity, k, "");
    }

    /// @dev Expects `failure` of the registration, none if it is empty. Roles as the file says: 1 and 2 in KeyRegistry, 3 in ProxyRegistry.
    function registerKey(string memory identity, uint256 k, string memory failure) private {
        string memory path = string.concat(identity, entry(".keys", k, ""));
        (address owner, uint256 role) = (file.account(string.concat(identity, ".account")), file.number(string.concat(path, ".role")));
        address registry = file.account(string.concat(path, ".registry"));
        // a key registry where the case says that there is one
        if (same(failure, "InvalidKeyProof")) etchKeys(registry);
        Proof memory proof = file.proof(string.concat(path, ".proof"));
        string memory keyPath = string.concat(path, ".key");
        if (same(failure, "InvalidProxyKeyProof") || (role == 3 && bytes(failure).length == 0)) {
            joinAs(owner, registry, file.g1(keyPath), proof, failure, role);
            return;
        }
        if (role == 1) {
            G1Point memory key = file.g1(keyPath);
            if (bytes(failure).length != 0) expectKeyProofFailure(failure, owner, uint8(role));
            vm.prank(owner);
            IKeyRegistry(registry).registerDelegatingKey(key, proof);
        } else {
            G2Point memory key = file.g2(keyPath);
            if (bytes(failure).length != 0) expectKeyProofFailure(failure, owner, uint8(role));
            vm.prank(owner);
            IKeyRegistry(registry).registerReceivingKey(key, proof);
        }
    }

    function expectKeyProofFailure(string memory failure, address owner, uint8 role) private {
        vm.assertEq(failure, "InvalidKeyProof");
        vm.expectRevert(abi.encodeWithSelector(IKeyRegistry.InvalidKeyProof.selector, owner, role));
    }

    /// @dev ProxyRegistry knows no role but 3: that the file's proof for it fails in another role is shown the other way round, by a proof for
    /// the other role that fails in this one.
    function joinAs(address owner, address registry, G1Point memory key, Proof memory proof, string memory failure, uint256 role) private {
        vm.deal(owner, BOND);
        if (role != 3) (key, proof) = proveG1Key(registry, owner, uint8(role), 1, uint256(file.word(".identities[0].keys[2].secret")));
        if (bytes(failure).length != 0) {
            vm.assertEq(failure, "InvalidProxyKeyProof");
            vm.expectRevert(abi.encodeWithSelector(IProxyRegistry.InvalidProxyKeyProof.selector, owner));
        }
        vm.prank(owner);
        IProxyRegistry(registry).join{value: BOND}(key, proof, "");
    }

    // --- points ---

    function test_register__points_of_the_vectors__revert() public {
        deployFor("keys.json");
        Proof memory proof = file.proof(".identities[0].keys[0].proof");
        uint256 tried;
        for (uint256 i = 0; rejects.exists(entry(".points", i, "")); ++i) {
            string memory name = rejects.text(entry(".points", i, ".solidity"));
            if (bytes(name).length == 0) continue; // of a length that no point on the chain can have
            bytes memory encoded = rejects.data(entry(".points", i, ".evm"));
            bool inG1 = same(rejects.text(entry(".points", i, ".group")), "G1");
            // IdentityPoint is the error of a grant; a key registry says UnexpectedIdentity of the same bytes.
            if (same(name, "IdentityPoint")) vm.expectRevert(BLS12381.UnexpectedIdentity.selector);
            else vm.expectRevert(abi.encodeWithSelector(BLS12381.InvalidPoint.selector, inG1 ? G1MSM : G2MSM));
            if (inG1) keys.registerDelegatingKey(abi.decode(encoded, (G1Point)), proof);
            else keys.registerReceivingKey(abi.decode(encoded, (G2Point)), proof);
            ++tried;
        }
        vm.assertGt(tried, 7);
    }

    // --- re-keys ---

    function test_requireWellFormed__rejects_of_rekeys__revert() public {
        buildGranted("flow_2_3.json");
        IGrantVerifier verifier = verifierOf(grants);
        verifier.requireWellFormed(rekey(), file.g2(".delegatee.key"), boundOf());
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_rekey")) continue;
            file.replace(i);
            if (same(ofCase(i, ".solidity"), "BadThreshold")) requestBadThreshold();
            else verifyBadRekey(i, verifier);
            file.restore();
            ++tried;
        }
        vm.assertGt(tried, 20);
    }

    function verifyBadRekey(uint256 i, IGrantVerifier verifier) private {
        IGrantRegistry.Rekey memory bad = rekey();
        (G2Point memory receivingKey, Transcript.GrantContext memory bound) = (file.g2(".delegatee.key"), boundOf());
        // The contract looks at R's proof, which binds every commitment, before it meets the bad one: prove R again for those.
        if (same(ofCase(i, ".solidity"), "InvalidPoint")) {
            bad.ephemeralProof = proveEphemeral(contextOf(bad, bound), file.g1(".label.labelKey"), uint256(file.word(".grant.e")), bad.pads);
        }
        vm.expectRevert(rekeyError(i, bad, bound));
        verifier.requireWellFormed(bad, receivingKey, bound);
    }

    function contextOf(IGrantRegistry.Rekey memory given, Transcript.GrantContext memory bound) private view returns (bytes32) {
        bound.maskedKeyHash = Transcript.maskedKeyHash(given.maskedKey, given.mask);
        bound.commitmentsHash = BLS12381.hashOf(given.commitments);
        return Transcript.grantContext(bound);
    }

    function rekeyError(uint256 i, IGrantRegistry.Rekey memory bad, Transcript.GrantContext memory bound) private view returns (bytes memory) {
        string memory name = ofCase(i, ".solidity");
        if (same(name, "MalformedGrant")) return abi.encodeWithSelector(IGrantRegistry.MalformedGrant.selector, bound.grantId, bound.label);
        if (same(name, "InvalidEphemeralProof")) {
            return abi.encodeWithSelector(IGrantRegistry.InvalidEphemeralProof.selector, bound.grantId, bound.label);
        }
        if (same(name, "WrongCommitmentCount")) {
            return abi.encodeWithSelector(IGrantRegistry.WrongCommitmentCount.selector, bad.commitments.length, bound.threshold);
        }
        if (same(name, "WrongPadCount")) return abi.encodeWithSelector(IGrantRegistry.WrongPadCount.selector, bad.pads.length, bound.committeeSize);
        if (same(name, "InvalidPoint")) return abi.encodeWithSelector(BLS12381.InvalidPoint.selector, checkerOf(ofCase(i, ".name")));
        if (same(name, "IdentityPoint")) {
            string memory path = rejects.texts(entry(".cases", i, ".paths"))[0];
            bytes32 which = same(path, ".grant.commitments") ? bytes32("C") : bytes32(bytes(path)[7]);
            return abi.encodeWithSelector(IGrantRegistry.IdentityPoint.selector, which);
        }
        revert(string.concat("no such error here: ", name));
    }

    /// @dev The precompile that looks at the point which the case puts outside the subgroup.
    function checkerOf(string memory name) private pure returns (address) {
        if (same(name, "grant: V is outside the subgroup")) return G2MSM;
        if (same(name, "grant: U is outside the subgroup") || same(name, "grant: C_0 is outside the subgroup")) return PAIRING;
        return G1MSM;
    }

    /// @dev The contract meets a bad threshold when access is asked for, long before a re-key.
    function requestBadThreshold() private {
        IGrantRegistry.AccessRequest memory request = accessRequest();
        IRecordRegistry.Stream memory minimum = records.streamOf(request.streamId);
        (uint8 t, uint8 n) = (minimum.minimumThreshold, minimum.minimumCommittee);
        vm.expectRevert(abi.encodeWithSelector(IGrantRegistry.BadThreshold.selector, request.threshold, request.committeeSize, t, n, uint8(32)));
        hoax(makeAddr("another user"), 1 ether);
        grants.requestAccess{value: 1 ether}(request);
    }

    // --- fragments and complaints ---

    function test_openFragment__rejects_of_fragments__are_bad() public {
        buildGranted("flow_2_3.json");
        vm.assertTrue(opensGood(1), "the fragment of the file");
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "open_fragment")) continue;
            file.replace(i);
            vm.assertFalse(opensGood(uint8(rejects.number(entry(".cases", i, ".at.slot")))), ofCase(i, ".name"));
            file.restore();
            ++tried;
        }
        vm.assertGt(tried, 3);
    }

    function opensGood(uint8 slot) private view returns (bool good) {
        IGrantVerifier verifier = verifierOf(grants);
        IGrantRegistry.Rekey memory given = rekey();
        (bytes32 maskHash, bytes32 rest) = verifier.requireWellFormed(given, file.g2(".delegatee.key"), boundOf());
        uint256 secret = uint256(file.word(entry(".grant.members", slot - 1, ".secret")));
        IGrantVerifier.Opening memory opening;
        (opening.slot, opening.nodeKey) = (slot, file.g1(entry(".grant.members", slot - 1, ".key")));
        (opening.sharedPoint, opening.proof) = proveComplaint(address(grants), grantId(), label(), slot, secret, given.ephemeral);
        (, good) = verifier.openFragment(given, boundOf(), opening, Transcript.rekeyHash(maskHash, rest));
    }

    function test_openFragment__rejects_of_complaints__revert() public {
        buildGranted("flow_2_3.json");
        (bytes32 fragment,) = verifierOf(grants).openFragment(rekey(), boundOf(), complaint(), file.word(".grant.rekeyHash"));
        vm.assertEq(fragment, file.word(".complaint.fragment"), "the complaint of the file");
        uint256 tried;
        for (uint256 i = 0; isCase(i); ++i) {
            if (!isOf(i, "verify_complaint")) continue;
            requireNamed(i, "InvalidComplaintProof");
            file.replace(i);
            openBadComplaint();
            file.restore();
            ++tried;
        }
        vm.assertGt(tried, 3);
    }

    function complaint() private view returns (IGrantVerifier.Opening memory) {
        uint8 slot = uint8(file.number(".complaint.slot"));
        G1Point memory nodeKey = file.g1(entry(".grant.members", slot - 1, ".key"));
        return IGrantVerifier.Opening(slot, nodeKey, file.g1(".complaint.K"), file.proof(".complaint.proof"));
    }

    function openBadComplaint() private {
        (IGrantVerifier verifier, Transcript.GrantContext memory bound) = (verifierOf(grants), boundOf());
        (IGrantRegistry.Rekey memory given, IGrantVerifier.Opening memory opening) = (rekey(), complaint());
        bytes32 hash = file.word(".grant.rekeyHash"); // names no grant id: only the complaint is at fault
        vm.expectRevert(abi.encodeWithSelector(IGrantRegistry.InvalidComplaintProof.selector, bound.grantId, opening.slot));
        verifier.openFragment(given, bound, opening, hash);
    }
}
