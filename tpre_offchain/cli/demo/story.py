"""The demo's story, told with the real things: a net of processes, an owner, a user, and what the contracts refuse.

owner   keys, a stream, an encrypted record
user    finds it, asks; is refused before the grant
owner   grants
user    has it converted, reads it: the same bytes
owner   revokes, starts a new epoch
user    is refused
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tpre_offchain.cli.demo.recording import record_machine
from tpre_offchain.cli.home import Home
from tpre_offchain.cli.local.localnet import BadThreshold, NetPlan, start_net, stop_net
from tpre_offchain.cli.local.node import NodeKind
from tpre_offchain.cli.net_state import LocalNet

if TYPE_CHECKING:
    from tpre_offchain.chain.abi.events import Event
    from tpre_offchain.clients.owner import Owner
    from tpre_offchain.clients.results import ConversionRecord, PublishedRecord, Refusal, Transaction
    from tpre_offchain.clients.session import Session
    from tpre_offchain.clients.stopwatch import OnProgress
    from tpre_offchain.clients.user import User
    from tpre_offchain.types import RoundId

CONVERT_TIMEOUT_S: Final = 300.0
STREAM_NAME: Final = "machine-7/sensors"
OWNER: Final = "owner"
USER: Final = "user"


class Narrator(Protocol):
    """Hears of every step as it is done: who, what, how long, and the transaction if there was one."""

    def step(self, who: str, what: str, *, ms: float | None = None, transaction: Transaction | None = None) -> None:
        """One step."""

    def net_step(self, what: str, ms: float) -> None:
        """One step of starting the net."""

    def converted(self, found: ConversionRecord, steps: Sequence[RoundStep], ms: float) -> None:
        """How the proxies did it."""

    def refused(self, who: str, what: str, refusal: Refusal) -> None:
        """Something that must fail, failed."""

    def progress(self) -> OnProgress:
        """Who hears of long work."""


@dataclass(frozen=True)
class DemoPlan:
    """``file``: the input; None records this machine. ``kill``: proxies to kill before the round. ``node``,
    ``transports`` and ``exchange`` are those of ``NetPlan``.
    """

    proxies: int
    threshold: int
    file: Path | None = None
    kill: int = 0
    store: str | None = None
    node: NodeKind | None = None
    transports: tuple[str, ...] = ("ws", "http")
    exchange: bool = False

    def __post_init__(self) -> None:
        if self.kill > self.proxies - self.threshold:
            raise BadThreshold(
                f"with {self.kill} of {self.proxies} proxies killed there are fewer than {self.threshold}"
            )


@dataclass(frozen=True)
class RoundStep:
    """What one proxy did in the round."""

    who: str
    event: Event
    transaction: Transaction


@dataclass(frozen=True)
class DemoResult:
    """What came out. Digests are of the files as they are on the disk, taken by reading them again."""

    net: LocalNet
    record_id: int
    input_bytes: int
    input_sha256: str
    output_sha256: str
    conversion: ConversionRecord
    stages_ms: Mapping[str, float]
    gas: Mapping[str, int]
    refused: Mapping[str, Refusal]

    @property
    def ok(self) -> bool:
        """The user has what the owner had, and what must fail failed."""
        return self.input_sha256 == self.output_sha256 and set(self.refused) == {"no_grant", "revoked"}


def tell(plan: DemoPlan, home: Home, narrator: Narrator) -> DemoResult:
    """Run the whole story in ``home``; every process has ended when it returns or raises."""
    home.make()
    with ExitStack() as stack:
        recording = stack.enter_context(ThreadPoolExecutor(1)).submit(_input, plan, home)
        net = start_net(
            NetPlan(
                plan.proxies,
                plan.threshold,
                (),
                plan.store,
                with_parent=True,
                accounts=(OWNER, USER),
                node=plan.node,
                transports=plan.transports,
                exchange=plan.exchange,
            ),
            home,
            narrator.net_step,
        )
        stack.callback(stop_net, net)
        sessions = [stack.enter_context(_session(home, net, name)) for name in (OWNER, USER)]
        return _story(plan, home, net, narrator, recording.result(), *sessions)


def _story(
    plan: DemoPlan,
    home: Home,
    net: LocalNet,
    narrator: Narrator,
    data: Input,
    owner_session: Session,
    user_session: Session,
) -> DemoResult:
    from tpre_offchain.clients.owner import Owner
    from tpre_offchain.clients.user import User

    owner, user = Owner(owner_session), User(user_session)
    stages: dict[str, float] = {}
    source = data.file
    if data.rows is not None:
        narrator.step(OWNER, f"has recorded this machine meanwhile: {data.rows} samples", ms=data.ms)

    registered = [(OWNER, owner.register()), (USER, user.register())]
    for who, key in registered:
        narrator.step(
            who,
            f"registers the {key.role} key with its proof",
            ms=_of(key.timings_ms, "keygen"),
            transaction=key.transaction,
        )
    stages["keygen"] = sum(_of(key.timings_ms, "keygen") for _, key in registered)

    stream = owner.create_stream(
        STREAM_NAME, summary="sensors and counters of machine 7", minimum=(plan.threshold, plan.proxies)
    )
    narrator.step(OWNER, f"creates stream {stream.stream_id}", transaction=stream.transaction)
    record = owner.publish(stream, source, tags={"machine": "7"}, on_progress=narrator.progress())
    stages["encrypt"] = _of(record.timings_ms, "encrypt", "seal")
    narrator.step(
        OWNER, f"encrypts {record.plain_length:,} bytes, stores them as {record.cid[:12]}…", ms=stages["encrypt"]
    )
    narrator.step(OWNER, "publishes the record", transaction=record.transaction)

    found = user.catalog("machine 7")
    narrator.step(USER, f"finds {sum(len(one.records) for one in found)} record in the catalogue")
    asked = user.request(stream, threshold=plan.threshold, committee=plan.proxies, purpose="maintenance forecast")
    narrator.step(
        USER,
        f"asks for access: {plan.threshold} of {plan.proxies} proxies, drawn by the chain",
        transaction=asked.transaction,
    )
    refused = {"no_grant": user.attempt(asked, [record])}
    narrator.refused(USER, "tries to have it converted without a grant", refused["no_grant"])

    given = owner.grant(asked, days=30, quota=100)
    stages["rekey"] = _of(given.timings_ms, "rekey")
    narrator.step(
        OWNER,
        f"grants: one re-key in {len(given.committee)} encrypted fragments",
        ms=stages["rekey"],
        transaction=given.transaction,
    )
    _kill(plan, net, narrator)

    opened = user.open_round(asked, [record])
    narrator.step(USER, "opens a conversion round", transaction=opened.transaction)
    started = time.perf_counter()
    conversion = user.wait(opened, timeout_s=CONVERT_TIMEOUT_S)
    stages["convert"] = (time.perf_counter() - started) * 1000
    steps = user_session.run(round_steps(user_session, conversion.round_id, _names(net)))
    narrator.converted(conversion, steps, stages["convert"])

    output = home.folder / "output"
    report = user.fetch(asked, record, output, on_progress=narrator.progress())
    stages["decrypt"] = _of(report.timings_ms, "decrypt")
    narrator.step(
        USER, f"verifies the conversion and {report.signer[:10]}…'s signature, decrypts", ms=stages["decrypt"]
    )

    refused["revoked"] = _revoked(owner, user, record, asked.grant_id, narrator)
    return DemoResult(
        net=net,
        record_id=record.record_id,
        input_bytes=source.stat().st_size,
        input_sha256=_sha256(source),
        output_sha256=_sha256(output),
        conversion=conversion,
        stages_ms=stages,
        gas={
            "publish": record.transaction.gas_used,
            "grant": given.transaction.gas_used,
            **{step: max(conversion.gas[step], default=0) for step in ("submit", "propose", "vote")},
        },
        refused=refused,
    )


def _revoked(owner: Owner, user: User, record: PublishedRecord, grant: int, narrator: Narrator) -> Refusal:
    narrator.step(OWNER, f"revokes grant {grant}", transaction=owner.revoke(grant))
    narrator.refused(USER, "tries to have the record converted again", user.attempt(grant, [record]))
    advanced = owner.advance_epoch(record.stream_id)
    narrator.step(OWNER, f"starts epoch {advanced.epoch}: a new label", transaction=advanced.transaction)
    later = owner.publish(record.stream_id, b"measured after the revocation\n", name="later.txt")
    narrator.step(OWNER, "publishes a record under it", transaction=later.transaction)
    refusal = user.attempt(grant, [later])
    narrator.refused(USER, "tries to have that converted", refusal)
    return refusal


@dataclass(frozen=True)
class Input:
    """What is shared. ``rows``: samples of a recording, None for a file that was given."""

    file: Path
    rows: int | None = None
    ms: float = 0.0


def _input(plan: DemoPlan, home: Home) -> Input:
    if plan.file is not None:
        return Input(plan.file)
    started = time.perf_counter()
    output = home.folder / "recording.csv"
    return Input(output, record_machine(output), (time.perf_counter() - started) * 1000)


def _kill(plan: DemoPlan, net: LocalNet, narrator: Narrator) -> None:
    for proxy in random.sample(net.proxies, plan.kill):
        process = proxy.process.running()
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
            narrator.step(f"proxy {proxy.number}", "is killed (SIGKILL)")


def _session(home: Home, net: LocalNet, name: str) -> Session:
    from tpre_offchain.cli.passphrases import read_passphrase
    from tpre_offchain.clients.keystore import open_keystore
    from tpre_offchain.clients.session import Session

    path = home.keystore(name)
    keys = open_keystore(path, read_passphrase(home.known_passphrase(path), ""))
    return Session.open(
        rpc=[url for url in net.endpoints if url.startswith("http")] or net.endpoints,
        deployment=home.deployment_file,
        store=net.store,
        keys=keys,
        state=home.state_folder,
    )


async def round_steps(session: Session, round_id: RoundId, names: Mapping[str, str]) -> list[RoundStep]:
    """Submissions, proposal and votes of a round, in the order of the chain."""
    from tpre_offchain.chain.abi.events import CfragsSubmitted, LeaderProposed, VoteCast
    from tpre_offchain.clients.results import Transaction

    address = session.contracts.rounds.address
    done: list[tuple[str, Event]] = []
    done += [(one.proxy, one) for one in await session.history.events(CfragsSubmitted, address, round_id)]
    done += [(one.leader, one) for one in await session.history.events(LeaderProposed, address, round_id)]
    done += [(one.proxy, one) for one in await session.history.events(VoteCast, address, round_id)]
    steps = []
    for who, event in sorted(done, key=lambda one: (one[1].at.block_number, one[1].at.log_index)):
        receipt = await session.connection.receipt(event.at.tx_hash)
        if receipt is not None:
            steps.append(RoundStep(names.get(who, who), event, Transaction.of(receipt)))
    return steps


def _names(net: LocalNet) -> Mapping[str, str]:
    return {proxy.address: f"proxy {proxy.number}" for proxy in net.proxies}


def _of(timings_ms: Mapping[str, float], *stages: str) -> float:
    return sum(timings_ms.get(stage, 0.0) for stage in stages)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
