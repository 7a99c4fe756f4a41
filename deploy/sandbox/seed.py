"""Sample data: notebooks in interesting states, owned by the sandbox's people."""

from typing import Any

HOUR = 3_600_000
MINUTE = 60_000


def seed_notebooks(cloud: Any) -> None:
    """One at work, one forgotten on a GPU, one whose lease ends soon, one stopped, one that failed to start."""
    make = cloud.console.create
    training = make("ben", "bert-finetune", flavor="modelarts.vm.gpu.v100", age_ms=3 * HOUR, settled_ago_ms=3 * HOUR,
                    lease_ms=5 * HOUR)  # fmt: skip
    _busy_since(cloud, training.id, 3 * HOUR)
    forgotten = make("ana", "churn-explore", flavor="modelarts.vm.gpu.tnt004", age_ms=2 * HOUR,
                     settled_ago_ms=2 * HOUR, lease_ms=6 * HOUR)  # fmt: skip
    _busy_since(cloud, forgotten.id, 2 * HOUR)
    cloud.make_idle(forgotten.id, cloud.clock.now_ms() - 10 * MINUTE)
    ending = make("ana", "etl-check", age_ms=HOUR, settled_ago_ms=HOUR, lease_ms=70 * MINUTE)
    _busy_since(cloud, ending.id, HOUR)
    make("ana", "paper-figures", status="STOPPED", age_ms=26 * HOUR, settled_ago_ms=20 * HOUR)
    make("ben", "tokenizer-test", status="STOPPED", age_ms=50 * HOUR, settled_ago_ms=44 * HOUR, capacity=100)
    make("ben", "old-image-test", status="START_FAILED", age_ms=5 * HOUR, settled_ago_ms=4 * HOUR,
         fail_reason="Image pull failed.")  # fmt: skip


def _busy_since(cloud: Any, notebook_id: str, ago_ms: int) -> None:
    """At work for so long: a kernel now, and the load in the measurements of that time."""
    cloud.make_busy(notebook_id)
    loads = dict(cloud.notebook(notebook_id).activity.at(cloud.clock.now_ms()))
    cloud.set_activity(notebook_id, from_ms=cloud.clock.now_ms() - ago_ms, **loads)
