"""What each custom error of the contracts means to a reader, and what he can do about it.

Placeholders are the error's own parameters, in snake case. ``retryable``: the same transaction may succeed later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RevertText:
    """Message template, hint, and whether a retry may help."""

    message: str
    hint: str
    retryable: bool = False


_WRONG_DEPLOYMENT = "only the system's own contracts may call this; check the deployment's wiring"
_WAIT = "wait, then try again"
_READ_AGAIN = "read the round again from the chain; something in the local view of it is stale"

REVERT_TEXTS: Mapping[str, RevertText] = {
    # libraries
    "PrecompileMissing": RevertText(
        "the chain has no working BLS12-381 precompile at {precompile}", "use a chain with EIP-2537 (Prague or later)"
    ),
    "InvalidPoint": RevertText(
        "precompile {precompile} refused a point", "the point is off the curve, outside the subgroup, or not canonical"
    ),
    "InsufficientGas": RevertText(
        "the check needs {needed} gas that the transaction does not have", "send with a higher gas limit", True
    ),
    "ScalarTooLarge": RevertText("{scalar} is not below the group order r", "reduce the scalar modulo r"),
    "WrongTermCount": RevertText("{points} terms here and {others} there", "give as many, and at least one"),
    "UnexpectedIdentity": RevertText("a point is the identity", "make the value anew with fresh randomness"),
    # KeyRegistry
    "InvalidKeyProof": RevertText(
        "the proof of knowledge for {account}'s key of role {role} does not hold",
        "make the proof for this chain, registry, account and the next version",
    ),
    "KeyMismatch": RevertText(
        "the key given is not version {version} of role {role} of {account}", "read the key's version from the chain"
    ),
    "NoKey": RevertText("{account} has no key of role {role}", "register the key first"),
    # ProxyRegistry
    "AlreadyProxy": RevertText("{account} is a proxy already", "nothing to do; `leave` first to join anew"),
    "NotProxy": RevertText("{account} is no proxy", "join first"),
    "ProxyIsLeaving": RevertText("{account} is leaving", "withdraw the bond after the cooldown, then join anew"),
    "ProxyNotLeaving": RevertText("{account} is not leaving", "leave first"),
    "WrongBond": RevertText("{sent} wei sent where the bond is {required} wei", "send exactly the bond"),
    "ProxyKeyTaken": RevertText("another proxy registered this node key", "make a fresh node key"),
    "InvalidProxyKeyProof": RevertText(
        "the proof of possession of {account}'s node key does not hold",
        "make the proof for this chain, registry, account and the next version",
    ),
    "RotationTooSoon": RevertText(
        "the node key can be rotated again from block {allowed_at_block}", _WAIT, retryable=True
    ),
    "CooldownNotOver": RevertText(
        "the bond can be withdrawn from block {withdrawable_at_block} and unix time {withdrawable_at_time}", _WAIT, True
    ),
    "EndpointTooLong": RevertText("the endpoint has {length} bytes, more than {limit}", "use a shorter URL"),
    "CommitteeUndrawable": RevertText(
        "only {found} of {wanted} active proxies were found",
        "ask for a smaller committee or wait for more proxies",
        True,
    ),
    "NotRounds": RevertText("{caller} is not the rounds contract", _WRONG_DEPLOYMENT),
    "NotBonded": RevertText("{account} has no bond at stake", "join as a proxy and top up the bond"),
    "BadSettings": RevertText("the deployment's settings contradict one another", "correct the settings"),
    # RecordRegistry
    "UnknownStream": RevertText("there is no stream {stream_id}", "list the streams"),
    "NotStreamOwner": RevertText("{caller} does not own stream {stream_id}, {owner} does", "sign as the owner"),
    "NotPublisher": RevertText(
        "{caller} may not publish to stream {stream_id}", "have the stream's owner name the publisher"
    ),
    "StaleEpoch": RevertText(
        "stream {stream_id} is in epoch {current}, not {given}", "encrypt for the current epoch and publish again"
    ),
    "WrongSequence": RevertText(
        "the next record of {publisher} in stream {stream_id} is number {next}, not {given}",
        "a lower number is published already; read the next one from the chain",
    ),
    "UnknownEpoch": RevertText(
        "stream {stream_id} has no epoch {epoch} yet, only up to {current}", "name a past epoch"
    ),
    "BadTerms": RevertText(
        "a minimum of {minimum_threshold} of {minimum_committee} is impossible", "keep 1 <= threshold <= committee"
    ),
    "TextTooLong": RevertText("a text has {length} bytes, more than {limit}", "shorten it"),
    "SealedTooLong": RevertText(
        "the sealed metadata has {length} bytes, more than {limit}", "shorten name and media type"
    ),
    "SealedTooShort": RevertText(
        "the sealed metadata has {length} bytes, fewer than the {minimum} of its tag", "seal the metadata again"
    ),
    "EmptyBatch": RevertText("a batch without records", "publish at least one record"),
    "OwnerHasNoDelegatingKey": RevertText("{owner} has no delegating key", "register the delegating key first"),
    # GrantRegistry
    "UnknownGrant": RevertText("there is no request or grant {grant_id}", "list the requests"),
    "WrongStatus": RevertText("grant {grant_id} is {current}, not {expected}", "read its status from the chain"),
    "NotDelegator": RevertText(
        "{caller} is not the delegator of grant {grant_id}, {delegator} is", "sign as the owner"
    ),
    "NotDelegatee": RevertText("{caller} is not the delegatee of grant {grant_id}, {delegatee} is", "sign as the user"),
    "BadThreshold": RevertText(
        "{threshold} of {committee_size} is not allowed: at least {minimum_threshold} of {minimum_committee}, "
        "at most {maximum_committee} members",
        "ask within the stream's terms",
    ),
    "TooFewProxies": RevertText(
        "a committee of {committee_size} was asked for, {active} proxies are active", "ask for a smaller one", True
    ),
    "BadEpochRange": RevertText(
        "epochs {epoch_from}..{epoch_to} are no range up to the current {current}", "ask for epochs in order"
    ),
    "RequestPending": RevertText(
        "{delegatee} has request {pending} open for stream {stream_id}", "wait for its answer or withdraw it"
    ),
    "PaymentTooSmall": RevertText("{sent} wei sent, {required} wei required", "send the redraw fee with the deposit"),
    "PriceTooHigh": RevertText(
        "a conversion of stream {stream_id} costs {price} wei, at most {maximum} wei were to be paid",
        "look at the stream's terms again, and allow that price if you agree",
    ),
    "RequestTooLong": RevertText(
        "{min_seconds} seconds asked for, a grant lasts {maximum} at most", "ask for a shorter time"
    ),
    "DrawLapsed": RevertText(
        "the hash of block {request_block} is gone (now {current_block}), so request {grant_id} has no committee",
        "withdraw the request and ask again",
    ),
    "DrawTooEarly": RevertText("the committee of request {grant_id} is drawn from the next block on", _WAIT, True),
    "BadExpiry": RevertText(
        "expiry {expiry} is outside {earliest}..{latest} (unix time)", "choose an expiry in that range"
    ),
    "QuotaTooSmall": RevertText(
        "{quota} conversions granted, request {grant_id} asks for {minimum} at least",
        "grant as many, or deny the request",
    ),
    "RekeyMissing": RevertText(
        "grant {grant_id} has no re-key for its first epoch {epoch}", "make one, and give it as the first"
    ),
    "InvalidDrawProof": RevertText(
        "the draw for input {input} was not made with the owner's delegating key",
        "make it with the key version of the request's first epoch, for the hash of the request's block",
    ),
    "EpochOutOfScope": RevertText("grant {grant_id} does not cover epoch {epoch}", "ask for access to that epoch"),
    "RekeyExists": RevertText("grant {grant_id} has a re-key for epoch {epoch} already", "nothing to do"),
    "WrongCommitmentCount": RevertText("{given} commitments for threshold {threshold}", "make exactly t commitments"),
    "WrongPadCount": RevertText("{given} fragments for {committee_size} members", "make one fragment for each member"),
    "IdentityPoint": RevertText("{which} is the identity", "make the grant anew with fresh randomness"),
    "InvalidEphemeralProof": RevertText(
        "the proof for R of grant {grant_id} does not hold", "make the re-key anew for this grant's context"
    ),
    "MalformedGrant": RevertText(
        "the re-key of grant {grant_id} fails its pairing check", "make the re-key anew from the keys on the chain"
    ),
    "StaleGrant": RevertText("grant {grant_id} expired at {expiry} (unix time)", "ask for access again"),
    "QuotaExceeded": RevertText(
        "{asked} conversions asked of grant {grant_id}, {used} of {quota} are used", "ask for a new grant"
    ),
    "DepositTooSmall": RevertText(
        "the deposit of grant {grant_id} is {deposit} wei, the round needs {required} wei", "add to the deposit"
    ),
    "RekeyMismatch": RevertText(
        "the re-key given is not the one of grant {grant_id}, epoch {epoch}", "read the re-key's event again"
    ),
    "CommitteeMismatch": RevertText(
        "the committee given is not the one of grant {grant_id}", "read the grant's committee from its event"
    ),
    "NotInSlot": RevertText("{caller} does not hold slot {slot}", "sign as the proxy of that slot"),
    "InvalidComplaintProof": RevertText(
        "the proof of equal logs of slot {slot}'s complaint does not hold",
        "make the proof with the committee's key version",
    ),
    "NothingToReclaim": RevertText("nothing of the deposit of grant {grant_id} is free", "nothing to do"),
    "NotPayer": RevertText(
        "rounds of grant {grant_id} are opened by {payer}, who pays for them, not by {caller}", "sign as that account"
    ),
    "GrantStillLive": RevertText("grant {grant_id} is still live", "revoke it or wait for its expiry", True),
    "OwnOffer": RevertText("grant {grant_id} is the owner's own offer", "withdraw the offer instead of denying it"),
    # ConversionRounds
    "WrongPhase": RevertText("round {round_id} is {current}, not {expected}", _READ_AGAIN),
    "WrongCommittee": RevertText("the committee given is not that of round {round_id}", _READ_AGAIN),
    "WrongRoundData": RevertText("the data given is not what round {round_id} was opened on", _READ_AGAIN),
    "WrongRecordCount": RevertText("{given} records, outside {minimum}..{maximum}", "split the round"),
    "UnknownRecord": RevertText(
        "record {record_id} is not published, or not as given", "read capsule and seal from the record's event"
    ),
    "RecordsNotAscending": RevertText("record ids do not ascend at position {position}", "sort the records by id"),
    "AlreadySubmitted": RevertText("slot {slot} has submitted to round {round_id}", "nothing to do"),
    "EnoughCfrags": RevertText("round {round_id} has its {threshold} cfrags", "nothing to do"),
    "WrongCfragCount": RevertText(
        "{given} cfrags where round {round_id} has {expected} records", "leave out the excluded records"
    ),
    "ContributorsNotSubmitted": RevertText(
        "contributors {contributors:b} are not all among the submitted {submitted:b} of round {round_id}", _READ_AGAIN
    ),
    "WrongContributorCount": RevertText("{given} contributors where the threshold is {threshold}", "name exactly t"),
    "WrongResult": RevertText(
        "the result of round {round_id} fails its pairing check", "combine verified cfrags of this round only"
    ),
    "AlreadyVoted": RevertText("slot {slot} has voted in round {round_id}", "nothing to do"),
    "WrongResultHash": RevertText("round {round_id} has another live proposal", _READ_AGAIN),
    "SlotsNotAllowed": RevertText(
        "round {round_id} takes of the slots {slots:#b} only those in {allowed:#b}",
        "name members of the committee, none whose cfrags were shown to be bad, and not the leader among the voters",
    ),
    "SubmittedLeftOut": RevertText(
        "cfrags of the slots {submitted:#b} stand in round {round_id}, the result is of {contributors:#b}",
        "combine anew with those that stand",
    ),
    "TooFewVotes": RevertText(
        "{approvals:#b} are not more than half of the {committee_size} members of round {round_id}", "ask more members"
    ),
    "WrongSignatureCount": RevertText(
        "{given} signatures for {expected} voters of round {round_id}", "give one for each voter, by slot"
    ),
    "SignatureNotLow": RevertText(
        "slot {slot}'s signature in round {round_id} is not in its low form", "negate s, and flip the parity"
    ),
    "WrongSignature": RevertText(
        "slot {slot} did not sign this result of round {round_id}", "signatures are for one result, chain and contract"
    ),
    "NotSubmitted": RevertText("slot {slot} has no standing submission in round {round_id}", _READ_AGAIN),
    "SlotChallenged": RevertText(
        "slot {slot}'s cfrags in round {round_id} were shown to be bad", "the slot takes no further part in this round"
    ),
    "LeaderBarred": RevertText(
        "a majority rejected slot {slot}'s proposal in round {round_id}", "another member has to propose"
    ),
    "WrongSubmission": RevertText(
        "what was given is not slot {slot}'s submission to round {round_id}", "rebuild the hash chain from the events"
    ),
    "CfragIsGood": RevertText("slot {slot}'s proof in round {round_id} holds", "there is nothing to challenge"),
    "CapsuleIsGood": RevertText("the capsule proof of record {record_id} holds", "there is nothing to report"),
    "ChallengeWindowOver": RevertText("round {round_id} can no longer be challenged", "nothing to do"),
    "ChallengeWindowOpen": RevertText(
        "round {round_id} can be challenged until {until} (unix time)", _WAIT, retryable=True
    ),
    "AlreadyClosed": RevertText("round {round_id} is closed", "nothing to do"),
    "NothingToSettle": RevertText("no price of round {round_id} is left to settle", "nothing to do"),
    "NotGrantRegistry": RevertText("{caller} is not the grant registry", _WRONG_DEPLOYMENT),
    # Treasury
    "NotSystemContract": RevertText("{caller} is no contract of this system", _WRONG_DEPLOYMENT),
    "HeldTooLittle": RevertText("{held} wei are held where {wanted} wei are wanted", _WRONG_DEPLOYMENT),
    "NothingToWithdraw": RevertText("{account} has no credit", "nothing to do"),
    "TransferFailed": RevertText("{to} did not accept {amount} wei", "withdraw to an account that accepts ETH"),
    "ZeroAddress": RevertText("the zero address was given", "name an account"),
    # OpenZeppelin
    "ReentrancyGuardReentrantCall": RevertText(
        "a contract was entered again while running", "withdraw to a plain account"
    ),
}
