"""The function behind the timer: one pass of everything that is due, as `leasebot tick`.

Trigger: TIMER each minute, no gateway; time-out 900 s. Late, double or simultaneous runs are harmless.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from bot.errors import SettingsError
from bot.settings import load_settings

log = logging.getLogger(__name__)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Entry point of the platform for TIMER events; answers with the counts of the pass. Raises SettingsError.

    A pass that one project did not get is told by `missed` and in the log; the next run tries again.
    """
    if event.get("trigger_type") not in (None, "TIMER"):
        raise SettingsError("this function is for a TIMER trigger; Slack's requests go to gateway.handler")
    from bot.config.load import load
    from deploy.logs import configure
    from deploy.serving import tick

    settings = load_settings()
    if settings.on_sqlite:
        raise SettingsError("functions share their store, so LEASEBOT_DATABASE_URL must be postgresql://…")
    configure(settings.log_format)
    code, counts = asyncio.run(tick(settings, load(settings.config, os.environ)))
    if code:
        log.warning("no pass for %s", ", ".join(counts["missed"]))
    return counts
