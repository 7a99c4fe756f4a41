"""A failing seed made small: the shortest day, without whoever and whatever is not needed for it to fail."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.play import Options, Result, play
from tests.simulation.world import CALM_MS, HOUR_MS

ACTORS = ("work", "U0ANA", "U0BEN", "U0CARLA", "U0DORA", "console", "holidays", "strangers", "brake",
          "attention", "deciders", "deaths",
          "cloud_calls", "slack_calls", "cloud_down", "slack_down", "slack_lost", "metrics_down", "jupyter_down",
          "collapse", "host_clock", "freeze", "sold_out", "password", "history", "gap",
          "groups", "slack_token")  # fmt: skip
STEP_MS = 3 * HOUR_MS


def shrink(failed: Result, *, most: int = 40, play: Callable[[Options], Result] = play) -> Result:
    """The smallest run found that breaks the same promise; `most` runs are tried."""
    best, left = failed, most
    for options in _smaller(failed.options):
        if left == 0:
            break
        left -= 1
        wanted = replace(options(best.options), trace=True)
        if wanted == best.options:
            continue
        tried = play(wanted)
        if _kind(tried) & _kind(failed):
            best = tried
    return best if best.lines else play(replace(best.options, trace=True))


def _kind(result: Result) -> set[str]:
    return {violation.partition(":")[0] for violation in result.violations}


def _smaller(first: Options) -> list[Callable[[Options], Options]]:
    whole = int(first.days * 24 * HOUR_MS)
    cuts = [_until(ms) for ms in range(CALM_MS + STEP_MS, whole, STEP_MS)][::-1]
    return [*cuts, *(_without(actor) for actor in ACTORS)]


def _until(ms: int) -> Callable[[Options], Options]:
    def cut(options: Options) -> Options:
        return replace(options, until_ms=min(ms, options.until_ms or ms))

    return cut


def _without(actor: str) -> Callable[[Options], Options]:
    def leave_out(options: Options) -> Options:
        return replace(options, without=options.without | {actor})

    return leave_out
