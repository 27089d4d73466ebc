"""Why a transaction did not go out or did not come through; a contract's refusal is ``reverts.ContractRevert``."""

from __future__ import annotations

import re
from enum import Enum

from tpre_offchain.errors import ChainError
from tpre_offchain.types import Address


class InsufficientFunds(ChainError):
    """The account cannot pay for a transaction. ``needed_wei`` and ``has_wei`` include value and worst-case gas."""

    address: Address
    needed_wei: int
    has_wei: int

    def __init__(self, address: Address, needed_wei: int, has_wei: int) -> None:
        super().__init__(
            f"{address} has {has_wei / 1e18:.6f} ETH, the transaction may cost {needed_wei / 1e18:.6f} ETH",
            culprit=address,
            hint=f"send at least {max(0, needed_wei - has_wei) / 1e18:.6f} ETH to {address}",
        )
        self.address = address
        self.needed_wei = needed_wei
        self.has_wei = has_wei


class StuckTransaction(ChainError):
    """A transaction is not mined although its fee was raised as far as allowed. It may still be mined later."""

    default_retryable = True
    default_hint = "the network is congested or does not produce blocks; raise the fee limit or wait"

    nonce: int
    tx_hashes: tuple[bytes, ...]

    def __init__(self, description: str, nonce: int, tx_hashes: tuple[bytes, ...]) -> None:
        super().__init__(f"{description}: nonce {nonce} is not mined after {len(tx_hashes)} attempts")
        self.nonce = nonce
        self.tx_hashes = tx_hashes


class SpendCapReached(ChainError):
    """The transaction could bring the gas fees of the last 24 hours above the cap. Nothing was sent."""

    default_retryable = True
    default_hint = "raise the spend cap, or wait: fees count for 24 hours"

    spent_wei: int
    wanted_wei: int
    cap_wei: int

    def __init__(self, spent_wei: int, wanted_wei: int, cap_wei: int) -> None:
        super().__init__(f"fees of {spent_wei} wei in 24 hours, up to {wanted_wei} more would pass {cap_wei} wei")
        self.spent_wei = spent_wei
        self.wanted_wei = wanted_wei
        self.cap_wei = cap_wei


class NonceConflict(ChainError):
    """Another transaction of the same account took the nonce, so ours can never be mined."""

    default_retryable = True
    default_hint = "another program signs for this account; give each program an account of its own"

    nonce: int

    def __init__(self, description: str, nonce: int) -> None:
        super().__init__(f"{description}: nonce {nonce} was used by another transaction")
        self.nonce = nonce


class Refusal(Enum):
    """What a node means by refusing a transaction."""

    KNOWN = "already in the node's pool"
    NONCE_LOW = "nonce used"
    NONCE_HIGH = "nonce ahead of the account's"
    REPLACEMENT_CHEAP = "another transaction of this nonce pays as much"
    FEE_LOW = "fee below the base fee"
    FUNDS = "the account is too poor"
    WAITING = "accepted, not mined within the node's time"
    OTHER = "anything else"


# the clients' words differ; these are those of geth, anvil, hardhat, Nethermind, Besu, Reth and Erigon
_WORDS: tuple[tuple[Refusal, str], ...] = (
    (Refusal.KNOWN, r"already known|already imported|known transaction|alreadyknown|already exists"),
    (Refusal.REPLACEMENT_CHEAP, r"replacement"),
    (Refusal.NONCE_LOW, r"nonce (is )?too low|oldnonce|nonce.{0,20}already (used|mined)|invalid nonce; got"),
    (Refusal.NONCE_HIGH, r"nonce (is )?too (high|distant|far)|nonce gap"),
    (Refusal.FUNDS, r"insufficient (funds|balance)|enough funds|upfront cost"),
    (Refusal.FEE_LOW, r"less than block base fee|too low for the next block|underpriced|fee ?cap|fee too low"),
    (
        Refusal.WAITING,
        r"(was|transaction).{0,60}(added to the mempool|not (yet )?(mined|processed|confirmed))|timed? ?out",
    ),
)


def classify_refusal(message: str) -> Refusal:
    """What the node's message for a refused transaction means."""
    for refusal, words in _WORDS:
        if re.search(words, message, re.IGNORECASE):
            return refusal
    return Refusal.OTHER
