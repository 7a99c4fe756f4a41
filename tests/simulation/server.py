"""PostgreSQL for the simulation: the product's statements on one connection, with little in between.

Compiled by SQLAlchemy for the product's own dialect and driver, run by asyncpg, as its engine does; only the engine is
left out. Transactions of one process never overlap here, so one connection is enough.
"""

from collections.abc import Callable
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as driver
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.simulation.statements import Result, Statements

_DIALECT = driver.dialect()
_STATEMENTS = Statements(_DIALECT)


class ServerTx:
    """What the product awaits of a connection. Connects when it is first needed."""

    dialect = _DIALECT

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._prepared: dict[str, Any] = {}
        self.moved_dues = False  # what is due when may have changed since this was last set

    async def end(self, *, kept: bool, written: bool) -> None:
        """Of what was done since the last one; the next one begins with it, which spares a round trip.

        What only read needs no end: under READ COMMITTED each statement sees what is committed by then.
        """
        if self._connection is not None and (written or not kept):
            await self._connection.execute("COMMIT AND CHAIN" if kept else "ROLLBACK AND CHAIN")

    async def exec_driver_sql(self, text: str) -> None:
        """As it stands."""
        await self._connected()
        await self._connection.execute(text)

    async def _connected(self) -> None:
        if self._connection is None:
            plain = make_url(self._url).set(drivername="postgresql").render_as_string(hide_password=False)
            self._connection = await asyncpg.connect(plain, statement_cache_size=0)  # they are kept here
            await self._connection.execute("BEGIN")

    async def execute(self, statement: Any, given: Any = None) -> Result:
        """Raises what SQLAlchemy would raise of a broken constraint."""
        many = isinstance(given, list | tuple)
        first = (given[0] if many else given) or {}
        asked = _STATEMENTS(statement, first, many=many)
        plan = asked.plan
        self.moved_dues = self.moved_dues or plan.moves_dues
        text, values = asked.bound(first)
        prepared = await self._prepare(text)
        try:
            if many:
                await prepared.executemany([asked.bound(each)[1] for each in given])
                return Result([], -1)
            found = await prepared.fetch(*values)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(text, None, error) from error
        if plan.returns:
            return Result(plan.rows([tuple(each) for each in found]), len(found))
        return Result([], int(prepared.get_statusmsg().rpartition(" ")[2]))

    async def _prepare(self, text: str) -> Any:
        await self._connected()
        if text not in self._prepared:  # one without a name would be read and planned anew each time
            self._prepared[text] = await self._connection.prepare(text, name=f"s{len(self._prepared)}")
        return self._prepared[text]

    async def scalar(self, statement: Any, given: Any = None) -> Any:
        return (await self.execute(statement, given)).scalar()

    async def least(self, statement: str, ahead: int) -> tuple[int | None, int | None]:
        """The two numbers that a statement of the harness finds."""
        prepared = await self._prepare(statement.replace(":ahead", "$1::bigint"))
        work, messages = await prepared.fetchrow(ahead)
        return work, messages

    async def run_sync(self, work: Callable[[Any], Any]) -> Any:
        """For what looks at the schema."""
        engine = create_async_engine(self._url)
        try:
            async with engine.connect() as db:
                return await db.run_sync(work)
        finally:
            await engine.dispose()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
