"""The real bot on simulated Slack, cloud and time: seeded, one coroutine at a time, checked against their logs."""
