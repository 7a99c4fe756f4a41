"""The commented policy file that `leasebot init` writes."""

from decimal import Decimal
from typing import Any

from bot.config.general import METRICS_MEANING
from bot.config.model import Metrics
from bot.config.policy_keys import POLICY_KEYS

_HEAD = """\
# leasebot's policy. Every key that is commented out shows its default.
# Secrets never stand here: write "env:NAME" or "file:PATH".

timezone = "Europe/Berlin"        # people without a zone, digests, months

[[projects]]
name = "research"
cloud = "otc"                     # otc | hwc
region = "eu-de"
channel = "C0123456789"           # approvals and digests; invite the bot there
service_account = { domain = "OTC-EU-DE-0001", user = "notebook-bot", password = "env:RESEARCH_BOT_PASSWORD" }
# or { access_key = "env:RESEARCH_ACCESS_KEY", secret_key = "file:research.secret" }
# endpoint = "https://…"          # iam_endpoint and aom_endpoint likewise; plain http on loopback only
# project_id = "…"                # else taken from the token
# scope = "eu-de"                 # the cloud project the token is for: the region, or region_sub
# workspace = "0"                 # the ModelArts workspace; only its notebooks are seen
# notebook_hosts = ["*.otc.t-systems.com"]
# rate = 10                       # requests per second
# [projects.policy]               # any key of [policy], for this project
# [projects.roles]                # any key of [roles], for this project

[roles]                           # users U…, user groups S…
admins = []
leads = []
auditors = []

# [[people]]                      # who gets notices before they have linked; gives no rights
# slack = "U0123456789"
# cloud_user = "ana"

[policy]
"""

_TAIL = """
# [[policy.rules]]                # first match wins per key
# when = { category = "GPU" }     # category, flavor (glob), owner, tag, workspace, project, price_per_hour (">2.5")
# idle_after = "30m"
# free_total = "4h"

[prices]                          # flavors: per hour; what is not named has no known price
currency = "EUR"
# disk_gb_month = 0.05
# "modelarts.vm.cpu.2u" = 0.17

[budgets]                         # gates that open an approval
# per_person_month = 400
# per_project_month = 8000

[metrics]
"""


def commented_template() -> str:
    """A policy file that loads as soon as its one secret is set, and explains every key."""
    policy = [_line(key.name, key.default, f"{key.meaning} ({key.kind})") for key in POLICY_KEYS]
    default = Metrics()
    metrics = [_line(name, getattr(default, name), meaning) for name, meaning in METRICS_MEANING.items()]
    return "\n".join([_HEAD.rstrip("\n"), *policy, _TAIL.rstrip("\n"), *metrics, ""])


def _line(name: str, value: Any, meaning: str) -> str:
    return f"# {name} = {toml_value(value)}".ljust(33) + f" # {meaning}"


def toml_value(value: Any) -> str:
    """A default as it is written in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return "{ " + ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items()) + " }"
