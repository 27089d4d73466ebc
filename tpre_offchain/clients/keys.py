"""An account's keys: 32 bytes of entropy, the 24 words that spell them, and all that is derived from them.

The Ethereum key is BIP-44's first account of the words, m/44'/60'/0'/0/0, so any wallet can import it. Delegating and
receiving scalars come from the entropy (SPEC §3); the node keys of a proxy come from nothing and are kept beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mnemonic import Mnemonic

from tpre_offchain.crypto.hashing import Random
from tpre_offchain.crypto.keys import Identity, ProxyKey
from tpre_offchain.errors import KeystoreError
from tpre_offchain.types import Address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

ENTROPY_BYTES: Final = 32
WORD_COUNT: Final = 24
ACCOUNT_PATH: Final = "m/44'/60'/0'/0/0"


class InvalidMnemonic(KeystoreError):
    """The words are not 24 of the BIP-39 list with a right checksum. The message never repeats them.

    ``unknown_positions``: places, from 1, of the words that are not in the list.
    """

    default_hint = "check spelling and order; every word is one of the 2,048 English BIP-39 words"

    unknown_positions: tuple[int, ...]

    def __init__(self, message: str, unknown_positions: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.unknown_positions = unknown_positions


@dataclass(frozen=True)
class Keys:
    """The keys of one account. Nothing secret is shown by ``repr``.

    ``entropy``: 32 bytes, secret. Raises ``KeystoreError`` for another length.
    """

    entropy: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.entropy) != ENTROPY_BYTES:
            raise KeystoreError(f"{len(self.entropy)} bytes of entropy instead of {ENTROPY_BYTES}")

    @classmethod
    def generate(cls, random: Random) -> Keys:
        """Fresh keys from 32 bytes of ``random``, a cryptographic source such as ``secrets.token_bytes``."""
        return cls(random(ENTROPY_BYTES))

    @classmethod
    def from_words(cls, words: str) -> Keys:
        """The keys that 24 English BIP-39 words spell; case and spacing do not matter. Raises ``InvalidMnemonic``."""
        given = words.lower().split()
        language = Mnemonic("english")
        unknown = tuple(i for i, word in enumerate(given, 1) if word not in language.wordlist)
        if unknown:
            places = ", ".join(map(str, unknown))
            raise InvalidMnemonic(f"not in the word list: word number {places}", unknown)
        if len(given) != WORD_COUNT:
            raise InvalidMnemonic(f"{len(given)} words instead of {WORD_COUNT}")
        if not language.check(" ".join(given)):
            raise InvalidMnemonic("the checksum of the words does not hold: one is wrong or two are swapped")
        return cls(bytes(language.to_entropy(given)))

    def to_words(self) -> str:
        """The 24 words, separated by spaces. Secret: whoever has them has the account."""
        return str(Mnemonic("english").to_mnemonic(self.entropy))

    @cached_property
    def account(self) -> LocalAccount:
        """The Ethereum account that signs transactions and metadata."""
        from eth_account import Account
        from eth_account.hdaccount import key_from_seed

        key: LocalAccount = Account.from_key(key_from_seed(Mnemonic.to_seed(self.to_words()), ACCOUNT_PATH))
        return key

    @property
    def address(self) -> Address:
        """The account's address, checksummed."""
        return Address(self.account.address)

    @cached_property
    def identity(self) -> Identity:
        """Delegating and receiving keys of the scheme."""
        return Identity.from_seed(self.entropy)


@dataclass(frozen=True, order=True, slots=True)
class Registry:
    """Where versions of a node key are counted: a chain and the address of its ProxyRegistry, in lower case."""

    chain_id: int
    address: str

    @classmethod
    def at(cls, chain_id: int, address: str) -> Registry:
        """That of an address in any case."""
        return cls(chain_id, address.lower())


@dataclass(frozen=True, slots=True)
class NodeKey:
    """A version of a proxy's key, as its keystore keeps it (SCHEME §14). ``repr`` shows no scalar."""

    registry: Registry
    key: ProxyKey

    @property
    def place(self) -> tuple[Registry, int]:
        """Which it is: the registry and the version there."""
        return self.registry, self.key.version
