"""What fails outside of us is said in words, at any of the operator's commands."""

import sqlite3

import pytest
import typer
from sqlalchemy.exc import OperationalError

from bot.config.load import load_text
from bot.errors import BadInput
from bot.settings import async_database_url
from deploy.console import told
from deploy.health import stop_lines
from deploy.linking import check
from tests.unit.passes.stand import POLICY


@pytest.mark.parametrize(
    "error",
    [
        OSError(111, "Connect call failed"),
        sqlite3.OperationalError("unable to open database file"),
        OperationalError("SELECT 1", {}, Exception("too many connections\nDETAIL: none")),
    ],
    ids=["refused", "no file", "full"],
)
def test_a_failure_outside_is_one_line_and_ends_with_1(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    @told
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        command()
    said = capsys.readouterr().err.strip()
    assert ended.value.exit_code == 1
    assert "LEASEBOT_DATABASE_URL" in said
    assert "\n" not in said


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    @told
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_a_port_that_is_no_port_is_a_wrong_setting() -> None:
    with pytest.raises(BadInput, match="port"):
        async_database_url("postgresql://u:pw@127.0.0.1:notaport/x")


def test_lines_of_one_metric_stand_together() -> None:
    lines = stop_lines([("a", "idle", 2, 1, 0), ("b", "shadow", 3, 0, 2)])
    names = [line.removeprefix("# TYPE ").partition("{")[0].split()[0] for line in lines]
    assert names == sorted(names, key=names.index)
    assert names[:3] == ["leasebot_stops_total"] * 3


@pytest.mark.parametrize(("person", "project"), [("ana", "research"), ("U0ANA", "zzz")])
def test_whom_and_where_to_link_is_looked_at_before_anything_is_typed(person: str, project: str) -> None:
    with pytest.raises(BadInput):
        check(load_text(POLICY, "leasebot.toml", {"BOT_PASSWORD": "sesame"}), person, project)
