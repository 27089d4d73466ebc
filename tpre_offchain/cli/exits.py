"""Exit codes, and which error gives which.

0   done
1   a bug: an error that nobody expected
2   wrong usage, or settings that make no sense
3   refused by the chain: no grant, revoked, wrong phase, not the owner …
4   not found: no such record, stream, grant, blob, local net, program to run
5   not available now; the same command may succeed later
6   a verification failed: digest, signature, proof, tampered data, a package of another digest
7   key or keystore: missing, wrong passphrase, not the account's key
8   a file or the store cannot be read or written
9   `tpre doctor` found something that does not work
130 interrupted
"""

from __future__ import annotations

from typing import Final

from tpre_offchain.errors import (
    ChainError,
    ConfigError,
    CryptoError,
    KeystoreError,
    ProtocolError,
    StorageError,
    TpreError,
)

OK: Final = 0
BUG: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
NOT_FOUND: Final = 4
UNAVAILABLE: Final = 5
UNVERIFIED: Final = 6
KEY: Final = 7
FILES: Final = 8
UNWELL: Final = 9
INTERRUPTED: Final = 130

# by name, so that no command has to import what the others raise
_NOT_FOUND: Final = frozenset(
    {
        "RecordUnknown",
        "StreamUnknown",
        "BlobNotFound",
        "NoLocalNet",
        "BadDeploymentFile",
        "NoDeployment",
        "NotDeployed",
        "EventMissing",
        "NodeMissing",
        "NodeJsMissing",
        "RegistryRefused",
    }
)
_REFUSED: Final = frozenset({"ContractRevert", "AccessRefused"})
_UNVERIFIED: Final = frozenset({"BlobTampered", "BlobMalformed", "WrongPackage"})
NAMES: Final = _NOT_FOUND | _REFUSED | _UNVERIFIED


def exit_code(error: TpreError) -> int:
    """The exit code of an error."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & _NOT_FOUND:
        return NOT_FOUND
    if kinds & _REFUSED:
        return REFUSED
    if isinstance(error, KeystoreError):
        return KEY
    if isinstance(error, ConfigError):
        return USAGE
    if isinstance(error, CryptoError) or kinds & _UNVERIFIED:
        return UNVERIFIED
    if error.retryable:
        return UNAVAILABLE
    if isinstance(error, ProtocolError):
        return REFUSED
    if isinstance(error, StorageError):
        return FILES
    if isinstance(error, ChainError):
        return UNAVAILABLE
    return BUG
