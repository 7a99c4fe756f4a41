"""Simulated Slack and simulated cloud: everything on one machine with nothing to set up."""
