"""Column types that read the same on SQLite and PostgreSQL."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from bot.clock import from_ms, to_ms


def word(text: str) -> ColumnElement[str]:
    """A word of ours written into the statement itself, for what is asked often.

    Where an index covers only rows with a certain word, a parameter hides that it could be used; and SQLite plans
    such a statement anew at each call, since the parameter might be that word.
    """
    quoted = text.replace("'", "''")
    return literal_column(f"'{quoted}'", Text)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as whole milliseconds since the epoch (the cloud's own unit)."""

    impl = BigInteger
    cache_ok = True

    # Whole numbers need nothing of the driver: what SQLAlchemy would call in between takes longer than this.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return _ms_of

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return _at_of


def _ms_of(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)


def _at_of(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Json(TypeDecorator[Any]):
    """JSON text; Python's None is SQL's NULL, so that `IS NULL` finds it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else _as_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Money(TypeDecorator[Decimal]):
    """A decimal amount as text: no float on the way."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)
