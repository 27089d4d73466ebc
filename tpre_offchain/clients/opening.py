"""Opening a round: what whoever pays for a grant's conversions does, the user, or the owner of an offer."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.events import RoundOpened
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.clients.errors import NoGrant
from tpre_offchain.clients.facts.records import NO_HASH
from tpre_offchain.clients.facts.refusals import explain
from tpre_offchain.clients.results import OpenedRound, Transaction
from tpre_offchain.clients.session import Session
from tpre_offchain.failpoints import failpoint
from tpre_offchain.types import GrantId, RecordId


async def round_call(session: Session, grant_id: GrantId, record_ids: Sequence[RecordId]) -> Call:
    """The call that opens a round over up to 100 records of one epoch. Raises ``RecordUnknown``,
    ``InvalidCapsuleProof``.
    """
    found = await session.records.convertible(record_ids)
    epoch = found[0].epoch
    try:
        granted = await session.grants.granted_label(grant_id, epoch)
        hashes = (granted.mask_hash, granted.verified.rest_hash)
    except NoGrant:
        hashes = (NO_HASH, NO_HASH)  # there is none: the contract is asked all the same, and refuses
    return session.contracts.rounds.open_round(grant_id, epoch, *hashes, [record.ref for record in found])


async def open_round(session: Session, grant_id: GrantId, record_ids: Sequence[RecordId]) -> OpenedRound:
    """Send it. Raises an ``AccessRefused`` for what the contract refuses, and what ``round_call`` raises."""
    call = await round_call(session, grant_id, record_ids)
    failpoint("user.round.composed")
    try:
        receipt = await session.outbox.send(call)
    except ContractRevert as revert:
        session.grants.forget(grant_id)  # it may have been given anew after a reorganisation
        explained = explain(revert, await session.grants.status(grant_id))
        if explained is None:
            raise
        raise explained from revert
    opened = receipt.one(RoundOpened)
    return OpenedRound(opened.round_id, opened.record_ids, Transaction.of(receipt))
