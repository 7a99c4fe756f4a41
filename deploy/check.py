"""`leasebot check`: all a deployment needs, asked by reading only; each line says what is wrong and what to do."""

import math
import os
import stat
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.clock import Clock, SystemClock, http_date
from bot.cloud.client import HttpClouds
from bot.cloud.port import Cloud
from bot.config.load import load
from bot.config.model import Config, Project
from bot.config.policy import effective
from bot.errors import CloudError, SettingsError, SlackError
from bot.rules.brakes import CLOCK_LIMIT
from bot.rules.durations import format_duration
from bot.settings import Settings, load_settings
from bot.slackcodes import TOKEN
from bot.slackweb import SlackWeb
from bot.stores.database import Database
from bot.stores.migrate import LATEST, USE_THE_LATER_ONE, is_later, version
from deploy.check_idle import idle_findings
from deploy.check_intervals import longest, missed, shortest
from deploy.check_people import people_findings
from deploy.findings import Finding, note, ok, wrong
from deploy.manifest import BOT_SCOPES


async def check(environ: Mapping[str, str], *, socket: bool = False) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known. Nothing is changed anywhere, and no message is sent."""
    clock = SystemClock()
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield wrong("settings", line, "correct it in the environment")
        return
    for finding in (*settings_findings(settings, socket=socket), await database_finding(settings)):
        yield finding
    try:
        config = load(settings.config, environ)
    except SettingsError as error:
        for line in str(error).splitlines():
            yield wrong("policy", line, "correct it in the file")
        return
    async for finding in _outside(settings, config, clock):
        yield finding


async def _outside(settings: Settings, config: Config, clock: Clock) -> AsyncIterator[Finding]:
    for finding in policy_findings(config):
        yield finding
    async for finding in slack_findings(settings, config, clock):
        yield finding
    async with HttpClouds(clock) as clouds:
        for project in config.projects.values():
            async for finding in cloud_findings(settings, config, project, clouds, clock):
                yield finding


# --- settings, policy, database ------------------------------------------------------------------


def settings_findings(settings: Settings, *, socket: bool) -> list[Finding]:
    """What is set and what is missing."""
    found: list[Finding] = []
    try:
        settings.check_serving(socket=socket)
        found.append(ok("settings", f"complete for `leasebot {'socket' if socket else 'serve'}`"))
    except SettingsError as error:
        found += [wrong("settings", line, "set it") for line in str(error).splitlines()]
    if settings.public_url is None:
        found.append(note("settings", "LEASEBOT_PUBLIC_URL is not set: people are given no page to link their cloud "
                          "user on", "set it, or link people with `leasebot link`"))  # fmt: skip
    return found


def policy_findings(config: Config) -> list[Finding]:
    """The file loads; is there anybody to decide?"""
    about = "policy"
    found = [ok(about, f"{config.path}: {len(config.projects)} projects, {len(config.rules)} rules, "
                       f"hash {config.file_hash[:12]}")]  # fmt: skip
    for name, project in config.projects.items():
        policy = effective(config, name)
        if not (policy.approvers or policy.escalate_to or project.roles.admins):
            found.append(note(about, f"{name}: nobody could approve anything", "name approvers or admins"))
        if not project.roles.admins:
            found.append(note(about, f"{name}: no admin, so nobody gets alerts or releases a brake", "name admins"))
        found.append(ok(about, f"{name}: idle stops are {policy.idle_mode} ({policy.sources['idle_mode']})"))
    return found


async def database_finding(settings: Settings) -> Finding:
    """It answers, its schema fits, its file is private. A SQLite file that is not there is not made."""
    if settings.on_sqlite and (finding := _file(Path(make_url(settings.engine_url).database or ""))):
        return finding
    db = Database(settings.engine_url)
    try:
        return _schema(settings, await version(db))
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        what = f"it does not answer ({type(cause).__name__})"
        return wrong("database", what, "check LEASEBOT_DATABASE_URL and the server")
    finally:
        await db.dispose()


def _file(path: Path) -> Finding | None:
    if not path.exists():
        return _new_file(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    return wrong("database", f"others may read {path} (mode {mode:04o})", f"chmod 600 {path}") if mode & 0o077 else None


def _new_file(path: Path) -> Finding:
    folder = path.parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return ok("database", f"{path} will be made at the first start")
    return wrong("database", f"{path} cannot be made", f"make the folder {folder} and let this user write there")


def _schema(settings: Settings, found: str | None) -> Finding:
    if found == LATEST:
        return ok("database", f"it answers, schema {found}")
    if is_later(found):
        return wrong("database", f"schema {found}, later than {LATEST}, the last this program knows", USE_THE_LATER_ONE)
    if settings.on_sqlite:
        return ok("database", f"schema {found or 'none'}; it is brought to {LATEST} at the next start")
    return wrong("database", f"schema {found or 'none'}, needed {LATEST}", "run leasebot db upgrade")


# --- Slack ---------------------------------------------------------------------------------------


async def slack_findings(settings: Settings, config: Config, clock: Clock) -> AsyncIterator[Finding]:
    """Token, scopes, clock, channels, user groups."""
    if settings.bot_token is None:
        return
    token = settings.bot_token.get_secret_value()
    async with SlackWeb(token, clock, base_url=settings.slack_api_url) as slack:
        try:
            said = await slack.whoami()
        except SlackError as error:
            if error.code in TOKEN:
                yield wrong("Slack", f"the token is not accepted: {error.code}",
                            "copy the bot token (xoxb-…) of the installed app")  # fmt: skip
            else:
                yield wrong("Slack", f"{settings.slack_api_url} does not answer as it should: {error.code}",
                            "look whether it can be reached from here, and run check again")  # fmt: skip
            return
        yield ok("Slack", f"bot {said.get('user')} in {said.get('team')} ({said.get('team_id')})")
        for finding in scope_findings(frozenset(said["scopes"])):
            yield finding
        yield _clock("Slack", http_date(str(said["date"])), clock.now())
        async for finding in _places(slack, config, str(said.get("user_id"))):
            yield finding


def scope_findings(granted: frozenset[str]) -> list[Finding]:
    """Scopes of the token against those of the manifest."""
    missing = [name for name in BOT_SCOPES if name not in granted]
    todo = "update the app from `leasebot manifest` and install it again"
    found = [wrong("Slack", f"scope {name} is missing: {BOT_SCOPES[name]}", todo) for name in missing]
    if more := sorted(granted - BOT_SCOPES.keys()):
        found.append(note("Slack", f"scopes that are not needed: {', '.join(more)}", "take them from the app"))
    return found if missing else [*found, ok("Slack", f"all {len(BOT_SCOPES)} scopes are granted")]


async def _places(slack: SlackWeb, config: Config, bot: str) -> AsyncIterator[Finding]:
    for name, project in config.projects.items():
        try:
            members = await slack.members(project.channel)
        except SlackError as error:
            yield wrong("Slack", f"{name}: channel {project.channel}: {error.code}", "invite the bot to the channel")
        else:
            yield _channel(f"{name}: channel {project.channel}", members, bot)
    async for finding in people_findings(slack, config):
        yield finding


def _channel(about: str, members: frozenset[str], bot: str) -> Finding:
    """A public channel shows its members to a bot outside, but takes no message from it."""
    if bot not in members:
        return wrong("Slack", f"{about}: the bot is not in it", "invite the bot to the channel")
    return ok("Slack", f"{about}, {len(members)} members")


def _clock(about: str, theirs: datetime | None, ours: datetime) -> Finding:
    if theirs is None:
        return note(about, "no clock to compare with")
    skew = (ours - theirs).total_seconds()
    if abs(skew) > CLOCK_LIMIT.total_seconds():
        return wrong(about, f"this host's clock is {skew:+.0f} s off; nothing is stopped while it is",
                     "set the clock (NTP)")  # fmt: skip
    return ok(about, f"the clocks agree ({skew:+.0f} s)")


# --- the cloud -----------------------------------------------------------------------------------


async def cloud_findings(
    settings: Settings, config: Config, project: Project, clouds: HttpClouds, clock: Clock
) -> AsyncIterator[Finding]:
    """Login and rights of one project's service account, by reading; its idle sources; how often a pass may come."""
    about = f"cloud {project.name}"
    try:
        cloud = clouds.connect(project.endpoint, project.service_account, interactive=False)
        who = await cloud.whoami()
    except CloudError as error:
        yield wrong(about, f"the service account cannot log in: {error}", error.next_step)
        return
    yield ok(about, f"logged in as {who.user_name} in {who.domain_name}, project {who.project_id}")
    began = clock.now()
    try:
        listing = await cloud.list_all()
    except CloudError as error:
        yield wrong(about, f"its notebooks cannot be listed: {error}", "grant modelarts:notebook:listAllNotebooks")
        return
    took = clock.now() - began
    running = sum(1 for each in listing.notebooks if each.status.runs)
    yield ok(about, f"{len(listing.notebooks)} notebooks, {running} running")
    async for finding in _catalogue(config, cloud, about):
        yield finding
    yield _clock(about, cloud.server_now(), clock.now())
    yield note(about, "the rights to stop and to renew are not tried here", "README, 'Cloud rights', names them")
    policy = effective(config, project.name)
    async for finding in idle_findings(config, project, policy, listing, cloud, clouds, clock):
        yield finding
    least = shortest(listing, policy, project.endpoint.rate, took)
    for finding in interval_findings(about, config, project.name, settings.poll_seconds, least):
        yield finding


