"""The outbox's disk is full for a while: nothing is sent that was not written down, and no nonce is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.nets.local_nodes import LocalNode, funded_account
from tpre_offchain.chain.abi.call import Call
from tpre_offchain.chain.outbox.outbox import Outbox
from tpre_offchain.chain.rpc.connection import Connection
from tpre_offchain.types import Address
from tpre_offchain.unfinished import StateUnwritable

pytestmark = pytest.mark.anvil

LONG = Call(Address("0x" + "11" * 20), bytes(20_000), gas_hint=1_000_000, description="more than a page of data")


async def test_send__no_room_to_write_it_down__raises_and_the_next_has_its_nonce(
    own_anvil: Callable[..., LocalNode], tmp_path: Path
) -> None:
    node = own_anvil()
    async with (
        await Connection.open([node.url]) as connection,
        await Outbox.open(connection, funded_account(1), tmp_path / "outbox.sqlite") as outbox,
    ):
        database = outbox._store._db
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count={pages}")
        for _ in range(2):
            with pytest.raises(StateUnwritable):
                await outbox.send(LONG)
        assert await connection.nonce(outbox.address, "pending") == 0
        database.execute("PRAGMA max_page_count=100000")
        assert (await outbox.send(LONG)).status
        assert await connection.nonce(outbox.address) == 1
