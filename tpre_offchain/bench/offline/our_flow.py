"""Our scheme on one of its curve libraries."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial

from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.capsule import record_id_of
from tpre_offchain.crypto.curve import G1, using_backend
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.keys import DelegatingKey, Identity, LabelPreimage, ProxyKey, ReceivingKey
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.types import GrantId, RoundId, Slot

_DOMAIN = Domain(31337, *(f"0x{i:040x}" for i in range(0xA0, 0xA5)))
_OWNER, _USER, _DEVICE = (f"0x{i:040x}" for i in (1, 2, 3))
_STREAM = 7


class WrongPlaintext(AssertionError):
    """A measured path ended in something else than it began with: its times mean nothing."""


@dataclass(frozen=True)
class OurFlow:
    """TPRE-BLS12381-V1."""

    backend: str

    @property
    def name(self) -> str:
        """As the tables show it."""
        return f"tpre/{self.backend}"

    def affordable(self, shape: Shape) -> bool:
        """The reference takes a tenth of a second for a pairing: small committees and single records."""
        return self.backend != "py_ecc" or (shape.size <= 5 and shape.batch == 1)

    def run(self, shape: Shape, watch: Stopwatch) -> None:
        """Do everything once. Raises ``WrongPlaintext``."""
        with using_backend(self.backend):
            self._run(shape, watch)

    def _run(self, shape: Shape, watch: Stopwatch) -> None:
        random = secrets.token_bytes
        owner, user = (Identity.from_seed(random(32)) for _ in range(2))
        proxies = [ProxyKey.generate(1, random) for _ in range(shape.size)]
        key, receiving = watch.time("keygen", partial(_keys, owner, user))

        preimage = LabelPreimage(_OWNER, 1, _STREAM, 0)
        label = pre.label_of(_DOMAIN, preimage)
        A_L, a_L = pre.label_key(key.public, label), pre.label_secret(key.secret, label)
        contexts = [pre.RecordContext(_DOMAIN, preimage, record_id_of(_STREAM, _DEVICE, i)) for i in range(shape.batch)]
        message, secret = metadata(), owner.publisher_secret
        capsules = watch.time(
            "encrypt", lambda: [pre.encrypt(A_L, context, message, secret, random) for context in contexts]
        )

        members = tuple(pre.Member(f"0x{100 + i:040x}", 1, proxy.public) for i, proxy in enumerate(proxies))
        context = pre.GrantContext(_DOMAIN, GrantId(5), _OWNER, 1, _USER, 1, shape.threshold, members, label)
        rekey = watch.time("kfrags_generate", lambda: pre.generate_kfrags(a_L, receiving.public, context, random))

        def verify_kfrag(slot: Slot) -> pre.VerifiedKFrag:
            return pre.open_fragment(pre.bind_rekey(context, A_L, rekey), slot, proxies[slot - 1])

        kfrags = [watch.time("kfrag_verify", partial(verify_kfrag, slot)) for slot in context.slots()]
        verified = watch.time("rekey_verify", lambda: pre.verify_rekey(context, A_L, receiving.public, rekey))
        round_context = pre.RoundContext(_DOMAIN, RoundId(5 << 32))

        # as the chain has them: c1 is decoded and held against its subgroup, too
        posted = [(context, capsule, capsule.c1.to_evm()) for context, capsule in zip(contexts, capsules, strict=True)]
        checked = watch.time("capsule_check", lambda: [_checked(A_L, *one) for one in posted])

        chosen = kfrags[-shape.threshold :]
        made = [
            watch.time("reencrypt", partial(pre.reencrypt, kfrag, round_context, checked, random)) for kfrag in chosen
        ]
        cfrags = [
            watch.time("cfrags_verify", partial(pre.verify_cfrags, verified, round_context, checked, one))
            for one in made
        ]
        result = watch.time("combine", lambda: pre.combine(cfrags, shape.threshold))
        opened = watch.time(
            "decrypt",
            lambda: [
                pre.decrypt_reencrypted(receiving, verified, one.context, one.capsule, point)
                for one, point in zip(checked, result.points, strict=True)
            ],
        )
        if any(one != message for one in opened):
            raise WrongPlaintext(self.name)


def metadata() -> Metadata:
    """Metadata of ordinary length."""
    return Metadata(
        dek=bytes(32),
        cid=b"\x01\x55\x12\x20" + bytes(32),
        encrypted_sha256=bytes(32),
        encrypted_length=149,
        plain_length=100,
        created_at_s=1_750_000_000,
        media_type="text/csv",
        name="measurements.csv",
    )


def _keys(owner: Identity, user: Identity) -> tuple[DelegatingKey, ReceivingKey]:
    return owner.delegating_key(), user.receiving_key()


def _checked(A_L: G1, context: pre.RecordContext, capsule: pre.Capsule, c1: bytes) -> pre.VerifiedCapsule:
    read = pre.Capsule(G1.from_evm(c1), capsule.c2, capsule.c3, capsule.proof)
    return pre.verify_capsule(A_L, context, read)
