"""The operator's commands: database, keys, audit, and what is known about one notebook or one person's link."""

import sys
from typing import Any

import typer

from bot.errors import BadInput
from deploy.console import group, only_settings, run, settled, told

db = group("db", "The database.")
keys = group("keys", "Encryption keys of what people entrust to the bot.")
audit = group("audit", "The record of who did what.")


@db.callback()
@audit.callback()
def _group() -> None:
    """Keeps these groups although each has one command."""


@db.command()
@told
def upgrade() -> None:
    """Bring the schema to this version. SQLite does it by itself at start; PostgreSQL waits for this."""
    from bot.stores.migrate import LATEST

    run(_upgrade())
    print(f"the schema is at {LATEST}")


async def _upgrade() -> None:
    from bot.stores.database import Database
    from bot.stores.migrate import upgrade as to_latest

    database = Database(only_settings().engine_url)
    try:
        await to_latest(database)
    finally:
        await database.dispose()


@keys.command()
@told
def new(key_id: str = typer.Option(None, "--id", help="Name of the key; made up if not given.")) -> None:
    """Print a fresh key for LEASEBOT_ENCRYPTION_KEYS."""
    from bot.settings import parse_key_ring
    from deploy.keys import new_key

    made = new_key(key_id)
    parse_key_ring(made)
    print(made)


@keys.command()
@told
def rotate() -> None:
    """Seal every stored credential with the first key of the ring; the bot may run meanwhile."""
    from deploy.keys import rotate as again

    done = run(again(only_settings()))
    print(f"{done.moved} links sealed with key {done.current}, {done.fresh} were already")
    for link in done.broken:
        print(f"no key opens the credentials of {link}: they must link again", file=sys.stderr)
    if done.broken:
        raise typer.Exit(1)
    print("Answers under way use the older key for at most 30 minutes more; drop it after that. The audit goes on")
    print("verifying without it.")


@audit.command()
@told
def verify() -> None:
    """Prove that nobody has rewritten the audit: every entry of every project's chain."""
    from deploy.records import verify as checked

    chains = run(checked(only_settings()))
    for chain in chains:
        state = "verified" if chain.broken is None else f"BROKEN from entry {chain.broken} on"
        print(f"{chain.project}: {chain.entries} entries, {state}, head {chain.head[:16]}")
    if not chains:
        print("there are no entries yet")
    if any(chain.broken is not None for chain in chains):
        raise typer.Exit(1)


@told
def plan(
    name: str = typer.Argument(metavar="NAME", help="Name, id or beginning of a notebook."),
    at: str = typer.Option(None, help="Instant, like 23:00 or 'fri 18:00'; now if not given."),
) -> None:
    """What would happen to a notebook at an instant, and by which rule."""
    from deploy.records import plan as made

    settings, config = settled()
    _print(run(made(settings, config, name, at)))


@told
def why(name: str = typer.Argument(metavar="NAME", help="Name, id or beginning of a notebook.")) -> None:
    """What was decided about a notebook, on what evidence, by which rule."""
    from deploy.records import why as found

    settings, config = settled()
    _print(run(found(settings, config, name)))


@told
def link(
    everyone: bool = typer.Option(False, "--list", help="Show who is linked, to what, until when."),
    person: str = typer.Option(None, help="Slack id of the person, U…"),
    project: str = typer.Option(None, help="Project of the policy file."),
    kind: str = typer.Option("password", help="password, aksk or temporary."),
) -> None:
    """Link a person's cloud user from a terminal, where no page can be served; nothing is echoed."""
    from deploy import linking

    settings, config = settled()
    if everyone:
        _print(run(linking.listed(settings, config)))
        return
    if not person or not project:
        raise BadInput("Say whom and where: --person U… --project NAME, or --list.", next_step=" ")
    linking.check(config, person, project)
    form = {"kind": kind, **{field: _asked(field) for field in linking.fields_of(kind)}}
    print(run(linking.linked(settings, config, person, project, form)))


def _asked(field: str) -> str:
    """One credential, typed without echo."""
    answer: Any = typer.prompt(field.replace("_", " "), hide_input=True, err=True)
    return str(answer)


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line)
