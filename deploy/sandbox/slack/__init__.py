"""Simulated Slack: refuses what Slack refuses, signs as Slack signs, and shows itself in a browser."""

from deploy.sandbox.slack.errors import NotThere, Refused
from deploy.sandbox.slack.faults import Fault
from deploy.sandbox.slack.outgoing import Answer
from deploy.sandbox.slack.sim import SimSlack
from deploy.sandbox.slack.workspace import Channel, File, Message, User, UserGroup, View, Workspace

__all__ = [
    "Answer", "Channel", "Fault", "File", "Message", "NotThere", "Refused", "SimSlack", "User", "UserGroup", "View",
    "Workspace",
]  # fmt: skip
