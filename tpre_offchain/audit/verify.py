"""Verifies a record, a grant or a round again, from the chain alone: every hash, proof, equation and vote.

It trusts the contracts' storage (the hashes) and the node that returns it, and nothing else: not that a contract has
checked a proof, nor that an event tells the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

from tpre_offchain.audit.chain import AuditedChain, EventMissing
from tpre_offchain.audit.findings import AuditReport, Findings, require
from tpre_offchain.audit.rounds import check_round
from tpre_offchain.chain.abi.events import (
    AccessGranted,
    AccessRequested,
    DelegatingKeyRegistered,
    ProxyJoined,
    ProxyKeyRotated,
    ReceivingKeyRegistered,
    RecordPublished,
    RekeyPosted,
    RoundOpened,
)
from tpre_offchain.chain.abi.structs import Access, Role, Status
from tpre_offchain.chain.abi.structs import Member as ChainMember
from tpre_offchain.crypto.capsule import Capsule, RecordContext, VerifiedCapsule, verify_capsule
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.hashing import draw_input, draw_seed, keccak256, words_hash
from tpre_offchain.crypto.keys import LabelPreimage, label_key, label_of
from tpre_offchain.crypto.kfrag import GrantContext, Member, Rekey, VerifiedRekey, verify_rekey
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.types import Address, Epoch, GrantId, RecordId, RoundId, StreamId


async def verify_record(chain: AuditedChain, record_id: RecordId) -> AuditReport:
    """A record: its hash, its label, its capsule's proof (SCHEME §3). Raises ``EventMissing``."""
    findings = Findings()
    await _check_record(chain, findings, record_id)
    return findings.report()


async def verify_grant(chain: AuditedChain, grant_id: GrantId) -> AuditReport:
    """A grant: the draw, the committee's keys, every re-key with its pairings (SCHEME §4). Raises ``EventMissing``."""
    findings = Findings()
    await _check_grant(chain, findings, grant_id)
    return findings.report()


async def verify_round(chain: AuditedChain, round_id: RoundId) -> AuditReport:
    """A round with its grant and records: cfrags' proofs, the result's equation, the votes (SCHEME §5, §6).

    Raises ``EventMissing``.
    """
    findings = Findings()
    opened = chain.one_of(RoundOpened, f"round {round_id >> 32}/{round_id & 0xFFFFFFFF}", round_id=round_id)
    grant = await _check_grant(chain, findings, opened.grant_id)
    capsules = [await _check_record(chain, findings, record_id) for record_id in opened.record_ids]
    await check_round(chain, findings, opened, grant.committee, grant.rekeys.get(opened.epoch), capsules)
    return findings.report()


async def verify_everything(chain: AuditedChain) -> AuditReport:
    """All records, grants and rounds of the events that were read."""
    findings = Findings()
    for published in chain.all_of(RecordPublished):
        await _check_record(chain, findings, published.record_id)
    grants: dict[GrantId, CheckedGrant] = {}
    for granted in chain.all_of(AccessGranted):
        grants[granted.grant_id] = await _check_grant(chain, findings, granted.grant_id)
    for opened in chain.all_of(RoundOpened):
        grant = grants[opened.grant_id]
        capsules = [await _check_record(chain, Findings(), record_id) for record_id in opened.record_ids]
        await check_round(chain, findings, opened, grant.committee, grant.rekeys.get(opened.epoch), capsules)
    return findings.report()


@dataclass(frozen=True)
class CheckedGrant:
    """What of a grant was found to be right: its committee, and the re-keys by epoch."""

    committee: tuple[ChainMember, ...]
    rekeys: dict[Epoch, VerifiedRekey]


# --- records ----------------------------------------------------------------------------------------------------------


async def _check_record(chain: AuditedChain, findings: Findings, record_id: RecordId) -> VerifiedCapsule | None:
    shown = f"record {shown_record(record_id)}"
    published = chain.one_of(RecordPublished, shown, record_id=record_id)
    label, owner, key_version = await chain.contracts.records.label_of(published.stream_id, published.epoch)
    preimage = LabelPreimage(owner, key_version, published.stream_id, published.epoch)
    with findings.check(shown, "label is that of its stream and epoch"):
        require(label == published.label == label_of(chain.domain, preimage), "another label")
    with findings.check(shown, "event hashes to what the contract stores"):
        capsule = _capsule(published)
        tags_hash = keccak256(published.record.tags_bytes)
        stored = await chain.contracts.records.record_hash(record_id)
        require(capsule.record_hash(label, published.record.cid_hash, tags_hash) == stored, "another hash")
    verified = None  # stays so if the check fails
    with findings.check(shown, "its publisher made the capsule for it"):
        delegating = G1.from_evm(await _delegating_key(chain, owner, key_version))
        context = RecordContext(chain.domain, preimage, record_id)
        verified = verify_capsule(label_key(delegating, label), context, _capsule(published))
    return verified  # noqa: RET504 - `check` takes the error


def _capsule(published: RecordPublished) -> Capsule:
    record = published.record
    return Capsule(G1.from_evm(record.c1), record.c2, record.c3, Proof(record.proof.challenge, record.proof.response))


# --- grants -----------------------------------------------------------------------------------------------------------


