"""`leasebot init`: a commented policy file, and settings with a fresh encryption key. Nothing is overwritten."""

import os
import shlex
from pathlib import Path

from bot.config.template import commented_template
from bot.errors import SettingsError
from deploy.keys import new_key

_SETTINGS = """\
# leasebot's settings: secrets, so keep this file to yourself. Load it with:  set -a; . ./{name}; set +a
SLACK_BOT_TOKEN=
SLACK_SIGNING_SECRET=
# for `leasebot socket` only:
# SLACK_APP_TOKEN=
LEASEBOT_CONFIG={config}
LEASEBOT_ENCRYPTION_KEYS={key}
# LEASEBOT_DATABASE_URL=sqlite:///leasebot.sqlite3
# where browsers reach this deployment:
# LEASEBOT_PUBLIC_URL=https://…
# named by the policy file, the service account's password:
RESEARCH_BOT_PASSWORD=
"""


def write(policy: Path, settings: Path) -> list[str]:
    """Write both files; says of each what was done. Raises SettingsError where one cannot be written."""
    values = {"name": settings.name, "config": shlex.quote(str(policy)), "key": new_key()}
    return [
        _write(policy, commented_template(), "the policy: name your project, its channel and its service account",
               mode=0o666),  # no secrets stand in it, and a container that reads it runs as another user
        _write(settings, _SETTINGS.format(**values), "the settings, with a new encryption key: fill in the rest",
               mode=0o600),
    ]  # fmt: skip


def _write(path: Path, text: str, what: str, *, mode: int) -> str:
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    except FileExistsError:
        return f"{path} is there already and was left as it is"
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(file, "w", encoding="utf-8") as out:
        out.write(text)
    return f"{path} written: {what}"
