"""What the signed votes of a round cost in gas: one ecrecover each, or one BLS aggregate for all of them.

The aggregate, with node keys N = g1^n in G1 and signatures in G2, adds e(sum N, H(m)) * e(g1^-1, S) to the pairing that
is there anyway. The contract does not store the keys but their hashes: either every voter's key comes along and is held
against its hash, or the committee's sum is fixed when it is granted, and the keys of those who did not sign come along.
"""

from __future__ import annotations

from typing import Final

from tpre_offchain.bench.online.gas_floor import OTHER_BYTE, PAIRING_EACH, ZERO_BYTE

ECRECOVER: Final = 3_000
SIGNATURE_CALLDATA: Final = 64 * OTHER_BYTE
LOOP: Final = 805
"""Around each signature, as measured: one vote more costs 4,829 (``snapshots/rounds.json``)."""

MAP_TO_G2: Final = 23_800
G1_ADD: Final = 375
G2_ADD: Final = 600
EXPAND: Final = 3_000
"""expand_message and the reduction of four field elements by MODEXP."""
KEY: Final = 32 * ZERO_BYTE + 96 * OTHER_BYTE + 2_100 + G1_ADD + LOOP
"""A key that comes along: calldata, the cold read of its hash, hashing and adding."""
AGGREGATE: Final = 2 * PAIRING_EACH + 2 * MAP_TO_G2 + G2_ADD + EXPAND + 64 * ZERO_BYTE + 192 * OTHER_BYTE


def ecrecover(size: int) -> int:
    """Gas of a committee's majority, the leader's own vote not counted: it sends the transaction."""
    return (size // 2) * (ECRECOVER + SIGNATURE_CALLDATA + LOOP)


def aggregate_with_keys(size: int) -> int:
    """One aggregate, with each voter's key."""
    return AGGREGATE + (size // 2) * KEY if size > 1 else 0


def aggregate_of_all(size: int) -> int:
    """One aggregate of everybody, against a sum of keys that the grant fixed: the best case."""
    return AGGREGATE if size > 1 else 0


def break_even() -> int:
    """The smallest committee where the best case of an aggregate is cheaper."""
    return next(size for size in range(2, 10_000) if aggregate_of_all(size) < ecrecover(size))
