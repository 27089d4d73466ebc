"""A block builder who varies its header until the request's committee suits the user that it works for."""

from __future__ import annotations

from dataclasses import replace
from math import comb
from random import Random

import pytest

from tests.attacks.ground import SECOND, Ground
from tests.property.scene import identity, source
from tests.stateful.world import GRANT
from tpre_offchain.chain.abi import structs
from tpre_offchain.crypto.curve import G1
from tpre_offchain.crypto.draw import InvalidDrawProof, OwnerDraw, make_draw, verify_draw
from tpre_offchain.crypto.hashing import draw_input, draw_seed, draw_step, hash_fields, word

HEADERS = 10_000
T, N, POOL, SYBILS = 3, 5, 100, 10


def committee(seed: bytes) -> list[int]:
    """The first N places of the shuffle of POOL that are all active (SPEC §7)."""
    places = list(range(POOL))
    for k in range(N):
        other = k + draw_step(seed, k) % (POOL - k)
        places[k], places[other] = places[other], places[k]
    return places[:N]


def owned(seed: bytes) -> bool:
    return sum(place < SYBILS for place in committee(seed)) >= T


def test_builder__seed_of_the_block_hash_alone__gets_its_committee(seeded: Random) -> None:
    found = sum(owned(hash_fields("TPRE-V1/draw", seeded.randbytes(32), word(GRANT))) for _ in range(HEADERS))
    assert found > 20


def test_builder__seed_with_the_owners_key__cannot_tell_one_header_from_another(ground: Ground, seeded: Random) -> None:
    """What it can compute: the committee with any point that it knows in the place of gamma. None says anything."""
    key = identity("owner").delegating_key()
    headers = [seeded.randbytes(32) for _ in range(HEADERS)]
    inputs = [draw_input(ground.domain, GRANT, header) for header in headers]
    liked = [x for x in inputs if owned(draw_seed(x, key.public))]
    assert len(liked) > 20
    true = [owned(verify_draw(key.public, x, make_draw(key, x, source(1))).seed) for x in liked]
    chance = sum(comb(SYBILS, k) * comb(POOL - SYBILS, N - k) for k in range(T, N + 1)) / comb(POOL, N)
    # as many as of any others: 0.66%, with a bound that a right build passes but for one run in a million
    assert sum(true) <= chance * len(true) + 5 * max(1.0, (chance * len(true)) ** 0.5)


def test_gamma__made_with_another_key_or_for_another_request__is_refused(ground: Ground) -> None:
    context, user = ground.ask_again(), identity("user").receiving_key().public
    rekey = ground.rekey_struct(ground.made_for(context, user))
    good = ground.grant_call(user, rekey)
    x, _ = ground.evm.call("GrantRegistry", "drawInputOf", SECOND)
    key, other = identity("owner").delegating_key(), identity("mallory").delegating_key()
    honest = make_draw(key, x, ground.random)
    of_another = make_draw(other, x, ground.random)
    elsewhere = make_draw(key, draw_input(ground.domain, GRANT, x), ground.random)
    shifted = replace(honest, gamma=honest.gamma + honest.gamma)
    for bad in (of_another, elsewhere, shifted, OwnerDraw(honest.gamma, elsewhere.proof)):
        shown = structs.DrawProof(bad.gamma.to_evm(), structs.Proof(bad.proof.challenge, bad.proof.response))
        ground.refused("InvalidDrawProof", ground.owner, *good[:5], shown, *good[6:])
        with pytest.raises(InvalidDrawProof):
            verify_draw(key.public, x, bad)
    # its own key registered anew, and a re-key and a draw under that: not the version that the epoch names
    named = replace(rekey, delegating_key=other.public.to_evm())
    shown = structs.DrawProof(
        of_another.gamma.to_evm(), structs.Proof(of_another.proof.challenge, of_another.proof.response)
    )
    ground.refused("KeyMismatch", ground.owner, *good[:5], shown, user.to_evm(), (named,), structs.NO_FIRST_ROUND)
    ground.evm.send(ground.owner, *good)


def test_granted__event__shows_the_draw_again(ground: Ground) -> None:
    context, user = ground.ask_again(), identity("user").receiving_key().public
    x, block_hash = ground.evm.call("GrantRegistry", "drawInputOf", SECOND)
    assert x == draw_input(ground.domain, SECOND, block_hash)
    call = ground.grant_call(user, ground.rekey_struct(ground.made_for(context, user)))
    gamma = G1.from_evm(call[5].gamma)
    access = ground.evm.call("GrantRegistry", "accessOf", SECOND)
    of = (access.pool_size, access.request_block, access.committee_size)
    drawn = ground.evm.call("ProxyRegistry", "draw", draw_seed(x, gamma), *of)
    assert tuple(drawn) == ground.draw(SECOND)[1]
