"""Umbral by umbral-pre (Rust, secp256k1): the scheme that is in use, and the one to be held against.

It does the same job with two differences in our disfavour: its fragments are not encrypted for their proxies, and its
capsules carry no record's place. It combines while it decrypts.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import partial
from typing import Any

from tpre_offchain.bench.offline.our_flow import WrongPlaintext, metadata
from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch
from tpre_offchain.crypto.metadata import encode_metadata


def is_installed() -> bool:
    """Whether umbral-pre can be imported."""
    return importlib.util.find_spec("umbral_pre") is not None


@dataclass(frozen=True)
class UmbralFlow:
    """umbral-pre."""

    name: str = "umbral-pre"

    def affordable(self, shape: Shape) -> bool:  # noqa: ARG002 - of the protocol
        """Always."""
        return True

    def run(self, shape: Shape, watch: Stopwatch) -> None:
        """Do everything once. Raises ``WrongPlaintext``."""
        import umbral_pre as umbral

        (owner, owner_public), (user, user_public) = watch.time("keygen", _two_keys)
        signer = umbral.Signer(umbral.SecretKey.random())
        verifying = signer.verifying_key()
        message = encode_metadata(metadata())
        sealed = watch.time("encrypt", lambda: [umbral.encrypt(owner_public, message) for _ in range(shape.batch)])
        made = watch.time(
            "kfrags_generate",
            lambda: umbral.generate_kfrags(owner, user_public, signer, shape.threshold, shape.size, True, True),
        )
        kfrags = [
            watch.time("kfrag_verify", partial(kfrag.verify, verifying, owner_public, user_public))
            for kfrag in [one.unverify() for one in made]
        ]
        posted = [bytes(capsule) for capsule, _ in sealed]
        capsules = watch.time("capsule_check", lambda: [umbral.Capsule.from_bytes(data) for data in posted])

        def reencrypt(kfrag: Any) -> list[Any]:
            return [umbral.reencrypt(capsule, kfrag) for capsule in capsules]

        by_proxy = [watch.time("reencrypt", partial(reencrypt, kfrag)) for kfrag in kfrags[-shape.threshold :]]

        def verify(cfrags: list[Any]) -> list[Any]:
            pairs = zip(cfrags, capsules, strict=True)
            return [cfrag.verify(capsule, verifying, owner_public, user_public) for cfrag, capsule in pairs]

        verified = [
            watch.time("cfrags_verify", partial(verify, [cfrag.unverify() for cfrag in cfrags])) for cfrags in by_proxy
        ]
        columns = list(zip(*verified, strict=True))
        opened = watch.time(
            "decrypt",
            lambda: [
                umbral.decrypt_reencrypted(user, owner_public, capsule, list(column), ciphertext)
                for capsule, column, (_, ciphertext) in zip(capsules, columns, sealed, strict=True)
            ],
        )
        if any(one != message for one in opened):
            raise WrongPlaintext(self.name)


def _two_keys() -> list[tuple[Any, Any]]:
    import umbral_pre as umbral

    return [((key := umbral.SecretKey.random()), key.public_key()) for _ in range(2)]
