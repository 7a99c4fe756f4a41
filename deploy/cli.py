"""The `leasebot` command. Exit 0 done, 1 something failed, 2 settings."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import typer

from bot.errors import SettingsError
from deploy.console import HOST, LOOPBACK, PORT, group, run, settled, told
from deploy.tools import audit, db, keys, link, plan, why

app = group("leasebot", "Slack bot for ModelArts notebooks: leases, warnings, approvals, idle stops and costs.")
simulate = group("simulate", "Simulated outside systems, for people who build against them.")
app.add_typer(simulate)

_POLICY = typer.Option(Path("leasebot.toml"), help="Where the policy file goes.")
_SETTINGS = typer.Option(Path("leasebot.env"), help="Where the settings go.")
_REAL_TOKEN = re.compile(r"xoxb-\d")


@app.command()
@told
def sandbox(
    script: bool = typer.Option(False, "--script", help="Play the story without a browser and print it."),
    host: str = typer.Option("127.0.0.1", help="Loopback address of the page."),
    port: int = typer.Option(0, min=0, max=65535, help="Port of the page; 0 takes any."),
    browser: bool = typer.Option(True, help="Open the page in the browser."),
    real_jupyter: bool = typer.Option(False, "--real-jupyter", help="A real Jupyter server behind each notebook."),
) -> None:
    """Everything on one machine with nothing to set up: simulated Slack and cloud, the bot, a clock to push."""
    _only_here(host)
    from deploy.logs import configure

    configure("console")
    if script:
        import logging

        from deploy.sandbox.story import script as play

        logging.getLogger().setLevel(logging.WARNING)  # the story is the log

        raise typer.Exit(0 if run(play(_line)) else 1)
    from deploy.sandbox.run import sandbox as live

    run(live(port, lambda url: _page(url, open_it=browser), real_jupyter=real_jupyter))


def _line(text: str) -> None:
    print(text, flush=True)


def _page(url: str, *, open_it: bool) -> None:
    _line(json.dumps({"ready": True, "url": url}))
    if open_it:
        import webbrowser

        webbrowser.open(url)


def _only_here(host: str) -> None:
    """Simulators hold no real secrets and must not be given any; they are for this machine alone."""
    if host not in LOOPBACK:
        raise SettingsError(f"--host {host}: simulators listen on this machine alone (127.0.0.1)")
    if _REAL_TOKEN.match(os.environ.get("SLACK_BOT_TOKEN", "")):
        raise SettingsError("SLACK_BOT_TOKEN is a real Slack token; unset it before you start a simulation")


@app.command()
@told
def serve(host: str = HOST, port: int = PORT) -> None:
    """Serve Slack over HTTP, with the scheduler inside."""
    from deploy import serving

    settings, config = settled()
    run(serving.serve(settings, config, host, port))


@app.command()
@told
def socket(host: str = HOST, port: int = PORT) -> None:
    """Serve Slack over Socket Mode; the link page and health over HTTP."""
    from deploy import serving

    settings, config = settled()
    run(serving.socket(settings, config, host, port))


@app.command()
@told
def tick() -> None:
    """One pass of everything that is due, then exit: for cron and timers."""
    from deploy import serving

    settings, config = settled()
    code, counts = run(serving.tick(settings, config))
    print(json.dumps(counts))
    raise typer.Exit(code)


@simulate.callback()
def _simulate() -> None:
    """Keeps `simulate` a group although it has one command."""


@simulate.command("modelarts")
@told
def simulate_modelarts(
    host: str = HOST, port: int = typer.Option(0, min=0, max=65535, help="Port to listen on; 0 takes any.")
) -> None:
    """Only the simulated cloud: IAM, ModelArts, Jupyter, AOM; control under /_sim/."""
    _only_here(host)
    run(_simulated_cloud(host, port))


async def _simulated_cloud(host: str, port: int) -> None:
    from deploy.sandbox.cloud import serve as simulator

    server = await simulator.run(host, port)
    _line(json.dumps(server.ready_line()))
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


@app.command()
@told
def init(policy: Path = _POLICY, settings: Path = _SETTINGS) -> None:
    """Write a commented policy file and settings with a fresh key; overwrites nothing."""
    from deploy.init import write

    for line in write(policy, settings):
        print(line)


@app.command()
@told
def check(socket: bool = typer.Option(False, "--socket", help="Check what `leasebot socket` needs.")) -> None:
    """Settings, policy, Slack, cloud, idle sources, database, clock: what is wrong and what to do."""
    from deploy.logs import configure

    configure("console")
    raise typer.Exit(run(_checked(socket)))


async def _checked(socket: bool) -> int:
    """The exit code; what would stop the start is said on stderr too, as the start says it."""
    from deploy.check import check as findings

    code = 0
    async for finding in findings(os.environ, socket=socket):
        _line(str(finding))
        if finding.stops_the_start:
            print(finding.what, file=sys.stderr)
        if finding.level == "wrong":
            code = 2 if code == 2 or finding.stops_the_start else 1
    return code


@app.command()
@told
def manifest(
    url: str = typer.Option(None, help="Where Slack reaches this deployment, https://…"),
    socket: bool = typer.Option(False, "--socket", help="For Socket Mode; needs no --url."),
    command: str = typer.Option("/notebook", envvar="LEASEBOT_COMMAND", help="The slash command."),
) -> None:
    """The Slack app's manifest as JSON: paste it at api.slack.com/apps, "From a manifest"."""
    from deploy.manifest import manifest as made

    print(json.dumps(made(url, command=command, socket=socket), indent=2))


app.add_typer(db)
app.add_typer(keys)
app.add_typer(audit)
app.command()(plan)
app.command()(why)
app.command()(link)


def main(arguments: list[str] | None = None) -> Any:
    """Console script."""
    return app(args=arguments if arguments is not None else sys.argv[1:])


if __name__ == "__main__":
    main()
