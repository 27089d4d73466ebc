"""GrantRegistry: access requests with their drawn committees, grants, denials, revocations, complaints (SPEC §7)."""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.structs import (
    NO_FIRST_ROUND,
    Access,
    AccessRequest,
    DrawProof,
    FirstRound,
    Member,
    Proof,
    Rekey,
)
from tpre_offchain.chain.contracts.contract import Contract
from tpre_offchain.types import Address, Epoch, GrantId, Slot, StreamId


class GrantRegistry(Contract):
    """A grant covers epochs of one stream, with one re-key per label (SCHEME §4)."""

    NAME = "GrantRegistry"

    async def access_of(self, grant_id: GrantId, block: int | str = "latest") -> Access:
        """A request or grant as it is now, or was at a block."""
        access: Access = await self.view("accessOf", grant_id, block=block)
        return access

    async def grant_count(self) -> int:
        """Requests made; ids count from 1."""
        return int(await self.view("grantCount"))

    async def rekey_hash(self, grant_id: GrantId, epoch: Epoch) -> bytes:
        """Hash of an epoch's re-key; 32 zero bytes if none was posted."""
        return bytes(await self.view("rekeyHash", grant_id, epoch))

    async def is_live(self, grant_id: GrantId) -> bool:
        """Whether rounds of the grant may be opened."""
        return bool(await self.view("isLive", grant_id))

    async def draw_input_of(self, grant_id: GrantId) -> tuple[bytes, bytes]:
        """x of a request's draw and the hash of its block, 32 bytes each, while that can be had (SPEC §7)."""
        draw_input, block_hash = await self.view("drawInputOf", grant_id)
        return bytes(draw_input), bytes(block_hash)

    async def redraw_fee_wei(self) -> int:
        """What a first redraw costs."""
        return int(await self.view("redrawFeeWei"))

    async def redraw_fee_of(self, delegatee: Address, stream_id: StreamId, *, offered: bool) -> int:
        """What a request of this user for this stream costs now, or an offer to it, in wei: mostly nothing."""
        return int(await self.view("redrawFeeOf", delegatee, stream_id, offered))

    def request_access(self, request: AccessRequest, value_wei: int) -> Call:
        """Asks for access; the value is the redraw fee, where one is due, plus the deposit."""
        return self.transaction(
            "requestAccess", request, value=value_wei, description=f"request access to stream {request.stream_id}"
        )

    def offer_access(self, request: AccessRequest, delegatee: Address, value_wei: int) -> Call:
        """The owner opens access for a user unasked; the deposit is the owner's."""
        return self.transaction(
            "offerAccess",
            request,
            delegatee,
            value=value_wei,
            description=f"offer access to stream {request.stream_id}",
        )

    def withdraw_request(self, grant_id: GrantId) -> Call:
        """Takes a request back."""
        return self.transaction("withdrawRequest", grant_id, description=f"withdraw request {grant_id}")

    def deny(self, grant_id: GrantId, reason: str) -> Call:
        """Denies a request."""
        return self.transaction("deny", grant_id, reason, description=f"deny request {grant_id}")

    def grant(
        self,
        grant_id: GrantId,
        expiry: int,
        quota: int,
        draw: DrawProof,
        receiving_key: bytes,
        rekeys: Sequence[Rekey],
        first_round: FirstRound = NO_FIRST_ROUND,
    ) -> Call:
        """Grants until ``expiry`` (unix time) for ``quota`` conversions; opens a first round if it names records.

        ``draw``: the owner's part in it. The first of ``rekeys`` is that of the request's first epoch.
        ``receiving_key``: B (G2) of the delegatee, of the version that the request names.
        """
        return self.transaction(
            "grant",
            grant_id,
            expiry,
            quota,
            draw,
            receiving_key,
            rekeys,
            first_round,
            description=f"grant request {grant_id}",
        )

    def add_rekeys(
        self, grant_id: GrantId, committee: Sequence[Member], receiving_key: bytes, rekeys: Sequence[Rekey]
    ) -> Call:
        """Adds re-keys for further epochs of the grant."""
        return self.transaction(
            "addRekeys",
            grant_id,
            committee,
            receiving_key,
            rekeys,
            description=f"add {len(rekeys)} re-keys to grant {grant_id}",
            done_errors=frozenset({"RekeyExists"}),
        )

    def revoke(self, grant_id: GrantId) -> Call:
        """Revokes a grant: no round opens from the next block on."""
        return self.transaction("revoke", grant_id, description=f"revoke grant {grant_id}")

    def add_deposit(self, grant_id: GrantId, amount_wei: int) -> Call:
        """Adds to the deposit that pays fees."""
        return self.transaction(
            "addDeposit", grant_id, value=amount_wei, description=f"add to the deposit of grant {grant_id}"
        )

    def reclaim_deposit(self, grant_id: GrantId) -> Call:
        """Credits what no round holds to whoever deposited, once the grant is over."""
        return self.transaction("reclaimDeposit", grant_id, description=f"reclaim the deposit of grant {grant_id}")

    def surrender(self, grant_id: GrantId) -> Call:
        """The delegatee ends its own grant; the free deposit returns."""
        return self.transaction("surrender", grant_id, description=f"surrender grant {grant_id}")

    def complain(
        self,
        grant_id: GrantId,
        committee: Sequence[Member],
        rekey: Rekey,
        slot: Slot,
        node_key: bytes,
        shared_point: bytes,
        proof: Proof,
    ) -> Call:
        """Shows that a slot's fragment is bad: K = N_i^e with its proof of equal logs. Publishes the fragment."""
        return self.transaction(
            "complain",
            grant_id,
            committee,
            rekey,
            slot,
            node_key,
            shared_point,
            proof,
            description=f"complain about slot {slot}'s fragment of grant {grant_id}",
            done_errors=frozenset({"WrongStatus"}),
        )
