"""Messages of the exchange: their forms, signatures, addresses, and how much noise is listened to."""

from __future__ import annotations

import json
import secrets
import socket

import pytest
from eth_account import Account

from tpre_offchain.chain.signing import signer, signer_of
from tpre_offchain.crypto.cfrag import CFrags
from tpre_offchain.crypto.curve import g1
from tpre_offchain.crypto.hashing import Domain
from tpre_offchain.crypto.proofs import Proof
from tpre_offchain.crypto.typed_data import message_digest, vote_digest
from tpre_offchain.proxy.exchange.client import ExchangeClient, PeerSilent
from tpre_offchain.proxy.exchange.endpoints import may_be_called
from tpre_offchain.proxy.exchange.limits import Bucket
from tpre_offchain.proxy.exchange.listening import BadExchange, listen, url_of
from tpre_offchain.proxy.messages import (
    HALF_ORDER,
    ExchangeRefused,
    body_limit,
    compact,
    decode_ballot,
    decode_cfrags,
    encode_ballot,
    encode_cfrags,
    signer_of_compact,
)
from tpre_offchain.types import Address, RoundId, Slot

ADDRESS = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
ROUND = RoundId(7 << 32)
DOMAIN = Domain(31337, *(f"0x{digit * 40}" for digit in "12345"))
ACCOUNTS = {Slot(i): ADDRESS for i in (1, 2, 3)}


def cfrags(slot: int, records: int = 2) -> CFrags:
    return CFrags(Slot(slot), tuple(g1() * (k + 2) for k in range(records)), Proof(5, 6))


class TestForms:
    def test_decode__encoded__same(self) -> None:
        batch = decode_cfrags(encode_cfrags(cfrags(2)), Slot(2), ADDRESS)
        assert batch.cfrags == tuple(point.to_evm() for point in cfrags(2).points)
        assert (batch.proof.challenge, batch.proof.response, batch.slot) == (5, 6, 2)
        ballot = decode_ballot(encode_ballot(b"r" * 32, {Slot(1): cfrags(1), Slot(2): cfrags(2)}), ACCOUNTS)
        assert ballot.result_hash == b"r" * 32
        assert [one.slot for one in ballot.batches] == [1, 2]

    @pytest.mark.parametrize("records", [1, 2, 100])
    def test_body_limit__largest_message__fits(self, records: int) -> None:
        parts = {Slot(i): cfrags(i, records) for i in range(1, 17)}
        assert len(encode_ballot(bytes(32), parts)) <= body_limit(records, 16)

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"[]", b"{}", b"[" * 100_000, b'{"cfrags": 1}', b'{"cfrags": ["00"], "challenge": "", "response": ""}',
            b"\xff", json.dumps({"cfrags": ["g" * 256], "challenge": "0" * 32, "response": "0" * 64}).encode(),
        ],
    )  # fmt: skip
    def test_decode_cfrags__malformed__refused(self, body: bytes) -> None:
        with pytest.raises(ExchangeRefused) as caught:
            decode_cfrags(body, Slot(1), ADDRESS)
        assert caught.value.status == 400
        assert not caught.value.retryable

    @pytest.mark.parametrize(
        "batches", [None, [], {"4": {}}, {"0": {}}, {"-1": {}}, {"²": {}}, {"1": 5}, {"1": {}, "01": {}}]
    )
    def test_decode_ballot__batches_of_no_slot__refused(self, batches: object) -> None:
        with pytest.raises(ExchangeRefused, match="malformed"):
            decode_ballot(json.dumps({"result_hash": "00" * 32, "batches": batches}).encode(), ACCOUNTS)

    def test_decode_ballot__a_slot_twice__refused(self) -> None:
        part = json.loads(encode_cfrags(cfrags(1)))
        body = json.dumps({"result_hash": "00" * 32, "batches": {"1": part, "01": part}}).encode()
        with pytest.raises(ExchangeRefused, match="two batches"):
            decode_ballot(body, ACCOUNTS)


