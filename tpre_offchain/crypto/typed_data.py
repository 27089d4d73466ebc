"""What accounts of a committee sign about a round, as EIP-712 of ConversionRounds' domain (SPEC §15)."""

from __future__ import annotations

from typing import Final

from tpre_offchain.crypto.hashing import Domain, address_word, keccak256, word
from tpre_offchain.types import RoundId

DOMAIN_TYPE: Final = keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
DOMAIN_NAME: Final = keccak256(b"TPRE ConversionRounds")
DOMAIN_VERSION: Final = keccak256(b"1")
VOTE_TYPE: Final = keccak256(b"Vote(uint256 roundId,bytes32 resultHash)")
MESSAGE_TYPE: Final = keccak256(b"Message(uint256 roundId,address recipient,string subject,bytes32 bodyHash)")


def vote_digest(domain: Domain, round_id: RoundId, voted: bytes) -> bytes:
    """What a member signs to approve a result; ``voted``: its ``result_hash``. 32 bytes."""
    return _digest(domain, VOTE_TYPE + word(round_id) + voted)


def message_digest(domain: Domain, round_id: RoundId, recipient: str, subject: str, body: bytes) -> bytes:
    """What a member signs to send another one a message about a round. 32 bytes."""
    fields = word(round_id) + address_word(recipient) + keccak256(subject.encode()) + keccak256(body)
    return _digest(domain, MESSAGE_TYPE + fields)


def _digest(domain: Domain, struct: bytes) -> bytes:
    where = DOMAIN_TYPE + DOMAIN_NAME + DOMAIN_VERSION + word(domain.chain_id) + address_word(domain.rounds)
    return keccak256(b"\x19\x01" + keccak256(where) + keccak256(struct))
