// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "../Test.sol";
import {Prover} from "../Prover.sol";
import {BLS12381} from "../../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../../contracts/libraries/Generators.sol";
import {Dleq} from "../../../../contracts/libraries/Dleq.sol";
import {Transcript} from "../../../../contracts/libraries/Transcript.sol";
import {RoundId} from "../../../../contracts/types/Ids.sol";
import {G1Point, G2Point, Proof} from "../../../../contracts/types/Points.sol";

/// @dev The library behind calls, so that reverts can be seen and gas given.
contract Verifier {
    function schnorrCommitment(G1Point memory base, G1Point memory point, Proof memory proof) external view returns (G1Point memory) {
        return Dleq.schnorrCommitment(base, point, proof);
    }

    function schnorrCommitment2(G2Point memory base, G2Point memory point, Proof memory proof) external view returns (G2Point memory) {
        return Dleq.schnorrCommitment(base, point, proof);
    }

    function trySchnorrCommitment(G1Point memory base, G1Point memory point, Proof memory proof) external view returns (bool, G1Point memory) {
        return Dleq.trySchnorrCommitment(base, point, proof);
    }

    function batchHolds(bytes32 seed, G1Point memory labelKey, G1Point memory commitment, G1Point[] memory capsules, G1Point[] memory cfrags, Proof memory proof)
        external
        view
        returns (bool)
    {
        return Dleq.batchHolds(seed, labelKey, commitment, capsules, cfrags, proof);
    }
}

