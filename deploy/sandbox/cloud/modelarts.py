"""ModelArts' routes: who may call what, in which dialect it exists; the operations are elsewhere."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.sandbox.cloud.errors import refusal
from deploy.sandbox.cloud.exchange import Call, exchange_of
from deploy.sandbox.cloud.listing import Listing
from deploy.sandbox.cloud.notebooks import Notebooks
from deploy.sandbox.cloud.offers import Offers

if TYPE_CHECKING:
    from deploy.sandbox.cloud.world import SimCloud

_PROJECT_ID = re.compile(r"^[0-9a-f]{32}$")


@dataclass(frozen=True)
class Operation:
    """One row of the vendor's table. `right` None: whoever has a valid token; `hwc_only`: not on the other cloud."""

    name: str
    method: str
    path: str
    right: str | None
    handler: Callable[[Call], Response]
    hwc_only: bool = False


def operations(cloud: "SimCloud") -> list[Operation]:
    """Literal paths come before those with an id: the first that fits wins."""
    listing, notebooks, offers = Listing(cloud), Notebooks(cloud), Offers(cloud)
    right = "modelarts:notebook:{}".format
    one = "/notebooks/{notebook_id}"
    return [
        Operation("ListNotebooks", "GET", "/notebooks", right("list"), listing.own),
        Operation("CreateNotebook", "POST", "/notebooks", right("create"), notebooks.create),
        Operation("ListAllNotebooks", "GET", "/notebooks/all", right("listAllNotebooks"), listing.everybodys),
        Operation("ListFlavors", "GET", "/notebooks/flavors", None, offers.flavors),
        Operation("ShowNotebookTags", "GET", "/notebooks/tags", right("list"), offers.all_tags, True),
        Operation("ShowNotebook", "GET", one, right("get"), notebooks.show),
        Operation("UpdateNotebook", "PUT", one, right("update"), notebooks.update),
        Operation("DeleteNotebook", "DELETE", one, right("delete"), notebooks.delete),
        Operation("StartNotebook", "POST", f"{one}/start", right("start"), notebooks.start),
        Operation("StopNotebook", "POST", f"{one}/stop", right("stop"), notebooks.stop),
        Operation("ShowLease", "GET", f"{one}/lease", None, notebooks.show_lease),
        Operation("RenewLease", "PATCH", f"{one}/lease", right("updateStopPolicy"), notebooks.renew),
        Operation("ShowSwitchableFlavors", "GET", f"{one}/flavors", None, offers.switchable),
        Operation("CreateImage", "POST", f"{one}/create-image", "modelarts:image:create", offers.save_image),
        Operation("CreateNotebookTags", "POST", f"{one}/tags/create", right("update"), offers.add_tags, True),
        Operation("DeleteNotebookTags", "DELETE", f"{one}/tags/delete", right("update"), offers.drop_tags, True),
        Operation("ListImage", "GET", "/images", "modelarts:image:list", offers.images),
        Operation("ShowImage", "GET", "/images/{image_id}", "modelarts:image:list", offers.image),
        Operation("ListFeatures", "GET", "/authoring/features/{feature}", None, offers.feature, True),
    ]


def routes(cloud: "SimCloud") -> list[Route]:
    """Under `/v1/{project_id}`."""
    return [
        Route("/v1/{project_id}" + operation.path, _endpoint(cloud, operation), methods=[operation.method])
        for operation in operations(cloud)
    ]


def _endpoint(cloud: "SimCloud", operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        call = prove(cloud, request, operation.name)
        if operation.hwc_only and cloud.settings.dialect != "hwc":
            raise refusal("APIGW.0101")
        if operation.right is not None and not call.caller.user.may(operation.right):
            raise denied(operation.right)
        return operation.handler(call)

    return endpoint


def prove(cloud: "SimCloud", request: Request, action: str) -> Call:
    """Caller, project and account, in the order in which the service looks at them."""
    exchange = exchange_of(request)
    exchange.action = action
    exchange.notebook_id = request.path_params.get("notebook_id")
    exchange.details.update({name: value for name, value in exchange.query.items() if "token" not in name})
    caller = cloud.identity.caller(exchange.wire)
    exchange.user = caller.user.name
    exchange.details["auth"] = caller.by
    project_id = request.path_params["project_id"]
    if caller.project_id is None:
        raise refusal("0204")
    if not _PROJECT_ID.match(project_id):
        raise refusal("0210")
    if project_id != caller.project_id:
        raise refusal("0210", "The project in the address is not that of the token.", status=403)
    if cloud.settings.suspended:
        raise refusal("6201")
    return Call(caller, exchange, dict(request.path_params))


def denied(right: str) -> Exception:
    """The 403 of a missing right, with the sealed message that the service adds."""
    return refusal("0108", f"Policy does not allow {right}.", encoded_authorization_message="c2ltdWxhdGVk")
