"""`tpre audit`: what happened, and whether it was right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from tpre_offchain.cli import opening, shown_audit
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.references import ADDRESS, ID, RECORD, ROUND
from tpre_offchain.cli.reply import Reply

if TYPE_CHECKING:
    from tpre_offchain.audit.chain import AuditedChain
    from tpre_offchain.audit.findings import AuditReport


@click.group()
def command() -> None:
    """Look at what happened, and verify it again from the chain alone. Needs no key."""


@command.command("timeline")
@click.option("--stream", type=ID)
@click.option("--record", type=RECORD)
@click.option("--grant", type=ID, help="With its rounds.")
@click.option("--round", "round_id", type=ROUND, help="GRANT/INDEX.")
@click.option("--account", type=ADDRESS, help="That did it or that it is about.")
@verb(chain=True)
def timeline(
    run: Invocation,
    stream: int | None,
    record: int | None,
    grant: int | None,
    round_id: int | None,
    account: str | None,
) -> Reply:
    """Show who did what, in order."""
    from tpre_offchain.audit.timeline import Scope
    from tpre_offchain.audit.timeline import timeline as entries_of

    async def work() -> Reply:
        async with _Reading(run) as chain:
            return shown_audit.timeline(entries_of(chain.events, Scope(stream, record, grant, round_id, account)))

    return asyncio.run(work())


@command.command("verify")
@click.option("--record", type=RECORD)
@click.option("--grant", type=ID)
@click.option("--round", "round_id", type=ROUND, help="GRANT/INDEX; with its grant and records.")
@verb(chain=True)
def verify(run: Invocation, record: int | None, grant: int | None, round_id: int | None) -> Reply:
    """Verify a record, grant or round again, or everything: hashes, proofs, equations, votes. Exit code 6 if not."""

    async def work() -> Reply:
        async with _Reading(run) as chain:
            return shown_audit.report(await _verify(chain, record, grant, round_id))

    return asyncio.run(work())


async def _verify(chain: AuditedChain, record: int | None, grant: int | None, round_id: int | None) -> AuditReport:
    from tpre_offchain.audit import verify
    from tpre_offchain.audit.findings import AuditReport
    from tpre_offchain.types import GrantId, RecordId, RoundId

    reports: list[AuditReport] = []
    if record is not None:
        reports.append(await verify.verify_record(chain, RecordId(record)))
    if grant is not None:
        reports.append(await verify.verify_grant(chain, GrantId(grant)))
    if round_id is not None:
        reports.append(await verify.verify_round(chain, RoundId(round_id)))
    if not reports:
        reports.append(await verify.verify_everything(chain))
    return AuditReport(tuple(finding for report in reports for finding in report.findings))


class _Reading:
    """The chain of the settings, its events read."""

    def __init__(self, run: Invocation) -> None:
        self._run = run

    async def __aenter__(self) -> AuditedChain:
        from tpre_offchain.audit.chain import AuditedChain
        from tpre_offchain.chain.connection import Connection
        from tpre_offchain.chain.deployment import Deployment

        deployment = Deployment.load(opening.deployment_file(self._run))
        self._connection = await Connection.open(opening.endpoints(self._run), deployment.chain_id)
        try:
            return await AuditedChain.read(self._connection, deployment)
        except BaseException:
            await self._connection.close()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()
