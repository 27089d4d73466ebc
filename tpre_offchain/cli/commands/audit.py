"""`tpre audit`: what happened, and whether it was right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpre_offchain.cli import opening
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.references import ADDRESS, ID, RECORD, ROUND
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import audit as shown_audit
from tpre_offchain.cli.text import MissingOption

if TYPE_CHECKING:
    from tpre_offchain.audit.chain import AuditedChain
    from tpre_offchain.audit.findings import AuditReport
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.logs.archive import LogArchive
    from tpre_offchain.chain.logs.reading import LogReader

_ARCHIVE = click.option("--archive", help="File or CID of `tpre audit export`, for a node that has pruned its logs.")


@click.group()
def command() -> None:
    """Look at what happened, and verify it again from the chain alone. Needs no key."""


@command.command("timeline")
@click.option("--stream", type=ID)
@click.option("--record", type=RECORD)
@click.option("--grant", type=ID, help="With its rounds.")
@click.option("--round", "round_id", type=ROUND, help="GRANT/INDEX.")
@click.option("--account", type=ADDRESS, help="That did it or that it is about.")
@_ARCHIVE
@verb(chain=True, store=True)
def timeline(
    run: Invocation,
    archive: str | None,
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
        async with _audited(run, archive) as chain:
            return shown_audit.timeline(entries_of(chain.events, Scope(stream, record, grant, round_id, account)))

    return asyncio.run(work())


@command.command("verify")
@click.option("--record", type=RECORD)
@click.option("--grant", type=ID)
@click.option("--round", "round_id", type=ROUND, help="GRANT/INDEX; with its grant and records.")
@_ARCHIVE
@verb(chain=True, store=True)
def verify(run: Invocation, record: int | None, grant: int | None, round_id: int | None, archive: str | None) -> Reply:
    """Verify a record, grant or round again, or everything: hashes, proofs, equations, votes. Exit code 6 if not."""

    async def work() -> Reply:
        async with _audited(run, archive) as chain:
            return shown_audit.report(await _verify(chain, record, grant, round_id))

    return asyncio.run(work())


@command.command("export")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--put", is_flag=True, help="Put it into the store, too, and pin it: its CID is as good as the file.")
@_ARCHIVE
@verb(chain=True, store=True)
def export(run: Invocation, output: Path | None, put: bool, archive: str | None) -> Reply:
    """Write down all logs of the contracts: records, grants, results. Nodes prune them; what they are checked against
    stays. Whoever comes late reads with `--archive`, and need not trust who exported.
    """
    from tpre_offchain.storage.opening import open_store

    if output is None and not put:
        raise MissingOption("-o FILE or --put says where to")

    async def work() -> LogArchive:
        async with _logs(run, archive) as (logs, deployment):
            return await logs.export(list(deployment.addresses.values()), deployment.deploy_block)

    found = asyncio.run(work())
    if output is not None:
        found.save(output)
    cid = open_store(opening.store_address(run)).put(found.lines()) if put else None
    return shown_audit.exported(found, output, None if cid is None else str(cid))


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


@asynccontextmanager
async def _logs(run: Invocation, archive: str | None) -> AsyncIterator[tuple[LogReader, Deployment]]:
    """The logs of the chain of the settings, and what was deployed there."""
    from tpre_offchain.chain.contracts.deployment import Deployment
    from tpre_offchain.chain.logs.reading import LogReader
    from tpre_offchain.chain.rpc.agreement import open_agreeing

    kept = opening.open_archive(run, archive)
    deployment = Deployment.load(opening.deployment_file(run))
    async with await open_agreeing(opening.endpoints(run), deployment.chain_id) as connection:
        if kept is not None:
            kept.require_of(deployment.chain_id, deployment.addresses.values())
        yield LogReader(connection, kept), deployment


@asynccontextmanager
async def _audited(run: Invocation, archive: str | None) -> AsyncIterator[AuditedChain]:
    """The chain of the settings, its events read."""
    from tpre_offchain.audit.chain import AuditedChain

    async with _logs(run, archive) as (logs, deployment):
        yield await AuditedChain.read(logs, deployment)
