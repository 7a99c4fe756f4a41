"""Which idle sources of a project answer: each is asked about a few notebooks that run, as a pass would ask it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from bot.clock import Clock
from bot.cloud.client import HttpClouds
from bot.cloud.port import Cloud
from bot.config.model import Config, Project
from bot.config.policy import EffectivePolicy, category_of
from bot.errors import CloudError
from bot.idle.aom import HttpAom
from bot.idle.fetch import notebook_client
from bot.idle.metrics import Found, discover
from bot.idle.ports import Source, Subject
from bot.idle.reading import read_all
from bot.model import Flavor, Listing, Notebook
from bot.rules.idle import SourceReading
from deploy.findings import Finding, note, ok, wrong
from deploy.sources import idle_sources, metrics_policy

TRIED = 3  # notebooks; those that have run longest, so that they have measurements


async def idle_findings(
    config: Config, project: Project, policy: EffectivePolicy, listing: Listing, cloud: Cloud, clouds: HttpClouds,
    clock: Clock,
) -> AsyncIterator[Finding]:  # fmt: skip
    """Which sources can answer, so that anything can ever be called idle."""
    about = f"cloud {project.name}"
    if "metrics" in policy.idle_sources:
        aom = HttpAom(project.endpoint, *clouds.beside(project.endpoint, project.service_account, "metrics"))
        for each in await discover(aom, metrics_policy(config.metrics)):
            yield _series(each, about)
    elif not policy.idle_blind:
        yield note(about, "without `metrics` nothing is ever called idle", "add it to idle_sources, or set idle_blind")
    running = sorted((each for each in listing.notebooks if each.status.runs), key=lambda each: _since(each, clock))
    if not running:
        for name in policy.idle_sources:
            yield note(about, f"idle source {name}: nothing runs now, so it was not tried", "run check again then")
        return
    try:
        shown = [await cloud.show(each.id) for each in running[:TRIED]]
        known = {flavor.id: flavor for flavor in await cloud.flavors()}
    except CloudError as error:
        yield wrong(about, f"idle sources: a notebook or the flavors cannot be read: {error}",
                    "grant the rights to get notebooks and to list flavors")  # fmt: skip
        return
    subjects = [_subject(each, known.get(each.flavor), project, policy, clock) for each in shown]
    async with notebook_client() as http:
        sources = idle_sources(config, clouds, http, clock)[project.name]
        for name in policy.idle_sources:
            yield _answers(about, name, await _read(sources[name], subjects, clock), subjects, clock.now())


async def _read(source: Source, subjects: Sequence[Subject], clock: Clock) -> list[SourceReading]:
    read: Mapping[str, Mapping[str, SourceReading]] = {
        notebook_id: {name: sample.reading for name, sample in by_source.items()}
        for notebook_id, by_source in (await read_all([source], subjects, {}, clock)).items()
    }
    return [read[each.notebook.id][source.name] for each in subjects]


def _answers(
    about: str, name: str, readings: Sequence[SourceReading], subjects: Sequence[Subject], now: datetime
) -> Finding:
    """One that answers is enough: a single notebook may be broken."""
    silent = [each.reason for each in readings if each.state == "unknown"]
    what = f"idle source {name}: {len(readings) - len(silent)} of {len(readings)} notebooks that were asked answered"
    if not silent:
        return ok(about, what)
    what += f" ({silent[0]})"
    if len(silent) < len(readings):
        return note(about, what, "nothing is called idle of which a source cannot tell")
    if name == "metrics" and all(now - each.running_since < each.idle_after + each.idle_fresh for each in subjects):
        return note(about, what, "they have not run for long; run check again later")
    return wrong(about, what, _TODO[name])


_TODO = {
    "jupyter": "let this host reach the notebooks (`notebook_hosts`, network) and the service account see their "
    "address and token, or leave `jupyter` out of idle_sources",
    "metrics": "grant aom:metric:get; see [metrics] for names and selectors",
}


def _subject(
    shown: Notebook, flavor: Flavor | None, project: Project, policy: EffectivePolicy, clock: Clock
) -> Subject:  # fmt: skip
    return Subject(
        shown, project.endpoint, category_of(shown.flavor, flavor) or "", _since(shown, clock), policy.idle_after,
        policy.idle_fresh,
    )  # fmt: skip


def _since(notebook: Notebook, clock: Clock) -> datetime:
    return notebook.updated_at or clock.now()


def _series(found: Found, about: str) -> Finding:
    name = f"idle source metrics: {found.kind} {found.metric} in {found.namespace}"
    if found.failure:
        return wrong(about, f"{name}: {found.failure}", "grant aom:metric:list and aom:metric:get")
    if not found.selectable:
        return note(about, f"{name}: {found.series} series, none can be told by notebook", "see [metrics] selectors")
    return ok(about, f"{name}: {found.selectable} series")
