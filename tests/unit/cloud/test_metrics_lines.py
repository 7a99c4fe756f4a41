"""What operators see of the clouds under `/metrics`."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.errors import CloudDown
from bot.model import NotebookId
from deploy.health import cloud_lines

Make = dict[str, Callable[..., Any]]
NB = NotebookId("nb-1")
LINE = re.compile(r"^(# TYPE [a-z_]+ (gauge|counter)|[a-z_]+\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\} -?[0-9.e+-]+)$")


def breaker(lines: list[str], service: str) -> str:
    (found,) = [line for line in lines if line.startswith("leasebot_cloud_breaker") and f'"{service}"' in line]
    return found.rpartition(" ")[2]


async def test_a_breaker_is_seen_to_open_to_try_and_to_close(bench: Any, make: Make) -> None:
    bench.script.on("GET", r"/notebooks/nb-1", httpx.ConnectError("down"))
    cloud = bench.cloud()
    for _ in range(2):
        with pytest.raises(CloudDown):
            await cloud.show(NB)
    lines = cloud_lines(bench.clouds.health())
    assert (breaker(lines, "notebooks"), breaker(lines, "login")) == ("2", "0")
    bench.pass_time(61)
    assert breaker(cloud_lines(bench.clouds.health()), "notebooks") == "1"
    bench.script.on("GET", r"/notebooks/nb-1", make["json"](make["notebook"]()))
    await cloud.show(NB)
    lines = cloud_lines(bench.clouds.health())
    assert breaker(lines, "notebooks") == "0"
    assert 'leasebot_cloud_calls_total{project="research",service="notebooks"} 6' in lines


async def test_every_line_is_of_the_text_format_and_each_type_is_said_once(bench: Any, make: Make) -> None:
    bench.script.on("GET", r"/notebooks/nb-1", make["json"](make["notebook"](), Date="Mon, 23 Nov 2026 08:00:05 GMT"))
    await bench.cloud().show(NB)
    await bench.cloud(project="free", rate=float("inf"), modelarts="https://free.example.com").show(NB)
    bench.clouds.beside(bench.endpoint(), bench.password, "metrics")
    lines = cloud_lines(bench.clouds.health())
    assert [line for line in lines if not LINE.match(line)] == []
    types = [line for line in lines if line.startswith("#")]
    assert len(types) == len(set(types))
    assert 'leasebot_cloud_breaker{project="research",service="metrics"} 0' in lines
    assert not [line for line in lines if "rate_per_second" in line and 'project="free"' in line]
    assert any(
        line.startswith('leasebot_cloud_clock_skew_seconds{project="research",service="notebooks"}') for line in lines
    )
