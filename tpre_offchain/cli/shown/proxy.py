"""What `tpre proxy` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tpre_offchain.cli import text
from tpre_offchain.cli.reply import Reply

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.call import Receipt
    from tpre_offchain.cli.proxying import Standing

_STAYS: Final = 2**40 - 1


def joined(address: str, bond_wei: int, receipt: Receipt | None) -> Reply:
    """In the pool, by this call or before it."""
    if receipt is None:
        return Reply({"ok": True, "address": address, "joined": False}, [f"{address} is in the pool already"])
    data = {"ok": True, "address": address, "joined": True, "bond_wei": bond_wei, **_transaction(receipt)}
    return Reply(
        data,
        [
            f"{address} joined with a bond of {text.ether(bond_wei)}, active from the next block",
            _line(receipt),
            "serve with: tpre proxy run",
        ],
    )


def left(found: Standing, receipt: Receipt | None) -> Reply:
    """On the way out."""
    exit_block = None if found.info is None else found.info.exit_block
    data = {"ok": True, "address": found.address, "exit_block": exit_block}
    lines = [f"{found.address} leaves the pool from block {exit_block}; keep serving until its grants have expired"]
    if receipt is None:
        return Reply(data, lines)
    return Reply({**data, **_transaction(receipt)}, [*lines, _line(receipt)])


def rotated(address: str, version: int, receipt: Receipt) -> Reply:
    """A new version of the node key."""
    data = {"ok": True, "address": address, "key_version": version, **_transaction(receipt)}
    what = f"{address} has version {version} of its node key; older versions serve the grants that name them"
    return Reply(data, [what, _line(receipt)])


def credit(address: str, credit_wei: int, paid: Receipt | None) -> Reply:
    """What the proxy may withdraw, or what it was paid."""
    data: dict[str, object] = {"ok": True, "address": address, "credit_wei": credit_wei, "withdrawn": paid is not None}
    if paid is None:
        return Reply(data, [f"{address} may withdraw {text.ether(credit_wei)}"])
    return Reply({**data, **_transaction(paid)}, [f"{text.ether(credit_wei)} are paid to {address}", _line(paid)])


def status(found: Standing) -> Reply:
    """How a proxy stands."""
    data: dict[str, object] = {
        "ok": True,
        "address": found.address,
        "active": found.active,
        "member": found.info is not None,
        "credit_wei": found.credit_wei,
        "balance_wei": found.balance_wei,
    }
    lines = [f"proxy    {found.address}"]
    if found.info is None:
        return Reply(data, [*lines, "state    never joined"])
    info = found.info
    leaving = info.exit_block != _STAYS
    data |= {
        "bond_wei": info.bond,
        "key_version": info.key_version,
        "served": info.served,
        "missed": info.missed,
        "activation_block": info.activation_block,
        "exit_block": info.exit_block if leaving else None,
    }
    state = "active" if found.active else ("left" if leaving else "active from the next block")
    return Reply(
        data,
        [
            *lines,
            f"state    {state}" + (f", out from block {info.exit_block}" if leaving else ""),
            f"bond     {text.ether(info.bond)}",
            f"rounds   {info.served} served, {info.missed} missed",
            f"money    {text.ether(found.credit_wei)} to withdraw, {text.ether(found.balance_wei)} in the account",
        ],
    )


def _transaction(receipt: Receipt) -> dict[str, object]:
    return {"transaction": "0x" + receipt.tx_hash.hex(), "gas": receipt.gas_used}


def _line(receipt: Receipt) -> str:
    return f"transaction 0x{receipt.tx_hash.hex()}, {receipt.gas_used:,} gas"
