"""The vendor's own Python SDK against the simulated cloud, signing each request with an access key."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huaweicloudsdkiam.v3 as iam
import huaweicloudsdkmodelarts.v1 as modelarts
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServerResponseException

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import CloudSettings, SimCloud
from deploy.sandbox.cloud.modelarts import operations
from deploy.sandbox.cloud.serve import CloudServer, run
from tests.contract.simcloud.driver import CPU_IMAGE, HOUR

# The SDK asks for the time with `datetime.utcnow()`, which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning:huaweicloudsdkcore")


@dataclass
class Vendor:
    """The SDK is synchronous: each call runs in a thread beside the server's loop."""

    server: CloudServer
    client: modelarts.ModelArtsClient

    @property
    def cloud(self) -> SimCloud:
        return self.server.cloud

    async def __call__(self, operation: str, **request: Any) -> Any:
        words = "".join(word.title() for word in operation.split("_"))
        asked = getattr(modelarts, f"{words}Request")(**request)
        return await asyncio.to_thread(getattr(self.client, operation), asked)


def client_of(server: CloudServer, user: str, security: Any = None) -> modelarts.ModelArtsClient:
    account = server.cloud.identity.users[user]
    credentials = BasicCredentials(account.access_key, account.secret_key, server.cloud.identity.project_id)
    if security is not None:
        credentials = BasicCredentials(security.access, security.secret, server.cloud.identity.project_id)
        credentials.with_security_token(security.securitytoken)
    builder = modelarts.ModelArtsClient.new_builder().with_credentials(credentials)
    return builder.with_endpoint(server.url).build()


def iam_of(server: CloudServer, user: str) -> iam.IamClient:
    account = server.cloud.identity.users[user]
    credentials = GlobalCredentials(account.access_key, account.secret_key, server.cloud.identity.domain_id)
    return iam.IamClient.new_builder().with_credentials(credentials).with_endpoint(server.url).build()


@pytest.fixture
async def server() -> AsyncIterator[CloudServer]:
    """At the host's time, for the SDK signs with it; the clock runs on from there and may be pushed a little."""
    running = await run(clock=SimClock(), settings=CloudSettings(dialect="hwc", stop_ms=5_000))
    yield running
    await running.stop()


@pytest.fixture
async def vendor(server: CloudServer) -> Vendor:
    return Vendor(server, client_of(server, "ana"))


def body(**changes: Any) -> modelarts.NotebookCreateRequest:
    volume = modelarts.VolumeMountRequest(category="EFS", ownership="MANAGED", capacity=50)
    asked = {"name": "exp-17", "flavor": "modelarts.vm.cpu.2u", "image_id": CPU_IMAGE, "volume": volume, **changes}
    return modelarts.NotebookCreateRequest(**asked)


def fields(lease: Any) -> dict[str, Any]:
    return {name: getattr(lease, name) for name in ("create_at", "duration", "enable", "type", "update_at")}


async def running(vendor: Vendor, **changes: Any) -> str:
    created = await vendor("create_notebook", body=body(**changes))
    vendor.cloud.clock.advance_ms(30_000)
    return str(created.id)


async def test_create_and_show(vendor: Vendor) -> None:
    lease = modelarts.LeaseReq(duration=2 * HOUR, type="TIMING")
    created = await vendor("create_notebook", body=body(description="ablation", lease=lease))
    assert (created.status, created.name, created.description) == ("CREATING", "exp-17", "ablation")
    assert [(step.step, step.status) for step in created.action_progress] == [(n, "WAITING") for n in (4, 3, 2, 1)]
    assert created.lease.duration == 2 * HOUR
    assert created.url is None

    vendor.cloud.clock.advance_ms(30_000)
    shown = await vendor("show_notebook", id=created.id)
    inside = vendor.cloud.notebook(created.id)
    assert (shown.status, shown.token, shown.user.name) == ("RUNNING", inside.token, "ana")
    assert shown.url == f"{vendor.server.url}/jupyter/{created.id}/lab" == shown.endpoints[0].uri
    assert (shown.volume.category, shown.volume.capacity, shown.volume.ownership) == ("EFS", 50, "MANAGED")
    assert (shown.image.id, shown.flavor, shown.billing_items) == (CPU_IMAGE, "modelarts.vm.cpu.2u", ["COMPUTE"])
    assert fields(shown.lease) == inside.lease.payload()


