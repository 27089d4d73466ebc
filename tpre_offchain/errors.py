"""The error tree: every error the system raises on purpose descends from ``TpreError``.

An error says what failed (``message``), who caused it if that is known (``culprit``), whether trying again
can help (``retryable``) and what the reader can do (``hint``). None of these fields may ever hold secret
material: errors reach logs, terminals and bug reports.

A subclass sets defaults at class level; a raise site overrides them by keyword:

    class ReceiptTimeout(ChainError):
        default_retryable = True

    raise ReceiptTimeout("no receipt after 30 s", hint="is the node in sync?")
"""

from __future__ import annotations

from typing import ClassVar


class TpreError(Exception):
    """Base of the tree.

    ``message``: what failed. ``culprit``: who caused it (an address, a slot, a device), if known.
    ``retryable``: whether the same call may succeed later. ``hint``: a sentence for the terminal.
    """

    default_hint: ClassVar[str | None] = None
    default_culprit: ClassVar[str | None] = None
    default_retryable: ClassVar[bool] = False

    message: str
    hint: str | None
    culprit: str | None
    retryable: bool

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        culprit: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint
        self.culprit = self.default_culprit if culprit is None else culprit
        self.retryable = self.default_retryable if retryable is None else retryable

    def to_dict(self) -> dict[str, str | bool | None]:
        """The error as plain values, for JSON logs and machine-readable command output."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "culprit": self.culprit,
            "retryable": self.retryable,
            "hint": self.hint,
        }


# --- crypto ---------------------------------------------------------------------------------------


class CryptoError(TpreError):
    """A cryptographic operation cannot be done, or was asked for with arguments that make no sense."""


class DecodingError(CryptoError):
    """Bytes from outside are not the one canonical encoding of what they should be (SCHEME §1).

    ``what``: the kind of value that was decoded, such as ``"G1"``.
    """

    what: str

    def __init__(
        self,
        message: str,
        *,
        what: str = "value",
        hint: str | None = None,
        culprit: str | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(f"{what}: {message}", hint=hint, culprit=culprit, retryable=retryable)
        self.what = what

    def to_dict(self) -> dict[str, str | bool | None]:
        """The error as plain values, with the kind of value that was decoded."""
        return {**super().to_dict(), "what": self.what}


class WrongLength(DecodingError):
    """The encoding has not the exact number of bytes."""


class NonCanonical(DecodingError):
    """A number is out of range, a flag is wrong or padding is not zero: a second spelling of some value."""


class NotOnCurve(DecodingError):
    """The coordinates are those of no point of the curve."""


class NotInSubgroup(DecodingError):
    """The point is on the curve but not in the subgroup of prime order r."""


class IdentityPoint(DecodingError):
    """The identity, which no key, capsule or fragment may be."""


class VerificationError(CryptoError):
    """A proof, commitment or check equation does not hold."""


class BackendUnavailable(CryptoError):
    """The curve library asked for is unknown or not installed."""


class PolynomialError(CryptoError):
    """Slots or coefficients from which no polynomial can be evaluated or interpolated."""


# --- everything around it -------------------------------------------------------------------------


class ChainError(TpreError):
    """The blockchain node, a transaction or a contract call failed."""


class StorageError(TpreError):
    """Off-chain storage failed, or returned something other than what was asked for."""


class ConfigError(TpreError):
    """Settings are missing or contradict one another."""


class KeystoreError(TpreError):
    """A key file cannot be read, written or opened."""


class ProtocolError(TpreError):
    """A step was tried that the state of the protocol does not allow."""
