"""Base of the contract classes: views that are asked, transactions that become a ``Call`` for the outbox."""

from __future__ import annotations

from typing import Any, ClassVar

from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.abi.codec import ContractAbi, load_abi
from tpre_offchain.chain.abi.structs import Phase
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import Address


class Contract:
    """One deployed contract. A subclass names it and gives each function a typed method."""

    NAME: ClassVar[str]

    address: Address
    connection: Connection
    abi: ContractAbi

    def __init__(self, connection: Connection, address: Address) -> None:
        self.connection = connection
        self.address = address
        self.abi = load_abi(self.NAME)

    def __repr__(self) -> str:
        return f"{self.NAME}({self.address})"

    async def view(self, function: str, *arguments: Any, block: int | str = "latest") -> Any:
        """The result of a view at a block.

        Raises ``ContractRevert``, ``BadArgument``, ``UndecodableData``, ``EmptyAnswer`` (retryable).
        """
        entry = self.abi.functions[function]
        call = Call(self.address, entry.encode(*arguments), description=function, contract=self.NAME)
        return entry.decode_result(await self.connection.call(call, block=block))

    def transaction(
        self,
        function: str,
        *arguments: Any,
        description: str,
        value: int = 0,
        gas_hint: int | None = None,
        done_errors: frozenset[str] = frozenset(),
        done_phases: frozenset[Phase] = frozenset(),
    ) -> Call:
        """The call of a function that changes state. Raises ``BadArgument``."""
        return Call(
            to=self.address,
            data=self.abi.functions[function].encode(*arguments),
            value=value,
            gas_hint=gas_hint,
            description=description,
            contract=self.NAME,
            done_errors=done_errors,
            done_phases=done_phases,
        )
