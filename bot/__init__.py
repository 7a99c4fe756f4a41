"""The shared core: rules, operations, adapters and stores. Imports nothing of ours but itself."""

__version__ = "0.1.0"
