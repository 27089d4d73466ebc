"""`tpre doctor`: whether everything works."""

from __future__ import annotations

import click

from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import doctor as shown_doctor


@click.command()
@click.option(
    "--rounds", type=click.IntRange(1), default=100, show_default=True, help="More rounds that balances shall last for."
)
@click.option(
    "--replicas", type=click.IntRange(1), default=1, show_default=True, help="Stores that each blob shall be in."
)
@click.option("--thorough", is_flag=True, help="Read every pinned blob to its end.")
@click.option("--sweep", is_flag=True, help="Remove temporary files that are older than a day.")
@verb(chain=True, store=True, key=True)
def command(run: Invocation, rounds: int, replicas: int, thorough: bool, sweep: bool) -> Reply:
    """Look at chain, contracts, keys, balances, proxies, store and pins; say what to do about what does not work.

    Without --key at all keystores of HOME. Changes nothing, except that a small blob is written to the store and
    deleted again. Exit code 9 if something does not work.
    """
    from tpre_offchain.cli.doctoring import DoctorPlan, examine

    return shown_doctor.findings(examine(run, DoctorPlan(rounds, replicas, thorough, sweep)))