async def _check_grant(chain: AuditedChain, findings: Findings, grant_id: GrantId) -> CheckedGrant:
    shown = f"grant {grant_id}"
    granted = chain.one_of(AccessGranted, shown, grant_id=grant_id)
    access = await chain.contracts.grants.access_of(grant_id)
    with findings.check(shown, "parties, scope and committee are those that the contract stores"):
        asked = chain.one_of(AccessRequested, shown, grant_id=grant_id)
        require((asked.stream_id, asked.delegatee) == (access.stream_id, access.delegatee), "another request")
        require((granted.delegator, granted.delegatee) == (access.delegator, access.delegatee), "other parties")
        require((granted.expiry, granted.quota) == (access.expiry, access.quota), "other terms")
        require(words_hash(member.word for member in granted.committee) == access.committee_hash, "other members")
    with findings.check(shown, "the committee is the one that the request's block draws"):
        await _require_drawn(chain, grant_id, access, granted)
    members: tuple[Member, ...] = ()
    with findings.check(shown, "every member's node key is the registered one"):
        members = tuple([await _member(chain, member) for member in granted.committee])
    rekeys: dict[Epoch, VerifiedRekey] = {}
    for posted in chain.all_of(RekeyPosted, grant_id=grant_id):
        epoch = posted.rekey.epoch
        with findings.check(shown, f"re-key of epoch {epoch}: stored hash, proof of R, pairings"):
            rekeys[epoch] = await _rekey(chain, grant_id, access, posted, members)
    if access.status is Status.VOIDED:
        with findings.check(shown, "no proxy has shown a bad fragment"):
            require(False, "a complaint was upheld: the grant is void", access.delegator)
    return CheckedGrant(granted.committee, rekeys)


async def _require_drawn(chain: AuditedChain, grant_id: GrantId, access: Access, granted: AccessGranted) -> None:
    block = await chain.connection.block(access.request_block)
    require(block is None or block.hash == granted.block_hash, "the grant names another block's hash")
    # that gamma is of the owner's key was the contract's to check; a node that makes up another gets another committee
    seed = draw_seed(draw_input(chain.domain, grant_id, granted.block_hash), G1.from_evm(granted.gamma))
    drawn = await chain.contracts.proxies.draw(seed, access.pool_size, access.request_block, access.committee_size)
    # key versions may have changed since: the grant names those of its own time
    accounts = [member.account for member in granted.committee]
    require([member.account for member in drawn] == accounts, "the draw gives another committee")


async def _rekey(
    chain: AuditedChain, grant_id: GrantId, access: Access, posted: RekeyPosted, members: tuple[Member, ...]
) -> VerifiedRekey:
    preimage = LabelPreimage(access.delegator, posted.delegator_key_version, access.stream_id, posted.rekey.epoch)
    require(label_of(chain.domain, preimage) == posted.label, "it is of another label", access.delegator)
    delegating = await _delegating_key(chain, access.delegator, posted.delegator_key_version)
    receiving = await _receiving_key(chain, access.delegatee, posted.delegatee_key_version)
    context = GrantContext(
        domain=chain.domain,
        grant_id=grant_id,
        delegator=access.delegator,
        delegator_key_version=posted.delegator_key_version,
        delegatee=access.delegatee,
        delegatee_key_version=posted.delegatee_key_version,
        threshold=access.threshold,
        members=members,
        label=posted.label,
    )
    key = label_key(G1.from_evm(delegating), posted.label)
    verified = verify_rekey(context, key, G2.from_evm(receiving), _rekey_of(posted))
    require(verified.hash == await chain.contracts.grants.rekey_hash(grant_id, posted.rekey.epoch), "another hash")
    return verified


def _rekey_of(posted: RekeyPosted) -> Rekey:
    values = posted.rekey
    return Rekey(
        masked_key=G2.from_evm(values.masked_key),
        mask=G2.from_evm(values.mask),
        commitments=tuple(G1.from_evm(point) for point in values.commitments),
        ephemeral=G1.from_evm(values.ephemeral),
        ephemeral_proof=Proof(values.ephemeral_proof.challenge, values.ephemeral_proof.response),
        pads=tuple(values.pads),
    )


# --- keys -------------------------------------------------------------------------------------------------------------


async def _delegating_key(chain: AuditedChain, account: str, version: int) -> bytes:
    what = f"delegating key {version} of {account}"
    found = chain.one_of(DelegatingKeyRegistered, what, account=account, version=version)
    stored = await chain.contracts.keys.key_hash(Address(account), Role.DELEGATING, version)
    require(keccak256(found.key) == stored, f"the {what} is not the stored one")
    return found.key


async def _receiving_key(chain: AuditedChain, account: str, version: int) -> bytes:
    what = f"receiving key {version} of {account}"
    found = chain.one_of(ReceivingKeyRegistered, what, account=account, version=version)
    stored = await chain.contracts.keys.key_hash(Address(account), Role.RECEIVING, version)
    require(keccak256(found.key) == stored, f"the {what} is not the stored one")
    return found.key


async def _member(chain: AuditedChain, member: ChainMember) -> Member:
    stored = await chain.contracts.proxies.proxy_key_hash(member.account, member.key_version)
    posted: list[ProxyJoined | ProxyKeyRotated] = [
        *chain.all_of(ProxyJoined, proxy=member.account),
        *chain.all_of(ProxyKeyRotated, proxy=member.account),
    ]
    for event in posted:
        if event.key_version == member.key_version and keccak256(event.key) == stored:
            return Member(member.account, member.key_version, G1.from_evm(event.key))
    raise EventMissing(f"there is no event of node key {member.key_version} of {member.account}")


def shown_record(record_id: RecordId) -> str:
    """A record's place: stream/publisher/sequence."""
    publisher = f"0x{record_id >> 32 & (1 << 160) - 1:040x}"
    return f"{StreamId(record_id >> 192)}/{publisher}/{record_id & 0xFFFFFFFF}"