contract DleqTest is Test, Prover {
    Verifier private verifier = new Verifier();
    address private constant ROUNDS = address(0x5005);
    address private constant PROXY = address(0x9009);
    RoundId private constant ROUND = RoundId.wrap(uint256(3) << 32);

    struct Batch {
        bytes32 seed;
        G1Point labelKey;
        G1Point commitment;
        G1Point[] capsules;
        G1Point[] cfrags;
        Proof proof;
    }

    /// An honest batch of m capsules by a proxy whose fragment is `fragment`.
    function honest(uint256 m, uint256 fragment) private view returns (Batch memory b) {
        b.labelKey = g1Key(scalarOf("a_L", 1));
        b.commitment = BLS12381.mul(b.labelKey, fragment);
        b.capsules = new G1Point[](m);
        for (uint256 j = 0; j < m; ++j) {
            b.capsules[j] = BLS12381.mul(b.labelKey, scalarOf("k", j));
        }
        (b.cfrags, b.proof) = makeCfrags(ROUNDS, ROUND, PROXY, fragment, b.labelKey, b.capsules);
        b.seed = seedOf(b, ROUND, PROXY);
    }

    function seedOf(Batch memory b, RoundId round, address proxy) private view returns (bytes32) {
        return Transcript.cfragSeed(ROUNDS, round, proxy, b.labelKey, b.commitment, BLS12381.hashOf(b.capsules), BLS12381.hashOf(b.cfrags));
    }

    function holds(Batch memory b) private view returns (bool) {
        return verifier.batchHolds(b.seed, b.labelKey, b.commitment, b.capsules, b.cfrags, b.proof);
    }

    // --- Schnorr ---

    function test_schnorr_commitment__honest_response__is_the_provers(uint256 x, uint256 nonce, uint128 c) public view {
        (x, nonce) = (scalarOf("x", x), scalarOf("nonce", nonce));
        Proof memory proof = respond(c, nonce, x);
        G1Point memory base = g1Key(77);
        vm.assertTrue(BLS12381.equal(verifier.schnorrCommitment(base, BLS12381.mul(base, x), proof), BLS12381.mul(base, nonce)));
        vm.assertEq(BLS12381.hashOf(verifier.schnorrCommitment2(Generators.H2(), BLS12381.mul(Generators.H2(), x), proof)), BLS12381.hashOf(BLS12381.mul(Generators.H2(), nonce)));
        (bool ok, G1Point memory tried) = verifier.trySchnorrCommitment(base, BLS12381.mul(base, x), proof);
        vm.assertTrue(ok && BLS12381.equal(tried, BLS12381.mul(base, nonce)));
    }

    function test_equal_logs__honest__both_commitments_are_the_provers() public view {
        (uint256 x, uint256 nonce) = (scalarOf("x", 1), scalarOf("nonce", 1));
        Proof memory proof = respond(99, nonce, x);
        G1Point memory other = g1Key(5);
        (G1Point memory t1, G1Point memory t2) = Dleq.equalLogsCommitments(Generators.G1(), g1Key(x), other, BLS12381.mul(other, x), proof);
        vm.assertTrue(BLS12381.equal(t1, g1Key(nonce)));
        vm.assertTrue(BLS12381.equal(t2, BLS12381.mul(other, nonce)));
    }

    function test_schnorr_commitment__response_not_reduced__reverts_or_is_evidence() public {
        Proof memory proof = Proof(5, R);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.ScalarTooLarge.selector, R));
        verifier.schnorrCommitment(Generators.G1(), Generators.G1(), proof);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.ScalarTooLarge.selector, R));
        verifier.schnorrCommitment2(Generators.G2(), Generators.G2(), proof);
        (bool ok,) = verifier.trySchnorrCommitment(Generators.G1(), Generators.G1(), proof);
        vm.assertFalse(ok);
    }

    function test_try_schnorr_commitment__malformed_point__is_evidence() public view {
        (bool ok,) = verifier.trySchnorrCommitment(Generators.G1(), G1Point(0, bytes32(uint256(1)), 0, bytes32(uint256(1))), Proof(5, 5));
        vm.assertFalse(ok);
    }

    // --- commitments of slots ---

    function test_commitment_of_slot__any_polynomial__is_the_polynomial_in_the_exponent(uint256 seed) public view {
        uint256 t = 1 + (seed % 32);
        uint256[] memory coefficients = new uint256[](t);
        G1Point[] memory commitments = new G1Point[](t);
        for (uint256 j = 0; j < t; ++j) {
            coefficients[j] = scalarOf("coefficient", uint256(keccak256(abi.encode(seed, j))));
            commitments[j] = g1Key(coefficients[j]);
        }
        uint8[3] memory slots = [uint8(1), uint8(1 + ((seed >> 8) % 32)), 32];
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertTrue(BLS12381.equal(Dleq.commitmentOfSlot(commitments, slots[i]), g1Key(evaluate(coefficients, slots[i]))));
        }
    }

    // --- batches ---

    function test_batch__honest__holds(uint256 fragment) public view {
        fragment = scalarOf("fragment", fragment);
        vm.assertTrue(holds(honest(1, fragment)));
        vm.assertTrue(holds(honest(3, fragment)));
    }

    function test_batch__hundred_records__holds() public view {
        vm.assertTrue(holds(honest(100, scalarOf("fragment", 1))));
    }

    function test_batch__one_cfrag_off_by_anything__does_not_hold(uint256 which, uint256 by) public view {
        Batch memory b = honest(3, scalarOf("fragment", 2));
        b.cfrags[which % 3] = BLS12381.add(b.cfrags[which % 3], g1Key(scalarOf("by", by)));
        // even with a proof made for these very points
        b.proof = proveCfrags(ROUNDS, ROUND, PROXY, scalarOf("fragment", 2), b.labelKey, b.capsules, b.cfrags);
        b.seed = seedOf(b, ROUND, PROXY);
        vm.assertFalse(holds(b));
    }

    /// Errors that cancel in the plain product, with a proof that holds for the plain product: only the coefficients of the seed tell them apart.
    function test_batch__errors_that_cancel__does_not_hold(uint256 by) public view {
        uint256 fragment = scalarOf("fragment", 3);
        Batch memory b = honest(2, fragment);
        G1Point memory delta = g1Key(scalarOf("by", by));
        b.cfrags[0] = BLS12381.add(b.cfrags[0], delta);
        b.cfrags[1] = BLS12381.add(b.cfrags[1], BLS12381.mul(delta, R - 1));
        b.seed = seedOf(b, ROUND, PROXY);
        G1Point memory plain = BLS12381.add(b.capsules[0], b.capsules[1]);
        vm.assertTrue(BLS12381.equal(BLS12381.mul(plain, fragment), BLS12381.add(b.cfrags[0], b.cfrags[1])), "they do cancel");
        uint256 nonce = scalarOf("nonce", by);
        b.proof = respond(Transcript.cfragProofChallenge(b.seed, BLS12381.mul(b.labelKey, nonce), BLS12381.mul(plain, nonce)), nonce, fragment);
        vm.assertFalse(holds(b));
    }

    function test_batch__proof_field_changed__does_not_hold(uint128 by) public view {
        Batch memory b = honest(2, scalarOf("fragment", 4));
        by = uint128(bound(by, 1, type(uint128).max));
        b.proof.challenge ^= by;
        vm.assertFalse(holds(b));
        b.proof.challenge ^= by;
        b.proof.response = addmod(b.proof.response, by, R);
        vm.assertFalse(holds(b));
    }

    function test_batch__response_not_reduced__does_not_hold() public view {
        Batch memory b = honest(1, scalarOf("fragment", 5));
        b.proof.response += R;
        vm.assertFalse(holds(b));
    }

    function test_batch__of_another_round_or_proxy__does_not_hold() public view {
        Batch memory b = honest(2, scalarOf("fragment", 6));
        b.seed = seedOf(b, RoundId.wrap(RoundId.unwrap(ROUND) + 1), PROXY);
        vm.assertFalse(holds(b));
        b.seed = seedOf(b, ROUND, address(0x1));
        vm.assertFalse(holds(b));
    }

    function test_batch__another_slots_fragment__does_not_hold() public view {
        Batch memory b = honest(2, scalarOf("fragment", 7));
        b.commitment = BLS12381.mul(b.labelKey, scalarOf("fragment", 8));
        b.seed = seedOf(b, ROUND, PROXY);
        vm.assertFalse(holds(b));
    }

    function test_batch__malformed_or_identity_cfrag__does_not_hold() public view {
        Batch memory b = honest(2, scalarOf("fragment", 9));
        b.cfrags[1] = G1Point(0, bytes32(uint256(1)), 0, bytes32(uint256(1)));
        b.seed = seedOf(b, ROUND, PROXY);
        vm.assertFalse(holds(b));
        b.cfrags[1] = G1Point(0, 0, 0, 0);
        b.proof = proveCfrags(ROUNDS, ROUND, PROXY, scalarOf("fragment", 9), b.labelKey, b.capsules, b.cfrags);
        b.seed = seedOf(b, ROUND, PROXY);
        vm.assertFalse(holds(b));
    }

    function test_batch__no_or_unequal_counts__reverts() public {
        Batch memory b = honest(2, scalarOf("fragment", 10));
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 2, 0));
        verifier.batchHolds(b.seed, b.labelKey, b.commitment, b.capsules, new G1Point[](0), b.proof);
        vm.expectRevert(abi.encodeWithSelector(BLS12381.WrongTermCount.selector, 0, 0));
        verifier.batchHolds(b.seed, b.labelKey, b.commitment, new G1Point[](0), new G1Point[](0), b.proof);
    }

    /// The griefer's attack: challenge an honest batch with just too little gas. It must revert, never say "does not hold".
    function test_batch__honest_and_any_gas__never_does_not_hold() public view {
        Batch memory b = honest(2, scalarOf("fragment", 11));
        bytes memory call = abi.encodeCall(Verifier.batchHolds, (b.seed, b.labelKey, b.commitment, b.capsules, b.cfrags, b.proof));
        uint256 passed;
        for (uint256 gas_ = 20_000; gas_ < 130_000; gas_ += 251) {
            (bool done, bytes memory out) = address(verifier).staticcall{gas: gas_}(call);
            if (!done) continue;
            vm.assertTrue(abi.decode(out, (bool)), "a starved challenge blamed an honest proxy");
            ++passed;
        }
        vm.assertGt(passed, 0);
    }
}
