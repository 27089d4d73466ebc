"""Random walks through rounds: the contracts in an EVM against a model of sets and sums.

TPRE_STATEFUL_EXAMPLES and TPRE_STATEFUL_STEPS make them more and longer; TPRE_TEST_SEED, printed at the top of a run,
repeats one.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.stateful.machine import RoundsMachine

EXAMPLES = int(os.environ.get("TPRE_STATEFUL_EXAMPLES", "10"))
STEPS = int(os.environ.get("TPRE_STATEFUL_STEPS", "20"))


@pytest.mark.slow
@pytest.mark.timeout(120 + EXAMPLES * STEPS * 4)
def test_rounds__any_steps_by_anyone__follow_the_model(seeded: random.Random) -> None:
    walk = seed(seeded.randrange(2**32))(RoundsMachine)

    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            # a walk of so few steps reads well as it is; shrinking it would take minutes in this EVM
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )

    print("\n".join(f"{count:5} {what}" for what, count in sorted(RoundsMachine.seen.items())))
