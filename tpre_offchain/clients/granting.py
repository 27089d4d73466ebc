"""Making a grant: one re-key for each epoch, for the committee that was drawn (SCHEME §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tpre_offchain.chain.abi.call import Call, Receipt
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import NO_FIRST_ROUND, Access, DrawProof, FirstRound, Rekey
from tpre_offchain.clients.errors import NotYourGrant
from tpre_offchain.clients.facts.grants import grant_context
from tpre_offchain.clients.facts.points import chain_proof, chain_rekey
from tpre_offchain.clients.facts.records import NO_HASH, LabelKey
from tpre_offchain.clients.session import Session
from tpre_offchain.crypto import draw
from tpre_offchain.crypto.draw import VerifiedDraw, verify_draw
from tpre_offchain.crypto.keys import label_secret
from tpre_offchain.crypto.kfrag import Member, verify_rekey
from tpre_offchain.crypto.pre import generate_kfrags
from tpre_offchain.failpoints import failpoint
from tpre_offchain.types import Epoch, GrantId, RecordId

MAX_REKEYS: Final = 8
"""Re-keys in one transaction: 329,000 gas each at 3 of 5, 704,000 at 32 of 32 (SPEC §17)."""

_GAS_LIMIT: Final = 8_000_000
"""For as many at 32 of 32, with the longest draw and a first round of 100 records; what is not used is not paid."""


async def begun_epochs(session: Session, access: Access) -> list[Epoch]:
    """The epochs of a request that have begun: only those have a label."""
    current = (await session.records.stream(access.stream_id)).epoch
    return [Epoch(epoch) for epoch in range(access.epoch_from, min(access.epoch_to, current) + 1)]


async def missing_epochs(session: Session, grant_id: GrantId, access: Access) -> list[Epoch]:
    """Those of them that have no re-key yet."""
    contract, begun = session.contracts.grants, await begun_epochs(session, access)
    return [epoch for epoch in begun if await contract.rekey_hash(grant_id, epoch) == NO_HASH]


async def make_draw(session: Session, grant_id: GrantId, access: Access) -> VerifiedDraw:
    """The owner's part in a request's draw, with the key of its first epoch. Raises ``NotYourGrant``,
    ``KeystoreMismatch``, ``HistoryMissing``.
    """
    label = await owned_label(session, access, access.epoch_from)
    key = await session.registration.delegating_key(label.preimage.key_version)
    draw_input = await session.grants.draw_input(grant_id, access)
    return verify_draw(key.public, draw_input, draw.make_draw(key, draw_input, session.random))


def chain_draw(verified: VerifiedDraw) -> DrawProof:
    """A draw as GrantRegistry takes it."""
    return DrawProof(verified.draw.gamma.to_evm(), chain_proof(verified.draw.proof))


async def owned_label(session: Session, access: Access, epoch: Epoch) -> LabelKey:
    """A label of this account's own stream. Raises ``NotYourGrant``."""
    label = await session.records.label_key(access.stream_id, epoch)
    if label.preimage.owner != session.address:
        raise NotYourGrant(f"stream {access.stream_id} belongs to {label.preimage.owner}, not to {session.address}")
    return label


async def make_rekeys(
    session: Session, grant_id: GrantId, access: Access, epochs: Sequence[Epoch], committee: tuple[Member, ...]
) -> list[Rekey]:
    """One re-key an epoch, each with a polynomial of its own. Raises ``NotYourGrant``, ``KeystoreMismatch``."""
    return [await _rekey(session, grant_id, access, epoch, committee) for epoch in epochs]


async def _rekey(
    session: Session, grant_id: GrantId, access: Access, epoch: Epoch, committee: tuple[Member, ...]
) -> Rekey:
    label = await owned_label(session, access, epoch)
    key = await session.registration.delegating_key(label.preimage.key_version)
    receiving = await session.history.receiving_key(access.delegatee, access.delegatee_key_version)
    context = grant_context(session.domain, grant_id, access, label, committee)
    secret = label_secret(key.secret, label.label)
    rekey = generate_kfrags(secret, receiving, context, session.random)
    # A mistake of ours would cost the gas of a refused grant, or a complaint: three pairings now are cheaper.
    verified = verify_rekey(context, label.key, receiving, rekey)
    return chain_rekey(epoch, key.public, verified.rekey)


async def send_grant(session: Session, call: Call, grant_id: GrantId) -> Receipt:
    """Send a grant, whatever the node thinks of its newest block. Raises ``ContractRevert``."""
    outbox, key = session.outbox, f"grant/{grant_id}"
    failpoint("owner.rekey.made")
    try:
        return await outbox.send(call, key=key)
    except ContractRevert as revert:
        if revert.name != "DrawTooEarly":
            raise
    # The request stands in the newest block, on which the node simulates. The grant will be in a later one, where
    # the draw is known; on a chain that mines only on demand no other block would come before it.
    return await outbox.send(replace(call, gas_hint=_GAS_LIMIT), key=key, simulate=False)


async def first_round(session: Session, record_ids: Sequence[RecordId]) -> FirstRound:
    """What opens a first round with the grant; none if there are no records. Raises ``RecordUnknown``,
    ``InvalidCapsuleProof``."""
    if not record_ids:
        return NO_FIRST_ROUND
    found = await session.records.convertible(record_ids)
    return FirstRound(found[0].epoch, tuple(record.ref for record in found))
