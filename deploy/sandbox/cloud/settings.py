"""Everything about the simulated cloud that a test or a visitor may turn: dialect, delays, quirks."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from deploy.sandbox.asked import LATEST_MS, typed, within

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

MIN_LEASE_MS = HOUR_MS
MAX_LEASE_MS = 72 * HOUR_MS
DEFAULT_LEASE_MS = HOUR_MS


@dataclass
class CloudSettings:
    """Mutable while the simulator runs. Durations are milliseconds; the delays are those of the recorded walk."""

    dialect: Literal["hwc", "otc"] = "otc"
    region: str = "eu-de"

    # delays of the state machine
    create_ms: int = 27_410  # acceptance to RUNNING
    start_ms: int = 27_410
    stop_ms: int = 151_346
    delete_ms: int = 10_000
    snapshot_ms: int = 60_000
    image_save_ms: int = 90_000
    restamp_before_ms: int = 38  # the lease is stamped this long before the notebook turns RUNNING
    create_at_lag_ms: int = 2  # notebook.create_at after lease.create_at
    accept_ms: int = 118  # first update_at after lease.create_at
    stop_restamp_ms: int | None = DEFAULT_LEASE_MS  # span a stop stamps on the lease; None: the last one asked for
    expiry_lag_ms: int = 0  # from the end of the lease to STOPPING
    idle_lag_ms: int = 0
    delete_fails: bool = False
    deleted_linger_ms: int = 0  # a deleted notebook stays in lists as DELETED for this long

    # styles in which versions of the service differ
    not_found: Literal["400-6309", "400-6404", "404"] = "400-6309"
    conflict: Literal["6357", "specific"] = "6357"
    renew_stopped: Literal["6327", "6357"] = "6327"
    create_status: Literal["CREATING", "RUNNING"] = "CREATING"
    delete_style: Literal["200", "200-empty", "204"] = "200"
    delete_running: bool = True  # False: 6304, stop first
    renew_style: Literal["200", "204"] = "200"
    show_lease_stopped: bool = True
    current_base: int | None = None  # None: 0 for notebooks and images, 1 for flavors, as the samples have it
    list_key: Literal["data", "flavors", "both"] = "data"  # key under which flavors are listed
    unlisted: tuple[str, ...] = ()  # flavors that work and that no listing shows, as those of a pool of one's own
    current_time: bool = True
    progress_text: Literal["description", "step_description"] = "description"
    images_default: Literal["both", "BUILD_IN"] = "both"  # what a listing without `type` holds
    image_total_extra: int = 1  # the recorded envelope says one more than it holds
    max_limit: int = 50

    workspaces: tuple[str, ...] = ("0",)

    # limits and troubles
    quota_per_user: int = 20
    throttle_every: int = 0  # every n-th call is answered 429; 0: never
    throttle_retry_after: str | None = None  # seconds, "date" or None
    suspended: bool = False  # the account: 401 ModelArts.6201
    foreign_access: bool = True  # a person with the right may act on another's notebook
    clock_skew_ms: int = 15 * MINUTE_MS
    token_life_ms: int = 24 * HOUR_MS
    token_chars: int = 5_200
    lock_after: int = 5
    lock_ms: int = 15 * MINUTE_MS

    # Jupyter face and metrics
    notebook_url: str = "{base}/jupyter/{id}/lab"
    jupyter_down: Literal["404", "503", "html"] = "html"  # what the proxy says when it is not running
    jupyter_denied: Literal["403", "login"] = "403"
    jupyter_version: str = "2.15.0"
    terminals: bool = True
    metrics_lag_ms: int = 2 * MINUTE_MS
    metrics_down: bool = False  # 503
    metrics_namespace: str = "PAAS.CONTAINER"
    metric_names: dict[str, str] = field(
        default_factory=lambda: {
            "cpu": "ma_container_cpu_util",
            "gpu": "ma_container_gpu_util",
            "npu": "ma_container_npu_util",
            "network": "ma_container_network_receive_bytes",
            "memory": "ma_container_memory_util",
        }
    )

    def change(self, values: dict[str, Any]) -> None:
        """Sets several at once, or none: raises ValueError naming one that does not exist or cannot be so."""
        typed(values, get_type_hints(CloudSettings), "settings")
        for name in values:
            within(values, name, 0, LATEST_MS)
        for name, value in values.items():
            setattr(self, name, tuple(value) if isinstance(value, list) else value)
