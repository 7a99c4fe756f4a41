"""Requests that no screen of that person would send: a button they do not see, somebody else's form."""

from typing import Any

from bot.render.ids import Button
from deploy.sandbox.slack import Answer, payloads
from deploy.sandbox.slack.outgoing import Sent
from tests.flows.scene import RESEARCH, Scene


async def press(
    scene: Scene, user: str, action: str, button: Button, channel: str, *, team: str | None = None
) -> Answer:
    """A click on `button` in the newest message of that channel; with `team`, from another workspace."""
    slack, where = scene.slack, scene.slack.workspace.channels[channel]
    now, message = scene.now_ms, (where.messages or slack.messages(RESEARCH))[-1]
    element = {"type": "button", "action_id": action, "value": button.dump()}
    secret = slack.response_urls.issue(now, user, channel, message.ts)
    payload = payloads.interaction(
        slack, "block_actions", slack.person(user), **payloads.message_part(slack, where, message),
        actions=[payloads.action(element, "forged", f"{now // 1000}.{now % 1000:03d}000", {})],
        trigger_id=slack.triggers.issue(user), response_url=f"{slack.url}/response/{secret}",
    )  # fmt: skip
    if team is not None:
        payload["user"]["team_id"] = team
    answer: Answer = await slack.sender.send(Sent("interactive", action, payload))
    return answer


async def send_off(scene: Scene, user: str, view: dict[str, Any]) -> Answer:
    """A form as it was opened for somebody else."""
    slack = scene.slack
    trigger = slack.triggers.issue(user)
    payload = payloads.interaction(slack, "view_submission", slack.person(user), view=view, response_urls=[],
                                   trigger_id=trigger)  # fmt: skip
    answer: Answer = await slack.sender.send(Sent("interactive", "submit", payload))
    return answer
