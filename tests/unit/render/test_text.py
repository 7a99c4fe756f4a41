"""Words: escaped, cut, counted."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.render import text
from bot.render.facts import at
from bot.rules.durations import format_duration

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MS = 1_795_435_200_000
DATE = "<!date^1795435200^{date_short_pretty} at {time}|2026-11-23 12:00 UTC>"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("train-1", "train-1"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("a & b", "a &amp; b"),
        ("a\n\tb `c`", "a b c"),
        ("\u202eabc", "abc"),
        ("", "(no name)"),
        (" ` ", "(no name)"),
        ("训练-1", "训练-1"),
        ("x" * 100, "x" * 63 + "…"),
    ],
)
def test_names(raw: str, said: str) -> None:
    assert text.name(raw) == said


def test_a_date_is_in_everyones_zone_with_utc_to_fall_back_on() -> None:
    assert text.when(MS) == DATE
    assert text.prose(f"It ends {at(MS)}.") == f"It ends {DATE}."
    assert text.prose("until 2026-11-23 12:00 UTC") == f"until {DATE}"
    assert text.plain_prose(f"It ends {at(MS)}.") == "It ends 2026-11-23 12:00 UTC."


@pytest.mark.parametrize("raw", ["2026-13-45 99:99 UTC", "[[at:x]]", "12026-11-23 12:00 UTC"])
def test_what_is_no_instant_stays_as_it_is(raw: str) -> None:
    assert text.prose(raw) == raw


@pytest.mark.parametrize("ms", [-1, 0, 10**18])
def test_an_impossible_instant_is_still_a_date(ms: int) -> None:
    assert text.when(ms).startswith("<!date^")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("U0ANA", "<@U0ANA>"),
        ("<@U0ANA>", "<@U0ANA>"),
        ("W012ABCDEF", "<@W012ABCDEF>"),
        ("cloud user ana", "cloud user ana"),
        ("<!here>", "&lt;!here&gt;"),
        ("USER ONE", "USER ONE"),
    ],
)
def test_people_are_mentioned_by_id_only(who: str, said: str) -> None:
    assert text.person(who) == said


@given(st.text("&<>ab; \n", max_size=60), st.integers(2, 40))
def test_clipping_never_breaks_an_entity_or_a_token(raw: str, limit: int) -> None:
    clipped = text.clip(text.escape(raw) + DATE, limit)
    assert len(clipped) <= limit
    whole = clipped.removesuffix("…")
    assert whole.count("<") == whole.count(">")
    assert text.escape(
        whole.replace(DATE, "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    ) == whole.replace(DATE, "")


def test_advice_says_what_is_really_typed() -> None:
    assert text.advice("`list stopped` shows them.", "/nb") == "`/nb list stopped` shows them."
    assert text.advice("Link again with `link`.", "/nb") == "Link again with `/nb link`."
    assert text.advice("See `leasebot check`.", "/nb") == "See `leasebot check`."


def test_durations_are_the_ones_of_the_rules() -> None:
    assert text.duration(5400) == format_duration(timedelta(hours=1, minutes=30)) == "1 h 30 min"
    assert text.left(MS + 60_000, NOON) == "1 min left"
    assert text.left(MS, NOON) == "time is up"
    assert text.between(MS, MS - 1) == "0 min"


def test_counting_and_listing() -> None:
    assert [text.plural(n, "notebook") for n in (0, 1, 2)] == ["0 notebooks", "1 notebook", "2 notebooks"]
    assert [text.listed(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_a_quotation_keeps_lines_and_escapes() -> None:
    assert text.quote("one\n\n<two>") == "> one\n> &lt;two&gt;"
    assert text.quote(" ") == "> (nothing)"
    assert len(text.quote("line\n" * 100).splitlines()) == 5


def test_every_state_has_a_word() -> None:
    from bot.model import Status

    assert set(text.STATUS_WORDS) == set(Status)
    assert text.status("NEW_WORD") == "State unknown"


def test_what_has_no_flavor_has_no_price_either() -> None:
    """The cloud tells of some notebooks no flavor."""
    assert text.price(None, "") == "no price known"
    assert text.price(None, "vm") == "no price for vm"
