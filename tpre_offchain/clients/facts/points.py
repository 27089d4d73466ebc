"""Between the chain's bytes and the scheme's values: ``chain`` knows no curve, ``crypto`` no contract."""

from __future__ import annotations

from collections.abc import Iterable

from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto.capsule import Capsule
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.kfrag import Rekey
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.types import Epoch


def chain_proof(proof: Proof) -> structs.Proof:
    """A proof as the contracts take it."""
    return structs.Proof(proof.challenge, proof.response)


def crypto_proof(proof: structs.Proof) -> Proof:
    """A proof from the chain. Raises ``NonCanonical`` for numbers out of range."""
    return Proof(proof.challenge, proof.response)


def points_to_evm(points: Iterable[G1]) -> tuple[bytes, ...]:
    """128 bytes each."""
    return tuple(point.to_evm() for point in points)


def points_from_evm(points: Iterable[bytes]) -> tuple[G1, ...]:
    """Strictly decoded: on the curve, in the subgroup, not the identity. Raises ``DecodingError``."""
    return tuple(G1.from_evm(point) for point in points)


def chain_record(capsule: Capsule, cid_hash: bytes, tags: str) -> structs.RecordInput:
    """A record as RecordRegistry takes it."""
    return structs.RecordInput(
        c1=capsule.c1.to_evm(),
        c2=capsule.c2,
        c3=capsule.c3,
        proof=chain_proof(capsule.proof),
        cid_hash=cid_hash,
        tags=tags,
    )


def capsule_of(record: structs.RecordInput) -> Capsule:
    """The capsule of a record on the chain, decoded strictly. Raises ``DecodingError``."""
    return Capsule(G1.from_evm(record.c1), record.c2, record.c3, crypto_proof(record.proof))


def chain_rekey(epoch: Epoch, delegating_key: G1, rekey: Rekey) -> structs.Rekey:
    """A re-key as GrantRegistry takes it."""
    return structs.Rekey(
        epoch=epoch,
        delegating_key=delegating_key.to_evm(),
        masked_key=rekey.masked_key.to_evm(),
        mask=rekey.mask.to_evm(),
        commitments=points_to_evm(rekey.commitments),
        ephemeral=rekey.ephemeral.to_evm(),
        ephemeral_proof=chain_proof(rekey.ephemeral_proof),
        pads=rekey.pads,
    )


def crypto_rekey(rekey: structs.Rekey) -> Rekey:
    """A re-key from the chain, decoded strictly. Raises ``DecodingError``."""
    return Rekey(
        masked_key=G2.from_evm(rekey.masked_key),
        mask=G2.from_evm(rekey.mask),
        commitments=points_from_evm(rekey.commitments),
        ephemeral=G1.from_evm(rekey.ephemeral),
        ephemeral_proof=crypto_proof(rekey.ephemeral_proof),
        pads=tuple(rekey.pads),
    )
