"""Changes are made safe by reading back; nothing happens twice to anybody's harm."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.clock import to_ms
from bot.errors import (
    AnswerLost,
    CloudBusy,
    CloudConflict,
    CloudDenied,
    CloudInvalid,
    CloudNotFound,
)
from bot.model import LeaseType, NewNotebook, Notebook, NotebookId, Status

NB = NotebookId("nb-1")
SHOW, START, STOP = r"/notebooks/nb-1", r"/notebooks/nb-1/start", r"/notebooks/nb-1/stop"
LEASE = r"/notebooks/nb-1/lease"
HOUR = timedelta(hours=1)
LOST = httpx.ReadTimeout("lost")
Make = dict[str, Callable[..., Any]]


def lease(bench: Any, hours: float, *, stamped: float = 0, kind: str = "TIMING", enable: bool = True) -> dict[str, Any]:
    """A lease that ends `hours` from now, stamped `stamped` hours ago."""
    now = to_ms(bench.clock.now())
    created = now - 7_200_000
    duration = int(7_200_000 + hours * 3_600_000)
    update = int(now - stamped * 3_600_000)
    return {"create_at": created, "duration": duration, "enable": enable, "type": kind, "update_at": update}


# --- stop and start ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["6307", "6308", "6357"])
@pytest.mark.parametrize("status", ["STOPPING", "STOPPED"])
async def test_already_stopped_is_success(bench: Any, make: Make, code: str, status: str) -> None:
    bench.script.on("POST", STOP, make["refusal"](400, f"ModelArts.{code}"))
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status=status)))
    assert (await bench.cloud().stop(NB)).raw_status == status
    assert len(bench.script.calls("POST", STOP)) == 1


@pytest.mark.parametrize("code", ["6305", "6306", "6357"])
@pytest.mark.parametrize("status", ["STARTING", "RUNNING"])
async def test_already_started_is_success(bench: Any, make: Make, code: str, status: str) -> None:
    bench.script.on("POST", START, make["refusal"](400, f"ModelArts.{code}"))
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status=status)))
    assert (await bench.cloud().start(NB, HOUR, LeaseType.TIMING)).raw_status == status


@pytest.mark.parametrize("code", ["6307", "6357"])
async def test_already_so_is_not_believed_unread(bench: Any, make: Make, code: str) -> None:
    bench.script.on("POST", STOP, make["refusal"](400, f"ModelArts.{code}"))
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="RUNNING")))
    with pytest.raises(CloudBusy):
        await bench.cloud().stop(NB)


async def test_a_stop_whose_answer_was_lost_is_read_and_not_repeated(bench: Any, make: Make) -> None:
    bench.script.on("POST", STOP, LOST)
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="STOPPING")))
    assert (await bench.cloud().stop(NB)).status is Status.STOPPING
    assert len(bench.script.calls("POST", STOP)) == 1


async def test_a_stop_that_did_not_happen_is_repeated_once(bench: Any, make: Make) -> None:
    bench.script.on("POST", STOP, LOST, make["json"](make["notebook"](status="STOPPING")))
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="RUNNING")))
    assert (await bench.cloud().stop(NB)).status is Status.STOPPING
    assert len(bench.script.calls("POST", STOP)) == 2


@pytest.mark.parametrize(("seconds", "stops"), [(-60, 2), (-1, 1), (20, 1)])
async def test_a_lost_stop_is_not_repeated_on_one_that_was_started_since(
    bench: Any, make: Make, seconds: int, stops: int
) -> None:
    """Within two seconds either way it cannot be told: then it is left to whoever asked."""
    running = make["notebook"](update_at=to_ms(bench.clock.now() + timedelta(seconds=seconds)))
    bench.script.on("POST", STOP, httpx.ReadTimeout("lost"))
    bench.script.on("GET", SHOW, make["json"](running))
    with pytest.raises(AnswerLost):
        await bench.cloud().stop(NB)
    assert len(bench.script.calls("POST", STOP)) == stops


async def test_lost_twice_is_lost(bench: Any, make: Make) -> None:
    bench.script.on("POST", STOP, LOST)
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="RUNNING")))
    with pytest.raises(AnswerLost):
        await bench.cloud().stop(NB)
    assert len(bench.script.calls("POST", STOP)) == 2


async def test_lost_and_unreadable_stays_lost(bench: Any) -> None:
    bench.script.on("POST", STOP, LOST)
    bench.script.on("GET", SHOW, httpx.ConnectError("down"))
    with pytest.raises(AnswerLost):
        await bench.cloud().stop(NB)
    assert len(bench.script.calls("POST", STOP)) == 1


async def test_a_notebook_that_vanished_is_not_found(bench: Any, make: Make) -> None:
    bench.script.on("POST", STOP, make["refusal"](400, "ModelArts.6309"))
    with pytest.raises(CloudNotFound):
        await bench.cloud().stop(NB)


@pytest.mark.parametrize("reply", [httpx.Response(204), httpx.Response(200), httpx.Response(200, content=b"<html>")])
async def test_an_answer_without_a_notebook_is_read_back(bench: Any, make: Make, reply: httpx.Response) -> None:
    bench.script.on("POST", STOP, reply)
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="STOPPING")))
    assert (await bench.cloud().stop(NB)).status is Status.STOPPING


@pytest.mark.parametrize(("cloud", "kind"), [("otc", "idle"), ("hwc", "IDLE")])
async def test_start_always_says_duration_and_type(bench: Any, make: Make, cloud: str, kind: str) -> None:
    bench.script.on("POST", START, make["json"](make["notebook"](status="STARTING", token="new")))
    started = await bench.cloud(cloud=cloud).start(NB, timedelta(hours=3), LeaseType.IDLE)
    assert started.token == "new"
    assert dict(bench.script.calls("POST", START)[0].url.params) == {"duration": "10800000", "type": kind}


# --- renew ---------------------------------------------------------------------------------------


async def test_renew_sends_both_fields_in_the_body_and_reads_back(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, make["json"](lease(bench, 4)))
    bench.script.on("GET", LEASE, make["json"](lease(bench, 4)))
    renewed = await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)
    assert renewed.ends == bench.clock.now() + 4 * HOUR
    request = bench.script.calls("PATCH", LEASE)[0]
    assert json.loads(request.content) == {"duration": 14_400_000, "type": "timing"}
    assert request.url.query == b""
    assert len(bench.script.calls("GET", LEASE)) == 1


async def test_what_is_read_back_counts_and_not_what_was_answered(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, make["json"](lease(bench, 4)))
    bench.script.on("GET", LEASE, make["json"](lease(bench, 1)))
    renewed = await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)
    assert renewed.ends == bench.clock.now() + HOUR


async def test_a_204_is_read_back(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, httpx.Response(204))
    bench.script.on("GET", LEASE, make["json"](lease(bench, 4)))
    assert (await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)).ends == bench.clock.now() + 4 * HOUR


async def test_an_answer_that_cannot_be_read_back_counts_itself(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, make["json"](lease(bench, 4)))
    bench.script.on("GET", LEASE, make["refusal"](403, "ModelArts.0108"))
    assert (await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)).ends == bench.clock.now() + 4 * HOUR


async def test_neither_answer_nor_reading_is_an_error(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, httpx.Response(204))
    bench.script.on("GET", LEASE, make["refusal"](403, "ModelArts.0108"))
    with pytest.raises(CloudDenied):
        await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)


@pytest.mark.parametrize("hours", [pytest.param(4, id="as asked"), pytest.param(9, id="longer: somebody else's")])
async def test_a_lost_renewal_that_happened_is_not_repeated(bench: Any, make: Make, hours: float) -> None:
    bench.script.on("PATCH", LEASE, LOST)
    bench.script.on("GET", LEASE, make["json"](lease(bench, hours)))
    renewed = await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)
    assert renewed.ends == bench.clock.now() + hours * HOUR
    assert len(bench.script.calls("PATCH", LEASE)) == 1


@pytest.mark.parametrize(
    "before", [{"hours": 1, "stamped": 1}, {"hours": 4, "kind": "IDLE"}, {"hours": 9, "enable": False}]
)
async def test_a_lost_renewal_that_did_not_happen_is_repeated(bench: Any, make: Make, before: dict[str, Any]) -> None:
    bench.script.on("PATCH", LEASE, LOST, make["json"](lease(bench, 4)))
    bench.script.on("GET", LEASE, make["json"](lease(bench, **before)), make["json"](lease(bench, 4)))
    assert (await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)).ends == bench.clock.now() + 4 * HOUR
    assert len(bench.script.calls("PATCH", LEASE)) == 2


async def test_an_idle_lease_is_recognised_by_its_stamp(bench: Any, make: Make) -> None:
    bench.script.on("PATCH", LEASE, LOST)
    bench.script.on("GET", LEASE, make["json"](lease(bench, 4, kind="IDLE")))
    assert (await bench.cloud().renew(NB, 4 * HOUR, LeaseType.IDLE)).kind is LeaseType.IDLE
    assert len(bench.script.calls("PATCH", LEASE)) == 1


async def test_a_lost_renewal_that_cannot_be_read_stays_lost(bench: Any) -> None:
    bench.script.on("PATCH", LEASE, LOST)
    bench.script.on("GET", LEASE, httpx.ConnectError("down"))
    with pytest.raises(AnswerLost):
        await bench.cloud().renew(NB, 4 * HOUR, LeaseType.TIMING)
    assert len(bench.script.calls("PATCH", LEASE)) == 1


async def test_the_lease_of_a_stopped_notebook_is_read_from_itself(bench: Any, make: Make) -> None:
    bench.script.on("GET", LEASE, make["refusal"](400, "ModelArts.6327"))
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="STOPPED", lease=lease(bench, 1))))
    assert (await bench.cloud().lease(NB)).duration == 3 * HOUR


# --- delete --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["STOPPED", "CREATE_FAILED", "START_FAILED", "DELETE_FAILED", "ERROR", "FROZEN"])
@pytest.mark.parametrize("reply", [httpx.Response(204), httpx.Response(200), httpx.Response(200, json={"id": "nb-1"})])
async def test_what_is_at_rest_is_deleted(bench: Any, make: Make, status: str, reply: httpx.Response) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status=status)))
    bench.script.on("DELETE", SHOW, reply)
    await bench.cloud().delete(NB)
    assert len(bench.script.calls("DELETE", SHOW)) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [("RUNNING", CloudConflict), ("SNAPSHOTTING", CloudConflict), ("HIBERNATING", CloudConflict),
     ("STARTING", CloudBusy), ("STOPPING", CloudBusy), ("CREATING", CloudBusy), ("INIT", CloudBusy)],
)  # fmt: skip
async def test_what_is_not_at_rest_is_never_deleted(bench: Any, make: Make, status: str, kind: type[Exception]) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status=status)))
    with pytest.raises(kind, match=status) as caught:
        await bench.cloud().delete(NB)
    assert caught.type is kind
    assert bench.script.calls("DELETE", SHOW) == []


@pytest.mark.parametrize("status", ["DELETING", "DELETED"])
async def test_what_is_being_deleted_is_left_alone(bench: Any, make: Make, status: str) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status=status)))
    await bench.cloud().delete(NB)
    assert bench.script.calls("DELETE", SHOW) == []


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ModelArts.6309"), (400, "ModelArts.6404"), (404, "ModelArts.6309")]
)
async def test_an_absent_one_is_deleted(bench: Any, make: Make, status: int, code: str) -> None:
    bench.script.on("GET", SHOW, make["refusal"](status, code))
    await bench.cloud().delete(NB)
    assert bench.script.calls("DELETE", SHOW) == [], "it is not there"
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="STOPPED")))
    bench.script.on("DELETE", SHOW, make["refusal"](status, code))
    await bench.cloud().delete(NB)
    assert len(bench.script.calls("DELETE", SHOW)) == 1, "it went in between"


async def test_a_wrong_address_is_not_a_deleted_notebook(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["refusal"](404, "APIGW.0101"))
    with pytest.raises(Exception, match="no such service"):
        await bench.cloud().delete(NB)


async def test_stop_first_is_a_conflict(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["json"](make["notebook"](status="STOPPED")))
    bench.script.on("DELETE", SHOW, make["refusal"](400, "ModelArts.6304"))
    with pytest.raises(CloudConflict):
        await bench.cloud().delete(NB)


async def test_a_delete_whose_answer_was_lost_is_read_before_it_is_repeated(bench: Any, make: Make) -> None:
    stopped, deleting = (make["json"](make["notebook"](status=s)) for s in ("STOPPED", "DELETING"))
    bench.script.on("GET", SHOW, stopped, deleting)
    bench.script.on("DELETE", SHOW, LOST)
    await bench.cloud().delete(NB)
    assert len(bench.script.calls("DELETE", SHOW)) == 1


# --- create --------------------------------------------------------------------------------------

LIST = r"/notebooks"


def listing(bench: Any, make: Make, *entries: dict[str, Any]) -> None:
    data = [make["notebook"](**entry) for entry in entries]
    bench.script.on("GET", LIST, make["json"]({"data": data, "total": len(data)}))


def ms(bench: Any, **after: float) -> int:
    return to_ms(bench.clock.now() + timedelta(**after))


async def found(bench: Any) -> Notebook | None:
    cloud = bench.cloud()
    result: Notebook | None = await cloud.find_created("exp", bench.clock.now())
    return result


async def test_a_created_one_is_found_by_exact_name_and_time(bench: Any, make: Make) -> None:
    listing(
        bench, make,
        {"id": "like", "name": "exp-2", "create_at": ms(bench, seconds=5)},
        {"id": "old", "name": "exp", "create_at": ms(bench, minutes=-5)},
        {"id": "hers", "name": "exp", "user_id": "u-ben", "create_at": ms(bench, seconds=5)},
        {"id": "gone", "name": "exp", "status": "DELETED", "create_at": ms(bench, seconds=5)},
        {"id": "undated", "name": "exp", "create_at": None},
        {"id": "mine", "name": "exp", "create_at": ms(bench, seconds=3)},
        {"id": "first", "name": "exp", "create_at": ms(bench, seconds=1)},
    )  # fmt: skip
    made = await found(bench)
    assert made is not None
    assert made.id == "mine"
    assert bench.script.calls("GET", LIST)[0].url.params["name"] == "exp"


async def test_the_servers_clock_may_be_a_second_behind(bench: Any, make: Make) -> None:
    listing(bench, make, {"id": "mine", "name": "exp", "create_at": ms(bench, seconds=-1)})
    assert await found(bench) is not None


async def test_none_is_said_only_after_a_whole_list(bench: Any, make: Make) -> None:
    listing(bench, make)
    assert await found(bench) is None
    page = [make["notebook"](id=f"n{n}", name="exp-x") for n in range(50)]
    bench.script.on("GET", LIST, make["json"]({"data": page, "total": 99}), httpx.ReadError("reset"))
    with pytest.raises(AnswerLost):
        await found(bench)


async def test_a_disk_the_cloud_does_not_have_is_refused_here(bench: Any) -> None:
    wish = NewNotebook("exp", "img", "flavor", HOUR, disk_category="OBS")
    with pytest.raises(CloudInvalid):
        await bench.cloud(cloud="otc").create(wish)
    assert bench.script.requests == []


# --- gone ----------------------------------------------------------------------------------------


async def test_gone_needs_two_not_founds(bench: Any, make: Make) -> None:
    bench.script.on("GET", SHOW, make["refusal"](400, "ModelArts.6309"))
    assert await bench.cloud().gone(NB)
    assert len(bench.script.calls("GET", SHOW)) == 2
    assert bench.slept == [3.0]
    bench.script.on("GET", SHOW, make["refusal"](400, "ModelArts.6309"), make["json"](make["notebook"]()))
    assert not await bench.cloud().gone(NB)
