"""What two people do by hand in two terminals, with `tpre net up` and the verbs of owner and user."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.integration.nets.cli_world import answer, command, environment, processes_in, tpre

pytestmark = [pytest.mark.anvil, pytest.mark.slow, pytest.mark.timeout(400)]

HOME = ("--home", "home")


@dataclass(frozen=True)
class Tour:
    """A net of three proxies, one record that user 1 was granted and has read."""

    folder: Path
    record: str
    grant: int
    content: bytes

    @property
    def net(self) -> Path:
        return self.folder / "home"


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    folder = tmp_path_factory.mktemp("tour")
    content = b"unix_time,fahrenheit\n" + b"".join(b"%d,%d\n" % (i, 60 + i % 9) for i in range(40_000))
    (folder / "readings.csv").write_bytes(content)
    up = answer(folder, "net", "up", "--proxies", "3", *HOME, fork_proxies=False)
    try:
        assert up["threshold"] == 2
        assert len(up["proxies"]) == 3
        created = answer(folder, "owner", "stream", "create", "machine-7/temperature", "--summary", "heat", *HOME)
        options = ["--stream", "machine-7/temperature", "--tag", "unit=F"]
        published = answer(folder, "owner", "publish", "readings.csv", *options, *HOME)
        assert published["stream"] == created["stream"]
        found = answer(folder, "user", "catalog", "unit", *HOME)["streams"]
        assert found[0]["records"][0]["record"] == published["record"]
        refused = answer(folder, "user", "fetch", published["record"], "-o", "out.csv", *HOME, code=3)
        assert refused["error"] == "NoGrant"
        asked = answer(folder, "user", "request", str(created["stream"]), "--purpose", "forecast", *HOME)
        (waiting,) = answer(folder, "owner", "requests", *HOME)["requests"]
        assert (waiting["request"], waiting["purpose"], waiting["threshold"]) == (asked["request"], "forecast", 2)
        given = answer(folder, "owner", "grant", str(asked["request"]), "--days", "1", *HOME)
        assert len(given["committee"]) == 3
        yield Tour(folder, published["record"], given["grant"], content)
    finally:
        down = answer(folder, "net", "down", *HOME)
        assert len(down["ended"]) == 4
        assert processes_in(folder) == []


@pytest.fixture(scope="module")
def fetched(tour: Tour) -> Tour:
    report = answer(tour.folder, "user", "fetch", tour.record, "-o", "out.csv", *HOME)
    assert (tour.folder / "out.csv").read_bytes() == tour.content
    assert report["sha256"] == hashlib.sha256(tour.content).hexdigest()
    assert report["round"] == f"{tour.grant}/0"
    return tour


def test_net_up__twice__says_that_it_is_up(tour: Tour) -> None:
    assert answer(tour.folder, "net", "up", *HOME, code=2)["error"] == "NetIsUp"


def test_net_status__all_serve__exits_0(tour: Tour) -> None:
    found = answer(tour.folder, "net", "status", *HOME)
    assert found["proxy_states"] == ["ready"] * 3


def test_net_up__proxy_was_killed__starts_that_one_again(tour: Tour) -> None:
    before = answer(tour.folder, "net", "status", *HOME)["proxies"]
    psutil.Process(before[2]["pid"]).kill()
    found = answer(tour.folder, "net", "status", *HOME, code=5)
    assert found["proxy_states"][:2] == ["ready"] * 2
    assert found["proxy_states"][2] == "gone"
    revived = answer(tour.folder, "net", "up", *HOME)["proxies"]
    assert revived[:2] == before[:2]
    assert (revived[2]["number"], revived[2]["address"]) == (3, before[2]["address"])
    assert revived[2]["pid"] != before[2]["pid"]
    assert answer(tour.folder, "net", "status", *HOME)["proxy_states"] == ["ready"] * 3


def test_fetch__output_exists__refuses(fetched: Tour) -> None:
    assert answer(fetched.folder, "user", "fetch", fetched.record, "-o", "out.csv", *HOME, code=8)["error"] == (
        "OutputExists"
    )


def test_owner_fetch__own_record__needs_no_grant(fetched: Tour) -> None:
    report = answer(fetched.folder, "owner", "fetch", fetched.record, "-o", "own.csv", *HOME)
    assert report["round"] is None
    assert (fetched.folder / "own.csv").read_bytes() == fetched.content


def test_user_status__after_fetch__shows_the_round(fetched: Tour) -> None:
    found = answer(fetched.folder, "user", "status", str(fetched.grant), *HOME)
    assert (found["status"], found["used"], found["rounds"][0]["phase"]) == ("granted", 1, "finalized")
    assert fetched.record in tpre(fetched.folder, "user", "status", str(fetched.grant), *HOME).out


def test_audit_verify__after_fetch__everything_holds(fetched: Tour) -> None:
    found = answer(fetched.folder, "audit", "verify", *HOME)
    assert found["ok"] is True
    subjects = {check["subject"] for check in found["checks"]}
    assert subjects == {f"record {fetched.record}", f"grant {fetched.grant}", f"round {fetched.grant}/0"}


def test_audit_timeline__of_the_round__names_every_step(fetched: Tour) -> None:
    entries = answer(fetched.folder, "audit", "timeline", "--round", f"{fetched.grant}/0", *HOME)["entries"]
    actions = [entry["action"] for entry in entries]
    assert actions[0] == "opened a round"
    assert actions.count("submitted cfrags") == 2
    assert {"proposed the result", "voted for it", "finalized the round"} <= set(actions)


def test_key_new__with_fund__can_act_at_once(tour: Tour) -> None:
    made = answer(tour.folder, "key", "new", "second", "--fund", *HOME)
    asked = answer(tour.folder, "user", "request", "1", "--key", "second", *HOME)
    assert asked["request"] > tour.grant
    denied = answer(tour.folder, "owner", "deny", str(asked["request"]), "--reason", "no", *HOME)
    assert denied["gas"] > 21_000
    requests = answer(tour.folder, "owner", "requests", "--all", *HOME)["requests"]
    assert {one["user"]: one["status"] for one in requests}[made["address"]] == "denied"
    credit = answer(tour.folder, "user", "credit", "--key", "second", *HOME)
    assert (credit["withdrawn"], credit["address"]) == (False, made["address"])
    assert credit["credit_wei"] > 0  # the deposit
    paid = answer(tour.folder, "user", "credit", "--withdraw", "--key", "second", *HOME)
    assert (paid["withdrawn"], paid["credit_wei"]) == (True, credit["credit_wei"])
    assert answer(tour.folder, "user", "credit", "--key", "second", *HOME)["credit_wei"] == 0


def test_owner_offer__unasked__is_granted_and_read(fetched: Tour) -> None:
    made = answer(fetched.folder, "key", "new", "third", "--fund", *HOME)
    assert answer(fetched.folder, "user", "register", "--key", "third", *HOME)["version"] == 1
    offered = answer(fetched.folder, "owner", "offer", made["address"], "--conversions", "2", *HOME)
    grant = str(offered["request"])
    answer(fetched.folder, "owner", "grant", grant, "--open", fetched.record, *HOME)
    answer(fetched.folder, "user", "deposit", grant, "1000", "--key", "third", *HOME)
    assert answer(fetched.folder, "owner", "extend", grant, *HOME)["added_epochs"] == []
    answer(fetched.folder, "user", "fetch", fetched.record, "-o", "third.csv", "--key", "third", *HOME)
    assert (fetched.folder / "third.csv").read_bytes() == fetched.content
    refused = answer(fetched.folder, "owner", "settle", f"{grant}/0", *HOME, code=3)
    assert "ChallengeWindowOpen" in refused["message"]
    again = answer(fetched.folder, "owner", "open", grant, fetched.record, *HOME)
    assert again["round"] == int(grant) << 32 | 1
    spent = answer(fetched.folder, "owner", "open", grant, fetched.record, *HOME, code=3)
    assert spent["error"] == "DepositUsedUp"


def test_proxy_status__of_the_net__is_active(tour: Tour) -> None:
    found = answer(tour.folder, "proxy", "status", "--home", "home/proxies/1")
    assert (found["active"], found["member"], found["missed"]) == (True, True, 0)


def test_proxy_join__again__says_so(tour: Tour) -> None:
    assert answer(tour.folder, "proxy", "join", "--home", "home/proxies/1")["joined"] is False


def test_unknown_ids__each__have_their_exit_code(tour: Tour) -> None:
    unknown = "1/0x" + "11" * 20 + "/0"
    assert answer(tour.folder, "user", "fetch", unknown, "-o", "x", *HOME, code=4)["error"] == "RecordUnknown"
    assert answer(tour.folder, "user", "request", "99", *HOME, code=4)["error"] == "StreamUnknown"
    assert answer(tour.folder, "owner", "grant", "99", *HOME, code=3)["error"] == "NoGrant"
    assert answer(tour.folder, "audit", "verify", "--round", "77/0", *HOME, code=4)["error"] == "EventMissing"
    assert answer(tour.folder, "user", "fetch", "nonsense", "-o", "x", *HOME, code=2)["error"] == "Usage"


def test_user_catalog__node_is_away__is_unavailable(tour: Tour) -> None:
    options = ("--rpc", "http://127.0.0.1:1")
    found = answer(tour.folder, "user", "catalog", *options, *HOME, code=5)
    assert (found["error"], found["retryable"]) == ("EndpointDown", True)


def test_secrets__of_the_net__are_in_files_of_mode_0600(tour: Tour) -> None:
    secret = [*tour.net.rglob("*.passphrase"), *tour.net.rglob("keys/*.json")]
    assert len(secret) >= 10
    assert all(file.stat().st_mode & 0o077 == 0 for file in secret)
    passphrases = [file.read_text() for file in tour.net.rglob("*.passphrase")]
    for process in processes_in(tour.folder):
        shown = " ".join([*process.cmdline(), *map("=".join, process.environ().items())])
        assert not any(passphrase in shown for passphrase in passphrases)
    logs = "".join(file.read_text(errors="replace") for file in tour.net.rglob("log"))
    assert not any(passphrase in logs for passphrase in passphrases)


def test_revoked__and_a_new_epoch__shuts_the_user_out(fetched: Tour) -> None:
    answer(fetched.folder, "owner", "revoke", str(fetched.grant), *HOME)
    assert answer(fetched.folder, "owner", "revoke", str(fetched.grant), *HOME, code=3)["error"] == "GrantRevoked"
    assert answer(fetched.folder, "owner", "epoch", *HOME)["epoch"] == 1
    later = answer(fetched.folder, "owner", "publish", "readings.csv", "--stream", "1", *HOME)["record"]
    assert answer(fetched.folder, "user", "fetch", later, "-o", "later.csv", *HOME, code=3)["error"] == "NoGrant"
    options = ("--grant", str(fetched.grant))
    refused = answer(fetched.folder, "user", "fetch", later, "-o", "later.csv", *options, *HOME, code=3)
    assert refused["error"] == "GrantRevoked"
    assert not (fetched.folder / "later.csv").exists()


def test_rotate__owner_and_user__the_next_epoch_is_under_new_keys(fetched: Tour) -> None:
    assert answer(fetched.folder, "owner", "rotate", *HOME)["version"] == 2
    assert answer(fetched.folder, "user", "rotate", *HOME)["version"] == 2
    answer(fetched.folder, "owner", "epoch", *HOME)
    record = answer(fetched.folder, "owner", "publish", "readings.csv", "--stream", "1", *HOME)["record"]
    asked = answer(fetched.folder, "user", "request", "1", *HOME)["request"]
    answer(fetched.folder, "owner", "grant", str(asked), *HOME)
    answer(fetched.folder, "user", "fetch", record, "-o", "rotated.csv", *HOME)
    assert (fetched.folder / "rotated.csv").read_bytes() == fetched.content


def test_owner_terms__changed__bind_the_next_request(tour: Tour) -> None:
    assert "NothingToWithdraw" in answer(tour.folder, "owner", "credit", "--withdraw", *HOME, code=3)["message"]
    changed = answer(tour.folder, "owner", "terms", "--threshold", "3", "--price-wei", "7", *HOME)
    assert (changed["stream"], changed["minimum"], changed["price_wei"]) == (1, [3, 3], 7)
    assert answer(tour.folder, "owner", "terms", "--committee", "4", *HOME)["minimum"] == [3, 4]
    refused = answer(tour.folder, "user", "request", "1", "--threshold", "2", "--key", "second", *HOME, code=3)
    assert "BadThreshold" in refused["message"]
    assert answer(tour.folder, "owner", "terms", "--committee", "3", *HOME)["price_wei"] == 7
    refused = answer(tour.folder, "owner", "terms", "--threshold", "3", "--committee", "2", *HOME, code=3)
    assert "BadTerms" in refused["message"]


def test_proxy_rotate__of_a_proxy_that_serves__needs_no_restart(tour: Tour) -> None:
    for number in (1, 2, 3):
        home = ("--home", f"home/proxies/{number}")
        assert answer(tour.folder, "proxy", "rotate", *home)["key_version"] == 2
        assert "RotationTooSoon" in answer(tour.folder, "proxy", "rotate", *home, code=3)["message"]
        assert answer(tour.folder, "proxy", "status", *home)["key_version"] == 2
    record = answer(tour.folder, "owner", "publish", "readings.csv", "--stream", "1", *HOME)["record"]
    asked = answer(tour.folder, "user", "request", "1", "--threshold", "3", "--key", "third", *HOME)["request"]
    assert answer(tour.folder, "owner", "grant", str(asked), "--open", record, *HOME, code=3)["error"] == "NotPayer"
    answer(tour.folder, "owner", "grant", str(asked), *HOME)
    options = ("--grant", str(asked), "--key", "third")
    answer(tour.folder, "user", "fetch", record, "-o", "by-version-2.csv", *options, *HOME)
    assert (tour.folder / "by-version-2.csv").read_bytes() == tour.content
    found = answer(tour.folder, "proxy", "credit", *home)
    assert (found["address"], found["withdrawn"]) == (answer(tour.folder, "proxy", "status", *home)["address"], False)


def test_net_down__another_process_has_the_number__is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = psutil.Process(bystander.pid).create_time() - 100
        net = {
            "format": 1, "chain_id": 31337, "client": "x", "endpoints": ["http://127.0.0.1:1"], "threshold": 1,
            "node": {"pid": bystander.pid, "started_s": started}, "proxies": [], "store": "local:x",
        }  # fmt: skip
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "net.json").write_text(json.dumps(net))
        assert answer(tmp_path, "net", "down", *HOME)["ended"] == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_net_up__interrupted__leaves_no_process(tmp_path: Path) -> None:
    child = subprocess.Popen(
        command("net", "up", "--proxies", "2", *HOME), cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()  # the chain is there
    child.terminate()
    assert child.wait(60) == 130
    child.stdout.close()
    assert processes_in(tmp_path) == []
