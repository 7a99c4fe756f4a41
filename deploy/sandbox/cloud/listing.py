"""The two lists of notebooks: filters, order, pages by record offset."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from starlette.responses import Response

from deploy.sandbox.cloud.errors import refusal
from deploy.sandbox.cloud.exchange import Call, ready
from deploy.sandbox.cloud.model import STATUSES, Notebook

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_SORTABLE: dict[str, Callable[[Notebook], int | str]] = {
    "create_at": lambda n: n.create_at,
    "createTime": lambda n: n.create_at,
    "update_at": lambda n: n.update_at,
    "updateTime": lambda n: n.update_at,
    "name": lambda n: n.name,
    "status": lambda n: n.status,
    "flavor": lambda n: n.flavor,
}


def whole(call: Call, name: str, default: int, least: int) -> int:
    """A query parameter that must be a number."""
    text = call.query.get(name, str(default))
    try:
        number = int(text)
    except ValueError as exc:
        raise refusal("0104", f"{name} must be an integer.") from exc
    if number < least:
        raise refusal("0101", f"{name} must be at least {least}.")
    return number


class Listing:
    def __init__(self, cloud: "SimCloud") -> None:
        self._cloud = cloud

    def own(self, call: Call) -> Response:
        """One's own; an account administrator sees the account's and may filter by `owner`."""
        if call.caller.user.account_admin:
            return self._answer(call, call.query.get("owner"))
        return self._answer(call, call.caller.user.id)

    def everybodys(self, call: Call) -> Response:
        return self._answer(call, call.query.get("owner"))

    def _answer(self, call: Call, owner_id: str | None) -> Response:
        offset = whole(call, "offset", 0, 0)
        limit = min(whole(call, "limit", 10, 1), self._cloud.settings.max_limit)
        page, total = self._page(call, owner_id, offset, limit)
        names = call.caller.user.may("iam:users:listUsers")
        me, shapes = call.caller.user, self._cloud.shapes
        items = [shapes.listed(notebook, owner_name=names or notebook.owner is me) for notebook in page]
        base = self._cloud.settings.current_base or 0
        head = f'{{"current": {offset // limit + base}, "data": ['.encode()
        tail = f'], "pages": {-(-total // limit)}, "size": {limit}, "total": {total}}}'.encode()
        return ready(head + b", ".join(items) + tail)

    def _page(self, call: Call, owner_id: str | None, offset: int, limit: int) -> tuple[Sequence[Notebook], int]:
        feature = call.query.get("feature", "NOTEBOOK").upper()
        view = self._cloud.index.view(owner_id, feature, self._workspace(call))
        newest_first = call.query.get("sort_dir", "DESC").upper() != "ASC"
        keys = [key for key in call.query.get("sort_key", "").split(",") if key]
        for key in keys:
            if key not in _SORTABLE:
                raise refusal("6303")
        tests = self._tests(call)
        if not tests and not keys:
            return view.page(offset, limit, newest_first=newest_first), len(view)
        found = view.all()
        for test in tests:
            found = [notebook for notebook in found if test(notebook)]
        if newest_first:
            found.reverse()
        for key in reversed(keys):
            found.sort(key=_SORTABLE[key], reverse=newest_first)
        return found[offset : offset + limit], len(found)

    def _workspace(self, call: Call) -> str:
        """The other cloud's spelling is ignored in silence."""
        spelling = "workspace_id" if self._cloud.settings.dialect == "hwc" else "workspaceId"
        return call.query.get(spelling, "0")

    def _tests(self, call: Call) -> list[Callable[[Notebook], bool]]:
        query, tests = call.query, list[Callable[[Notebook], bool]]()
        if status := query.get("status", "").upper():
            if status not in STATUSES:
                raise refusal("6335", "status is not valid.")
            tests.append(lambda n: n.status == status)
        if name := query.get("name"):
            tests.append(lambda n: name in n.name)
        if query.get("pool_id"):
            tests.append(lambda n: False)
        if self._cloud.settings.dialect == "hwc":
            tests += self._newer_tests(query)
        return tests

    @staticmethod
    def _newer_tests(query: dict[str, str]) -> list[Callable[[Notebook], bool]]:
        texts: dict[str, Callable[[Notebook], str]] = {
            "flavor": lambda n: n.flavor,
            "description": lambda n: n.description,
            "username": lambda n: n.owner.name,
            "swr_path": lambda n: str(n.image["swr_path"]),
        }
        exact: dict[str, Callable[[Notebook], str]] = {"id": lambda n: n.id, "image_id": lambda n: str(n.image["id"])}
        tests: list[Callable[[Notebook], bool]] = []
        for key, read in texts.items():
            if part := query.get(key):
                tests.append(lambda n, read=read, part=part: part in read(n))  # type: ignore[misc]
        for key, read in exact.items():
            if value := query.get(key):
                tests.append(lambda n, read=read, value=value: read(n) == value)  # type: ignore[misc]
        if billing := query.get("billing", "").upper():
            tests.append(lambda n: n.live if billing == "COMPUTE" else billing == "ALL" or not n.live)
        if tags := query.get("tags"):
            tests.append(lambda n: all(_tagged(n, *pair.partition("|")[::2]) for pair in tags.split(",")))
        return tests


def _tagged(notebook: Notebook, key: str, value: str) -> bool:
    return any(tag["key"] == key and value in ("", tag["value"]) for tag in notebook.tags)
