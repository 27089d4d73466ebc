"""Many rounds on one net, with random faults of all kinds; every round is held against what was promised.

    python -m tests.faults.soak --rounds 1000 --seed 7 --json
    python -m tests.faults.soak --seed 7 --first 37 --rounds 1      # the fault of round 37 alone, on a new net

A seed gives the same faults, victims and moments; how fast the processes run meanwhile is the machine's affair.

After a reorganisation anvil 1.7.1 now and then shows logs and a state that contradict each other, which no chain does:
a round that fails because of that is counted as ``contradicted``, and is the node's fault.

``lost``: a round without a result although nothing excused it. ``wrong``: other bytes than were published. ``stuck``: a
round that neither ended nor expired in time. ``double_paid``: anything on the chain twice that may be there once, or a
treasury that does not hold what it owes. All are to be zero.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.faults.stage import bad_disk
from tests.faults.stage.ledger import require_solvent
from tests.faults.stage.lies import FALSE_CFRAGS, FALSE_PROPOSALS
from tests.faults.stage.rpc_proxy import TROUBLES, honest
from tests.faults.stage.scene import QUICK, RICH_WEI, Scene, Share, scene
from tpre_offchain.chain.abi.events import RoundFinalized, RoundOpened
from tpre_offchain.errors import TpreError
from tpre_offchain.failpoints import STEPS
from tpre_offchain.types import RoundId

ROUND_LIMIT_S = 40.0
CALM_FEE_WEI = 10**9
# whoever is made to lie here is honest again in the next round, and must not have lost its whole bond by then
LENIENT = replace(
    QUICK,
    rounds=replace(QUICK.rounds, challenge_penalty_wei=10**14),
    proxies=replace(QUICK.proxies, miss_penalty_wei=10**14),
)
Mischief = Callable[[Scene, Share, list[int]], Callable[[RoundId], None]]
"""Prepares a fault for a round over a share whose members are given in rank order; what it returns is done once it is
open."""


def _nothing(_: RoundId) -> None:
    return


def none(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    return _nothing


def killed_at_once(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.kill(*net.chance.sample(ranked, 2))
    return _nothing


def killed_at_a_step(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    steps = [step for step in STEPS if step.startswith("outbox.") or step.endswith((".Submit", ".Propose", ".Vote"))]
    for number in net.chance.sample(ranked, 2):
        # not waited for: with fees of earlier rounds left to claim it may die before it is ready
        net.launch(number, failpoint=net.chance.choice(steps))
    return _nothing


def killed_at_any_time(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    victims, after_s = net.chance.sample(ranked, 2), net.chance.random() * 0.4

    def kill(_: RoundId) -> None:
        time.sleep(after_s)
        net.kill(*victims)
        if net.chance.random() < 0.5:
            net.forget_state(victims[0])
        net.start(*victims)

    return kill


def everybody_restarts(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    def restart(_: RoundId) -> None:
        time.sleep(net.chance.random() * 0.2)
        net.restart_honest(*range(len(net.proxies)))

    return restart


def asleep(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    sleepers = net.chance.sample(ranked, 2)
    for number in sleepers:
        net.child(number).pause()
    net.changed.update(sleepers)

    def wake(_: RoundId) -> None:
        time.sleep(net.chance.random() * 3)
        for number in sleepers:
            net.child(number).go_on()

    return wake


def silent(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.start(*ranked[:2], lie="silent_after_submit")
    return _nothing


def false_cfrags(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    for number in net.chance.sample(ranked[:3], 2):
        net.start(number, lie=net.chance.choice(FALSE_CFRAGS))
    return _nothing


def false_proposal(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.start(ranked[0], lie=net.chance.choice(FALSE_PROPOSALS))
    return _nothing


def votes_against(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.start(*ranked[1:3], lie="against")
    return _nothing


def reorganised(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.node.ask("anvil_mine", hex(20))
    depth, after_s = net.chance.randint(1, 20), net.chance.random() * 0.5

    def reorganise(_: RoundId) -> None:
        time.sleep(after_s)
        net.reorganise(depth)

    return reorganise


def fee_spike(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.node.ask("anvil_setNextBlockBaseFeePerGas", hex(net.chance.randint(20, 200) * 10**9))
    net.node.ask("anvil_mine", "0x1")
    return _nothing


def slow_blocks(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    def slow(_round_id: RoundId) -> None:
        net.node.ask("evm_setAutomine", False)
        try:
            for _ in range(6):
                time.sleep(net.chance.random() * 0.5)
                net.node.ask("anvil_mine", "0x1")
        finally:
            net.node.ask("evm_setAutomine", True)
            net.node.ask("anvil_mine", "0x1")

    return slow


def empty_account(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    poor = net.chance.sample(ranked, 2)
    for number in poor:
        net.node.ask("anvil_setBalance", net.proxies[number].address, "0x0")

    def fund(_: RoundId) -> None:
        time.sleep(net.chance.random())
        for number in poor:
            net.node.ask("anvil_setBalance", net.proxies[number].address, hex(RICH_WEI))

    return fund


def wrong_clock(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.start(*net.chance.sample(ranked, 2), clock_off_s=net.chance.choice((-3600, 3600)))
    return _nothing


def ill_disk(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    victims, disk = net.chance.sample(ranked, 2), net.chance.choice(("full", "read-only"))
    if not bad_disk.possible():  # such a proxy does not come up: as good as dead
        net.kill(*victims)
        return _nothing
    for number in victims:
        net.launch(number, disk=disk)
    return _nothing


def endpoint_in_trouble(net: Scene, share: Share, ranked: list[int]) -> Callable[[RoundId], None]:
    net.endpoint.behaviour = honest
    net.start(*net.chance.sample(ranked, 2), rpc_urls=[net.endpoint.url, net.node.url])
    net.endpoint.behaviour = TROUBLES[net.chance.choice(sorted(TROUBLES))](net.node)
    return _nothing


FAULTS: Mapping[str, Mischief] = {
    fault.__name__: fault
    for fault in (
        none,
        killed_at_once,
        killed_at_a_step,
        killed_at_any_time,
        everybody_restarts,
        asleep,
        silent,
        false_cfrags,
        false_proposal,
        votes_against,
        reorganised,
        fee_spike,
        slow_blocks,
        empty_account,
        wrong_clock,
        ill_disk,
        endpoint_in_trouble,
    )
}


@dataclass
class Report:
    """What came of a soak. ``failures``: enough to look one up, its seed among it."""

    seed: int
    proxies: int
    rounds: int = 0
    opened_again: int = 0
    by_proof: int = 0
    seconds: float = 0.0
    lost: int = 0
    wrong: int = 0
    stuck: int = 0
    double_paid: int = 0
    contradicted: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def bad(self) -> int:
        return self.lost + self.wrong + self.stuck + self.double_paid

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "seconds": round(self.seconds, 1), "faults": dict(sorted(self.faults.items()))}


def soak(
    rounds: int, seed: int, folder: Path, *, first: int = 1, tell: Callable[[str], None] = lambda _: None
) -> Report:
    """Run it. Two of five members at most are faulty in a round with a threshold of 3: so each must be finished.

    ``first``: the number of the first round; each draws its fault from the seed and its own number. Ctrl-C, or
    SIGTERM, ends it with a report of the rounds that were run.
    """
    proxies = random.Random(seed).randint(5, 7)
    report, started = Report(seed, proxies), time.monotonic()
    with scene(folder, seed, proxies, LENIENT) as net:
        net.all_up()
        share = net.share()
        with suppress(KeyboardInterrupt):
            for number in range(first, first + rounds):
                if number % 20 == 0:
                    share = net.share()
                _numbered(net, share, number, report, tell)
        _settle(net, report)
    report.seconds = time.monotonic() - started
    return report


def _numbered(net: Scene, share: Share, number: int, report: Report, tell: Callable[[str], None]) -> None:
    net.chance.seed(f"{report.seed}/{number}")
    name = net.chance.choice(sorted(FAULTS))
    bad = report.bad
    _one_round(net, share, f"round {number} ({name})", FAULTS[name], report)
    report.faults[name] += 1
    report.rounds += 1
    tell(f"{number} {name}" + (" !" if report.bad > bad else ""))
    # what a round was troubled by is over with it, or the next would have more than two faulty members
    net.node.ask("anvil_setNextBlockBaseFeePerGas", hex(CALM_FEE_WEI))
    net.restart_honest(*net.changed)
    net.changed.clear()


def _one_round(net: Scene, share: Share, which: str, mischief: Mischief, report: Report) -> None:
    then = mischief(net, share, net.ranked(share.grant_id))
    round_id = net.open_round(share)
    then(round_id)
    deadline = time.monotonic() + ROUND_LIMIT_S
    while True:
        ledger = net.ledger()
        if done := ledger.of(RoundFinalized, round_id):
            break
        if not ledger.of(RoundOpened, round_id):  # a reorganisation took it: it is the user who opens it again
            with suppress(TpreError):  # while blocks are being replaced a node may have no answer: ask again
                round_id = net.open_round(share)
                report.opened_again += 1
        if time.monotonic() > deadline:
            phase = net.run(net.contracts.rounds.phase_of(round_id)).name
            ended = "lost" if phase in {"EXPIRED", "ENDED"} else "stuck"
            kind = "contradicted" if net.contradicts_itself(round_id) else ended
            setattr(report, kind, getattr(report, kind) + 1)
            report.failures.append(f"{which}: {phase}\n{net.tails()}")
            return
        time.sleep(0.05)
    report.by_proof += done[0].by_proof
    output = net.folder / "out"
    try:
        net.user.fetch(share.grant_id, share.record_id, output, overwrite=True)
        right = output.read_bytes() == share.data
    except Exception as problem:  # noqa: BLE001 - whatever it is, the record was not read
        right = False
        report.failures.append(f"{which}: {type(problem).__name__}: {problem}")
    report.wrong += not right


def _settle(net: Scene, report: Report) -> None:
    time.sleep(3)  # the last fees
    ledger = net.ledger()
    found = [*ledger.repeated(), *ledger.overpaid()]
    try:
        net.run(require_solvent(net.user.session.connection, net.deployment))
    except AssertionError as problem:
        found.append(str(problem))
    report.double_paid += len(found)
    report.failures += found
    crashes = {f"{line['error']} at {line['at']}" for one in net.proxies if one.child for line in one.child.logs()
               if line.get("event") == "step_crashed"}  # fmt: skip
    report.failures += [f"worker crashed: {crash}" for crash in sorted(crashes)]


def main() -> int:
    """Exit code 0 if nothing was lost, wrong, stuck or paid twice."""
    parser = argparse.ArgumentParser(description="Random faults, many rounds.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="prints the one it takes if none is given")
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    logging.disable(logging.CRITICAL)
    for one in (signal.SIGINT, signal.SIGTERM):  # a shell's background job would ignore the first
        signal.signal(one, signal.default_int_handler)
    _tell(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        report = soak(given.rounds, seed, Path(folder), first=given.first, tell=_tell)
    if given.json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        for name, value in report.to_json().items():
            print(f"{name:12} {value}")
    if report.bad:
        _tell(f"replay: python -m tests.faults.soak --seed {seed} --first NUMBER --rounds 1, of a round marked with !")
    return 1 if report.bad else 0


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
