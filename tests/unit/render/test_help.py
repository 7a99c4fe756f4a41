"""Help: one list of commands, one screen, and a hint for every slip."""

import pytest

from bot.render.help import BY_NAME, COMMANDS, GROUPS, help_message, nearest
from handlers import parse

DESIGNED = {
    "help",
    "list",
    "show",
    "create",
    "start",
    "stop",
    "delete",
    "extend",
    "keep",
    "open",
    "why",
    "plan",
    "images",
    "flavors",
    "approvals",
    "policy",
    "cost",
    "audit",
    "link",
    "unlink",
    "whoami",
    "settings",
    "admin",
}


def test_every_command_is_listed_once() -> None:
    assert set(BY_NAME) == DESIGNED
    assert len(COMMANDS) == len(BY_NAME)
    assert set(BY_NAME) == set(parse.COMMANDS)


def test_the_overview_fits_one_screen() -> None:
    message = help_message("/nb")
    assert len(message.text) <= 3500
    assert len(message.text.splitlines()) <= 40
    for command in COMMANDS:
        assert f"`{command.usage}`" in message.text
    for group in GROUPS:
        assert f"*{group}*" in message.text
    assert "/notebook" not in message.text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_is_explained_with_examples(command: parse.Any) -> None:
    said = help_message("/nb", command.name).text
    for example in command.examples:
        assert f"`/nb {example}`" in said
    assert help_message("/nb", command.name.upper()).text == said


@pytest.mark.parametrize("example", [each for command in COMMANDS for each in command.examples])
def test_every_example_is_understood(example: str) -> None:
    wish = parse.parse(example.replace("@ana", "<@U0ANA>"))
    assert wish is not None


@pytest.mark.parametrize(("typed", "meant"), [("strat", "start"), ("exted", "extend"), ("lst", "list"), ("zzz", None)])
def test_a_slip_is_met_with_the_nearest_command(typed: str, meant: str | None) -> None:
    assert nearest(typed) == meant
    said = help_message("/nb", typed).text
    assert (f"`/nb help {meant}`" in said) == (meant is not None)
    assert "`/nb help` shows all." in said
