"""`tpre owner`: streams, records, and who may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpre_offchain.cli import opening
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.progress import progress_on
from tpre_offchain.cli.references import ADDRESS, COUNT, DAYS, ID, PRICE, RECORD, ROUND, TAG, stream_number
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import owner as shown_owner
from tpre_offchain.cli.shown import user as shown_user
from tpre_offchain.cli.text import MissingOption
from tpre_offchain.types import StreamId

if TYPE_CHECKING:
    from tpre_offchain.clients.owner import Owner

_STREAM = click.option("--stream", help="Its number, or its name if it is yours. [default: your only one]")


@click.group()
def command() -> None:
    """Own data: create streams, publish to them, decide who reads. Uses the key `owner` unless --key says otherwise."""


@command.group("stream")
def stream() -> None:
    """Streams of records."""


@stream.command("create")
@click.argument("name")
@click.option("--summary", default="", help="Public description; the name itself stays private.")
@click.option(
    "--threshold",
    type=click.IntRange(1, 32),
    help="Least t that requests may ask for. [default: the local net's, or 1]",
)
@click.option("--committee", type=click.IntRange(1, 32), help="Least n. [default: the local net's, or the threshold]")
@click.option("--price-wei", type=PRICE, default=0, help="Of one conversion.")
@verb(chain=True, store=True, key=True)
def create(
    run: Invocation, name: str, summary: str, threshold: int | None, committee: int | None, price_wei: int
) -> Reply:
    """Create a stream. The chain keeps the hash of its name."""
    minimum = _minimum(run, threshold, committee)
    with _owner(run) as owner:
        return shown_owner.created(owner.create_stream(name, summary=summary, minimum=minimum, price_wei=price_wei))


@stream.command("list")
@verb(chain=True, store=True, key=True)
def list_streams(run: Invocation) -> Reply:
    """List your streams."""
    with _owner(run) as owner:
        return shown_owner.streams(owner.streams())


@command.command("terms")
@_STREAM
@click.option("--threshold", type=click.IntRange(1, 32), help="Least t of requests to come. [default: as it is]")
@click.option("--committee", type=click.IntRange(1, 32), help="Least n. [default: as it is, or the threshold]")
@click.option("--price-wei", type=PRICE, help="Of one conversion. [default: as it is]")
@verb(chain=True, store=True, key=True)
def terms(
    run: Invocation, stream: str | None, threshold: int | None, committee: int | None, price_wei: int | None
) -> Reply:
    """Change what a stream asks of requests to come; requests and grants that are there keep theirs."""
    with _owner(run) as owner:
        which = StreamId(_stream_id(owner, stream))
        now = owner.session.run(owner.session.records.stream(which))
        least = threshold or now.minimum_threshold
        minimum = (least, committee or max(least, now.minimum_committee))
        price = now.price_wei if price_wei is None else price_wei
        done = owner.set_terms(which, minimum=minimum, price_wei=price)
        return shown_owner.terms(which, minimum, price, done)


@command.command("rotate")
@verb(chain=True, store=True, key=True)
def rotate(run: Invocation) -> Reply:
    """Register the next version of your delegating key.

    New streams use it at once, a stream that is there from its next epoch on (tpre owner epoch). Grants and records
    under the older version go on as they are.
    """
    with _owner(run) as owner:
        return shown_user.registered(owner.address, owner.rotate_key())


@command.command("credit")
@click.option("--withdraw", is_flag=True, help="Have all of it paid out to your account.")
@verb(chain=True, store=True, key=True)
def credit(run: Invocation, withdraw: bool) -> Reply:
    """Show what you may withdraw: prices of conversions, deposits of offers that came back."""
    with _owner(run) as owner:
        credit_wei = owner.credit()
        return shown_owner.credit(owner.address, credit_wei, owner.withdraw_credit() if withdraw else None)


@command.command("publish")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_STREAM
@click.option("--tag", "tags", type=TAG, multiple=True, help="Public tag; may be given several times.")
@click.option("--name", help="Sealed. [default: the file's]")
@click.option("--media-type", help="Sealed. [default: guessed from the name]")
@verb(chain=True, store=True, key=True)
def publish(
    run: Invocation,
    file: Path,
    stream: str | None,
    tags: tuple[tuple[str, str], ...],
    name: str | None,
    media_type: str | None,
) -> Reply:
    """Encrypt FILE, store it, and publish its record. A device that is a publisher does the same with its own --key."""
    with _owner(run) as owner:
        published = owner.publish(
            _stream_id(owner, stream),
            file,
            tags=dict(tags),
            name=name,
            media_type=media_type,
            on_progress=progress_on(shown=run.on_terminal),
        )
        return shown_owner.published(published)


@command.command("pending")
@click.option("--retry", is_flag=True, help="Try to finish them now.")
@verb(chain=True, store=True, key=True)
def pending(run: Invocation, retry: bool) -> Reply:
    """Show publishes that wait because store or chain was away."""
    with _owner(run) as owner:
        finished = owner.publish_pending() if retry else []
        return shown_owner.pending(owner.pending(), finished)


@command.command("publisher")
@click.argument("address", type=ADDRESS)
@_STREAM
@click.option("--remove", is_flag=True, help="No longer.")
@verb(chain=True, store=True, key=True)
def publisher(run: Invocation, address: str, stream: str | None, remove: bool) -> Reply:
    """Let the account ADDRESS publish to a stream."""
    with _owner(run) as owner:
        which = _stream_id(owner, stream)
        done = owner.set_publisher(which, address, allowed=not remove)
        return shown_owner.done(f"{address} may {'no longer ' if remove else ''}publish to stream {which}", done)


@command.command("requests")
@click.option("--stream", help="Of one stream only.")
@click.option("--all", "every", is_flag=True, help="Answered ones too.")
@verb(chain=True, store=True, key=True)
def requests(run: Invocation, stream: str | None, every: bool) -> Reply:
    """List requests for access that wait for an answer."""
    with _owner(run) as owner:
        which = None if stream is None else _stream_id(owner, stream)
        return shown_owner.requests(owner.requests(which, every=every))


@command.command("grant")
@click.argument("request", type=ID)
@click.option("--days", type=DAYS, default=30.0, show_default=True)
@click.option("--quota", type=COUNT, default=100, show_default=True, help="Conversions in all.")
@click.option(
    "--open", "records", type=RECORD, multiple=True, help="Of an offer: open a first round for it; may be repeated."
)
@verb(chain=True, store=True, key=True)
def grant(run: Invocation, request: int, days: float, quota: int, records: tuple[int, ...]) -> Reply:
    """Grant a request: makes the re-key and deals its fragments to the committee that the chain drew."""
    with _owner(run) as owner:
        return shown_owner.granted(owner.grant(request, days=days, quota=quota, open_records=records))


@command.command("offer")
@click.argument("account", type=ADDRESS)
@_STREAM
@click.option("--threshold", type=click.IntRange(1, 32), help="[default: the stream's least]")
@click.option("--committee", type=click.IntRange(1, 32), help="[default: the stream's least]")
@click.option("--purpose", default="", help="Public.")
@click.option("--conversions", type=COUNT, default=100, show_default=True, help="That you pay for.")
@verb(chain=True, store=True, key=True)
def offer(
    run: Invocation,
    account: str,
    stream: str | None,
    threshold: int | None,
    committee: int | None,
    purpose: str,
    conversions: int,
) -> Reply:
    """Open access for ACCOUNT unasked; the deposit is yours. Complete it with `tpre owner grant`."""
    with _owner(run) as owner:
        which = StreamId(_stream_id(owner, stream))
        terms = owner.session.run(owner.session.records.stream(which))
        least = threshold or terms.least_threshold(committee)
        offered = owner.offer(
            which,
            account,
            threshold=least,
            committee=committee or max(least, terms.minimum_committee),
            purpose=purpose,
            conversions=conversions,
        )
        return shown_owner.offered(offered)


@command.command("open")
@click.argument("grant", type=ID)
@click.argument("records", type=RECORD, nargs=-1, required=True)
@verb(chain=True, store=True, key=True)
def open_round(run: Invocation, grant: int, records: tuple[int, ...]) -> Reply:
    """Have RECORDS converted for the user of your offer GRANT; your deposit pays."""
    with _owner(run) as owner:
        return shown_owner.opened(owner.open_round(grant, records))


@command.command("extend")
@click.argument("grant", type=ID)
@verb(chain=True, store=True, key=True)
def extend(run: Invocation, grant: int) -> Reply:
    """Add the re-keys of epochs that a grant covers and that have begun since."""
    with _owner(run) as owner:
        return shown_owner.extended(grant, owner.add_epochs(grant))


@command.command("settle")
@click.argument("round_id", metavar="ROUND", type=ROUND)
@verb(chain=True, store=True, key=True)
def settle(run: Invocation, round_id: int) -> Reply:
    """Have the price of a round credited that proxies converted and nobody finalized, after its challenge window.

    The price of a finalized round is credited at once.
    """
    with _owner(run) as owner:
        return shown_owner.done(f"the price of round {round_id} is settled", owner.settle_price(round_id))


@command.command("deny")
@click.argument("request", type=ID)
@click.option("--reason", default="", help="Public.")
@verb(chain=True, store=True, key=True)
def deny(run: Invocation, request: int, reason: str) -> Reply:
    """Deny a request; the user's deposit returns."""
    with _owner(run) as owner:
        return shown_owner.done(f"request {request} is denied", owner.deny(request, reason))


