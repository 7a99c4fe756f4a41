"""What every command shares: options, reading the settings, and how what is wrong is told."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from bot.errors import BadInput, BotError, SettingsError

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.settings import Settings

T = TypeVar("T")

HOST = typer.Option("127.0.0.1", help="Address to listen on.")
PORT = typer.Option(8080, min=0, max=65535, help="Port to listen on; 0 takes any.")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def group(name: str, about: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(
        name=name, help=about, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )  # fmt: skip


def told(command: Callable[..., Any]) -> Callable[..., Any]:
    """What is wrong goes to stderr in plain words: settings end with 2, the rest with 1; being ended is no fault."""

    @wraps(command)
    def run_command(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SettingsError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(2) from error
        except BotError as error:
            print(_sentences(error), file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        except Exception as error:
            if (words := _in_words(error)) is None:
                raise
            print(words, file=sys.stderr)
            raise typer.Exit(1) from error

    return run_command


def _sentences(error: BotError) -> str:
    """What went wrong and what to do next, here and not in Slack."""
    from bot.render.text import sentence

    slip = isinstance(error, BadInput) and error.next_step == BadInput.__doc__
    step = "`--help` shows how it is written." if slip else error.next_step
    return f"{sentence(str(error))} {step}".strip()


def _in_words(error: Exception) -> str | None:
    """What outside of us failed; None for a fault of ours, whose traceback is wanted."""
    if isinstance(error, OSError):
        return f"{error}. Look at LEASEBOT_DATABASE_URL, the port and whether what is asked for is up."
    if type(error).__module__.startswith(("sqlalchemy.", "sqlite3")):
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        return f"The database cannot be used: {said}. Look at LEASEBOT_DATABASE_URL and whether it is up."
    return None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it; SIGTERM ends it like Ctrl-C, with everything closed."""

    async def main() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def settled() -> "tuple[Settings, Config]":
    """The settings and the policy file, logging configured. Raises SettingsError."""
    from bot.config.load import load

    settings = only_settings()
    return settings, load(settings.config, os.environ)


def only_settings() -> "Settings":
    """The settings alone, logging configured. Raises SettingsError."""
    from bot.settings import load_settings
    from deploy.logs import configure

    settings = load_settings()
    configure(settings.log_format)
    return settings
