"""Each benchmark still runs, at a size at which its figures mean nothing, and says what it promises to."""

import asyncio
import sys

import pytest

from tests.deploy.processes import ROOT, clean

RUNS = {
    "bench_culler --notebooks 30 --running 20 --stops 2 --rounds 1": (
        "culler: list what runs, stop", "leasebot: the pass but listing", "leasebot: evidence of all", "most memory:",
    ),
    "bench_pass --sizes 20 --stopped 5 --rounds 1 --store sqlite": ('"running": 20', '"cpu_s":'),
    "bench_listing --sizes 60 --rounds 1": ("httpx + json.loads", "adapter, AK/SK", "vendor SDK"),
    "bench_ack 1": ("serve, first start", "all of them", "all, without waiting"),
}  # fmt: skip


@pytest.mark.parametrize("words", RUNS, ids=lambda words: words.partition(" ")[0])
async def test_it_runs_and_shows_its_rows(words: str) -> None:
    module, *arguments = words.split()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"tests.benchmarks.{module}", *arguments, cwd=ROOT, env=clean({}, ROOT),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    for row in RUNS[words]:
        assert row in out.decode()
