"""EIP-1559 fees as pure functions: what to offer first, and what to offer to replace a stuck transaction."""

from __future__ import annotations

from dataclasses import dataclass

BASE_FEE_HEADROOM = 2
"""A base fee rises by at most 1/8 a block: twice the present one lasts for five full blocks."""


@dataclass(frozen=True)
class Fees:
    """Wei for one unit of gas."""

    max_fee_wei: int
    tip_wei: int


def first_fees(base_fee_wei: int, tip_wei: int, limit_wei: int) -> Fees:
    """Twice the base fee plus the tip, at most the limit."""
    max_fee = min(limit_wei, BASE_FEE_HEADROOM * base_fee_wei + tip_wei)
    return Fees(max_fee, min(tip_wei, max_fee))


def bumped_fees(previous: Fees, base_fee_wei: int, limit_wei: int) -> Fees | None:
    """At least an eighth more than before in both values (nodes ask for 10%), and what one would offer now.

    None where the limit does not allow it.
    """
    tip = _eighth_more(previous.tip_wei)
    max_fee = max(_eighth_more(previous.max_fee_wei), BASE_FEE_HEADROOM * base_fee_wei + tip)
    if _eighth_more(previous.max_fee_wei) > limit_wei:
        return None
    return Fees(min(max_fee, limit_wei), min(tip, limit_wei))


def outbid_fees(previous: Fees, base_fee_wei: int, limit_wei: int) -> Fees | None:
    """Replaces a transaction that the base fee has priced out.

    None where it is not priced out, or where the limit does not reach the base fee: a replacement would not be mined.
    """
    if previous.max_fee_wei >= base_fee_wei:
        return None
    fees = bumped_fees(previous, base_fee_wei, limit_wei)
    return fees if fees is not None and fees.max_fee_wei >= base_fee_wei else None


def _eighth_more(value: int) -> int:
    return value + value // 8 + 1
