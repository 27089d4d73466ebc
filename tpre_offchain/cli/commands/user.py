"""`tpre user`: find records, ask for access, read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tpre_offchain.cli import opening
from tpre_offchain.cli.invocation import Invocation, verb
from tpre_offchain.cli.progress import progress_on
from tpre_offchain.cli.references import ADDRESS, COUNT, EPOCH, ID, PRICE, RECORD
from tpre_offchain.cli.reply import Reply
from tpre_offchain.cli.shown import owner as shown_owner
from tpre_offchain.cli.shown import user as shown_user
from tpre_offchain.types import RecordId, StreamId

if TYPE_CHECKING:
    from tpre_offchain.clients.user import User


@click.group()
def command() -> None:
    """Read data that others own. Uses the key `user` unless --key says otherwise."""


@command.command("catalog")
@click.argument("text", default="")
@click.option("--owner", type=ADDRESS, help="Streams of one account only.")
@verb(chain=True, store=True, key=True)
def catalog(run: Invocation, text: str, owner: str | None) -> Reply:
    """List streams and records whose summary, tags, owner or number contain TEXT."""
    with _user(run) as user:
        return shown_user.catalog(user.catalog(text, owner=owner))


@command.command("request")
@click.argument("stream", type=ID)
@click.option(
    "--threshold", type=click.IntRange(1, 32), help="Proxies that a conversion shall need. [default: the least]"
)
@click.option("--committee", type=click.IntRange(1, 32), help="Proxies to be drawn. [default: the least]")
@click.option("--purpose", default="", help="Public; what you want the data for.")
@click.option("--epochs", type=(EPOCH, EPOCH), help="First and last epoch. [default: the present one]")
@click.option("--conversions", type=COUNT, default=100, show_default=True, help="That the deposit pays for.")
@click.option("--max-price-wei", type=PRICE, help="Of one conversion, at most. [default: the stream's present price]")
@click.option("--min-conversions", type=COUNT, default=1, show_default=True, help="A smaller quota is no answer.")
@click.option("--min-days", type=click.FloatRange(0), default=0.0, help="A shorter grant is no answer.")
@verb(chain=True, store=True, key=True)
def request(
    run: Invocation,
    stream: int,
    threshold: int | None,
    committee: int | None,
    purpose: str,
    epochs: tuple[int, int] | None,
    conversions: int,
    max_price_wei: int | None,
    min_conversions: int,
    min_days: float,
) -> Reply:
    """Ask for access to STREAM; the owner answers, and the chain draws the proxies.

    Price, conversions and days that you name here are binding: the chain takes no grant that has less.
    """
    with _user(run) as user:
        terms = user.session.run(user.session.records.stream(StreamId(stream)))
        least = threshold or terms.least_threshold(committee)
        asked = user.request(
            stream,
            threshold=least,
            committee=committee or max(least, terms.minimum_committee),
            purpose=purpose,
            epochs=epochs,
            conversions=conversions,
            max_price_wei=max_price_wei,
            min_conversions=min_conversions,
            min_days=min_days,
        )
        return shown_user.requested(asked)


@command.command("withdraw")
@click.argument("request", type=ID)
@verb(chain=True, store=True, key=True)
def withdraw(run: Invocation, request: int) -> Reply:
    """Take a request back."""
    with _user(run) as user:
        return shown_owner.done(f"request {request} is withdrawn", user.withdraw(request))


@command.command("surrender")
@click.argument("grant", type=ID)
@verb(chain=True, store=True, key=True)
def surrender(run: Invocation, grant: int) -> Reply:
    """End a grant of yours; what is free of its deposit is credited to you. The next request pays a redraw fee."""
    with _user(run) as user:
        return shown_owner.done(f"grant {grant} is surrendered", user.surrender(grant))


@command.command("deposit")
@click.argument("grant", type=ID)
@click.argument("amount_wei", type=click.IntRange(1, 2**127))
@verb(chain=True, store=True, key=True)
def deposit(run: Invocation, grant: int, amount_wei: int) -> Reply:
    """Add AMOUNT_WEI to what pays the proxies of a grant."""
    with _user(run) as user:
        done = user.add_deposit(grant, amount_wei)
        return shown_owner.done(f"{amount_wei} wei more are deposited for grant {grant}", done)


@command.command("register")
@verb(chain=True, store=True, key=True)
def register(run: Invocation) -> Reply:
    """Register your receiving key, so that an owner can offer you access unasked. `request` does it on its own."""
    with _user(run) as user:
        return shown_user.registered(user.address, user.register())


@command.command("rotate")
@verb(chain=True, store=True, key=True)
def rotate(run: Invocation) -> Reply:
    """Register the next version of your receiving key. Requests from now on use it; older grants keep theirs."""
    with _user(run) as user:
        return shown_user.registered(user.address, user.rotate_key())


@command.command("credit")
@click.option("--withdraw", is_flag=True, help="Have all of it paid out to your account.")
@verb(chain=True, store=True, key=True)
def credit(run: Invocation, withdraw: bool) -> Reply:
    """Show what you may withdraw: deposits that came back."""
    with _user(run) as user:
        credit_wei = user.credit()
        return shown_owner.credit(user.address, credit_wei, user.withdraw_credit() if withdraw else None)


@command.command("status")
@click.argument("grant", type=ID, required=False)
@verb(chain=True, store=True, key=True)
def status(run: Invocation, grant: int | None) -> Reply:
    """Show your requests and grants, or one of them with its rounds."""
    with _user(run) as user:
        if grant is None:
            return shown_user.grants(user.grants())
        return shown_user.grant(user.status(grant))


@command.command("fetch")
@click.argument("record", type=RECORD)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--grant", type=ID, help="The grant to use. [default: one of yours that covers the record]")
@click.option("--overwrite", is_flag=True)
@click.option(
    "--timeout", "timeout_s", type=float, default=120.0, show_default=True, help="Seconds to wait for proxies."
)
@click.option("--archive", help="File or CID of `tpre audit export`, for a node that has pruned its logs.")
@verb(chain=True, store=True, key=True)
def fetch(
    run: Invocation,
    record: int,
    output: Path,
    grant: int | None,
    overwrite: bool,
    timeout_s: float,
    archive: str | None,
) -> Reply:
    """Have RECORD converted if it is not yet, verify everything, and decrypt it into a file."""
    with _user(run, archive) as user:
        report = user.fetch(
            _covering(user, record) if grant is None else grant,
            record,
            output,
            timeout_s=timeout_s,
            overwrite=overwrite,
            on_progress=progress_on(shown=run.on_terminal),
        )
        return shown_user.fetched(report)


@contextmanager
def _user(run: Invocation, archive: str | None = None) -> Iterator[User]:
    from tpre_offchain.clients.user import User

    with opening.open_session(run, "user", archive) as session:
        yield User(session)


def _covering(user: User, record: int) -> int:
    """The latest grant of this account for the record's stream and epoch; a live one first."""
    from tpre_offchain.clients.errors import NoGrant

    found = user.session.run(user.session.records.record(RecordId(record)))
    grants = [
        one
        for one in user.grants()
        if one.stream_id == found.stream_id and one.epoch_from <= found.epoch <= one.epoch_to
    ]
    if not grants:
        raise NoGrant(f"you have no grant for stream {found.stream_id}, epoch {found.epoch}")
    return max(grants, key=lambda one: (one.live, one.grant_id)).grant_id
