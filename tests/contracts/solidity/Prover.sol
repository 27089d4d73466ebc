// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {BLS12381} from "../../../contracts/libraries/BLS12381.sol";
import {Generators} from "../../../contracts/libraries/Generators.sol";
import {HashToCurve} from "../../../contracts/libraries/HashToCurve.sol";
import {OwnerDraw} from "../../../contracts/libraries/OwnerDraw.sol";
import {Transcript} from "../../../contracts/libraries/Transcript.sol";
import {G1Point, G2Point, Proof} from "../../../contracts/types/Points.sol";
import {GrantId, RecordId, RoundId} from "../../../contracts/types/Ids.sol";
import {IGrantRegistry} from "../../../contracts/interfaces/IGrantRegistry.sol";
import {IRecordRegistry} from "../../../contracts/interfaces/IRecordRegistry.sol";

/// @notice What owners, users and proxies compute off the chain, in Solidity over the precompiles, so that tests run the real scheme.
/// @dev Secrets are plain numbers here and nonces are hashes of them: for tests only.
abstract contract Prover {
    uint256 internal constant R = BLS12381.R;

    // --- scalars ---

    /// @dev A scalar in [1, r-1] that depends on a name and a number.
    function scalarOf(string memory name, uint256 number) internal pure returns (uint256) {
        return 1 + (uint256(keccak256(abi.encode(name, number))) % (R - 1));
    }

    /// @dev 1/x mod r by Fermat, through the MODEXP precompile.
    function invert(uint256 x) internal view returns (uint256 inverse) {
        (bool ok, bytes memory out) = address(5).staticcall(abi.encode(32, 32, 32, x, R - 2, R));
        require(ok, "modexp");
        inverse = abi.decode(out, (uint256));
    }

    /// @dev s(x) for the polynomial with these coefficients, constant term first.
    function evaluate(uint256[] memory coefficients, uint256 x) internal pure returns (uint256 value) {
        for (uint256 j = coefficients.length; j > 0; --j) {
            value = addmod(mulmod(value, x, R), coefficients[j - 1], R);
        }
    }

    /// @dev Lagrange coefficients at 0 of these slots.
    function lagrange(uint8[] memory slots) internal view returns (uint256[] memory lambda) {
        lambda = new uint256[](slots.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            (uint256 above, uint256 below) = (1, 1);
            for (uint256 j = 0; j < slots.length; ++j) {
                if (j == i) continue;
                above = mulmod(above, slots[j], R);
                below = mulmod(below, addmod(slots[j], R - slots[i], R), R);
            }
            lambda[i] = mulmod(above, invert(below), R);
        }
    }

    // --- keys (SCHEME §2) ---

    function g1Key(uint256 secret) internal view returns (G1Point memory) {
        return BLS12381.mul(Generators.G1(), secret);
    }

    function g2Key(uint256 secret) internal view returns (G2Point memory) {
        return BLS12381.mul(Generators.G2(), secret);
    }

    /// @dev A delegating key (role 1, registry KeyRegistry) or proxy key (role 3, registry ProxyRegistry) with its proof.
    function proveG1Key(address registry, address account, uint8 role, uint32 version, uint256 secret)
        internal
        view
        returns (G1Point memory key, Proof memory proof)
    {
        key = g1Key(secret);
        uint256 nonce = scalarOf("key nonce", secret);
        proof = respond(Transcript.keyProofChallenge(registry, account, role, version, key, g1Key(nonce)), nonce, secret);
    }

    /// @dev A receiving key with its proof.
    function proveG2Key(address registry, address account, uint32 version, uint256 secret)
        internal
        view
        returns (G2Point memory key, Proof memory proof)
    {
        key = g2Key(secret);
        uint256 nonce = scalarOf("key nonce", secret);
        proof = respond(Transcript.keyProofChallenge(registry, account, 2, version, key, g2Key(nonce)), nonce, secret);
    }

    function respond(uint128 challenge, uint256 nonce, uint256 secret) internal pure returns (Proof memory) {
        return Proof(challenge, addmod(nonce, mulmod(challenge, secret, R), R));
    }

    /// @dev a_L = a + h.
    function labelSecret(uint256 a, bytes32 label) internal pure returns (uint256) {
        return addmod(a, Transcript.labelScalar(label), R);
    }

    // --- records (SCHEME §3) ---

    /// @dev A record with c1 = A_L^k and a true capsule proof; `c3` stands for the sealed metadata.
    function makeRecord(bytes32 label, RecordId recordId, uint256 a, uint256 k, bytes memory c3, string memory tags)
        internal
        view
        returns (IRecordRegistry.RecordInput memory record)
    {
        G1Point memory labelKey = g1Key(labelSecret(a, label));
        record.c1 = BLS12381.mul(labelKey, k);
        record.c2 = keccak256(abi.encode("c2", k));
        record.c3 = c3;
        record.cidHash = keccak256(abi.encode("cid", k));
        record.tags = tags;
        uint256 nonce = scalarOf("capsule nonce", k);
        uint128 challenge = Transcript.capsuleProofChallenge(
            label, recordId, labelKey, record.c1, record.c2, keccak256(c3), BLS12381.mul(labelKey, nonce)
        );
        record.proof = respond(challenge, nonce, k);
    }

    function sealHashOf(IRecordRegistry.RecordInput memory record) internal pure returns (bytes32) {
        return Transcript.sealHash(record.c2, keccak256(record.c3), record.proof, record.cidHash, keccak256(bytes(record.tags)));
    }

    // --- the draw (SCHEME §13) ---

    /// @dev gamma = P^a for the point P that `input` hashes to, with its proof.
    function proveDraw(bytes32 input, uint256 a) internal view returns (IGrantRegistry.DrawProof memory draw) {
        G1Point memory base = HashToCurve.encodeToG1(input, OwnerDraw.DST_PRIME);
        draw.gamma = BLS12381.mul(base, a);
        uint256 nonce = scalarOf("draw nonce", uint256(input));
        uint128 challenge = Transcript.drawProofChallenge(input, g1Key(a), base, draw.gamma, g1Key(nonce), BLS12381.mul(base, nonce));
        draw.proof = respond(challenge, nonce, a);
    }

    // --- grants (SCHEME §4) ---

    struct RekeyInput {
        Transcript.GrantContext bound; // without the two hashes of points, which makeRekey fills in
        uint32 epoch;
        uint256 a; // the delegating secret
        G2Point receivingKey; // B
        G1Point[] nodeKeys; // N_1..N_n
        uint256[] coefficients; // s, s_1..s_{t-1}
        uint256 e;
    }

    /// @dev An honest re-key and the grant context it was made for.
    function makeRekey(RekeyInput memory input) internal view returns (IGrantRegistry.Rekey memory rekey, bytes32 context) {
        uint256 aL = labelSecret(input.a, input.bound.label);
        G1Point memory labelKey = g1Key(aL);
        rekey.epoch = input.epoch;
        rekey.delegatingKey = g1Key(input.a);
        rekey.maskedKey = BLS12381.msm2(input.receivingKey, invert(aL), Generators.G2(), input.coefficients[0]);
        rekey.mask = BLS12381.mul(Generators.H2(), input.coefficients[0]);
        rekey.commitments = new G1Point[](input.coefficients.length);
        for (uint256 j = 0; j < input.coefficients.length; ++j) {
            rekey.commitments[j] = BLS12381.mul(labelKey, input.coefficients[j]);
        }
        rekey.ephemeral = g1Key(input.e);
        input.bound.maskedKeyHash = Transcript.maskedKeyHash(rekey.maskedKey, rekey.mask);
        input.bound.commitmentsHash = BLS12381.hashOf(rekey.commitments);
        context = Transcript.grantContext(input.bound);
        rekey.pads = new bytes32[](input.nodeKeys.length);
        for (uint8 slot = 1; slot <= input.nodeKeys.length; ++slot) {
            bytes32 pad = Transcript.pad(context, input.bound.label, slot, BLS12381.mul(input.nodeKeys[slot - 1], input.e));
            rekey.pads[slot - 1] = bytes32(evaluate(input.coefficients, slot)) ^ pad;
        }
        rekey.ephemeralProof = proveEphemeral(context, labelKey, input.e, rekey.pads);
    }

    function proveEphemeral(bytes32 context, G1Point memory labelKey, uint256 e, bytes32[] memory pads) internal view returns (Proof memory) {
        uint256 nonce = scalarOf("ephemeral nonce", e);
        return respond(Transcript.grantProofChallenge(context, labelKey, g1Key(e), Transcript.padsHash(pads), g1Key(nonce)), nonce, e);
    }

    /// @dev What slot `slot` shows when it complains: K = R^ni and the proof of equal logs (g1, N_i; R, K).
    function proveComplaint(address grantRegistry, GrantId grantId, bytes32 label, uint8 slot, uint256 nodeSecret, G1Point memory ephemeral)
        internal
        view
        returns (G1Point memory sharedPoint, Proof memory proof)
    {
        sharedPoint = BLS12381.mul(ephemeral, nodeSecret);
        uint256 nonce = scalarOf("complaint nonce", nodeSecret);
        uint128 challenge = Transcript.complaintChallenge(
            grantRegistry, grantId, label, slot, g1Key(nodeSecret), ephemeral, sharedPoint, g1Key(nonce), BLS12381.mul(ephemeral, nonce)
        );
        proof = respond(challenge, nonce, nodeSecret);
    }

    // --- conversion (SCHEME §5, §6) ---

    /// @dev cfrags of a slot with fragment s_i, and their batch proof.
    function makeCfrags(address conversionRounds, RoundId roundId, address proxy, uint256 fragment, G1Point memory labelKey, G1Point[] memory capsules)
        internal
        view
        returns (G1Point[] memory cfrags, Proof memory proof)
    {
        cfrags = new G1Point[](capsules.length);
        for (uint256 j = 0; j < capsules.length; ++j) {
            cfrags[j] = BLS12381.mul(capsules[j], fragment);
        }
        proof = proveCfrags(conversionRounds, roundId, proxy, fragment, labelKey, capsules, cfrags);
    }

    /// @dev The batch proof for given cfrags; it holds only if they are right.
    function proveCfrags(
        address conversionRounds,
        RoundId roundId,
        address proxy,
        uint256 fragment,
        G1Point memory labelKey,
        G1Point[] memory capsules,
        G1Point[] memory cfrags
    ) internal view returns (Proof memory) {
        bytes32 seed = Transcript.cfragSeed(
            conversionRounds, roundId, proxy, labelKey, BLS12381.mul(labelKey, fragment), BLS12381.hashOf(capsules), BLS12381.hashOf(cfrags)
        );
        uint256[] memory rhos = new uint256[](capsules.length);
        for (uint256 j = 0; j < rhos.length; ++j) {
            rhos[j] = Transcript.cfragScalar(seed, j);
        }
        uint256 nonce = scalarOf("cfrag nonce", uint256(seed));
        G1Point memory combined = BLS12381.msm(capsules, rhos);
        uint128 challenge = Transcript.cfragProofChallenge(seed, BLS12381.mul(labelKey, nonce), BLS12381.mul(combined, nonce));
        return respond(challenge, nonce, fragment);
    }

    /// @dev W_j from the cfrags of t slots: cfrags[i][j] is slot slots[i]'s for record j.
    function combine(G1Point[][] memory cfrags, uint8[] memory slots) internal view returns (G1Point[] memory results) {
        uint256[] memory lambda = lagrange(slots);
        results = new G1Point[](cfrags[0].length);
        G1Point[] memory terms = new G1Point[](slots.length);
        for (uint256 j = 0; j < results.length; ++j) {
            for (uint256 i = 0; i < slots.length; ++i) {
                terms[i] = cfrags[i][j];
            }
            results[j] = BLS12381.msm(terms, lambda);
        }
    }
}
