"""Every hash of the scheme, each under its own tag (SPEC §2): nothing else in the project hashes for the protocol.

What a contract recomputes is ``keccak256(keccak256(tag) || fields)`` with fields of fixed length: 32-byte words, points
in EIP-2537 form, 32-byte hashes. The rest is HKDF-SHA256 with the tag as salt. A function is named after its tag.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tpre_offchain.crypto.curve import G1, G2, GT, R, encode_scalar
from tpre_offchain.errors import CryptoError, NonCanonical
from tpre_offchain.types import GrantId, Label, RecordId, RoundId, Slot

try:
    import sha3 as _sha3  # eight times as fast where short strings are hashed, as here
except ImportError:
    _sha3 = None
    from eth_hash.auto import keccak

Random = Callable[[int], bytes]
"""A source of randomness: n -> n random bytes, such as ``secrets.token_bytes``."""

HASH_BYTES: Final = 32
CHALLENGE_BYTES: Final = 16
REDUCED_BYTES: Final = 48

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_LOW_128: Final = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Domain:
    """The chain and the contracts that every transcript is bound to. Addresses are ``0x`` and 40 hex digits."""

    chain_id: int
    key_registry: str
    proxy_registry: str
    record_registry: str
    grant_registry: str
    rounds: str


# --- building blocks ------------------------------------------------------------------------------


if _sha3 is not None:

    def keccak256(data: bytes) -> bytes:
        """The Ethereum hash, 32 bytes."""
        digest: bytes = _sha3.keccak_256(data).digest()
        return digest

else:

    def keccak256(data: bytes) -> bytes:
        """The Ethereum hash, 32 bytes."""
        return bytes(keccak(data))


def word(number: int) -> bytes:
    """An unsigned integer as the EVM stores it, 32 bytes. Raises ``CryptoError`` if it does not fit."""
    if not 0 <= number < 1 << 256:
        raise CryptoError("a number does not fit into a word of 32 bytes")
    return number.to_bytes(32, "big")


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an account's address. Raises ``NonCanonical`` for anything but ``0x`` and 40 hex digits."""
    if not _ADDRESS.fullmatch(address):
        raise NonCanonical("not 0x and 40 hexadecimal digits", what="address")
    return bytes.fromhex(address[2:])


def address_word(address: str) -> bytes:
    """An address as ``abi.encode`` pads it, 32 bytes."""
    return bytes(12) + address_bytes(address)


def hash_fields(tag: str, *fields: bytes) -> bytes:
    """H of SPEC §2: keccak256(keccak256(tag) || fields), 32 bytes."""
    return keccak256(_tag_hash(tag) + b"".join(fields))


def hash_128(tag: str, *fields: bytes) -> int:
    """The low 128 bits of ``hash_fields`` as an integer."""
    return int.from_bytes(hash_fields(tag, *fields), "big") & _LOW_128


def points_hash(points: Iterable[G1 | G2]) -> bytes:
    """keccak256 of points in EIP-2537 form, one after the other."""
    return keccak256(b"".join(point.to_evm() for point in points))


def words_hash(numbers: Iterable[int]) -> bytes:
    """keccak256 of words, one after the other."""
    return keccak256(b"".join(word(number) for number in numbers))