class TestSignatures:
    def test_signer_of__own_signature__address_and_nothing_else_passes(self) -> None:
        account = Account.create()
        digest = vote_digest(DOMAIN, ROUND, b"r" * 32)
        signature = signer(account)(digest)
        assert signer_of(digest, signature) == account.address
        assert signer_of_compact(digest, compact(signature)) == account.address
        assert signer_of(vote_digest(DOMAIN, RoundId(ROUND + 1), b"r" * 32), signature) != account.address
        for junk in (b"", signature[:-1], signature + b"\0", signature[:64] + b"\x05", bytes(65), b"\xff" * 65):
            assert signer_of(digest, junk) in (None, "") or signer_of(digest, junk) != account.address

    def test_signer_of_compact__high_s__none(self) -> None:
        digest = secrets.token_bytes(32)
        made = compact(signer(Account.create())(digest))
        assert signer_of_compact(digest, type(made)(made.r, (HALF_ORDER + 1).to_bytes(32, "big"))) is None

    def test_digest__any_field_changed__another(self) -> None:
        base = message_digest(DOMAIN, ROUND, ADDRESS, "vote", b"body")
        other = Domain(1, *(f"0x{digit * 40}" for digit in "12345"))
        elsewhere = Domain(31337, *(f"0x{digit * 40}" for digit in "12346"))
        changed = {
            message_digest(other, ROUND, ADDRESS, "vote", b"body"),
            message_digest(elsewhere, ROUND, ADDRESS, "vote", b"body"),
            message_digest(DOMAIN, RoundId(ROUND + 1), ADDRESS, "vote", b"body"),
            message_digest(DOMAIN, ROUND, f"0x{'9' * 40}", "vote", b"body"),
            message_digest(DOMAIN, ROUND, ADDRESS, "cfrags", b"body"),
            message_digest(DOMAIN, ROUND, ADDRESS, "vote", b"bodies"),
        }
        assert len(changed) == 6
        assert base not in changed


class TestAddresses:
    @pytest.mark.parametrize("url", ["http://proxy.example:9010", "https://proxy.example/tpre", "http://8.8.8.8:1"])
    def test_may_be_called__public__yes(self, url: str) -> None:
        assert may_be_called(url, "https://mine.example")
        assert may_be_called(url, "http://127.0.0.1:9")

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:9010", "http://169.254.169.254/latest", "http://10.0.0.1", "http://[::1]:80",
            "http://localhost:8545", "http://node.internal", "http://router",
        ],
    )  # fmt: skip
    def test_may_be_called__inner_address__only_by_one_that_has_such_itself(self, url: str) -> None:
        assert not may_be_called(url, "https://mine.example")
        assert may_be_called(url, "http://127.0.0.1:9")

    @pytest.mark.parametrize(
        "url",
        ["", "hello", "ftp://a.example", "file:///etc/passwd", "http://", "http://u:p@a.example", "http://a.example?q=1",
         "http://a.example#f", "http://a.example:99999", "javascript:alert(1)"],
    )  # fmt: skip
    def test_may_be_called__no_address__no(self, url: str) -> None:
        assert not may_be_called(url, "http://127.0.0.1:9")

    @pytest.mark.parametrize("where", ["", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:99999", "127.0.0.1:80/x"])
    def test_listen__no_host_and_port__raises(self, where: str) -> None:
        with pytest.raises(BadExchange):
            listen(where)

    def test_url_of__six_and_four__as_others_call_it(self) -> None:
        class Fake(socket.socket):
            def getsockname(self) -> tuple[str, int, int, int]:
                return "::1", 9, 0, 0

        with Fake() as fake:
            assert url_of(fake) == "http://[::1]:9"


class TestNoise:
    def test_bucket__failures__allowed_by_burst_and_rate_and_by_source(self) -> None:
        now = [0.0]
        bucket = Bucket(3, 1.0, sources=2, clock=lambda: now[0])
        for _ in range(3):
            assert not bucket.empty("a")
            bucket.take("a")
        assert bucket.empty("a")
        assert not bucket.empty("b")
        now[0] = 1.0
        assert not bucket.empty("a")
        bucket.take("a")
        assert bucket.empty("a")
        bucket.take("b")
        bucket.take("c")  # only two sources are remembered
        assert not bucket.empty("a")

    @pytest.mark.parametrize(
        "answer",
        [b"", b"[]", b"{}", b'{"signature": 5}', b'{"signature": "00"}', b"[" * 100_000, b'{"signature": "zz"}'],
    )
    def test_signature_in__anything_else__none(self, answer: bytes) -> None:
        assert ExchangeClient.signature_in(answer) is None

    def test_peer_silent__is_worth_a_retry(self) -> None:
        assert PeerSilent("late").retryable
