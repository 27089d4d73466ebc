"""What `tpre proxy` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tpre_offchain.cli import text
from tpre_offchain.cli.reply import Reply

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.call import Receipt
    from tpre_offchain.chain.contracts.key_standing import KeyStanding
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
            "back up the keystore file: its 24 words do not bring the node key back",
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


def rotated(address: str, version: int, receipt: Receipt | None, found: Standing) -> Reply:
    """A new version of the node key. ``receipt``: None if an earlier run had sent it."""
    data = {"ok": True, "address": address, "key_version": version, "key_versions": [_key(one) for one in found.keys]}
    lines = [f"{address} has version {version} of its node key; older versions serve the grants that name them"]
    if receipt is not None:
        data |= _transaction(receipt)
        lines.append(_line(receipt))
    return Reply(data, [*lines, *map(_key_line, found.keys), "back up the keystore file; throw older backups away"])


def credit(address: str, credit_wei: int, paid: Receipt | None) -> Reply:
    """What the proxy may withdraw, or what it was paid."""
    data: dict[str, object] = {"ok": True, "address": address, "credit_wei": credit_wei, "withdrawn": paid is not None}
    if paid is None:
        return Reply(data, [f"{address} may withdraw {text.ether(credit_wei)}"])
    return Reply({**data, **_transaction(paid)}, [f"{text.ether(credit_wei)} are paid to {address}", _line(paid)])


def status(found: Standing, rotate_days: int) -> Reply:
    """How a proxy stands. ``rotate_days``: after how many a node key is to be rotated."""
    data: dict[str, object] = {
        "ok": True,
        "address": found.address,
        "active": found.active,
        "member": found.info is not None,
        "credit_wei": found.credit_wei,
        "balance_wei": found.balance_wei,
        "key_versions": [_key(one) for one in found.keys],
        "rotation_due": any(one.is_due(found.time_s, rotate_days) for one in found.keys),
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
            *map(_key_line, found.keys),
            *_to_do(found, rotate_days),
        ],
    )


def _key(one: KeyStanding) -> dict[str, object]:
    return {
        "version": one.version,
        "state": one.state.value,
        "current": one.is_current,
        "since": one.since_s,
        "retired": one.retired_s,
        "live_grants": one.live_grants,
        "kept_until": one.kept_until_s,
    }


def _key_line(one: KeyStanding) -> str:
    since = "not registered" if one.since_s is None else f"since {text.moment(one.since_s)}"
    if one.is_current:
        until = "the current one"
    elif one.kept_until_s is None:
        until = ""
    else:
        until = "over" if one.over else f"kept until {text.moment(one.kept_until_s)}"
    facts = [one.state.value, since, f"named by {one.live_grants} live grants", until]
    return f"key {one.version:<4} " + ", ".join(fact for fact in facts if fact)


def _to_do(found: Standing, rotate_days: int) -> list[str]:
    """What the operator should do about the node keys."""
    from tpre_offchain.chain.contracts.key_standing import KeyState

    lines = []
    for one in found.keys:
        if one.state in (KeyState.MISSING, KeyState.OTHER):
            remedy = "put back a backup of the keystore file" + (", or: tpre proxy rotate" if one.is_current else "")
            lines.append(f"version {one.version} is not held: missing in the grants that name it; {remedy}")
        if one.is_due(found.time_s, rotate_days):
            lines.append(f"version {one.version} is older than {rotate_days} days: tpre proxy rotate")
    return lines


def _transaction(receipt: Receipt) -> dict[str, object]:
    return {"transaction": "0x" + receipt.tx_hash.hex(), "gas": receipt.gas_used}


def _line(receipt: Receipt) -> str:
    return f"transaction 0x{receipt.tx_hash.hex()}, {receipt.gas_used:,} gas"
