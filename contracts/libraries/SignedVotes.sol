// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IConversionRounds} from "../interfaces/IConversionRounds.sol";
import {Member, RoundId} from "../types/Ids.sol";
import {CommitteeBitmap} from "./CommitteeBitmap.sol";

/// @title Votes that come as signatures: one for each slot of a set, of the account that sits there (SPEC §15).
library SignedVotes {
    using CommitteeBitmap for uint256;

    /// Half of secp256k1's order, rounded down: the other s of a signature is above.
    uint256 private constant MAXIMUM_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @dev Requires a signature of `digest` by each of `voters`, in ascending order of slots. The set must lie within the committee.
    /// Errors: IConversionRounds.WrongSignatureCount, SignatureNotLow, WrongSignature.
    function requireSigned(
        RoundId roundId, bytes32 digest, Member[] calldata committee, uint32 voters, IConversionRounds.Signature[] calldata signatures
    ) internal pure {
        uint256 count = uint256(voters).count();
        if (signatures.length != count) revert IConversionRounds.WrongSignatureCount(roundId, signatures.length, count);
        // i: slot - 1, below 32; next: below count, which is how many bits there are
        unchecked {
            uint256 next = 0;
            for (uint256 i = 0; next < count; ++i) {
                if ((voters >> i) & 1 == 0) continue;
                IConversionRounds.Signature calldata signature = signatures[next++];
                uint256 vs = uint256(signature.vs);
                uint256 s = vs & (type(uint256).max >> 1);
                if (s > MAXIMUM_S) revert IConversionRounds.SignatureNotLow(roundId, uint8(i + 1));
                // the precompile answers 0 for what is no signature, and no member is 0
                address signer = ecrecover(digest, uint8(vs >> 255) + 27, signature.r, bytes32(s));
                if (signer != committee[i].accountOf()) revert IConversionRounds.WrongSignature(roundId, uint8(i + 1));
            }
        }
    }
}
