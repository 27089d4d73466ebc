"""Participants that lie: each lie is refused, the right party is named on the chain, and honest work still finishes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.stage.lies import FALSE_CFRAGS, FALSE_PROPOSALS, false_capsule
from tests.faults.stage.scene import QUICK, Scene, Share
from tests.property.scene import bad_fragments
from tpre_offchain.chain.abi.events import (
    CfragChallenged,
    CfragsSubmitted,
    FeeClaimed,
    FragmentComplaint,
    RecordExcluded,
    RoundClosed,
    RoundFinalized,
    VoteCast,
)
from tpre_offchain.chain.abi.reverts import ContractRevert
from tpre_offchain.chain.abi.structs import Phase, Status
from tpre_offchain.chain.contracts.treasury import bond_key
from tpre_offchain.clients import Keys, granting
from tpre_offchain.clients.errors import DigestMismatch, GrantRevoked, SignatureMismatch
from tpre_offchain.clients.facts.signatures import sign_digest
from tpre_offchain.clients.publishing import publishing
from tpre_offchain.clients.stored import blobs
from tpre_offchain.crypto import kem, pre
from tpre_offchain.crypto.capsule import InvalidCapsuleProof
from tpre_offchain.crypto.hashing import keccak256
from tpre_offchain.crypto.keys import label_secret
from tpre_offchain.errors import TpreError, VerificationError
from tpre_offchain.storage.cid import Cid

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


# --- proxies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lie", FALSE_CFRAGS)
def test_cfrags__false__challenged_paid_for_and_done_without(whole: Scene, lie: str) -> None:
    net, share = whole, whole.share()
    liar = net.ranked(share.grant_id)[2]
    net.start(liar, lie=lie, worker={"retry_s": 0.05, "retry_limit_s": 0.05})
    bond, address = net.bond_of(liar), net.proxies[liar].address
    round_id = net.open_round(share)

    challenged = net.reaches(round_id, CfragChallenged)
    assert challenged.proxy == address
    assert bond - net.bond_of(liar) == QUICK.rounds.challenge_penalty_wei
    net.reaches(round_id, RoundFinalized)
    assert not net.round(round_id).contributors >> (challenged.slot - 1) & 1
    net.require_readable(share)
    net.reaches(round_id, FeeClaimed, count=3)
    assert address not in {claim.proxy for claim in net.ledger().of(FeeClaimed, round_id)}
    net.require_clean()


@pytest.mark.parametrize("lie", FALSE_PROPOSALS)
def test_proposal__false__refused_by_the_contract_and_another_leads(whole: Scene, lie: str) -> None:
    net, share = whole, whole.share()
    liar = net.ranked(share.grant_id)[0]
    net.start(liar, lie=lie)
    round_id = net.open_round(share)
    final = net.reaches(round_id, RoundFinalized)
    assert final.leader != net.proxies[liar].address
    refusals = "".join(line.get("message", "") for line in net.child(liar).logs() if line["event"] == "step_failed")
    assert {"own_result": "WrongResult", "absent_contributors": "ContributorsNotSubmitted"}[lie] in refusals
    net.require_readable(share)
    net.require_clean()


def test_vote__against_a_right_result__on_record_and_outvoted(whole: Scene) -> None:
    net, share = whole, whole.share()
    _, second, third, *_ = net.ranked(share.grant_id)
    net.start(second, third, lie="against")
    round_id = net.open_round(share)
    final = net.reaches(round_id, RoundFinalized)
    against = {vote.proxy for vote in net.ledger().of(VoteCast, round_id) if not vote.approve}
    assert against == {net.proxies[second].address, net.proxies[third].address}
    assert final.approvals.bit_count() == 3
    net.require_readable(share)
    net.require_clean()


# --- owners ---------------------------------------------------------------------------------------


def test_grant__bad_fragment_for_one_slot__complaint_upheld_and_grant_void(whole: Scene) -> None:
    net = whole
    spoilt = net.chance.randint(1, 5)
    with bad_fragments(lambda slot: slot == spoilt):
        share = net.share(5, 5)  # so that every slot must open its fragment
    round_id = net.open_round(share)
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    (complaint,) = [one for one in net.ledger().of(FragmentComplaint) if one.grant_id == share.grant_id]
    assert (complaint.slot, complaint.upheld) == (spoilt, True)
    access = net.run(net.contracts.grants.access_of(share.grant_id))
    assert (access.status, access.delegator) == (Status.VOIDED, net.owner.address)
    with pytest.raises(GrantRevoked):
        net.open_round(share)
    net.require_clean()


def _for_another_key(patch: pytest.MonkeyPatch, net: Scene) -> None:
    """U made for a key that is not the user's: the owner's accomplice would read in the user's name."""
    real, theirs = pre.generate_kfrags, net.new_keys().identity.receiving_key().public
    patch.setattr(granting, "generate_kfrags", lambda secret, _, context, rand: real(secret, theirs, context, rand))


def _for_another_label(patch: pytest.MonkeyPatch, net: Scene) -> None:
    """A re-key for a label that was not asked for."""
    real = label_secret
    patch.setattr(granting, "label_secret", lambda secret, label: real(secret, type(label)(bytes(31) + label[:1])))


