"""Vectors of one whole flow, from records through a grant and its rounds to the user (SPEC §4-§9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.vectors.making import values
from tests.vectors.making.values import DOMAIN, hex_of, hex_word
from tpre_offchain.crypto import hashing, kfrag, pre
from tpre_offchain.crypto.capsule import VerifiedCapsule, record_id_of
from tpre_offchain.crypto.curve import R, Z, encode_scalar, g1, msm
from tpre_offchain.crypto.kem import xor
from tpre_offchain.crypto.keys import DelegatingKey, LabelPreimage, ProxyKey, ReceivingKey
from tpre_offchain.crypto.metadata import Metadata, encode_metadata, signing_hash
from tpre_offchain.crypto.polynomial import evaluate, lagrange_at_zero
from tpre_offchain.crypto.proofs import prove_knowledge
from tpre_offchain.types import GrantId, RoundId, Slot

RECORDS = 3
STREAM_ID = 7

ROUNDS = (((0,), 0), ((0, 1, 2), 0), ((0, 1, 2), 0b010))
"""For each round the records it is opened for, and those of them that left it (bitmap)."""


@dataclass(frozen=True)
class _Cast:
    name: str
    owner: DelegatingKey
    user: ReceivingKey
    preimage: LabelPreimage
    context: pre.GrantContext
    proxies: tuple[ProxyKey, ...]

    def account(self, who: str) -> str:
        return values.account(f"{self.name} {who}")

    @property
    def label_secret(self) -> int:
        return pre.label_secret(self.owner.secret, self.context.label)


def make_flow(threshold: int, size: int) -> dict[str, Any]:
    """The content of flow_t_n.json."""
    cast = _cast(threshold, size)
    label_key = pre.label_key(cast.owner.public, cast.context.label)
    records, capsules = _records(cast)
    grant, rekey = _grant(cast)
    return {
        "domain": values.domain_values(),
        "threshold": threshold,
        "committeeSize": size,
        "delegator": {
            "account": cast.context.delegator,
            "version": cast.owner.version,
            "secret": hex_word(cast.owner.secret),
            **values.point("key", cast.owner.public),
        },
        "delegatee": {
            "account": cast.context.delegatee,
            "version": cast.user.version,
            "secret": hex_word(cast.user.secret),
            **values.point("key", cast.user.public),
        },
        "label": {
            "streamId": values.u64(cast.preimage.stream_id),
            "epoch": cast.preimage.epoch,
            "label": hex_of(cast.context.label),
            "labelSecret": hex_word(cast.label_secret),
            **values.point("labelKey", label_key),
        },
        "records": records,
        "grant": grant,
        "complaint": _complaint(cast, rekey, int(grant["e"], 16)),
        "rounds": [_round(cast, rekey, capsules, index) for index in range(len(ROUNDS))],
    }


def _cast(threshold: int, size: int) -> _Cast:
    name = f"flow {threshold} of {size}"
    owner = values.identity(f"{name} owner").delegating_key(1)
    user = values.identity(f"{name} user").receiving_key(2)
    preimage = LabelPreimage(values.account(f"{name} owner"), owner.version, STREAM_ID, epoch=threshold)
    proxies = tuple(values.node_key(f"{name} proxy {i}", i) for i in range(1, size + 1))
    members = tuple(
        pre.Member(values.account(f"{name} proxy {key.version}"), key.version, key.public) for key in proxies
    )
    context = pre.GrantContext(
        domain=DOMAIN,
        grant_id=GrantId(100 + size),
        delegator=preimage.owner,
        delegator_key_version=owner.version,
        delegatee=values.account(f"{name} user"),
        delegatee_key_version=user.version,
        threshold=threshold,
        members=members,
        label=pre.label_of(DOMAIN, preimage),
    )
    return _Cast(name, owner, user, preimage, context, proxies)


# --- records --------------------------------------------------------------------------------------


def _records(cast: _Cast) -> tuple[list[dict[str, Any]], list[VerifiedCapsule]]:
    made = [_record(cast, sequence) for sequence in range(RECORDS)]
    return [vector for vector, _ in made], [capsule for _, capsule in made]


def _record(cast: _Cast, sequence: int) -> tuple[dict[str, Any], VerifiedCapsule]:
    publisher = f"{cast.name} device"
    record_id = record_id_of(STREAM_ID, values.account(publisher), sequence)
    context = pre.RecordContext(DOMAIN, cast.preimage, record_id)
    label_key = pre.label_key(cast.owner.public, context.label)
    metadata = _metadata(cast, sequence)
    digest = signing_hash(context.label, record_id, metadata)
    metadata = metadata.signed(values.sign(publisher, digest))
    secret = values.identity(publisher).publisher_secret
    drawn: list[str] = []
    random = values.recorded_random(f"{cast.name} record {sequence}", drawn)
    capsule = pre.encrypt(label_key, context, metadata, secret, random)
    message, place = encode_metadata(metadata), context.encode()
    sigma = hashing.sigma(bytes.fromhex(drawn[0][2:]), secret, message, place)
    k = hashing.capsule_scalar(sigma, label_key, place)
    shared = Z() ** k
    cid_hash, tags = hashing.keccak256(metadata.cid), f"kind=sensor;part={sequence}"
    tags_hash = hashing.keccak256(tags.encode())
    vector = {
        "publisher": context.publisher,
        "sequence": sequence,
        "recordId": hex_word(record_id),
        "context": hex_of(place),
        "metadata": _metadata_values(metadata),
        "message": hex_of(message),
        "signingHash": hex_of(digest),
        "publisherSecret": hex_of(secret),
        "random": drawn,
        "sigma": hex_of(sigma),
        "k": hex_word(k),
        "shared": hex_of(shared.to_bytes()),
        **values.point("c1", capsule.c1),
        "sigmaMask": hex_of(hashing.sigma_mask(shared, capsule.c1, label_key, place)),
        "c2": hex_of(capsule.c2),
        "c3Key": hex_of(hashing.metadata_key(sigma, place)),
        "c3": hex_of(capsule.c3),
        "c3Hash": hex_of(capsule.c3_hash),
        "proof": values.proof(capsule.proof, k, [label_key]),
        "cidHash": hex_of(cid_hash),
        "tags": tags,
        "tagsHash": hex_of(tags_hash),
        "sealHash": hex_of(capsule.seal_hash(cid_hash, tags_hash)),
        "recordHash": hex_of(capsule.record_hash(context.label, cid_hash, tags_hash)),
    }
    return vector, pre.verify_capsule(label_key, context, capsule)


def _metadata(cast: _Cast, sequence: int) -> Metadata:
    digest = hashing.keccak256(f"{cast.name} data {sequence}".encode())
    return Metadata(
        dek=hashing.keccak256(f"{cast.name} dek {sequence}".encode()),
        cid=b"\x01\x70\x12\x20" + digest,
        encrypted_sha256=hashing.keccak256(digest),
        encrypted_length=1049 + sequence,
        plain_length=1000 + sequence,
        created_at_s=1_750_000_000 + 60 * sequence,
        media_type="text/csv",
        name=("m\u00e4rz.csv", "", "a recording.csv")[sequence],
    )


def _metadata_values(metadata: Metadata) -> dict[str, Any]:
    return {
        "dek": hex_of(metadata.dek),
        "cid": hex_of(metadata.cid),
        "encryptedSha256": hex_of(metadata.encrypted_sha256),
        "encryptedLength": values.u64(metadata.encrypted_length),
        "plainLength": values.u64(metadata.plain_length),
        "createdAt": values.u64(metadata.created_at_s),
        "mediaType": metadata.media_type,
        "name": metadata.name,
        "signature": hex_of(metadata.signature),
    }


# --- the grant ------------------------------------------------------------------------------------


def _grant(cast: _Cast) -> tuple[dict[str, Any], kfrag.VerifiedRekey]:
    context, label_secret = cast.context, cast.label_secret
    drawn: list[str] = []
    random = values.recorded_random(f"{cast.name} grant", drawn)
    rekey = pre.generate_kfrags(label_secret, cast.user.public, context, random)
    verified = pre.verify_rekey(context, g1() * label_secret, cast.user.public, rekey)
    *coefficients, e = (int(draw, 16) % R for draw in drawn[:-1])
    ctx, slots = verified.context_hash, context.slots()
    shared = [context.member(slot).public_key * e for slot in slots]
    vector = {
        "grantId": values.u64(context.grant_id),
        "members": [
            {
                "account": member.account,
                "keyVersion": member.key_version,
                "packed": hex_word(member.packed),
                "secret": hex_word(key.secret),
                **values.point("key", member.public_key),
            }
            for member, key in zip(context.members, cast.proxies, strict=True)
        ],
        "committee": [hex_word(member.packed) for member in context.members],
        "committeeHash": hex_of(context.committee_hash),
        "random": drawn,
        "coefficients": [hex_word(coefficient) for coefficient in coefficients],
        "e": hex_word(e),
        **values.point("U", rekey.masked_key),
        **values.point("V", rekey.mask),
        **values.points("commitments", rekey.commitments),
        **values.point("R", rekey.ephemeral),
        "context": hex_of(ctx),
        "ephemeralProof": values.proof(rekey.ephemeral_proof, e, [g1()]),
        "fragments": [hex_word(evaluate(coefficients, slot)) for slot in slots],
        **values.points("shared", shared),
        "padHashes": [hex_of(hashing.pad(ctx, context.label, slot, shared[slot - 1])) for slot in slots],
        "pads": [hex_of(pad) for pad in rekey.pads],
        **values.points("slotCommitments", [verified.commitment(slot) for slot in slots]),
        "rho": hex_word(hashing.grant_check_scalar(ctx, rekey.ephemeral, rekey.pads)),
        "maskHash": hex_of(kfrag.mask_hash(rekey)),
        "rekeyTail": hex_of(kfrag.rekey_tail(context, rekey)),
        "rekeyRest": hex_of(verified.rest_hash),
        "rekeyHash": hex_of(verified.hash),
    }
    return vector, verified


def _complaint(cast: _Cast, rekey: kfrag.VerifiedRekey, e: int) -> dict[str, Any]:
    """A proven complaint about a good fragment (not upheld), and the last pad made bad so that it is upheld; since the
    proof of R binds it, that, too.
    """
    slot = Slot(len(cast.proxies))
    key = cast.proxies[-1]
    drawn: list[str] = []
    made = pre.prove_complaint(rekey, slot, key, values.recorded_random(f"{cast.name} complaint", drawn))
    verdict = pre.verify_complaint(rekey, made)
    posted = rekey.rekey
    bad_pad = xor(posted.pads[-1], encode_scalar(1))
    transcript = hashing.grant_proof(
        rekey.context_hash, rekey.label_key, posted.ephemeral, (*posted.pads[:-1], bad_pad)
    )
    proof = prove_knowledge(g1(), e, transcript, values.recorded_random(f"{cast.name} bad pad", []))
    return {
        "slot": slot,
        "random": drawn,
        **values.point("K", made.shared),
        "proof": values.proof(made.proof, key.secret, [g1(), posted.ephemeral]),
        "fragment": hex_word(verdict.fragment),
        "upheld": verdict.upheld,
        "badPad": hex_of(bad_pad),
        "badPadProof": values.proof(proof, e, [g1()]),
    }


# --- rounds ---------------------------------------------------------------------------------------


def _round(
    cast: _Cast, rekey: kfrag.VerifiedRekey, all_capsules: Sequence[VerifiedCapsule], index: int
) -> dict[str, Any]:
    places, excluded = ROUNDS[index]
    opened = [all_capsules[place] for place in places]
    capsules = [capsule for j, capsule in enumerate(opened) if not excluded >> j & 1]
    c1s = [capsule.c1 for capsule in capsules]
    context, label = cast.context, cast.context.label
    round_context = pre.RoundContext(DOMAIN, RoundId(context.grant_id << 32 | index))
    capsules_hash = hashing.points_hash(capsule.c1 for capsule in opened)
    ids_hash = hashing.words_hash(capsule.context.record_id for capsule in opened)
    mask_hash = kfrag.mask_hash(rekey.rekey)
    data_hash = hashing.round_data_hash(label, mask_hash, rekey.rest_hash, capsules_hash, ids_hash)
    chain = key = hashing.round_key(context.committee_hash, data_hash)
    submissions, verified = [], []
    for slot in context.slots():
        vector, cfrags = _cfrags(cast, rekey, round_context, capsules, slot)
        link = hashing.submission_link(slot, excluded, cfrags.points, cfrags.proof.challenge, cfrags.proof.response)
        chain = hashing.submissions_after(chain, link)
        submissions.append({**vector, "link": hex_of(link), "submissions": hex_of(chain)})
        verified.append(pre.verify_cfrags(rekey, round_context, capsules, cfrags))
    # the last t of them: not the ones that come first anywhere else
    result = pre.combine(verified[-context.threshold :], context.threshold)
    pre.verify_result(round_context, rekey.rekey.mask, c1s, result.points)
    seed = hashing.result_seed(DOMAIN, round_context.round_id, mask_hash, c1s, result.points)
    lambdas = lagrange_at_zero(result.contributors)
    voted = hashing.result_hash(round_context.round_id, result.contributor_bitmap, excluded, result.points)
    paper_form = pre.paper_form(rekey.rekey, c1s[0], result.points[0])
    return {
        "roundId": hex_word(round_context.round_id),
        "records": list(places),
        "excluded": excluded,
        "remaining": [place for j, place in enumerate(places) if not excluded >> j & 1],
        "capsulesHash": hex_of(capsules_hash),
        "recordIdsHash": hex_of(ids_hash),
        "roundDataHash": hex_of(data_hash),
        "key": hex_of(key),
        "ranks": [hex_word(hashing.rank(round_context.round_id, slot)) for slot in context.slots()],
        "cfrags": submissions,
        "contributors": list(result.contributors),
        "contributorBitmap": result.contributor_bitmap,
        "lambdas": [hex_word(lambdas[slot]) for slot in result.contributors],
        **values.points("results", result.points),
        "resultSeed": hex_of(seed),
        "resultRhos": [hex_word(rho) for rho in hashing.result_scalars(seed, len(c1s))],
        "resultHash": hex_of(voted),
        "proposal": hex_of(hashing.proposal_hash(key, voted)),
        "paperForm": hex_of(paper_form.to_bytes()),
    }


def _cfrags(
    cast: _Cast,
    rekey: kfrag.VerifiedRekey,
    round_context: pre.RoundContext,
    capsules: Sequence[VerifiedCapsule],
    slot: Slot,
) -> tuple[dict[str, Any], pre.CFrags]:
    drawn: list[str] = []
    name = f"{cast.name} cfrags {round_context.round_id:x} {slot}"
    fragment = pre.open_fragment(rekey, slot, cast.proxies[slot - 1])
    cfrags = pre.reencrypt(fragment, round_context, capsules, values.recorded_random(name, drawn))
    c1s, proxy = [capsule.c1 for capsule in capsules], fragment.member.account
    keys = (rekey.label_key, fragment.commitment)
    seed = hashing.cfrag_seed(DOMAIN, round_context.round_id, proxy, keys, c1s, cfrags.points)
    rhos = hashing.cfrag_scalars(seed, len(c1s))
    joined = msm(c1s, rhos)
    vector = {
        "slot": slot,
        "proxy": proxy,
        "random": drawn,
        **values.points("points", cfrags.points),
        "seed": hex_of(seed),
        "rhos": [hex_word(rho) for rho in rhos],
        **values.point("joinedCapsules", joined),
        **values.point("joinedCfrags", msm(cfrags.points, rhos)),
        "proof": values.proof(cfrags.proof, fragment.fragment, [rekey.label_key, joined]),
    }
    return vector, cfrags
