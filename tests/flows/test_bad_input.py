"""Bad input and bad times: a clear answer each, and nothing is lost or done."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from bot.config.load import load
from bot.errors import SettingsError
from bot.settings import async_database_url
from bot.stores.database import Database, Tx
from bot.stores.schema import work
from deploy.sandbox.slack.signing import sign
from deploy.sandbox.stage import SIGNING_SECRET, Stage
from tests.flows.scene import ANA, BEN, Scene, bot_on, buttons, minutes

T = TypeVar("T")


async def said(scene: Scene, user: str, text: str, channel: str = "C0RESEARCH") -> str:
    """Everything this person is answered, at once or later."""
    before = len(scene.slack.ephemerals(user))
    await scene.command(user, text, channel)
    await scene.work()
    return "\n".join(m.text for m in scene.slack.ephemerals(user)[before:])


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("extned x 2h", "extend"),
        ("extend here 4", "4h"),
        ("extend here soon", "2h"),
        ("extend here 80h", "72h"),
        ("extend nowhere 2h", "nowhere"),
        ("create a!b image=x flavor=y", "1 to 64"),
        ("create x imgae=y flavor=z", "image="),
        ("create x image=no-such-image flavor=modelarts.vm.cpu.2u", "no-such-image"),
        ("create x image=spark2.4.5 flavor=modelarts.vm.cpu.9u", "modelarts.vm.cpu.9u"),
        ("keep here until yesterday", ""),
        ("admin enfroce", "enforce"),
    ],
)
async def test_a_slip_is_answered_with_what_would_be_right(scene: Scene, typed: str, answer: str) -> None:
    await scene.notebook("ana", "here")
    told = await said(scene, ANA, typed) + "".join(m.text for m in scene.in_dm(ANA, "operation"))
    assert told
    assert answer in told
    assert [c["action"] for c in scene.cloud.calls() if c["user"] == "ana" and c["method"] not in ("GET",)
            and c["path"].startswith("/v1")] == []  # fmt: skip


async def test_an_ambiguous_name_is_offered_as_buttons(scene: Scene) -> None:
    one = await scene.notebook("ana", "train-a")
    two = await scene.notebook("ana", "train-b")
    await said(scene, ANA, "extend train 1h")
    assert [b.partition(":")[0] for b in buttons(scene.slack.ephemerals(ANA)[-1])] == ["notebook_pick"] * 2
    await scene.click(ANA, buttons(scene.slack.ephemerals(ANA)[-1])[1])
    await scene.pass_time(minutes(1))
    assert sorted([len(scene.renewals(one)), len(scene.renewals(two))]) == [0, 1]


async def test_who_has_not_linked_gets_one_message_with_the_next_step(on: Stage, database_url: str) -> None:
    async with bot_on(on, database_url, linked=False) as scene:
        told = await said(scene, ANA, "create x image=spark2.4.5 flavor=modelarts.vm.cpu.2u")
        assert "link" in told
        assert len(scene.slack.ephemerals(ANA)) == 1
        assert (await scene.link(ANA)).status_code == 200
        await said(scene, ANA, "create x image=spark2.4.5 flavor=modelarts.vm.cpu.2u")
        assert len(scene.effects("creating")) == 1


@pytest.mark.parametrize(
    ("who", "channel", "refusal"),
    [
        ("U0GUEST", "C0RESEARCH", "Guests and people of other workspaces cannot use this bot."),
        ("U0STRANGER", "C0SHARED", "Only full members of this workspace can use me."),
    ],
)
async def test_guests_and_strangers_do_nothing(scene: Scene, who: str, channel: str, refusal: str) -> None:
    await scene.notebook("ana", "safe")
    assert (await said(scene, who, "extend safe 1h", channel)).startswith(refusal)
    assert scene.cloud.calls("RenewLease") == []


async def test_a_revoked_login_is_told_and_held(scene: Scene) -> None:
    made = await scene.notebook("ana", "held")
    scene.cloud.identity.users["ana"].password = "changed"
    scene.cloud.identity.tokens.clear()
    await said(scene, ANA, "extend held 1h")
    assert "link" in scene.operation(ANA)
    assert "waits for 24 h, and goes on by itself" in scene.operation(ANA)
    scene.cloud.identity.users["ana"].password = "sandbox-ana"
    assert (await scene.link(ANA)).status_code == 200
    await scene.pass_time(minutes(2))
    assert len(scene.renewals(made)) == 1


async def post(scene: Scene, body: bytes, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{scene.play.url}/slack/events", content=body, headers=headers)


def signed(scene: Scene, body: bytes, *, secret: str = SIGNING_SECRET, age_s: int = 0) -> dict[str, str]:
    stamp = str(scene.now_ms // 1000 - age_s)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": sign(secret, stamp, body),
            "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip


async def test_forged_old_and_oversized_requests_are_refused_and_nothing_is_kept(scene: Scene) -> None:
    body = b"command=%2Fnotebook&text=list&user_id=U0ANA&team_id=T0LEASEBOT&trigger_id=1.2.3"
    forged = await post(scene, body, **signed(scene, body, secret="not the secret"))
    old = await post(scene, body, **signed(scene, body, age_s=301))
    unsigned = await post(scene, body, **{"Content-Type": "application/x-www-form-urlencoded"})
    large = b"text=" + b"x" * (1 << 20)
    oversized = await post(scene, large, **signed(scene, large))
    assert [r.status_code for r in (forged, old, unsigned, oversized)] == [401, 401, 401, 413]
    assert all(r.headers["x-slack-no-retry"] == "1" for r in (forged, old, unsigned, oversized))
    assert [r for r in await scene.rows(work) if r.kind == "request"] == []


async def test_a_button_of_another_age_is_answered(scene: Scene) -> None:
    await scene.ending("ana", "aged")
    told = await scene.click(ANA, "notebook_extend:1h", value='{"v": 99, "what": "is this"}')
    assert told
    assert scene.cloud.calls("RenewLease") == []


async def test_a_button_for_a_notebook_that_is_gone(scene: Scene) -> None:
    made = await scene.ending("ana", "gone")
    scene.cloud.console.vanish(made.id)
    await scene.click(ANA, "notebook_extend:1h")
    await scene.pass_time(minutes(1))
    assert "was not extended" in scene.operation(ANA)


class BrokenDatabase(Database):
    """A store that stops to answer."""

    down = False

    def _answer(self) -> None:
        if self.down:
            raise OperationalError("BEGIN", {}, ConnectionError("gone"))

    async def at_once(self, write: Callable[[Tx], Coroutine[Any, Any, T]]) -> T:
        self._answer()
        return await super().at_once(write)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        self._answer()
        async with super().begin() as db:
            yield db


async def test_with_the_store_down_a_command_is_told_that_it_was_not_stored(on: Stage, database_url: str) -> None:
    db = BrokenDatabase(async_database_url(database_url))
    try:
        async with bot_on(on, database_url, db=db) as scene:
            made = await scene.notebook("ana", "unstored")
            db.down = True
            await scene.command(ANA, "extend unstored 1h")
            assert "not stored" in scene.slack.ephemerals(ANA)[-1].text.lower()
            db.down = False
            await scene.pass_time(minutes(2))
            assert scene.renewals(made) == []
    finally:
        await db.dispose()


async def test_slack_down_during_a_command_loses_nothing(scene: Scene) -> None:
    made = await scene.notebook("ben", "deaf")
    scene.slack.fault("*", "status", status=503, count=None)
    await scene.command(BEN, "extend deaf 1h")
    await scene.pass_time(minutes(3), minutes(1))
    scene.slack.faults.clear()
    await scene.pass_time(minutes(10), minutes(2))
    assert len(scene.renewals(made)) == 1
    assert "now runs until" in scene.operation(BEN)


async def test_an_odd_retry_after_keeps_nobody_waiting_for_days(scene: Scene) -> None:
    """Slack and the cloud are asked again after an hour at most, whatever they want."""
    made = await scene.ending("ben", "patient", left=minutes(119))
    scene.cloud.faults.add("throttle", method="PATCH", retry_after="99999999")
    scene.slack.fault("chat.postMessage", "ratelimited", retry_after=10**9)
    await scene.command(BEN, "extend patient 1h")
    await scene.pass_time(minutes(75), minutes(5))
    assert len(scene.renewals(made)) == 1
    assert "now runs until" in scene.operation(BEN)


async def test_one_broken_notebook_fails_alone(scene: Scene) -> None:
    """The trap: one bad instance failing its batch."""
    broken = await scene.notebook("ana", "broken", busy=False, lease_ms=9 * 3_600_000)
    scene.cloud.faults.add("status", path=rf"/notebooks/{broken.id}$", status=500, count=0)
    fine = await scene.notebook("ben", "fine", busy=False, lease_ms=9 * 3_600_000)
    await scene.pass_time(minutes(45), minutes(5))
    assert len(scene.stops(fine)) == 1
    assert scene.stops(broken) == []


async def test_one_odd_notebook_fails_neither_a_list_nor_its_neighbours(scene: Scene) -> None:
    await scene.notebook("ben", "a\x00b")
    await scene.notebook("ben", "swollen", capacity=10**30)
    await scene.ending("ben", "plain")
    assert len(scene.in_dm(BEN, "lease_warning")) == 1
    listed = await scene.ask(BEN, "list")
    assert all(name in listed for name in ("a\ufffdb", "swollen", "plain"))


async def test_a_state_that_nobody_knows_changes_nothing(scene: Scene) -> None:
    made = await scene.notebook("ana", "odd")
    scene.cloud.console.set_status(made.id, "HIBERNATING")
    other = await scene.ending("ben", "plain")
    assert len(scene.in_dm(BEN, "lease_warning")) == 1
    assert scene.in_dm(ANA, "stopped") == []
    assert other.status == "RUNNING"


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    """The trap: a misspelt setting silently ignored."""
    file = tmp_path / "leasebot.toml"
    file.write_text('[policy]\nlease = "2h"\nidle_aftr = "60m"\n', encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        load(file, {})
    assert f'{file}:3: unknown key "idle_aftr" in [policy]; did you mean "idle_after"?' in str(error.value)
