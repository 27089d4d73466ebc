"""t proxies, or all n, without the user: they convert whatever they like, and read nothing."""

from __future__ import annotations

import pytest

from tests.property.scene import Scene, identity, metadata, node_key
from tpre_offchain.crypto import pre
from tpre_offchain.crypto.curve import G2, GT, H2, R, Z, g2, pairing
from tpre_offchain.crypto.kem import DecryptionFailed, open_sealed
from tpre_offchain.crypto.metadata import decode_metadata
from tpre_offchain.crypto.polynomial import lagrange_at_zero

SLOTS = (1, 2, 3)


def mask_secret(scene: Scene) -> int:
    """s, from t fragments; it is the one that V masks."""
    weights = lagrange_at_zero(scene.kfrag(slot).slot for slot in SLOTS[: scene.threshold])
    s = sum(scene.kfrag(slot).fragment * weight for slot, weight in weights.items()) % R
    assert H2() * s == scene.rekey.rekey.mask
    return s


def read(shared: GT, capsule: pre.VerifiedCapsule) -> pre.Metadata:
    message = open_sealed(shared, capsule.label_key, capsule.context, capsule.capsule)
    return decode_metadata(message)


def unmasked(scene: Scene) -> G2:
    """B^(1/a_L) = g2^(b/a_L), the paper's rk."""
    return scene.rekey.rekey.masked_key + g2() * -mask_secret(scene)


def test_collusion__t_without_user__convert_without_being_asked() -> None:
    """Stated, not prevented: a revocation does not take this from them (SCHEME §9)."""
    scene = Scene(2, 3)
    capsule = scene.capsule()
    converted = capsule.c1 * mask_secret(scene)
    pre.verify_result(scene.round, scene.rekey.rekey.mask, [capsule.c1], [converted])
    assert pairing(capsule.c1, unmasked(scene)) == pre.paper_form(scene.rekey.rekey, capsule.c1, converted)
    assert scene.open(capsule, converted) == metadata("0.csv")  # but only for the user, who has b


def test_collusion__t_without_user__read_nothing() -> None:
    scene = Scene(2, 3)
    capsule = scene.capsule()
    key, made = unmasked(scene), scene.rekey.rekey
    s = mask_secret(scene)
    blinded = pairing(capsule.c1, key)  # Z^(bk)
    proxies = [node_key(f"proxy {i}").secret for i in (1, 2, 3)]
    candidates = [
        blinded,
        pairing(capsule.c1, g2()),
        pairing(capsule.c1, scene.receiving_key.public),
        pairing(capsule.c1, made.masked_key),
        pairing(capsule.c1 * s, g2()),
        pairing(capsule.c1 * pow(s, -1, R), key),
        pairing(made.ephemeral, key),
        *(blinded ** pow(secret, -1, R) for secret in proxies),
        Z(),
    ]
    for shared in candidates:
        with pytest.raises(DecryptionFailed):
            read(shared, capsule)
    # b alone was missing: with it the very same value opens the record
    assert read(blinded ** pow(scene.receiving_key.secret, -1, R), capsule) == metadata("0.csv")


def test_collusion__t_without_user__cannot_pass_their_key_on_to_another_user() -> None:
    """B^(1/a_L) is no re-key for mallory: with his own key in b's place nothing opens (non-transferability below t +
    user)."""
    scene = Scene(2, 3)
    capsule = scene.capsule()
    mallory = identity("mallory").receiving_key()
    converted = capsule.c1 * mask_secret(scene)
    with pytest.raises(DecryptionFailed):
        pre.decrypt_reencrypted(mallory, scene.rekey, capsule.context, capsule.capsule, converted)
    with pytest.raises(DecryptionFailed):
        read(pairing(capsule.c1 * pow(mallory.secret, -1, R), unmasked(scene)), capsule)