async def test_lists_with_every_filter_they_have(vendor: Vendor) -> None:
    mine = await running(vendor)
    vendor.cloud.console.create("ben", "bens-one", flavor="modelarts.vm.gpu.v100")
    own = await vendor("list_notebooks", limit=50, offset=0)
    assert [item.id for item in own.data] == [mine]
    assert (own.current, own.pages, own.size, own.total) == (0, 1, 50, 1)
    for filters in (
        {"status": "RUNNING"},
        {"name": "exp"},
        {"flavor": "cpu"},
        {"id": mine},
        {"image_id": CPU_IMAGE},
        {"billing": "COMPUTE"},
        {"username": "an"},
        {"swr_path": "notebook2.0"},
        {"sort_key": "name", "sort_dir": "ASC"},
        {"feature": "NOTEBOOK", "workspace_id": "0"},
    ):
        assert [item.id for item in (await vendor("list_notebooks", **filters)).data] == [mine], filters
    for filters in ({"status": "STOPPED"}, {"name": "xx"}, {"flavor": "gpu"}, {"username": "be"}, {"tags": "a|b"}):
        assert (await vendor("list_notebooks", **filters)).data == [], filters
    with pytest.raises(ClientRequestException) as caught:
        await vendor("list_all_notebooks")
    assert (caught.value.status_code, caught.value.error_code) == (403, "ModelArts.0108")
    bot = Vendor(vendor.server, client_of(vendor.server, "notebook-bot"))
    everybody = await bot("list_all_notebooks", limit=50)
    assert sorted(item.user.name for item in everybody.data) == ["ana", "ben"]


async def test_lease_stop_start_update_delete(vendor: Vendor) -> None:
    mine, clock = await running(vendor), vendor.cloud.clock
    renewed = await vendor("renew_lease", id=mine, body=modelarts.LeaseReq(duration=3 * HOUR, type="TIMING"))
    lease = vendor.cloud.notebook(mine).lease
    assert fields(renewed) == lease.payload()
    assert renewed.create_at + renewed.duration == renewed.update_at + 3 * HOUR
    assert fields(await vendor("show_lease", id=mine)) == lease.payload()
    by_query = await vendor(
        "renew_lease", id=mine, duration=HOUR, body=modelarts.LeaseReq(duration=2 * HOUR, type="IDLE")
    )
    assert (by_query.type, by_query.duration) == ("TIMING", by_query.update_at - by_query.create_at + HOUR)

    assert (
        await vendor("update_notebook", id=mine, body=modelarts.NotebookUpdateRequest(name="exp-18"))
    ).name == "exp-18"
    stopping = await vendor("stop_notebook", id=mine)
    assert (stopping.status, stopping.billing_items) == ("STOPPING", [])
    clock.advance_ms(6_000)
    switch = await vendor("show_switchable_flavors", id=mine)
    offered = [flavor.id for flavor in switch.data]
    assert "modelarts.vm.cpu.8u" in offered
    assert "modelarts.vm.cpu.2u" not in offered
    changed = await vendor(
        "update_notebook", id=mine, body=modelarts.NotebookUpdateRequest(flavor="modelarts.vm.cpu.8u")
    )
    assert changed.flavor == "modelarts.vm.cpu.8u"

    started = await vendor("start_notebook", id=mine, duration=4 * HOUR, type="IDLE")
    assert (started.status, started.lease.type) == ("STARTING", "IDLE")
    assert started.token != stopping.token
    assert started.lease.create_at == lease.create_at
    clock.advance_ms(30_000)
    assert (await vendor("delete_notebook", id=mine)).status == "DELETING"
    clock.advance_ms(15_000)
    with pytest.raises(ClientRequestException) as caught:
        await vendor("show_notebook", id=mine)
    assert (caught.value.status_code, caught.value.error_code) == (400, "ModelArts.6309")
    assert caught.value.request_id