def hkdf(ikm: bytes, tag: str, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 with the tag as salt."""
    return HKDF(algorithm=SHA256(), length=length, salt=tag.encode("ascii"), info=info).derive(ikm)


def reduce(data: bytes) -> int:
    """A scalar in [1, r-1] from 48 uniform bytes (SPEC §2): off uniform by less than 2^-128."""
    return 1 + int.from_bytes(data, "big") % (R - 1)


def hkdf_scalar(ikm: bytes, tag: str, info: bytes) -> int:
    """A scalar in [1, r-1] from 48 bytes of HKDF."""
    return reduce(hkdf(ikm, tag, info, REDUCED_BYTES))


def draw(random: Random, size: int) -> bytes:
    """``size`` bytes from the source. Raises ``CryptoError`` if it gives another number of them."""
    data = random(size)
    if len(data) != size:
        raise CryptoError(f"the random source returned {len(data)} bytes instead of {size}")
    return data


@lru_cache
def _tag_hash(tag: str) -> bytes:
    return keccak256(tag.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a proof's challenge is drawn from, save the proof's own commitments (SPEC §2)."""

    tag: str
    fields: tuple[bytes, ...]

    def challenge(self, *commitments: G1 | G2) -> int:
        """The 128-bit challenge for these commitments T."""
        return hash_128(self.tag, *self.fields, *(point.to_evm() for point in commitments))

    def nonce(self, secret: int, random: Random) -> int:
        """A secret nonce in [1, r-1] from the secret, the transcript and 32 fresh bytes together.

        A source that repeats itself gives the same nonce for the same transcript only, which leaks nothing.
        """
        bound = _tag_hash(self.tag) + b"".join(self.fields)
        return hkdf_scalar(encode_scalar(secret) + draw(random, 32), "TPRE-V1/nonce", bound)


# --- keys and labels (SPEC §3) --------------------------------------------------------------------


def identity_scalar(seed: bytes, role: str, version: int) -> int:
    """The secret scalar of one role and version of an identity."""
    return hkdf_scalar(seed, "TPRE-V1/keys", role.encode("ascii") + version.to_bytes(4, "big"))


def publisher_secret(seed: bytes) -> bytes:
    """The 32 bytes that hedge the randomness of an identity's capsules."""
    return hkdf(seed, "TPRE-V1/keys", b"publisher", 32)


def key_proof(chain_id: int, registry: str, account: str, role: int, version: int, key: G1 | G2) -> Transcript:
    """Of the proof of knowledge with which a key is registered."""
    place = (word(chain_id), address_word(registry), address_word(account), word(role), word(version))
    return Transcript("TPRE-V1/key-proof", (*place, key.to_evm()))


def label(domain: Domain, owner: str, key_version: int, stream_id: int, epoch: int) -> Label:
    """The label of one epoch of a stream under one version of its owner's key, 32 bytes."""
    registry = address_word(domain.record_registry)
    rest = (address_word(owner), word(key_version), word(stream_id), word(epoch))
    return Label(hash_fields("TPRE-V1/label", word(domain.chain_id), registry, *rest))


def label_scalar(label: Label) -> int:
    """h of SCHEME §2. The one keccak256 whose tag is not hashed first."""
    return int.from_bytes(keccak256(b"TPRE-V1/label-scalar" + label), "big") % R


# --- capsules and metadata (SPEC §4-§6) -----------------------------------------------------------


def sigma(entropy: bytes, publisher_secret: bytes, message: bytes, context: bytes) -> bytes:
    """The seed of one capsule, 32 bytes: unlike for unlike messages even if ``entropy`` repeats."""
    ikm = entropy + publisher_secret + hashlib.sha256(message).digest()
    return hkdf(ikm, "TPRE-V1/sigma", context, 32)


def capsule_scalar(sigma: bytes, label_key: G1, context: bytes) -> int:
    """k of SCHEME §3, in [1, r-1]."""
    return hkdf_scalar(sigma, "TPRE-V1/k", label_key.to_bytes() + context)


def sigma_mask(shared: GT, c1: G1, label_key: G1, context: bytes) -> bytes:
    """What c2 hides sigma with, 32 bytes, from K = Z^k."""
    info = c1.to_bytes() + label_key.to_bytes() + context
    return hkdf(shared.to_bytes(), "TPRE-V1/c2", info, 32)


def metadata_key(sigma: bytes, context: bytes) -> bytes:
    """The AES-256 key of c3."""
    return hkdf(sigma, "TPRE-V1/dem", context, 32)


def capsule_proof(label: Label, record_id: RecordId, label_key: G1, c1: G1, c2: bytes, c3_hash: bytes) -> Transcript:
    """Of the proof of knowledge of k; ``c3_hash`` is keccak256(c3)."""
    fields = (label, word(record_id), label_key.to_evm(), c1.to_evm(), c2, c3_hash)
    return Transcript("TPRE-V1/capsule-proof", fields)


def metadata_signature(label: Label, record_id: RecordId, unsigned: bytes) -> bytes:
    """The 32 bytes that the publisher's Ethereum key signs; ``unsigned`` is M without its signature."""
    return hash_fields("TPRE-V1/metadata-signature", label, word(record_id), keccak256(unsigned))


def seal_hash(c2: bytes, c3_hash: bytes, challenge: int, response: int, cid_hash: bytes, tags_hash: bytes) -> bytes:
    """Of everything that a record holds beside its c1."""
    return keccak256(c2 + c3_hash + word(challenge) + word(response) + cid_hash + tags_hash)


def record_hash(label: Label, c1: G1, seal_hash: bytes) -> bytes:
    """What the record registry stores of a record."""
    return keccak256(label + points_hash([c1]) + seal_hash)


# --- grants (SPEC §7) -----------------------------------------------------------------------------


def grant_context(domain: Domain, terms: Sequence[bytes], masks: tuple[G2, G2], commitments: Sequence[G1]) -> bytes:
    """ctx of SPEC §7. ``terms``: the words from the grant id to the label; ``masks``: U and V."""
    where = (word(domain.chain_id), address_word(domain.grant_registry))
    points = (points_hash(masks), points_hash(commitments))
    return hash_fields("TPRE-V1/grant-context", *where, *terms, *points)


def pads_hash(pads: Sequence[bytes]) -> bytes:
    """keccak256 of a re-key's encrypted fragments, one after the other."""
    return keccak256(b"".join(pads))


def grant_proof(context: bytes, label_key: G1, ephemeral: G1, pads: Sequence[bytes]) -> Transcript:
    """Of the proof of knowledge of e for R = g1^e, which binds all of the re-key: U, V and C_j through ctx."""
    return Transcript("TPRE-V1/grant-proof", (context, label_key.to_evm(), ephemeral.to_evm(), pads_hash(pads)))


def pad(context: bytes, label: Label, slot: Slot, shared: G1) -> bytes:
    """What hides the fragment of a slot, 32 bytes, from N_i^e."""
    return hash_fields("TPRE-V1/pad", context, label, word(slot), shared.to_evm())


def grant_check_scalar(context: bytes, ephemeral: G1, pads: Sequence[bytes]) -> int:
    """rho that joins the two equations of a grant's check. It binds the whole grant, V included, through ctx."""
    return hash_128("TPRE-V1/grant-check", context, ephemeral.to_evm(), pads_hash(pads))


def rekey_tail(masked_key: G2, ephemeral: G1, pads: Sequence[bytes], key_versions: tuple[int, int]) -> bytes:
    """The part of a re-key's hash that no round needs; versions of the delegator's and the delegatee's key."""
    points = points_hash([masked_key]) + points_hash([ephemeral])
    return keccak256(points + pads_hash(pads) + word(key_versions[0]) + word(key_versions[1]))


def rekey_rest(label_key: G1, commitments: Sequence[G1], tail: bytes) -> bytes:
    """The part of a re-key's hash that a challenge needs."""
    return keccak256(points_hash([label_key]) + points_hash(commitments) + tail)


def rekey_hash(mask_hash: bytes, rest: bytes) -> bytes:
    """What the grant registry stores of a re-key."""
    return keccak256(mask_hash + rest)


def complaint_proof(
    domain: Domain, grant_id: GrantId, label: Label, slot: Slot, points: tuple[G1, G1, G1]
) -> Transcript:
    """Of a complaint's proof of equal logarithms; ``points`` are N_i, R, K."""
    where = (word(domain.chain_id), address_word(domain.grant_registry), word(grant_id))
    return Transcript("TPRE-V1/complaint-proof", (*where, label, word(slot), *(point.to_evm() for point in points)))


def draw_input(domain: Domain, grant_id: GrantId, block_hash: bytes) -> bytes:
    """x of SCHEME §13, 32 bytes: what the owner's gamma is made for. ``block_hash``: of the request's own block."""
    where = (word(domain.chain_id), address_word(domain.grant_registry), word(grant_id))
    return hash_fields("TPRE-V1/draw-input", *where, block_hash)


def draw_proof(x: bytes, points: tuple[G1, G1, G1]) -> Transcript:
    """Of a draw's proof of equal logarithms; ``points`` are A, P, gamma."""
    return Transcript("TPRE-V1/draw-proof", (x, *(point.to_evm() for point in points)))


def draw_seed(x: bytes, gamma: G1) -> bytes:
    """The seed of a committee's draw."""
    return hash_fields("TPRE-V1/draw", x, gamma.to_evm())


def draw_step(seed: bytes, step: int) -> int:
    """The number that step ``step`` of the draw takes modulo the places left."""
    return int.from_bytes(hash_fields("TPRE-V1/draw-step", seed, word(step)), "big")


# --- rounds (SPEC §9) -----------------------------------------------------------------------------


def round_data_hash(label: Label, mask_hash: bytes, rest: bytes, capsules_hash: bytes, record_ids_hash: bytes) -> bytes:
    """Of what RoundOpened fixed."""
    return keccak256(label + mask_hash + rest + capsules_hash + record_ids_hash)


def round_key(committee_hash: bytes, data_hash: bytes) -> bytes:
    """What ConversionRounds stores of a round's data; the first value of its chain of submissions."""
    return keccak256(committee_hash + data_hash)


def rank(round_id: RoundId, slot: Slot) -> int:
    """A slot's place in the order of a round: the lower goes first."""
    return int.from_bytes(words_hash([round_id, slot]), "big")


def cfrag_seed(
    domain: Domain, round_id: RoundId, proxy: str, keys: tuple[G1, G1], capsules: Sequence[G1], cfrags: Sequence[G1]
) -> bytes:
    """The transcript of one proxy's batch; ``keys`` are A_L and Y_i."""
    where = (word(domain.chain_id), address_word(domain.rounds), word(round_id), address_word(proxy))
    points = (keys[0].to_evm(), keys[1].to_evm(), points_hash(capsules), points_hash(cfrags))
    return hash_fields("TPRE-V1/cfrag-seed", *where, *points)


def cfrag_scalars(seed: bytes, count: int) -> list[int]:
    """rho_j that join the capsules of a batch."""
    return [hash_128("TPRE-V1/cfrag-rho", seed, word(j)) for j in range(count)]


def cfrag_proof(seed: bytes) -> Transcript:
    """Of a batch's proof of equal logarithms."""
    return Transcript("TPRE-V1/cfrag-proof", (seed,))


def submission_link(slot: Slot, excluded: int, cfrags: Sequence[G1 | bytes], challenge: int, response: int) -> bytes:
    """Of one submission, as the round's chain of submissions takes it.

    ``cfrags``: points, or the 128 bytes that were posted for one; the contract does not look at them then.
    """
    posted = b"".join(cfrag if isinstance(cfrag, bytes) else cfrag.to_evm() for cfrag in cfrags)
    return keccak256(word(slot) + word(excluded) + keccak256(posted) + word(challenge) + word(response))


def submissions_after(chain: bytes, link: bytes) -> bytes:
    """The chain of submissions with one more link."""
    return keccak256(chain + link)


def result_seed(
    domain: Domain, round_id: RoundId, mask_hash: bytes, capsules: Sequence[G1], results: Sequence[G1]
) -> bytes:
    """The transcript of a result's check."""
    where = (word(domain.chain_id), address_word(domain.rounds), word(round_id))
    return hash_fields("TPRE-V1/result-seed", *where, mask_hash, points_hash(capsules), points_hash(results))


def result_scalars(seed: bytes, count: int) -> list[int]:
    """rho_j that join the results of a batch; a batch of one needs none."""
    if count == 1:
        return [1]
    return [hash_128("TPRE-V1/result-rho", seed, word(j)) for j in range(count)]


def result_hash(round_id: RoundId, contributors: int, excluded: int, results: Sequence[G1]) -> bytes:
    """What is voted on; ``contributors`` and ``excluded`` are bitmaps."""
    return keccak256(word(round_id) + word(contributors) + word(excluded) + points_hash(results))


def proposal_hash(key: bytes, voted: bytes) -> bytes:
    """What a round keeps of its live or final proposal; ``key``: the round's, ``voted``: the result hash (SPEC §9)."""
    return keccak256(key + voted)
