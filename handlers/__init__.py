"""Slack -> operations: verify, parse, record, acknowledge."""