async def test_flavors_images_quota(vendor: Vendor) -> None:
    flavors = {flavor.id: flavor for flavor in (await vendor("list_flavors")).data}
    assert flavors["modelarts.bm.gpu.8v100"].sold_out is True
    assert (flavors["modelarts.vm.cpu.2u"].vcpus, int(flavors["modelarts.vm.cpu.2u"].memory)) == (2, 8_388_608)
    npu = (await vendor("list_flavors", category="ASCEND", type="MANAGED", limit=10, offset=0)).data
    assert [flavor.ascend.npu for flavor in npu] == [1]
    gpu = (await vendor("list_flavors", category="GPU")).data
    assert {flavor.gpu.type for flavor in gpu} == {"NVIDIA-T4", "NVIDIA-V100"}

    images = await vendor("list_image", limit=200, offset=0)
    assert (len(images.data), images.total) == (38, 39)
    one = await vendor("show_image", id=CPU_IMAGE)
    assert one.name == "notebook2.0-mul-kernel-cpu-cp36"
    await running(vendor)
    quota = await vendor("list_features", feature="NOTEBOOK")
    assert (quota.quota, quota.used, quota.enabled) == (20, 1, True)


async def test_save_image(vendor: Vendor) -> None:
    mine = await running(vendor)
    asked = modelarts.ImageCreateReq(name="exp17_env", namespace="acme", tag="20260301")
    saved = await vendor("create_image", id=mine, body=asked)
    assert (saved.status, saved.swr_path) == ("INIT", "swr.com/acme/exp17_env:20260301")
    assert (await vendor("show_notebook", id=mine)).status == "SNAPSHOTTING"
    vendor.cloud.clock.advance_ms(100_000)
    assert (await vendor("show_image", id=saved.id)).status == "ACTIVE"
    assert (await vendor("show_notebook", id=mine)).status == "RUNNING"


async def test_tags(vendor: Vendor) -> None:
    mine = await running(vendor)
    asked = [modelarts.TmsTag(key="owner", value="ada")]
    await vendor("create_notebook_tags", resource_id=mine, body=modelarts.CreateTmsTagsRequest(tags=asked))
    shown = await vendor("show_notebook", id=mine)
    assert [(item.key, item.value) for item in shown.tags] == [("owner", "ada")]
    union = await vendor("show_notebook_tags")
    assert [(item.key, item.values) for item in union.tags] == [("owner", ["ada"])]
    assert len((await vendor("list_notebooks", tags="owner|ada")).data) == 1
    await vendor("delete_notebook_tags", resource_id=mine, body=modelarts.DeleteTmsTagsRequest(tags=asked))
    assert (await vendor("show_notebook", id=mine)).tags == []


async def test_errors_reach_the_sdk_with_code_and_request_id(vendor: Vendor) -> None:
    mine = await running(vendor)
    with pytest.raises(ClientRequestException) as caught:
        await vendor("start_notebook", id=mine)
    assert (caught.value.status_code, caught.value.error_code) == (400, "ModelArts.6357")
    assert caught.value.request_id
    vendor.cloud.faults.add("error", code="ModelArts.6102")
    with pytest.raises(ServerResponseException) as broken:
        await vendor("show_notebook", id=mine)
    assert (broken.value.status_code, broken.value.error_code) == (500, "ModelArts.6102")
    vendor.cloud.faults.add("throttle")
    with pytest.raises(ClientRequestException) as throttled:
        await vendor("show_notebook", id=mine)
    assert throttled.value.status_code == 429  # its HTTP library gives up before the body is read


async def test_a_wrong_secret_is_refused_at_the_gateway(vendor: Vendor) -> None:
    account = vendor.cloud.identity.users["ana"]
    credentials = BasicCredentials(account.access_key, "wrong", vendor.cloud.identity.project_id)
    client = modelarts.ModelArtsClient.new_builder().with_credentials(credentials)
    with pytest.raises(ClientRequestException) as caught:
        await Vendor(vendor.server, client.with_endpoint(vendor.server.url).build())("list_flavors")
    assert (caught.value.status_code, caught.value.error_code) == (401, "APIGW.0301")


