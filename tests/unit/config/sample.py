"""A policy file that loads, and the environment it needs."""

from bot.config import Config, load_text

ENVIRON = {"RESEARCH_BOT_PASSWORD": "sesame", "TEAM_AK": "AKTEAM", "TEAM_SK": "skteam"}

PROJECT = """
[[projects]]
name = "research"
cloud = "otc"
region = "eu-de"
channel = "C0123456789"
service_account = { domain = "OTC-EU-DE-0001", user = "notebook-bot", password = "env:RESEARCH_BOT_PASSWORD" }
"""

FULL = """\
timezone = "Europe/Berlin"

[[projects]]
name = "research"
cloud = "otc"
region = "eu-de"
channel = "C0123456789"
service_account = { domain = "OTC-EU-DE-0001", user = "notebook-bot", password = "env:RESEARCH_BOT_PASSWORD" }

[projects.policy]
idle_grace = "20m"

[projects.roles]
leads = ["U0OTHERLEAD"]

[[projects]]
name = "team"
cloud = "hwc"
region = "cn-north-4"
channel = "C0TEAM"
service_account = { access_key = "env:TEAM_AK", secret_key = "env:TEAM_SK" }

[roles]
admins = ["U0ADMIN"]
leads = ["U0LEAD"]

[[people]]
slack = "U0ANA"
cloud_user = "ana"

[policy]
lease = "3h"
warnings = ["15m", "60m", "15m"]
approvers = ["S0APPROVERS"]
quiet_hours = "20:00-08:00"
idle_after = "2h"

[[policy.rules]]
when = { category = "GPU" }
idle_after = "30m"

[[policy.rules]]
when = { project = "research", price_per_hour = ">2.5" }
idle_after = "45m"
idle_grace = "5m"
free_total = "4h"

[prices]
currency = "EUR"
disk_gb_month = 0.05
"modelarts.vm.cpu.2u" = 0.17
modelarts.vm.gpu.v100 = 3

[budgets]
per_person_month = 400

[metrics]
npu = "ma_container_npu_util"
cpu_limit = 10
"""


def config(text: str = FULL) -> Config:
    """The text as a config."""
    return load_text(text, "leasebot.toml", ENVIRON)
