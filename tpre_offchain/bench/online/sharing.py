"""A grant on a running net, ready for rounds: what every measurement of conversions begins with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.clients.facts.grants import GrantedLabel
from tpre_offchain.clients.facts.records import ChainRecord
from tpre_offchain.clients.owner import Owner
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.user import User
from tpre_offchain.types import GrantId, RecordId

PUBLISHED_AT_ONCE: Final = 32
SETTLE_S: Final = 1.0
OPEN_GAS: Final = (300_000, 30_000)
"""A bound for opening a round, and for each record: known, so that sending asks the node nothing first."""


@dataclass(frozen=True)
class Sharing:
    """A user's grant and its records, each converted as often as one likes."""

    owner: Session
    user: Session
    grant_id: GrantId
    records: tuple[ChainRecord, ...]
    granted: GrantedLabel

    def round_call(self, records: Sequence[ChainRecord]) -> Call:
        """The call that opens a round, composed from what is known already. Records in ascending order."""
        hashes = (self.granted.mask_hash, self.granted.verified.rest_hash)
        refs = [record.ref for record in records]
        call = self.user.contracts.rounds.open_round(self.grant_id, records[0].epoch, *hashes, refs)
        base, each = OPEN_GAS
        return replace(call, gas_hint=base + each * len(refs))


async def share(
    owner: Session, user: Session, *, threshold: int, committee: int, records: int, conversions: int
) -> Sharing:
    """Register, create a stream, publish, ask, grant."""
    as_owner, as_user = Owner(owner), User(user)
    await as_owner.register.aio()
    await as_user.register.aio()
    stream = await as_owner.create_stream.aio("bench")
    data = [f"measured value {i}\n".encode() * 50 for i in range(records)]
    ids: list[RecordId] = []
    for start in range(0, records, PUBLISHED_AT_ONCE):
        published = await as_owner.publish_batch.aio(stream, data[start : start + PUBLISHED_AT_ONCE])
        ids += [one.record_id for one in published]
    asked = await as_user.request.aio(stream, threshold=threshold, committee=committee, conversions=conversions)
    await as_owner.grant.aio(asked, quota=conversions)
    found = await user.records.convertible(ids)
    granted = await user.grants.granted_label(asked.grant_id, found[0].epoch)
    await asyncio.sleep(SETTLE_S)  # proxies open their fragments as soon as they see the grant
    return Sharing(owner, user, asked.grant_id, tuple(found), granted)
