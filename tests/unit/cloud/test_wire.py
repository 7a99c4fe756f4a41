"""Payloads are read liberally: a value, or a typed error that names the field; never anything else."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import from_ms
from bot.cloud import catalog, fields, wire
from bot.cloud.dialect import TRAITS
from bot.errors import CloudGarbled
from bot.model import Lease, LeaseType, NewNotebook, Notebook, Status
from bot.storable import storable_json

SEED = Path(__file__).parents[2] / "data" / "seed"

SHOWN: dict[str, Any] = {
    "id": "5f0c1b6e-7d1a-4c55-9a0e-2b6d3f1c9a10", "name": "exp-17", "description": "ablation", "feature": "NOTEBOOK",
    "status": "RUNNING", "flavor": "modelarts.vm.cpu.2u", "workspace_id": "0", "data_volumes": [],
    "tags": [{"key": "owner", "value": "ada"}], "create_at": 1760000000004, "update_at": 1760000031290,
    "current_time": 1760000040000, "url": "https://authoring.example.com/x/lab", "token": "0d4f7a52",
    "endpoints": [
        {"service": "NOTEBOOK", "uri": "https://authoring.example.com/x/lab"},
        {"service": "SSH", "uri": "ssh://ma-user@host:2222", "key_pair_names": ["k"]},
    ],
    "image": {"id": "9e1a2b3c", "name": "pytorch-cpu", "type": "BUILD_IN", "tag": "1.8"},
    "lease": {"create_at": 1760000000000, "duration": 7231250, "enable": True, "type": "TIMING",
              "update_at": 1760000031250},
    "user_id": "a1a1", "user": {"id": "a1a1", "name": "ada", "domain": {"id": "d0d0", "name": "ACME"}},
    "volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50, "read_only": False},
    "billing_items": ["COMPUTE"], "fail_reason": "",
    "action_progress": [{"step": 2, "status": "WAITING", "description": "compute"},
                        {"step": 1, "status": "COMPLETED", "step_description": "storage", "notebook_id": "x"}],
}  # fmt: skip


def shown(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(SHOWN) | changes


def test_a_full_answer_is_read() -> None:
    notebook = wire.notebook(SHOWN)
    assert (notebook.id, notebook.name, notebook.status) == (SHOWN["id"], "exp-17", Status.RUNNING)
    assert notebook.created_at == datetime(2025, 10, 9, 8, 53, 20, 4000, tzinfo=UTC)
    assert notebook.lease_ends == from_ms(1760000000000 + 7231250)
    assert notebook.lease is not None
    assert notebook.lease.span == timedelta(hours=2)
    assert notebook.server_now == from_ms(1760000040000)
    assert (notebook.owner_id, notebook.owner_name) == ("a1a1", "ada")
    assert (notebook.volume_gb, notebook.volume_category) == (50, "EFS")
    assert (notebook.image_id, notebook.image_name) == ("9e1a2b3c", "pytorch-cpu")
    assert notebook.tags == (("owner", "ada"),)
    assert notebook.ssh
    assert [(step.step, step.text) for step in notebook.progress] == [(1, "storage"), (2, "compute")]
    assert (notebook.url, notebook.token) == (SHOWN["url"], "0d4f7a52")
    assert notebook.raw_status == "RUNNING"


def test_it_is_the_value_its_class_would_make() -> None:
    notebook = wire.notebook(SHOWN)
    again = Notebook(**{name: getattr(notebook, name) for name in Notebook.__slots__})
    assert again == notebook
    assert hash(again) == hash(notebook)
    assert "0d4f7a52" not in repr(notebook)
    with pytest.raises(AttributeError):
        notebook.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("file", "status", "remaining_ms"),
    [("create", "RUNNING", 0), ("show", "RUNNING", 27_372), ("stop", "STOPPING", 2_599_814),
     ("start", "STARTING", 2_940_099)],
)  # fmt: skip
def test_the_recorded_walk_keeps_the_lease_law(file: str, status: str, remaining_ms: int) -> None:
    notebook = wire.notebook(json.loads((SEED / f"{file}.json").read_text()))
    assert notebook.raw_status == status
    assert notebook.lease is not None
    assert notebook.lease.span == timedelta(hours=1)
    assert notebook.lease.duration == timedelta(milliseconds=3_600_000 + remaining_ms)


def test_the_recorded_renewal_is_read() -> None:
    lease = wire.lease(json.loads((SEED / "renew.json").read_text()))
    assert lease.ends == from_ms(1687656452470 + 4657544)
    assert lease.span == timedelta(hours=1)


def test_the_recorded_images_are_all_read() -> None:
    images, count = catalog.images(json.loads((SEED / "images.json").read_text()))
    assert (len(images), count) == (38, 38)
    assert {image.status for image in images} == {"ACTIVE", "ERROR"}
    assert len({image.name for image in images}) == 33


@pytest.mark.parametrize("field", ["id", "status"])
@pytest.mark.parametrize("value", [None, "", 5, [], {}])
def test_without_id_or_status_the_error_names_the_field(field: str, value: Any) -> None:
    with pytest.raises(CloudGarbled) as caught:
        wire.notebook(shown(**{field: value}))
    assert caught.value.field == field


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_what_is_no_object_is_no_notebook(raw: object) -> None:
    with pytest.raises(CloudGarbled) as caught:
        wire.notebook(raw)
    assert caught.value.field == "body"


def test_the_least_that_can_be_read() -> None:
    notebook = wire.notebook({"id": "x", "status": "STOPPED"})
    assert notebook.name == "x"
    assert notebook.lease is notebook.owner_id is notebook.url is notebook.token is None
    assert (notebook.workspace, notebook.feature) == ("0", "NOTEBOOK")


@pytest.mark.parametrize(("word", "status"), [("running", Status.RUNNING), ("HIBERNATING", Status.UNKNOWN)])
def test_statuses_are_compared_without_case_and_new_ones_are_unknown(word: str, status: Status) -> None:
    notebook = wire.notebook(shown(status=word))
    assert (notebook.status, notebook.raw_status) == (status, word)


@pytest.mark.parametrize("said", [{}, {"status": ""}, {"status": 7}, {"status": ["RUNNING"]}])
def test_in_a_list_an_unreadable_status_is_unknown_rather_than_absent(said: dict[str, Any]) -> None:
    assert wire.listed({"id": "x"} | said).status is Status.UNKNOWN


@pytest.mark.parametrize("odd", [r"a\u0000b", r"a\ud800b", r"a\udfffb"])
def test_what_no_store_can_hold_is_taken_out_of_texts(odd: str) -> None:
    content = f'{{"id": "x", "status": "RUNNING", "name": "{odd}", "tags": [{{"key": "{odd}", "value": "{odd}"}}]}}'
    read = wire.notebook(wire.body(content.encode()))
    assert read.name == "a\ufffdb"
    assert read.tags == (("a\ufffdb", "a\ufffdb"),)


def test_a_backslash_that_is_only_written_stays() -> None:
    assert wire.body(rb'{"name": "a\\u0000b"}') == {"name": "a\\u0000b"}


@pytest.mark.parametrize("gigabytes", [-5, 2**31, 10**30, 1e308, "nan"])
def test_what_is_no_size_of_a_disk_is_none(gigabytes: Any) -> None:
    assert wire.notebook(shown(volume={"capacity": gigabytes})).volume_gb is None


def test_an_id_longer_than_any_is_none() -> None:
    assert wire.notebook(shown(user_id="a" * 65, user=None)).owner_id is None
    with pytest.raises(CloudGarbled) as caught:
        wire.listed(shown(id="a" * 65))
    assert caught.value.field == "id"


def test_a_page_counts_what_it_cannot_read() -> None:
    page = wire.page({"data": [SHOWN, {"name": "no id"}, 7], "total": "9"})
    assert (len(page.notebooks), page.records, page.unreadable, page.total) == (1, 3, 2, 9)
    assert page.first == SHOWN["id"]


@pytest.mark.parametrize("raw", [None, {}, {"data": None}, {"data": {}}, []])
def test_a_page_without_data_is_garbled(raw: object) -> None:
    with pytest.raises(CloudGarbled) as caught:
        wire.page(raw)
    assert caught.value.field == "data"


BASE = {"create_at": 1760000000000, "duration": 3600000, "enable": True, "type": "TIMING", "update_at": 1760000000000}


@pytest.mark.parametrize(
    ("changes", "kind", "enabled"),
    [
        pytest.param({}, LeaseType.TIMING, True, id="as documented"),
        pytest.param({"type": None}, LeaseType.TIMING, True, id="null type is the default"),
        pytest.param({"type": "idle"}, LeaseType.IDLE, True, id="lower case"),
        pytest.param({"type": "LUNAR"}, LeaseType.UNKNOWN, True, id="a new type"),
        pytest.param({"type": 7}, LeaseType.UNKNOWN, True, id="no word at all"),
        pytest.param({"enable": False}, LeaseType.TIMING, False, id="no automatic stop"),
        pytest.param({"enable": "false"}, LeaseType.TIMING, False, id="said in a word"),
        pytest.param({"duration": -1}, LeaseType.TIMING, False, id="-1 is no automatic stop"),
        pytest.param({"duration": "3600000", "create_at": "1760000000000"}, LeaseType.TIMING, True, id="digits"),
        pytest.param({"duration": 3600000.0}, LeaseType.TIMING, True, id="float"),
    ],
)
def test_leases_are_read_liberally(changes: dict[str, Any], kind: LeaseType, enabled: bool) -> None:
    lease = wire.lease(BASE | changes)
    assert (lease.kind, lease.enabled) == (kind, enabled)
    if changes.get("duration") != -1:
        assert lease.duration == timedelta(hours=1)
    assert (lease.ends is None) == (not enabled or kind is not LeaseType.TIMING)


def test_an_absent_type_is_timing() -> None:
    assert wire.lease({key: value for key, value in BASE.items() if key != "type"}).kind is LeaseType.TIMING


@pytest.mark.parametrize("field", ["create_at", "duration"])
def test_an_enabled_lease_without_its_end_is_no_lease(field: str) -> None:
    broken = {key: value for key, value in BASE.items() if key != field}
    assert wire.notebook(shown(lease=broken)).lease is None
    with pytest.raises(CloudGarbled) as caught:
        wire.lease(broken)
    assert caught.value.field == field


def test_a_disabled_lease_needs_no_figures() -> None:
    lease = wire.notebook(shown(lease={"enable": False})).lease
    assert lease is not None
    assert lease.ends is None


def test_the_lease_of_a_stopped_notebook_ends_nowhere() -> None:
    assert wire.notebook(shown(status="STOPPED")).lease_ends is None


def test_the_url_may_stand_with_the_endpoint_alone() -> None:
    raw = shown(endpoints=[{"dev_service": "NOTEBOOK", "url": "https://a.example.com/lab"}])
    del raw["url"]
    assert wire.notebook(raw).url == "https://a.example.com/lab"


@pytest.mark.parametrize(
    "url", ["https://a.example.com", "http://127.0.0.1:8888/lab?x=1", "https://[::1]:8443/lab", "https://a-b.c#d"]
)
def test_an_address_that_a_button_opens_is_kept(url: str) -> None:
    assert wire.notebook(shown(url=url, endpoints=[])).url == url


@pytest.mark.parametrize(
    "url", ["lab", "javascript:alert(1)", "https://[a/lab", "https:///lab", "https://a.example.com/" + "b" * 2500]
)
def test_an_address_that_no_button_opens_is_none(url: Any) -> None:
    assert wire.notebook(shown(url=url, endpoints=[])).url is None


@pytest.mark.parametrize("owner", [{"user_id": "a1a1", "user": None}, {"user_id": None, "user": {"id": "a1a1"}}])
def test_the_owner_is_found_in_either_place(owner: dict[str, Any]) -> None:
    assert wire.notebook(shown(**owner)).owner_id == "a1a1"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(raw: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(raw, dict):
        return [place for key, value in raw.items() for place in [(*path, key), *_places(value, (*path, key))]]
    if isinstance(raw, list):
        return [place for key, value in enumerate(raw) for place in [(*path, key), *_places(value, (*path, key))]]
    return []


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """The payload with up to four places missing, replaced by anything, or with something extra."""
    raw = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 4))):
        places = _places(raw)
        if not places:
            break
        *above, last = draw(st.sampled_from(places))
        holder = raw
        for step in above:
            holder = holder[step]
        match draw(st.sampled_from(["missing", "replaced", "extra"])):
            case "missing":
                del holder[last]
            case "replaced":
                holder[last] = draw(anything)
            case "extra" if isinstance(holder, dict):
                holder["extra" + draw(st.text(max_size=3))] = draw(anything)
    return raw


def value_or_typed(parse: Any, raw: Any, kind: type) -> None:
    try:
        read = parse(raw)
    except CloudGarbled as error:
        named = error.field and error.next_step
    else:
        named = isinstance(read, kind)
    assert named


@given(raw=mutated(SHOWN))
def test_a_mutated_notebook_is_a_value_or_names_the_field(raw: Any) -> None:
    value_or_typed(wire.notebook, raw, Notebook)
    value_or_typed(lambda given: wire.page({"data": [given]}), raw, tuple)


@given(raw=mutated(BASE))
def test_a_mutated_lease_is_a_value_or_names_the_field(raw: Any) -> None:
    value_or_typed(wire.lease, raw, Lease)


edges = st.sampled_from([-1, 0, 1, 10**12, 4 * 10**12, 32_503_679_999_999, 253_402_300_799_999, 10**18])


@given(
    raw=st.fixed_dictionaries(
        {"create_at": edges | st.integers(), "duration": edges | st.integers(), "update_at": edges | st.integers()}
    )
)
def test_a_lease_that_was_read_can_be_reckoned_with(raw: Any) -> None:
    """Its end and its span are values too, whatever the figures."""
    lease = wire.notebook(shown(lease=raw)).lease
    assert lease is None or (lease.ends is None) == (not lease.enabled)
    assert lease is None or lease.span is None or isinstance(lease.span, timedelta)


@given(raw=mutated({"data": [SHOWN, SHOWN], "total": 2, "current": 0}))
def test_a_mutated_page_is_a_value_or_names_the_field(raw: Any) -> None:
    value_or_typed(wire.page, raw, tuple)


@given(raw=anything)
def test_anything_at_all_is_a_value_or_names_the_field(raw: Any) -> None:
    for parse in (
        wire.notebook,
        wire.lease,
        wire.page,
        catalog.image,
        catalog.flavor,
        catalog.images,
        catalog.flavors,
        catalog.quota,
        catalog.tag_union,
        catalog.token,
    ):
        value_or_typed(parse, raw, object)


@given(ms=st.integers(1, 32_503_679_999_999))
def test_milliseconds_become_instants_exactly(ms: int) -> None:
    assert fields.instant(ms) == from_ms(ms)


@given(content=st.binary(max_size=40))
def test_any_bytes_are_json_or_garbled(content: bytes) -> None:
    value_or_typed(wire.body, content, object)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=_JSON, escaped=st.booleans())
def test_what_the_standard_library_reads_is_read_the_same(value: Any, escaped: bool) -> None:
    """But for what no store can hold."""
    content = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "replace")
    assert wire.body(content) == storable_json(json.loads(content))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="byte order mark"),
        pytest.param(b'{"a": "\\ud83d"}', {"a": "\ufffd"}, id="half a surrogate pair"),
        pytest.param(b"[" * 500 + b"]" * 500, json.loads(b"[" * 500 + b"]" * 500), id="deep"),
    ],
)
def test_what_a_strict_reader_refuses_is_read_all_the_same(content: bytes, value: Any) -> None:
    assert wire.body(content) == value


@pytest.mark.parametrize(
    ("content", "says"), [(b"<html>", "web page"), (b'{"a": [1,', "readable JSON"), (b"[" * 100_000, "readable JSON")]
)
def test_what_is_no_json_is_said_in_words(content: bytes, says: str) -> None:
    with pytest.raises(CloudGarbled, match=says):
        wire.body(content)


def test_an_empty_body_is_nothing() -> None:
    assert wire.body(b" \n") is None


WISH = NewNotebook("n", "img", "fl", timedelta(hours=2), LeaseType.IDLE, 50, "EFS", "a<b>&'c/\"")


@pytest.mark.parametrize(
    ("dialect", "kind", "description"), [("hwc", "IDLE", "a b &'c/\""), ("otc", "idle", "a b   c  ")]
)
def test_what_create_sends(dialect: Any, kind: str, description: str) -> None:
    assert json.loads(wire.create_body(WISH, TRAITS[dialect])) == {
        "name": "n", "feature": "NOTEBOOK", "workspace_id": "0", "description": description, "flavor": "fl",
        "image_id": "img", "volume": {"category": "EFS", "ownership": "MANAGED", "capacity": 50},
        "lease": {"duration": 7_200_000, "type": kind},
    }  # fmt: skip


def test_durations_are_sent_in_whole_milliseconds_and_never_less() -> None:
    assert wire.milliseconds(timedelta(microseconds=3_600_000_001)) == 3_600_001
