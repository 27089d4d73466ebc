"""Opening records: as their owner, or as a user with a conversion; then fetching and decrypting the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tpre_offchain.clients.errors import DigestMismatch
from tpre_offchain.clients.facts.grants import GrantedLabel
from tpre_offchain.clients.facts.records import ChainRecord
from tpre_offchain.clients.facts.rounds import FinalizedRound, verified_conversion
from tpre_offchain.clients.facts.signatures import require_signer
from tpre_offchain.clients.results import FetchReport
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.stopwatch import OnProgress, Stopwatch
from tpre_offchain.clients.stored.blobs import decrypt_from
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.keys import label_secret
from tpre_offchain.crypto.metadata import Metadata, signing_hash
from tpre_offchain.crypto.pre import decrypt_original, decrypt_reencrypted
from tpre_offchain.storage.cid import Cid
from tpre_offchain.types import Address, RoundId


async def open_as_owner(session: Session, record: ChainRecord) -> Metadata:
    """The metadata of one's own record, without any proxy. Raises ``DecryptionFailed``, ``KeystoreMismatch``."""
    preimage = record.context.preimage
    key = await session.registration.delegating_key(preimage.key_version)
    return decrypt_original(label_secret(key.secret, record.event.label), record.context, record.capsule)


async def open_as_user(session: Session, record: ChainRecord, granted: GrantedLabel, found: FinalizedRound) -> Metadata:
    """The metadata of a converted record, the conversion verified first.

    Raises ``WrongResult``, ``DecryptionFailed``, ``KeystoreMismatch``.
    """
    key = await session.registration.receiving_key(granted.access.delegatee_key_version)
    _, result = verified_conversion(session.domain, found, granted, record.record_id, record.capsule.c1)
    return decrypt_reencrypted(key, granted.verified, record.context, record.capsule, result)


async def fetch_data(
    session: Session,
    record: ChainRecord,
    metadata: Metadata,
    output: Path,
    watch: Stopwatch,
    *,
    overwrite: bool,
    on_progress: OnProgress,
    round_id: RoundId | None = None,
) -> FetchReport:
    """Fetch a record's data by its CID, verify, decrypt and write it.

    Checked in this order: the CID is the one on the chain, the signer is the record's publisher, every block hashes to
    its CID, every chunk's tag holds, length and digest are the signed ones. Raises ``SignatureMismatch``,
    ``DigestMismatch``, ``OutputExists``, ``OutputUnwritable``, ``DataError``, and the store's errors.
    """
    if keccak256(metadata.cid) != record.event.record.cid_hash:
        raise DigestMismatch("the sealed CID is not the one that the chain names", culprit=record.publisher)
    digest = signing_hash(record.event.label, record.record_id, metadata)
    signer: Address = require_signer(digest, metadata.signature, record.publisher)

    def work(is_stopped: Callable[[], bool]) -> bytes:
        return decrypt_from(
            session.store, metadata, output, overwrite=overwrite, on_progress=on_progress, is_stopped=is_stopped
        )

    with watch.stage("decrypt"):
        plain_sha256 = await session.in_thread(work)
    return FetchReport(
        record_id=record.record_id,
        output=output,
        name=metadata.name,
        media_type=metadata.media_type,
        created_at_s=metadata.created_at_s,
        plain_length=metadata.plain_length,
        plain_sha256=plain_sha256.hex(),
        encrypted_sha256=metadata.encrypted_sha256.hex(),
        cid=str(Cid.from_bytes(metadata.cid)),
        signer=signer,
        round_id=round_id,
        timings_ms=watch.times_ms(),
    )
