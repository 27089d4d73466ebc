"""The vectors as objects of the library: strict decoding of the EIP-2537 forms, nothing verified."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tpre_offchain.crypto import pre
from tpre_offchain.crypto.codec import cfrags_from_evm
from tpre_offchain.crypto.curve import G1, G2
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.keys import LabelPreimage, ProxyKey, ReceivingKey
from tpre_offchain.crypto.metadata import Metadata
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.types import GrantId, RecordId, RoundId, Slot

DIRECTORY = Path(__file__).parent


@lru_cache
def _text(name: str) -> str:
    return (DIRECTORY / name).read_text(encoding="utf-8")


def load(name: str) -> Any:
    """A fresh copy of a file's content."""
    return json.loads(_text(name))


def replaced(content: Any, paths: list[str], values: list[Any]) -> Any:
    """A copy with the values at paths such as ``.rounds[1].roundId`` replaced."""
    content = copy.deepcopy(content)
    for path, value in zip(paths, values, strict=True):
        *way, last = [int(key) if key.isdigit() else key for key in re.findall(r"\w+", path)]
        place = content
        for key in way:
            place = place[key]
        place[last] = value
    return content


def raw(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def num(value: str) -> int:
    return int(value, 16)


def p1(value: str) -> G1:
    return G1.from_evm(raw(value))


def p2(value: str) -> G2:
    return G2.from_evm(raw(value))


def proof_of(value: dict[str, Any]) -> Proof:
    return Proof(num(value["challenge"]), num(value["response"]))


def domain_of(content: Any) -> Domain:
    d = content["domain"]
    return Domain(
        d["chainId"],
        d["keyRegistry"],
        d["proxyRegistry"],
        d["recordRegistry"],
        d["grantRegistry"],
        d["conversionRounds"],
    )


@dataclass(frozen=True)
class Flow:
    """One flow file."""

    content: Any

    @property
    def domain(self) -> Domain:
        return domain_of(self.content)

    @property
    def preimage(self) -> LabelPreimage:
        delegator, label = self.content["delegator"], self.content["label"]
        return LabelPreimage(delegator["account"], delegator["version"], int(label["streamId"]), label["epoch"])

    @property
    def label_key(self) -> G1:
        return p1(self.content["label"]["labelKey"])

    @property
    def label_secret(self) -> int:
        return num(self.content["label"]["labelSecret"])

    @property
    def receiving_key(self) -> G2:
        return p2(self.content["delegatee"]["key"])

    @property
    def user(self) -> ReceivingKey:
        secret = num(self.content["delegatee"]["secret"])
        return ReceivingKey(secret, G2.generator() * secret, self.content["delegatee"]["version"])

    @property
    def grant_context(self) -> pre.GrantContext:
        content, grant = self.content, self.content["grant"]
        return pre.GrantContext(
            domain=self.domain,
            grant_id=GrantId(int(grant["grantId"])),
            delegator=content["delegator"]["account"],
            delegator_key_version=content["delegator"]["version"],
            delegatee=content["delegatee"]["account"],
            delegatee_key_version=content["delegatee"]["version"],
            threshold=content["threshold"],
            members=tuple(pre.Member(m["account"], m["keyVersion"], p1(m["key"])) for m in grant["members"]),
            label=pre.label_of(self.domain, self.preimage),
        )

    @property
    def rekey(self) -> pre.Rekey:
        grant = self.content["grant"]
        return pre.Rekey(
            p2(grant["U"]),
            p2(grant["V"]),
            tuple(p1(c) for c in grant["commitments"]),
            p1(grant["R"]),
            proof_of(grant["ephemeralProof"]),
            tuple(raw(pad) for pad in grant["pads"]),
        )

    @property
    def verified_rekey(self) -> pre.VerifiedRekey:
        return pre.verify_rekey(self.grant_context, self.label_key, self.receiving_key, self.rekey)

    def trusted_rekey(self) -> pre.VerifiedRekey:
        """Without the check, for cases that are about a later step."""
        return pre.VerifiedRekey(self.grant_context, self.label_key, self.rekey, self.receiving_key)

    def proxy_key(self, slot: int) -> ProxyKey:
        member = self.content["grant"]["members"][slot - 1]
        secret = num(member["secret"])
        return ProxyKey(secret, G1.generator() * secret, member["keyVersion"])

    def record_context(self, place: int) -> pre.RecordContext:
        return pre.RecordContext(self.domain, self.preimage, RecordId(num(self.content["records"][place]["recordId"])))

    def capsule(self, place: int) -> pre.Capsule:
        record = self.content["records"][place]
        return pre.Capsule(p1(record["c1"]), raw(record["c2"]), raw(record["c3"]), proof_of(record["proof"]))

    def verified_capsule(self, place: int) -> pre.VerifiedCapsule:
        return pre.verify_capsule(self.label_key, self.record_context(place), self.capsule(place))

    def metadata(self, place: int) -> Metadata:
        m = self.content["records"][place]["metadata"]
        return Metadata(
            raw(m["dek"]), raw(m["cid"]), raw(m["encryptedSha256"]), int(m["encryptedLength"]), int(m["plainLength"]),
            int(m["createdAt"]), m["mediaType"], m["name"], raw(m["signature"]),
        )  # fmt: skip

    def round_context(self, index: int) -> pre.RoundContext:
        return pre.RoundContext(self.domain, RoundId(num(self.content["rounds"][index]["roundId"])))

    def round_capsules(self, index: int) -> list[pre.VerifiedCapsule]:
        return [self.verified_capsule(place) for place in self.content["rounds"][index]["remaining"]]

    def cfrags(self, index: int, place: int) -> pre.CFrags:
        cfrags = self.content["rounds"][index]["cfrags"][place]
        proof = (num(cfrags["proof"]["challenge"]), num(cfrags["proof"]["response"]))
        return cfrags_from_evm(Slot(cfrags["slot"]), [raw(p) for p in cfrags["points"]], proof)

    def results(self, index: int) -> list[G1]:
        return [p1(point) for point in self.content["rounds"][index]["results"]]

    @property
    def complaint(self) -> pre.Complaint:
        made = self.content["complaint"]
        return pre.Complaint(Slot(made["slot"]), p1(made["K"]), proof_of(made["proof"]))