@command.command("revoke")
@click.argument("grant", type=ID)
@verb(chain=True, store=True, key=True)
def revoke(run: Invocation, grant: int) -> Reply:
    """Revoke a grant: from the next block on nothing more is converted for it.

    What was converted stays readable. Dishonest proxies, as many as the threshold, could still convert what was
    published until now: `tpre owner epoch` closes that for what comes after.
    """
    with _owner(run) as owner:
        return shown_owner.done(f"grant {grant} is revoked", owner.revoke(grant), shown_owner.REVOKED)


@command.command("epoch")
@_STREAM
@verb(chain=True, store=True, key=True)
def epoch(run: Invocation, stream: str | None) -> Reply:
    """Start a stream's next epoch: what is published from now on needs new grants."""
    with _owner(run) as owner:
        return shown_owner.epoch(owner.advance_epoch(_stream_id(owner, stream)))


@command.command("fetch")
@click.argument("record", type=RECORD)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--overwrite", is_flag=True)
@verb(chain=True, store=True, key=True)
def fetch(run: Invocation, record: int, output: Path, overwrite: bool) -> Reply:
    """Read a record of your own stream; no proxy is needed."""
    with _owner(run) as owner:
        progress = progress_on(shown=run.on_terminal)
        return shown_user.fetched(owner.fetch(record, output, overwrite=overwrite, on_progress=progress))


@contextmanager
def _owner(run: Invocation) -> Iterator[Owner]:
    from tpre_offchain.clients.owner import Owner

    with opening.open_session(run, "owner") as session:
        yield Owner(session)


def _stream_id(owner: Owner, stream: str | None) -> int:
    if stream is not None:
        number = stream_number(stream)
        return owner.stream(stream) if number is None else number
    found = owner.streams()
    if len(found) != 1:
        raise MissingOption(f"you have {len(found)} streams: --stream says which one", hint="tpre owner stream list")
    return found[0].stream_id


def _minimum(run: Invocation, threshold: int | None, committee: int | None) -> tuple[int, int]:
    from tpre_offchain.cli.net_state import LocalNet, NoLocalNet

    try:
        net = LocalNet.load(run.home)
        usual = (net.threshold, min(32, len(net.proxies)))
    except NoLocalNet:
        usual = (threshold or 1, max(2, 2 * (threshold or 1) - 1))
    least = usual[0] if threshold is None else threshold
    return least, max(least, usual[1] if committee is None else committee)
