"""The policy file: read with line numbers, checked, and asked for effective values with their sources."""

from bot.config.load import load, load_text
from bot.config.model import Budgets, Config, Metrics, PersonHint, Project, Roles
from bot.config.policy import ADMIN_CHOICE, EffectivePolicy, effective
from bot.config.policy_keys import POLICY_KEYS, PolicyKey
from bot.config.template import commented_template

__all__ = [
    "ADMIN_CHOICE",
    "POLICY_KEYS",
    "Budgets",
    "Config",
    "EffectivePolicy",
    "Metrics",
    "PersonHint",
    "PolicyKey",
    "Project",
    "Roles",
    "commented_template",
    "effective",
    "load",
    "load_text",
]
