"""The one path of every call: rate, breaker, login, sending, retries, errors."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from bot import http
from bot.clock import Clock
from bot.cloud import faults, journal, wire
from bot.cloud.faults import Fault
from bot.cloud.line import Line, retry_after
from bot.cloud.pace import Pace
from bot.cloud.signing import canonical_query
from bot.errors import AnswerLost, CloudDown, CloudError, CloudGarbled, CloudMisconfigured, CloudThrottled

_ALWAYS = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": "leasebot", "x-language": "en-us"}
Read = TypeVar("Read")
_SKEW_THAT_BREAKS_SIGNATURES = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, before authentication. `safe`: it changes nothing, so it may be repeated."""

    method: str
    base: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    safe: bool = True
    interactive: bool = True

    @property
    def target(self) -> str:
        """Path and query exactly as they are signed and sent."""
        return f"{self.path}?{canonical_query(self.query)}" if self.query else self.path


class Auth(Protocol):
    """Proves who calls."""

    signs: bool  # the proof depends on this machine's clock

    async def headers(self, call: Call) -> Mapping[str, str]:
        """The headers that prove it; may log in first."""
        ...

    async def renew(self, used: Mapping[str, str]) -> bool:
        """Get a new proof unless somebody did since `used`; false if there is nothing to renew."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often one call is tried; seconds. Source of the back-off: API digest, 13.3."""

    budget: float = 30.0
    answer: float = 15.0
    connect: float = 5.0
    attempts: int = 4
    first_pause: float = 2.0
    longest_pause: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer to `call`, which was sent at `sent` (host)."""

    call: Call
    status: int
    headers: Mapping[str, str]
    body: Any
    sent: datetime

    @property
    def request_id(self) -> str:
        """What the vendor can find the call by; "" if it did not say."""
        return self.headers.get("x-request-id", "")

    def read(self, parse: Callable[[object], Read]) -> Read:
        """The body as a value; the CloudGarbled of `parse` gets status and request id, and is told in the log."""
        try:
            if self.body is None:
                raise wire.garbled("body", "The cloud's answer is empty")
            return parse(self.body)
        except CloudGarbled as exc:
            exc.status, exc.request_id = self.status, self.request_id
            journal.call_failed(self.call.method, self.call.base, self.call.path, exc, attempts=1)
            raise


@dataclass(slots=True)
class _Course:
    """How far one call has come."""

    until: float
    attempts: int = 0
    renewed: bool = False


class Sender:
    """Sends calls over one client; knows no operation."""

    def __init__(
        self, client: http.Client, clock: Clock, pace: Pace, jitter: Callable[[], float], patience: Patience
    ) -> None:
        """`jitter` gives numbers in [0, 1)."""
        self._client = client
        self._clock = clock
        self._pace = pace
        self._jitter = jitter
        self._patience = patience

    async def send(self, line: Line, call: Call, auth: Auth | None = None) -> Answer:
        """The answer to `call`, of any 2xx.

        Raises a `CloudError`; `AnswerLost` only for a call that is not `safe` and may have been carried out.
        """
        course = _Course(until=self._pace.now() + self._patience.budget)
        while True:
            course.attempts += 1
            proof = await self._proof(call, auth, course)  # a login that fails is a call that tells for itself
            try:
                answer = await self._turn(line, call, auth, proof, course)
            except CloudError as error:
                journal.call_failed(call.method, call.base, call.path, error, course.attempts)
                raise
            if answer is not None:
                return answer

    async def _turn(
        self, line: Line, call: Call, auth: Auth | None, proof: Mapping[str, str], course: _Course
    ) -> Answer | None:
        """One attempt; None if there is reason for another, and the pause before it is over."""
        await self._admission(line, call, course)
        outcome = await self._attempt(line, call, proof, course)
        if isinstance(outcome, Answer):
            return outcome
        fault, error = outcome
        if fault.refresh and auth is not None and not course.renewed:
            course.renewed = True
            if await auth.renew(proof):
                return None
        if auth is not None and auth.signs and fault.refresh:
            self._blame_the_clock(line, error)
        await self._pause_or_raise(line, call, course, fault, error)
        return None

    async def rest(self, seconds: float) -> None:
        """Wait, in the time that calls are measured with."""
        await self._pace.sleep(seconds)

    async def _proof(self, call: Call, auth: Auth | None, course: _Course) -> Mapping[str, str]:
        if auth is None:
            return {}
        try:
            async with asyncio.timeout(self._left(course)):
                return await auth.headers(call)
        except TimeoutError as exc:
            raise CloudDown("Logging in to the cloud takes too long") from exc

    async def _admission(self, line: Line, call: Call, course: _Course) -> None:
        try:
            async with asyncio.timeout(self._left(course)):
                await line.limiter.acquire(call.interactive, self._left(course))
        except TimeoutError as exc:
            raise CloudThrottled("Too many calls to the cloud are waiting") from exc

    async def _attempt(
        self, line: Line, call: Call, proof: Mapping[str, str], course: _Course
    ) -> Answer | tuple[Fault, CloudError]:
        trial = line.breaker.admit()
        line.calls += 1
        settled = False
        try:
            outcome, alive = await self._exchange(line, call, proof, course)
            settled = True
        finally:
            if trial and not settled:
                line.breaker.abandoned()
        was_closed = line.breaker.state == "closed"
        if alive:
            line.breaker.succeeded()
        elif alive is False:
            line.breaker.failed()
        elif trial:  # it says nothing: the next call is the trial, or nobody would ever be let through again
            line.breaker.abandoned()
        if was_closed != (line.breaker.state == "closed"):
            journal.breaker_moved(line.name, "open" if was_closed else "closed")
        return outcome

    async def _exchange(
        self, line: Line, call: Call, proof: Mapping[str, str], course: _Course
    ) -> tuple[Answer | tuple[Fault, CloudError], bool | None]:
        """The outcome, and whether the cloud is alive (None: says nothing)."""
        sent = self._clock.now()
        try:
            async with asyncio.timeout(self._left(course)):
                response = await self._client.send(self._request(call, proof, course), follow_redirects=False)
        except (http.HTTPError, http.InvalidURL, TimeoutError, OSError) as exc:
            return _no_answer(call, exc), False
        line.heard(response.headers, sent)
        if 200 <= response.status_code < 300:
            return self._success(call, response, sent), True
        pause = retry_after(response.headers, line.clock.now())
        outcome = faults.error(
            response.status_code, response.content, response.headers, write=not call.safe, retry_after=pause
        )
        self._note_rate(line, outcome)
        return outcome, _alive(response.status_code, course.attempts)

    def _success(self, call: Call, response: http.Response, sent: datetime) -> Answer | tuple[Fault, CloudError]:
        status, headers = response.status_code, response.headers
        try:
            parsed = wire.body(response.content)
        except CloudGarbled as exc:
            exc.status, exc.request_id = status, headers.get("x-request-id", "")
            fault = Fault(CloudGarbled, str(exc), lost=True)
            return fault, exc if call.safe else _caused(AnswerLost(str(exc), status=status), exc)
        if faults.hidden_in_success(parsed):
            return faults.error(status, response.content, headers, write=not call.safe)
        return Answer(call, status, headers, parsed, sent)

    def _request(self, call: Call, proof: Mapping[str, str], course: _Course) -> http.Request:
        left = self._left(course)
        answer, connect = min(self._patience.answer, left), min(self._patience.connect, left)
        headers = {**_ALWAYS, **proof}
        if call.body:
            headers.setdefault("Content-Type", "application/json")
        return http.Request(  # not through the client: its cookies would mix people, its merging costs time
            call.method,
            call.base + call.target,
            headers=headers,
            content=call.body or None,
            extensions={"timeout": {"connect": connect, "read": answer, "write": answer, "pool": connect}},
        )

    @staticmethod
    def _note_rate(line: Line, outcome: tuple[Fault, CloudError]) -> None:
        fault, error = outcome
        if fault.kind is CloudThrottled:
            line.throttled += 1
            line.limiter.refused(error.retry_after.total_seconds() if error.retry_after else 0.0)
        else:
            line.limiter.accepted()

    async def _pause_or_raise(self, line: Line, call: Call, course: _Course, fault: Fault, error: CloudError) -> None:
        may_repeat = fault.repeat or (call.safe and fault.lost)
        if not may_repeat or course.attempts >= self._patience.attempts:
            raise error
        pause = self._pause(course.attempts, error.retry_after)
        if pause >= self._left(course):
            raise error
        line.repeats += 1
        await self._pace.sleep(pause)

    def _pause(self, attempts: int, asked: timedelta | None) -> float:
        """Full jitter; what the cloud asks for is kept to, spread by up to half a second."""
        if asked is not None:
            return asked.total_seconds() + self._jitter() * 0.5
        patience = self._patience
        return self._jitter() * min(patience.longest_pause, patience.first_pause * 2.0 ** (attempts - 1))

    def _left(self, course: _Course) -> float:
        return max(0.001, course.until - self._pace.now())

    @staticmethod
    def _blame_the_clock(line: Line, error: CloudError) -> None:
        skew = line.clock.skew
        if abs(skew) < _SKEW_THAT_BREAKS_SIGNATURES:
            return
        minutes, side = round(abs(skew).total_seconds() / 60), "behind" if skew > timedelta(0) else "ahead of"
        raise CloudMisconfigured(
            f"This machine's clock is {minutes} min {side} the cloud's, so that its signatures are refused",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
            next_step="Tell your admin to set the clock of the machine that runs the bot (NTP).",
        ) from error


def _alive(status: int, attempt: int) -> bool | None:
    """A lone 500 may be one bad notebook, so that only the first of a call counts; 429 says nothing."""
    if status == 429 or (status == 500 and attempt > 1):
        return None
    return status < 500


_NEVER_SENT = (http.ConnectError, http.ConnectTimeout, http.PoolTimeout)
_BAD_ADDRESS = (http.UnsupportedProtocol, http.InvalidURL)


def _no_answer(call: Call, exc: Exception) -> tuple[Fault, CloudError]:
    if isinstance(exc, _BAD_ADDRESS):
        return Fault(CloudMisconfigured, ""), _caused(CloudMisconfigured("The cloud's address is not usable"), exc)
    if any("CERTIFICATE_VERIFY_FAILED" in str(cause) for cause in _causes(exc)):
        what = f"The certificate of {urlsplit(call.base).hostname} is not trusted"
        return Fault(CloudMisconfigured, what), _caused(CloudMisconfigured(what), exc)
    what = _silence(call, exc)
    if isinstance(exc, _NEVER_SENT):
        return Fault(CloudDown, what, repeat=True), _caused(CloudDown(what), exc)
    fault = Fault(CloudDown, what, lost=True)
    return fault, _caused((CloudDown if call.safe else AnswerLost)(what), exc)


def _silence(call: Call, exc: Exception) -> str:
    host = urlsplit(call.base).hostname
    if isinstance(exc, http.TimeoutException | TimeoutError):
        return f"The cloud at {host} does not answer in time"
    if any(isinstance(cause, socket.gaierror) for cause in _causes(exc)):
        return f"The cloud's address {host} does not exist: a wrong region, or no network"
    return f"The cloud at {host} cannot be reached"


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = exc
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _caused(error: CloudError, cause: Exception) -> CloudError:
    error.__cause__ = cause
    return error
