"""IAM's state: domain, project, users, tokens, keys and the lock after failed passwords."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.sandbox.clock import SimClock
from deploy.sandbox.cloud import signing
from deploy.sandbox.cloud.errors import iam_refusal, refusal
from deploy.sandbox.cloud.model import PERSON_RIGHTS, User
from deploy.sandbox.cloud.settings import CloudSettings
from deploy.sandbox.cloud.signing import Wire

_ACCESS = re.compile(r"Access=([^,\s]+)")


def hex_id(text: str) -> str:
    """A stable 32-digit id."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Token:
    """`project_id` None: scoped to the domain, which ModelArts refuses."""

    text: str
    user: User
    project_id: str | None
    issued_ms: int
    expires_ms: int
    dead: bool = False


@dataclass(frozen=True)
class TemporaryKey:
    access_key: str
    secret_key: str
    security_token: str
    user: User
    expires_ms: int


@dataclass(frozen=True)
class Caller:
    """Who calls, proven. `by` is `token`, `aksk` or `temporary`."""

    user: User
    project_id: str | None
    by: str
    token: Token | None = None


class Identity:
    """One domain with one project, as many users as are added."""

    def __init__(self, clock: SimClock, settings: CloudSettings, *, domain: str, project_id: str) -> None:
        self._clock = clock
        self._settings = settings
        self.domain = domain
        self.domain_id = hex_id(f"domain {domain}")
        self.project_id = project_id
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.temporary: dict[str, TemporaryKey] = {}
        self._issued = 0

    @property
    def projects(self) -> dict[str, str]:
        """Name -> id."""
        return {self._settings.region: self.project_id}

    def add(
        self,
        name: str,
        *,
        password: str | None = None,
        rights: set[str] | frozenset[str] = PERSON_RIGHTS,
        user_id: str | None = None,
        account_admin: bool = False,
    ) -> User:
        keys = hashlib.sha256(f"keys {name}".encode()).hexdigest()
        user = User(
            id=user_id or hex_id(f"user {name}"),
            name=name,
            password=f"sandbox-{name}" if password is None else password,
            access_key=f"SANDBOX{keys[:13].upper()}",
            secret_key=f"sandbox{keys[13:46]}",
            rights=set(rights),
            account_admin=account_admin,
        )
        self.users[name] = user
        return user

    def user_by_id(self, user_id: str) -> User | None:
        return next((user for user in self.users.values() if user.id == user_id), None)

    # passwords and tokens

    def check_password(self, domain: str, name: str, password: str) -> User:
        """Raises the 401 of IAM; the fifth failure in a row locks the user for a while."""
        user = self.users.get(name)
        now = self._clock.now_ms()
        if domain != self.domain or user is None:
            raise iam_refusal(401, "The username or password is wrong.")
        if now < user.locked_until_ms:
            raise iam_refusal(401, "The account is locked.")
        if password != user.password:
            self._failed(user, now)
            raise iam_refusal(401, "The username or password is wrong.")
        user.failures = 0
        if not user.enabled:
            raise iam_refusal(401, "The user is disabled.")
        return user

    def _failed(self, user: User, now: int) -> None:
        user.failures += 1
        if user.failures >= self._settings.lock_after:
            user.failures, user.locked_until_ms = 0, now + self._settings.lock_ms

    def issue(self, user: User, project_id: str | None) -> Token:
        self._issued += 1
        now = self._clock.now_ms()
        token = Token(self._token_text(user), user, project_id, now, now + self._settings.token_life_ms)
        self.tokens[token.text] = token
        return token

    def _token_text(self, user: User) -> str:
        seed = f"{user.id} {self._issued} {self._clock.now_ms()}".encode()
        raw, block = b"", seed
        while len(raw) < self._settings.token_chars * 3 // 4:
            block = hashlib.sha512(block).digest()
            raw += block
        return "MIIZ" + base64.b64encode(raw).decode()[: self._settings.token_chars - 4]

    def kill_tokens(self, user: User) -> None:
        """What happens within half an hour of a changed password, right or key: here at once."""
        for token in self.tokens.values():
            if token.user is user:
                token.dead = True

    def live_token(self, text: str) -> Token | None:
        token = self.tokens.get(text)
        if token is None or token.dead or not token.user.enabled or self._clock.now_ms() >= token.expires_ms:
            return None
        return token

    def add_temporary(self, user: User, life_ms: int) -> TemporaryKey:
        self._issued += 1
        seed = hashlib.sha256(f"temporary {user.id} {self._issued}".encode()).hexdigest()
        now = self._clock.now_ms()
        key = TemporaryKey(f"HST{seed[:17].upper()}", seed[17:57], self._token_text(user)[:1200], user, now + life_ms)
        self.temporary[key.access_key] = key
        return key

    # who calls

    def claimed_user(self, wire: Wire) -> str | None:
        """Whose token or key it is, proven or not."""
        if token := self.tokens.get(wire.headers.get("x-auth-token", "")):
            return token.user.name
        found = _ACCESS.search(wire.headers.get("authorization", ""))
        if found is None:
            return None
        if temporary := self.temporary.get(found[1]):
            return temporary.user.name
        return next((user.name for user in self.users.values() if user.access_key == found[1]), None)

    def caller(self, wire: Wire) -> Caller:
        """Proves the caller by token or signature; raises the refusal of the gateway or of ModelArts."""
        if "authorization" in wire.headers:
            return self._signed(wire)
        text = wire.headers.get("x-auth-token")
        if not text:
            raise refusal("0201")
        token = self.tokens.get(text)
        if token is None:
            raise refusal("0203")
        if self.live_token(text) is None:
            raise refusal("0202")
        return Caller(token.user, token.project_id, "token", token)

    def _signed(self, wire: Wire) -> Caller:
        headers = wire.headers
        try:
            claim = signing.parse(headers["authorization"])
            caller, secret = self._key(claim.access_key, headers, claim.signed_headers)
            sdk_date = headers.get("x-sdk-date", "")
            signing.check_date(sdk_date, self._clock.now_ms(), self._settings.clock_skew_ms)
            canonical = signing.canonical_request(wire, claim.signed_headers)
            if signing.signature(secret, sdk_date, canonical) != claim.signature:
                raise signing.BadSignature("verify aksk signature fail")
        except signing.BadSignature as exc:
            raise refusal("APIGW.0301", f"Incorrect IAM authentication information: {exc}.") from exc
        return caller

    def _key(self, access_key: str, headers: Mapping[str, str], signed: tuple[str, ...]) -> tuple[Caller, str]:
        temporary = self.temporary.get(access_key)
        if temporary is not None:
            if "x-security-token" not in signed or headers.get("x-security-token") != temporary.security_token:
                raise signing.BadSignature("the security token is missing, unsigned or wrong")
            if self._clock.now_ms() >= temporary.expires_ms:
                raise signing.BadSignature("the security token has expired")
            user, secret, by = temporary.user, temporary.secret_key, "temporary"
        else:
            found = next((u for u in self.users.values() if u.access_key == access_key), None)
            if found is None:
                raise signing.BadSignature("the access key does not exist")
            user, secret, by = found, found.secret_key, "aksk"
        if not user.enabled:
            raise signing.BadSignature("the user is disabled")
        return Caller(user, self.project_id, by), secret