async def test_iam_tokens_and_projects(vendor: Vendor) -> None:
    client, identity = iam_of(vendor.server, "ana"), vendor.cloud.identity
    domain = iam.PwdPasswordUserDomain(name=identity.domain)
    user = iam.PwdPasswordUser(domain=domain, name="ana", password="sandbox-ana")
    password = iam.PwdIdentity(methods=["password"], password=iam.PwdPassword(user=user))
    scope = iam.AuthScope(project=iam.AuthScopeProject(name="eu-de"))
    asked = iam.KeystoneCreateUserTokenByPasswordRequestBody(auth=iam.PwdAuth(identity=password, scope=scope))
    request = iam.KeystoneCreateUserTokenByPasswordRequest(body=asked, nocatalog="true")
    reply = await asyncio.to_thread(client.keystone_create_user_token_by_password, request)
    assert identity.live_token(reply.x_subject_token) is not None
    assert (reply.token.project.id, reply.token.user.name) == (identity.project_id, "ana")

    listed = await asyncio.to_thread(client.keystone_list_projects, iam.KeystoneListProjectsRequest(name="eu-de"))
    assert [(project.id, project.name) for project in listed.projects] == [(identity.project_id, "eu-de")]
    key = identity.users["ana"].access_key
    found = await asyncio.to_thread(client.show_permanent_access_key, iam.ShowPermanentAccessKeyRequest(access_key=key))
    assert found.credential.user_id == identity.users["ana"].id

    token = reply.x_subject_token
    methods = iam.TokenAuthIdentity(methods=["token"], token=iam.IdentityToken(id=token, duration_seconds=900))
    wanted = iam.CreateTemporaryAccessKeyByTokenRequestBody(auth=iam.TokenAuth(identity=methods))
    temporary = await asyncio.to_thread(
        client.create_temporary_access_key_by_token, iam.CreateTemporaryAccessKeyByTokenRequest(body=wanted)
    )
    with_temporary = Vendor(vendor.server, client_of(vendor.server, "ana", temporary.credential))
    assert (await with_temporary("list_notebooks")).data == []
    vendor.cloud.clock.advance_ms(901_000)
    with pytest.raises(ClientRequestException) as caught:
        await with_temporary("list_notebooks")
    assert caught.value.status_code == 401


async def test_who_is_who(vendor: Vendor) -> None:
    client, identity = iam_of(vendor.server, "ana"), vendor.cloud.identity
    ana = identity.users["ana"]
    domains = await asyncio.to_thread(client.keystone_list_auth_domains, iam.KeystoneListAuthDomainsRequest())
    assert [(domain.id, domain.name) for domain in domains.domains] == [(identity.domain_id, identity.domain)]
    projects = await asyncio.to_thread(client.keystone_list_auth_projects, iam.KeystoneListAuthProjectsRequest())
    assert [(project.id, project.name) for project in projects.projects] == [(identity.project_id, "eu-de")]
    shown = await asyncio.to_thread(client.keystone_show_user, iam.KeystoneShowUserRequest(user_id=ana.id))
    assert (shown.user.id, shown.user.name, shown.user.domain_id) == (ana.id, "ana", identity.domain_id)
    keys = await asyncio.to_thread(client.list_permanent_access_keys, iam.ListPermanentAccessKeysRequest())
    assert [(key.access, key.user_id, key.status) for key in keys.credentials] == [(ana.access_key, ana.id, "active")]
    others = iam.ListPermanentAccessKeysRequest(user_id=identity.users["ben"].id)
    with pytest.raises(ClientRequestException) as caught:
        await asyncio.to_thread(client.list_permanent_access_keys, others)
    assert caught.value.status_code == 403
    token = identity.issue(ana, identity.project_id).text
    asked = iam.KeystoneValidateTokenRequest(x_subject_token=token, nocatalog="true")
    checked = await asyncio.to_thread(client.keystone_validate_token, asked)
    assert (checked.token.user.id, checked.token.project.id) == (ana.id, identity.project_id)


def test_every_operation_of_the_simulator_is_called_here() -> None:
    """By the vendor's name of it, so that none is added that the SDK does not know or that is not tried."""
    here = Path(__file__).read_text(encoding="utf-8")
    for operation in operations(SimCloud(SimClock())):
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", operation.name).lower()
        assert hasattr(modelarts.ModelArtsClient, snake), operation.name
        assert f'"{snake}"' in here, operation.name