@pytest.mark.parametrize(
    ("lie", "refusal"), [(_for_another_key, "MalformedGrant"), (_for_another_label, "InvalidEphemeralProof")]
)
def test_grant__made_for_something_else__refused_by_the_contract(
    whole: Scene, lie: Callable[[pytest.MonkeyPatch, Scene], None], refusal: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lie(patch, whole)
        # a liar's program does not look at its own work
        patch.setattr(granting, "verify_rekey", lambda _context, _label, _key, rekey: SimpleNamespace(rekey=rekey))
        with pytest.raises(ContractRevert) as refused:
            whole.share()
    assert refused.value.name == refusal
    whole.require_clean()


# --- publishers -----------------------------------------------------------------------------------


def test_capsule__false_proof__refused_by_user_and_excluded_by_proxies(whole: Scene) -> None:
    net = whole
    share = net.share_tampered(false_capsule)
    with pytest.raises(InvalidCapsuleProof) as told:
        net.open_round(share)
    assert str(told.value.culprit).lower() == net.owner.address.lower()
    round_id = net.open_unchecked(share)
    assert net.reaches(round_id, RecordExcluded).record_id == share.record_id
    assert net.reaches(round_id, RoundClosed).phase is Phase.ENDED
    assert net.ledger().of(CfragsSubmitted, round_id) == []
    net.require_clean()


def _spoil_seed(patch: pytest.MonkeyPatch, net: Scene) -> None:
    """A capsule with a right proof that opens to nothing."""
    real = kem.xor
    patch.setattr(kem, "xor", lambda left, right: real(real(left, right), b"\x01" + bytes(31)))


def _name_other_data(patch: pytest.MonkeyPatch, net: Scene) -> None:
    """The CID of another record's blob, in the metadata and on the chain."""
    other = net.owner.publish(net.owner.create_stream("other"), b"x" * 600)
    real = blobs.encrypt_into

    def lie(*args: Any, **options: Any) -> Any:
        return replace(real(*args, **options), cid=Cid.parse(other.cid))

    patch.setattr(publishing, "encrypt_into", lie)


def _sign_as_another(patch: pytest.MonkeyPatch, net: Scene) -> None:
    """Metadata signed by a key that is not the publisher's."""
    stranger = Keys.generate(secrets.token_bytes)
    patch.setattr(publishing, "sign_digest", lambda _account, digest: sign_digest(stranger.account, digest))


@pytest.mark.parametrize(
    ("lie", "errors", "names_publisher"),
    [
        (_spoil_seed, (kem.DecryptionFailed,), True),
        (_name_other_data, (DigestMismatch, VerificationError, TpreError), False),
        (_sign_as_another, (SignatureMismatch,), True),
    ],
)
def test_record__publisher_lies__user_refuses_it_and_proxies_are_paid(
    whole: Scene,
    tmp_path: Path,
    lie: Callable[[pytest.MonkeyPatch, Scene], None],
    errors: tuple[type[TpreError], ...],
    names_publisher: bool,
) -> None:
    net = whole
    with pytest.MonkeyPatch.context() as patch:
        lie(patch, net)
        share: Share = net.share()
    with pytest.raises(errors) as told:
        net.user.fetch(share.grant_id, share.record_id, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    if names_publisher:
        assert str(told.value.culprit).lower() == net.owner.address.lower()
    round_id = next(e.round_id for e in net.ledger().of(RoundFinalized) if e.grant_id == share.grant_id)
    net.reaches(round_id, FeeClaimed, count=3)  # no proxy is charged for what the publisher did
    net.require_clean()


def test_round__proxy_lost_its_bond__refused_once_and_does_not_burn_gas(whole: Scene) -> None:
    net = whole
    share = net.share()
    spent = net.ranked(share.grant_id)[0]
    # forge the loss in the treasury's books rather than tell ten lies in a row
    key = bond_key(net.proxies[spent].keys.address)
    held = net.bond_of(spent)
    _set_held(net, key, 0)
    try:
        round_id = net.open_round(share)
        net.reaches(round_id, RoundFinalized)
        refused = [line for line in net.child(spent).logs() if line.get("error") == "Reverted"]
        assert len(refused) <= 1
        net.require_readable(share)
    finally:
        _set_held(net, key, held)


def _set_held(net: Scene, key: bytes, wei: int) -> None:
    """Write ``heldUnder[key]``, after finding where the compiler has put it."""
    treasury, held = net.contracts.treasury.address, net.run(net.contracts.treasury.held_under(key))
    for place in range(8):
        slot = "0x" + keccak256(key + place.to_bytes(32, "big")).hex()
        if int(net.node.ask("eth_getStorageAt", treasury, slot, "latest"), 16) == held:
            net.node.ask("anvil_setStorageAt", treasury, slot, f"0x{wei:064x}")
            if net.run(net.contracts.treasury.held_under(key)) == wei:
                return
            net.node.ask("anvil_setStorageAt", treasury, slot, f"0x{held:064x}")
    raise AssertionError("the treasury keeps its books elsewhere")