async def _catalogue(config: Config, cloud: Cloud, about: str) -> AsyncIterator[Finding]:
    try:
        flavors, images = await cloud.flavors(), await cloud.images()
    except CloudError as error:
        yield wrong(about, f"flavors or images cannot be listed: {error}",
                    "grant the rights to list flavors and images")  # fmt: skip
        return
    yield ok(about, f"{len(flavors)} flavors, {len(images)} images")
    if unpriced := [each.id for each in flavors if config.prices.per_hour(each.id) is None]:
        yield note(about, f"no price for {', '.join(unpriced)}", "name them in [prices]; totals say ≥ until then")


def interval_findings(about: str, config: Config, project: str, poll_seconds: int, least: timedelta) -> list[Finding]:
    """`LEASEBOT_POLL_SECONDS` against what the rate limit and the policy allow."""
    seconds, most, why = math.ceil(least.total_seconds()), *longest(config, project)
    short = f"shortest honest interval between passes: {seconds} s; LEASEBOT_POLL_SECONDS is {poll_seconds}"
    long = f"longest honest interval between passes: {most.total_seconds():.0f} s ({why})"
    found = [ok(about, short), ok(about, long)]
    if poll_seconds < seconds:
        todo = f"set LEASEBOT_POLL_SECONDS to {seconds} or more, or raise `rate` of the project"
        found[0] = wrong(about, short, todo)
    if lead := missed(config, project, timedelta(seconds=poll_seconds)):
        what = f"passes every {poll_seconds} s may come too late for the warning {format_duration(lead)} before an end"
        found[1] = wrong(about, what, f"set LEASEBOT_POLL_SECONDS to {most.total_seconds():.0f} or less")
    elif poll_seconds > most.total_seconds():
        found[1] = note(about, long, "until LEASEBOT_POLL_SECONDS is at most that, idle stops come late")
    return found
