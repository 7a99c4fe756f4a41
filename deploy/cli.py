"""The `leasebot` command. Exit 0 done, 1 something failed, 2 settings (contract 7)."""

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer

from bot.errors import BotError, SettingsError

app = typer.Typer(
    name="leasebot",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Slack bot for ModelArts notebooks: leases, warnings, approvals, idle stops and costs.",
)

Host = typer.Option("127.0.0.1", help="Address to listen on.")
Port = typer.Option(8080, min=0, max=65535, help="Port to listen on; 0 takes any.")


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is wrong goes to stderr in plain words: settings end with 2, everything else with 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SettingsError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(2) from error
        except BotError as error:
            print(f"{error} {error.next_step}", file=sys.stderr)
            raise typer.Exit(1) from error

    return run


def _settled() -> tuple[Any, Any]:
    from bot.settings import load_settings
    from deploy.logs import configure
    from deploy.serving import read_config

    settings = load_settings()
    configure(settings.log_format)
    return settings, read_config(settings, os.environ)


@app.command()
@told
def serve(host: str = Host, port: int = Port) -> None:
    """Serve Slack over HTTP, with the scheduler inside."""
    from deploy import serving

    settings, config = _settled()
    serving.run(serving.serve(settings, config, host, port))


@app.command()
@told
def socket(host: str = Host, port: int = Port) -> None:
    """Serve Slack over Socket Mode; the link page and health over HTTP."""
    from deploy import serving

    settings, config = _settled()
    serving.run(serving.socket(settings, config, host, port))


@app.command()
@told
def tick() -> None:
    """One pass of everything that is due, then exit: for cron and timers."""
    from deploy import serving

    settings, config = _settled()
    code, counts = serving.run(serving.tick(settings, config))
    print(json.dumps(counts))
    raise typer.Exit(code)


def main() -> None:
    """Console script."""
    app()


if __name__ == "__main__":
    main()
