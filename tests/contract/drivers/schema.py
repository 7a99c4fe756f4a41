"""A table of the tests' own: one row per result that was recorded, with no key to hide a second one."""

from sqlalchemy import Column, Integer, MetaData, String, Table

metadata = MetaData()

recorded = Table(
    "recorded",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", String(80), nullable=False),
    Column("pid", Integer, nullable=False),
)
