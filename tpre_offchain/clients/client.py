"""What owner, user and device have in common: an account with a session, and its money in the system."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from tpre_offchain.clients.references import GrantRef, grant_id_of
from tpre_offchain.clients.results import Transaction
from tpre_offchain.clients.session import Session
from tpre_offchain.clients.verbs import verb
from tpre_offchain.types import Address

T = TypeVar("T")


class Client:
    """Base of owner, user and device: a session and the ability to run its verbs."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a verb's coroutine to its end."""
        return self.session.run(work)

    @property
    def address(self) -> Address:
        """The account that signs."""
        return self.session.address

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    @verb
    async def credit(self) -> int:
        """What this account may withdraw, in wei: deposits that came back, prices and fees."""
        return await self.session.contracts.treasury.credit_of(self.address)

    @verb
    async def withdraw_credit(self, to: str | None = None) -> Transaction:
        """Have the whole credit paid to an account, this one if none is given. Raises ``ContractRevert``
        (NothingToWithdraw).
        """
        call = self.session.contracts.treasury.withdraw(Address(to or self.address))
        return Transaction.of(await self.session.outbox.send(call))

    @verb
    async def reclaim_deposit(self, grant: GrantRef) -> Transaction:
        """Have what is left of a grant that is over credited to whoever paid for it; anyone may do it.

        Raises ``ContractRevert`` (GrantStillLive, NothingToReclaim).
        """
        call = self.session.contracts.grants.reclaim_deposit(grant_id_of(grant))
        return Transaction.of(await self.session.outbox.send(call))
