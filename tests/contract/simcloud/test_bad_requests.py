"""Whatever is asked, however bent, is answered by the service's own refusal and never by a broken simulator."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import CloudSettings, SimCloud
from deploy.sandbox.cloud.modelarts import operations
from tests.contract.simcloud.driver import CPU_IMAGE, C, Driver

_GOOD: dict[str, Any] = {
    "name": "exp",
    "image_id": CPU_IMAGE,
    "flavor": "modelarts.vm.cpu.2u",
    "volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50},
    "lease": {"duration": 3_600_000, "type": "TIMING"},
    "endpoints": [{"service": "SSH", "key_pair_names": ["k"]}],
    "duration": 3_600_000,
    "type": "TIMING",
    "tags": [{"key": "a", "value": "b"}],
    "namespace": "n",
    "storage_new_size": 60,
    "series": [{"namespace": "PAAS.CONTAINER", "dimensions": [{"name": "service_id", "value": "x"}]}],
    "samples": [{"namespace": "PAAS.CONTAINER", "metric_name": "ma_container_cpu_util", "dimensions": []}],
    "statistics": ["maximum"],
    "period": 60,
    "time_range": "-1.-1.60",
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "ana", "password": "sandbox-ana", "domain": {"name": "x"}}},
            "token": {"duration_seconds": 900},
        },
        "scope": {"project": {"name": "eu-de"}},
    },
}
_JUNK = st.sampled_from(
    ["null", "true", "-1", "0", "1.5", "[]", "[1]", "[null]", "[{}]", "{}", '{"a": 1}', '""', '"x"', '"2"', "9" * 30]
).map(json.loads)  # afresh each time: what is bent is bent in place
_QUERIES = st.sampled_from(["", "x", "-1", "5", "9" * 20, "nan", "inf", "1e400", "a|b", "IDLE", 'cpu{x=~"["}'])
_NAMES = ("limit", "offset", "status", "sort_key", "duration", "type", "tags", "time", "start", "end", "step", "query")
_OTHERS = (
    "POST /v2/{project_id}/series",
    "POST /v2/{project_id}/samples",
    "POST /v1/{project_id}/aom/api/v1/query",
    "GET /v1/{project_id}/aom/api/v1/query_range",
    "POST /v3/auth/tokens",
    "POST /v3.0/OS-CREDENTIAL/securitytokens",
    "GET /v3.0/OS-CREDENTIAL/credentials",
    "POST /_sim/faults",
    "POST /_sim/account",
    "POST /_sim/notebooks/{notebook_id}/activity",
)


def _paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, inner in below for path in _paths(inner, (*here, key)))]


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """A good body with one to three values replaced by something else."""
    body = json.loads(json.dumps(_GOOD))
    for path in draw(st.lists(st.sampled_from(_paths(_GOOD)), min_size=1, max_size=3)):
        if not path:
            return draw(_JUNK)
        inner = body
        for key in path[:-1]:
            inner = inner[key] if isinstance(inner, dict | list) and _has(inner, key) else None
        if isinstance(inner, dict | list) and _has(inner, path[-1]):
            inner[path[-1]] = draw(_JUNK)
    return body


def _has(inner: Any, key: Any) -> bool:
    return key in inner if isinstance(inner, dict) else isinstance(key, int) and key < len(inner)


_USER = {"name": "ana", "password": "sandbox-ana", "domain": {"name": "OTC-EU-DE-SANDBOX"}}
_SAMPLES = {key: _GOOD[key] for key in ("samples", "statistics", "period", "time_range")}


def login(scope: Any, **changes: Any) -> dict[str, Any]:
    identity = {"methods": ["password"], "password": {"user": _USER | changes}}
    return {"auth": {"identity": identity, "scope": scope}}


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/v1/{project}/notebooks", _GOOD | {"endpoints": 1.5}, "ModelArts.0104"),
        ("/v1/{project}/notebooks", _GOOD | {"endpoints": [1]}, "ModelArts.0104"),
        ("/v1/{project}/notebooks", _GOOD | {"lease": "2h"}, "ModelArts.0104"),
        ("/v2/{project}/series", {"series": [None]}, "AOM.04008001"),
        ("/v2/{project}/series", {"series": [{"dimensions": ["x"]}]}, "AOM.04008001"),
        ("/v2/{project}/series?limit=nan", {"series": [{}]}, "AOM.04008001"),
        ("/v2/{project}/samples", _SAMPLES | {"samples": [1]}, "AOM.04008001"),
        ("/v2/{project}/samples", _SAMPLES | {"period": {}}, "AOM.04008001"),
        ("/v2/{project}/samples", _SAMPLES | {"statistics": [[]]}, "AOM.04008001"),
        ("/v2/{project}/samples", _SAMPLES | {"time_range": "0.1795420800000.1"}, "AOM.04008001"),
        ("/v1/{project}/aom/api/v1/query?query=ma_container_cpu_util&time=inf", {}, "AOM.04008001"),
        ('/v1/{project}/aom/api/v1/query?query=ma_container_cpu_util{x=~"["}', {}, "AOM.04008001"),
        ("/v1/{project}/aom/api/v1/query_range?query=a&start=0&end=9e9&step=60", {}, "AOM.04008001"),
        ("/v3/auth/tokens", login("x"), 400),
        ("/v3/auth/tokens", login({"project": "x"}), 400),
        ("/v3/auth/tokens", login({"project": {"name": []}}), 401),
        ("/v3/auth/tokens", login({}, name=[1]), 400),
        ("/v3/auth/tokens", login({}, domain="x"), 400),
        ("/v3.0/OS-CREDENTIAL/securitytokens", {"auth": {"identity": "x"}}, 400),
        ("/_sim/faults", {"effect": "slow", "path": "["}, None),
        ("/_sim/account", {"sold_out": 5}, None),
    ],
)
async def test_each_mistake_has_its_refusal(api: Driver, path: str, body: Any, code: Any) -> None:
    api.cloud.settings.dialect = "hwc"
    headers = {"X-Auth-Token": api.cloud.identity.issue(api.cloud.identity.users["ana"], api.project).text}
    reply = await api.http.post(path.replace("{project}", api.project), json=body, headers=headers)
    told = reply.json()
    assert reply.status_code in (400, 401), told
    assert code in (told.get("error_code"), told["error"]["code"] if isinstance(told.get("error"), dict) else None)


@pytest.mark.parametrize("dialect", ["hwc", "otc"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_no_request_breaks_the_simulator(dialect: Any, data: st.DataObject) -> None:
    cloud = SimCloud(SimClock(C, running=False), CloudSettings(dialect=dialect))
    cloud.seed_default()
    ana = cloud.identity.users["ana"]
    ana.account_admin = True
    notebook = cloud.console.create("ana", "exp", status=data.draw(st.sampled_from(["RUNNING", "STOPPED"])))
    known = [f"{one.method} /v1/{{project_id}}{one.path}" for one in operations(cloud)]
    method, path = data.draw(st.sampled_from([*known, *_OTHERS])).split(" ")
    for name, value in {"project_id": cloud.identity.project_id, "notebook_id": notebook.id}.items():
        path = path.replace("{" + name + "}", value)
    content = data.draw(st.one_of(bent().map(lambda body: json.dumps(body).encode()), st.binary(max_size=20)))
    query = data.draw(st.dictionaries(st.sampled_from(_NAMES), _QUERIES, max_size=3))
    headers = {"X-Auth-Token": cloud.identity.issue(ana, cloud.identity.project_id).text}
    transport = httpx.ASGITransport(cloud.app)  # an exception inside is raised here
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.request(method, path, params=query, content=content, headers=headers)
    assert reply.status_code < 500
    if reply.status_code >= 400:
        assert set(reply.json()) & {"error_code", "error"}
