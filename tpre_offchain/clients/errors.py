"""What can go wrong for an owner, a user or a device; each error says what to do about it.

Errors of the layers below pass through as they are: ``WrongResult`` and ``DecryptionFailed`` of the crypto,
``BlobNotFound`` and ``StoreFull`` of the store, ``EndpointDown`` and ``ContractRevert`` of the chain.
"""

from __future__ import annotations

from collections.abc import Sequence

from tpre_offchain.errors import KeystoreError, ProtocolError, StorageError, VerificationError
from tpre_offchain.types import Address, GrantId, RecordId, RoundId, StreamId

# --- access: what the contracts refused -----------------------------------------------------------


class AccessRefused(ProtocolError):
    """The contract refused a step of a grant. ``__cause__`` is its revert, ``revert`` that error's name."""

    revert: str = ""


class NoGrant(AccessRefused):
    """There is no such grant, it was not given yet, or it does not cover what was asked."""

    default_hint = "ask the owner for access with `tpre user request`, and wait for the grant"


class NotYourGrant(AccessRefused):
    """The grant is between others."""

    default_hint = "sign with the account that asked for access"


class NotPayer(NotYourGrant):
    """Rounds are opened by whoever pays for them alone: the user on a request, the owner on an offer."""

    default_hint = "on a request the user opens rounds, on an offer the owner"


class GrantRevoked(AccessRefused):
    """The owner ended the grant, or denied it; its user surrendered it; or a bad fragment made it void."""

    default_hint = "ask the owner for access again; what was converted before stays readable"


class GrantExpired(AccessRefused):
    """The grant's time is over."""

    default_hint = "ask for access again"


class QuotaUsedUp(AccessRefused):
    """The grant has fewer conversions left than were asked."""

    default_hint = "ask for access again, or for fewer records"


class DepositUsedUp(AccessRefused):
    """The grant's deposit does not pay the proxies for this round."""

    default_hint = "add to the deposit: user.add_deposit(grant, amount_wei)"


class NotRefused(ProtocolError):
    """A step that the contract had to refuse was let pass."""


# --- things that are not there --------------------------------------------------------------------


class RecordUnknown(ProtocolError):
    """The chain has no such record."""

    default_hint = "list the records with `tpre user catalog`"

    def __init__(self, record_id: RecordId) -> None:
        super().__init__(f"there is no record {record_id:#x}")
        self.record_id = record_id


class StreamUnknown(ProtocolError):
    """There is no such stream, or none of that name by this owner."""

    default_hint = "list the streams with `tpre user catalog`"


class HistoryMissing(ProtocolError):
    """The node lacks an event that the contracts say exists, or gave another in its place; nothing was taken from it.

    Nodes prune history; a contract's stored hash tells whether a copy from elsewhere is the true one.
    """

    default_retryable = True
    default_hint = "ask a node that keeps the logs since the deployment's block"


class ProxyKeyMissing(HistoryMissing):
    """The node key of a committee member cannot be read from the chain's history."""


# --- rounds ---------------------------------------------------------------------------------------


class RoundExpired(ProtocolError):
    """Too few proxies answered before the round's deadline. ``missing``: committee members that posted nothing."""

    default_retryable = True
    default_hint = "open another round; the deposit of this one returns once somebody closes it"

    def __init__(self, round_id: RoundId, missing: Sequence[Address]) -> None:
        super().__init__(
            f"round {shown_round(round_id)} expired; nothing came from {len(missing)} proxies: "
            + (", ".join(missing) or "none")
        )
        self.round_id = round_id
        self.missing = tuple(missing)


class RoundEnded(ProtocolError):
    """The round ended without a result: grant over, or every record in it was shown to have a bad capsule."""

    def __init__(self, round_id: RoundId) -> None:
        super().__init__(
            f"round {shown_round(round_id)} ended without a result",
            hint="the grant is over, or the records' capsules are bad: look at the round's timeline",
        )
        self.round_id = round_id


class RoundTimeout(ProtocolError):
    """The round had no result within the time that the caller gave; it goes on."""

    default_retryable = True
    default_hint = "wait again; the round goes on without you"

    def __init__(self, round_id: RoundId, timeout_s: float, phase: str) -> None:
        super().__init__(f"round {shown_round(round_id)} is still {phase} after {timeout_s:g} s")
        self.round_id = round_id


class RecordExcludedFromRound(ProtocolError):
    """The record left its round because its capsule proof does not hold. Its publisher is to blame."""


# --- data -----------------------------------------------------------------------------------------


class SignatureMismatch(VerificationError):
    """The metadata was not signed by the publisher that the record's id names."""


class DigestMismatch(VerificationError):
    """The stored data is not what the publisher signed for: other bytes or another length."""


class OutputExists(StorageError):
    """There is a file at the place of the output; nothing was written."""

    default_hint = "choose another place, or allow overwriting"


class OutputUnwritable(StorageError):
    """The output cannot be written there; nothing was left behind."""


class SourceUnreadable(StorageError):
    """The data to publish cannot be read."""


class PublishQueued(StorageError):
    """The record is encrypted and kept, but store or chain cannot be reached; it is not published yet.

    ``job``: its number in the queue; ``reason``: the error that stopped it, which is also ``__cause__``.
    """

    default_retryable = True
    default_hint = "it is published by the next publish or by publish_pending(), once that works again"

    def __init__(self, job: int, reason: str) -> None:
        super().__init__(f"queued as job {job}, not published yet: {reason}")
        self.job = job
        self.reason = reason


# --- keys -----------------------------------------------------------------------------------------


class KeystoreMismatch(KeystoreError):
    """The key in the keystore is not the one that the chain has for this account."""

    default_hint = "open the keystore that registered this account, or use another account"

    def __init__(
        self,
        account: Address,
        role: str,
        version: int,
        chain_hash: bytes,
        keystore_hash: bytes,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            f"{role} key, version {version}, of {account}: the chain has {chain_hash.hex()[:16]}…, "
            f"the keystore gives {keystore_hash.hex()[:16]}… (keccak256 of the key)",
            hint=hint,
        )
        self.role = role
        self.version = version


class NodeKeyMissing(KeystoreError):
    """The chain has a version of the proxy's node key that the keystore does not hold. ``version``: which."""

    default_hint = "put back a backup of the keystore file that has it, or make the next version: tpre proxy rotate"

    def __init__(self, account: Address, version: int) -> None:
        super().__init__(
            f"node key, version {version}, of {account}: registered, and not in the keystore; "
            "the 24 words do not bring node keys back, nor did older versions of this program keep them"
        )
        self.version = version


def shown_round(round_id: RoundId) -> str:
    """A round as people read it: grant/index."""
    return f"{round_id >> 32}/{round_id & 0xFFFFFFFF}"


def shown_record(record_id: RecordId) -> str:
    """A record as people read it: its stream and its number, with the start of its publisher's address."""
    publisher = f"{record_id >> 32 & (1 << 160) - 1:040x}"
    return f"{record_id >> 192}/0x{publisher[:8]}…/{record_id & 0xFFFFFFFF}"


def no_such_stream(stream_id: StreamId) -> StreamUnknown:
    """The error for a stream that the chain does not have."""
    return StreamUnknown(f"there is no stream {stream_id}")


def no_such_grant(grant_id: GrantId) -> NoGrant:
    """The error for a grant that the chain does not have."""
    return NoGrant(f"there is no request or grant {grant_id}")
