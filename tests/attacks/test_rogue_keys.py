"""Keys that are made from others' keys, shown to the real registries.

What they would give is shown in tests/attacks/test_named_attacks.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.ground import Ground
from tests.property.scene import identity, node_key
from tests.stateful.world import SETTINGS, proof
from tpre_offchain.chain.abi.structs import Proof
from tpre_offchain.crypto.curve import R, g1, g2
from tpre_offchain.crypto.keys import ReceivingKey, Role, prove_key

BOND = SETTINGS.proxies.bond_wei
SHIFTS = [0, 1, R - 1, 987654321]


def shifted(shown: Proof, shift: int) -> Proof:
    """The victim's proof, moved along with the key: right for the shifted key, were it not bound to account and key."""
    return Proof(shown.challenge, (shown.response + shown.challenge * shift) % R)


@pytest.mark.parametrize("shift", SHIFTS)
def test_delegating_key__anothers_shifted__is_not_taken(ground: Ground, shift: int) -> None:
    theirs = identity("owner").delegating_key()
    rogue = theirs.public + g1() * shift
    shown = proof(prove_key(ground.domain, ground.owner, theirs, ground.random))
    for attempt in (shown, shifted(shown, shift)):
        call = ("KeyRegistry", "registerDelegatingKey", rogue.to_evm(), attempt)
        refused = ground.refused("InvalidKeyProof", ground.stranger, *call)
        assert refused == (ground.stranger, Role.DELEGATING)


@pytest.mark.parametrize("shift", SHIFTS)
def test_receiving_key__made_of_an_owners_secret__is_not_taken(ground: Ground, shift: int) -> None:
    """An owner who used one scalar in both groups has shown g2^a; g2^(a + shift) must still be nobody's key."""
    careless = ReceivingKey(identity("owner").delegating_key().secret, g2() * identity("owner").delegating_key().secret)
    shown = proof(prove_key(ground.domain, ground.owner, careless, ground.random))
    rogue = careless.public + g2() * shift
    for attempt in (shown, shifted(shown, shift)):
        call = ("KeyRegistry", "registerReceivingKey", rogue.to_evm(), attempt)
        ground.refused("InvalidKeyProof", ground.stranger, *call)
    # the same call by somebody who knows the scalar is taken: it is the proof that failed
    known = replace(careless, secret=(careless.secret + shift) % R, public=rogue)
    honest = proof(prove_key(ground.domain, ground.stranger, known, ground.random))
    ground.evm.send(ground.stranger, "KeyRegistry", "registerReceivingKey", rogue.to_evm(), honest)


@pytest.mark.parametrize("shift", SHIFTS)
def test_proxy_key__anothers_copied_or_shifted__opens_no_second_slot(ground: Ground, shift: int) -> None:
    theirs = node_key(ground.proxy(1))
    rogue = theirs.public + g1() * shift
    shown = proof(prove_key(ground.domain, ground.proxy(1), theirs, ground.random))
    for attempt in (shown, shifted(shown, shift)):
        call = ("ProxyRegistry", "join", rogue.to_evm(), attempt, "")
        assert ground.refused("InvalidProxyKeyProof", ground.stranger, *call, value=BOND) == (ground.stranger,)


def test_identity__as_any_key__is_not_taken(ground: Ground) -> None:
    """Its logarithm is 0, and everybody can prove that."""
    nothing, nothing_2, any_proof = bytes(128), bytes(256), Proof(1, 1)
    who = ground.stranger
    ground.refused("UnexpectedIdentity", who, "KeyRegistry", "registerDelegatingKey", nothing, any_proof)
    ground.refused("UnexpectedIdentity", who, "KeyRegistry", "registerReceivingKey", nothing_2, any_proof)
    ground.refused("UnexpectedIdentity", who, "ProxyRegistry", "join", nothing, any_proof, "", value=BOND)
