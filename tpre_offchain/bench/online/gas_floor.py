"""What the chain itself charges for a round, whatever the contracts do: transactions, calldata, precompiles.

The floor of a round counts, for as many transactions as the path has, the base cost of each, the calldata of the
values that must be posted (points in EIP-2537 form, proofs) and the calls of EIP-2537. Storage, events and everything
else that a contract needs to be one come on top: the ratio to the floor is what they cost.
"""

from __future__ import annotations

from typing import Final

from tpre_offchain.bench.shapes import Shape

TRANSACTION: Final = 21_000
ZERO_BYTE: Final = 4
OTHER_BYTE: Final = 16
PAIRING_BASE: Final = 37_700
PAIRING_EACH: Final = 32_600
G1_MULTIPLY: Final = 12_000
CALLDATA_TOKEN: Final = 10
"""The least that a token of calldata costs (EIP-7623); a zero byte is one, another byte four."""

_POINT: Final = (32, 96)
"""Zero and other bytes of a point of G1; the top 16 bytes of each coordinate are zero."""
_MASK: Final = (64, 192)
_PROOF: Final = (16, 48)
"""Challenge and response, each in a word."""

# fmt: off
_G1_MSM_DISCOUNTS: Final = (
    1000, 949, 848, 797, 764, 750, 738, 728, 719, 712, 705, 698, 692, 687, 682, 677, 673, 669, 665, 661, 658,
    654, 651, 648, 645, 642, 640, 637, 635, 632, 630, 627, 625, 623, 621, 619, 617, 615, 613, 611, 609, 608,
    606, 604, 603, 601, 599, 598, 596, 595, 593, 592, 591, 589, 588, 586, 585, 584, 582, 581, 580, 579, 577,
    576, 575, 574, 573, 572, 570, 569, 568, 567, 566, 565, 564, 563, 562, 561, 560, 559, 558, 557, 556, 555,
    554, 553, 552, 551, 550, 549, 548, 547, 547, 546, 545, 544, 543, 542, 541, 540, 540, 539, 538, 537, 536,
    536, 535, 534, 533, 532, 532, 531, 530, 529, 528, 528, 527, 526, 525, 525, 524, 523, 522, 522, 521, 520,
    520, 519,
)
# fmt: on


def g1_msm(points: int) -> int:
    """Gas of a multi-scalar multiplication in G1 (EIP-2537)."""
    discount = _G1_MSM_DISCOUNTS[min(points, len(_G1_MSM_DISCOUNTS)) - 1]
    return points * G1_MULTIPLY * discount // 1000


def pairing(pairs: int) -> int:
    """Gas of a pairing check (EIP-2537)."""
    return PAIRING_BASE + pairs * PAIRING_EACH


def submission(shape: Shape) -> int:
    """A proxy's cfrags and their proof."""
    return _transaction((shape.batch * _POINT[0] + _PROOF[0], shape.batch * _POINT[1] + _PROOF[1]), 0)


def proposal(shape: Shape) -> int:
    """V, the capsules and the results, and their check; a single record needs no sums."""
    data = (_MASK[0] + 2 * shape.batch * _POINT[0], _MASK[1] + 2 * shape.batch * _POINT[1])
    sums = 0 if shape.batch == 1 else 2 * g1_msm(shape.batch)
    return _transaction(data, pairing(2) + sums)


def conversion(shape: Shape) -> int:
    """t submissions, the proposal, and the votes besides the leader's."""
    return shape.threshold * submission(shape) + proposal(shape) + (shape.size // 2) * TRANSACTION


def _transaction(data: tuple[int, int], precompiles: int) -> int:
    zeros, others = data
    by_use = zeros * ZERO_BYTE + others * OTHER_BYTE + precompiles
    return TRANSACTION + max(by_use, CALLDATA_TOKEN * (zeros + 4 * others))
