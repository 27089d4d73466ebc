"""``tpre bench signing``: what an Ethereum signature costs here, beside eth-keys in Python alone."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from eth_account import Account
from eth_keys.backends import NativeECCBackend
from eth_keys.datatypes import PrivateKey, Signature

from tpre_offchain.bench.machine import machine
from tpre_offchain.bench.timing import Stopwatch, without_collector
from tpre_offchain.chain.signing import sign_transaction, signer, signer_of, signing_key

OURS: Final = "wallycore"
IN_PYTHON: Final = "eth-keys in Python"


def measure_signing(repetitions: int) -> dict[str, Any]:
    """Microseconds of processor time by library and operation, the median; the two take turns."""
    works = {OURS: _ours(), IN_PYTHON: _in_python()}
    watches = {library: Stopwatch() for library in works}
    with without_collector():
        for _ in range(repetitions):
            for library, operations in works.items():
                for operation, work in operations.items():
                    watches[library].time(operation, work)
    return {
        "kind": "signing",
        "machine": machine(),
        "repetitions": repetitions,
        "us": {
            library: {operation: round(1000 * ms, 1) for operation, ms in watch.median_ms().items()}
            for library, watch in watches.items()
        },
    }


def _ours() -> Mapping[str, Callable[[], object]]:
    account, digest = Account.create(), secrets.token_bytes(32)
    key, sign = signing_key(account), signer(account)
    signature = sign(digest)
    return {
        "sign a digest": lambda: sign(digest),
        "sign a transaction": lambda: sign_transaction(key, _fields(account.address)),
        "recover the signer": lambda: signer_of(digest, signature),
    }


def _in_python() -> Mapping[str, Callable[[], object]]:
    backend, digest = NativeECCBackend(), secrets.token_bytes(32)
    key = PrivateKey(secrets.token_bytes(32), backend=backend)
    plain, recipient = key.sign_msg_hash(digest).to_bytes(), key.public_key.to_checksum_address()
    return {
        "sign a digest": lambda: key.sign_msg_hash(digest),
        "sign a transaction": lambda: Account.sign_transaction(_fields(recipient), key),
        "recover the signer": lambda: (
            Signature(plain, backend=backend).recover_public_key_from_msg_hash(digest).to_checksum_address()
        ),
    }


def _fields(recipient: str) -> dict[str, Any]:
    """A transaction of the size of a vote."""
    return {
        "type": 2, "chainId": 31337, "nonce": 7, "to": recipient, "value": 0, "data": bytes(132), "gas": 100_000,
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
