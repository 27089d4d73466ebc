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
        uint8 slot = 0;
        for (uint256 i = 0; i < count; ++i) {
            do ++slot;
            while (!CommitteeBitmap.has(voters, slot));
            uint256 s = uint256(signatures[i].vs) & (type(uint256).max >> 1);
            if (s > MAXIMUM_S) revert IConversionRounds.SignatureNotLow(roundId, slot);
            // the precompile answers 0 for what is no signature, and no member is 0
            address signer = ecrecover(digest, uint8(uint256(signatures[i].vs) >> 255) + 27, signatures[i].r, bytes32(s));
            if (signer != committee[slot - 1].accountOf()) revert IConversionRounds.WrongSignature(roundId, slot);
        }
    }
}
