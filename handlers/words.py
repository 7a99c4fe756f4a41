"""What people type after the command, as words: pure, and forgiving about what chat programs do to text."""

import re
from dataclasses import dataclass

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t\r\n"
_DOUBLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02"
_SINGLE = "\u2018\u2019\u201a\u201b\u2032\uff07"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_TYPING = str.maketrans(
    dict.fromkeys(_SPACES, " ")
    | dict.fromkeys(_DOUBLE, '"')
    | dict.fromkeys(_SINGLE, "'")
    | dict.fromkeys(_DASHES, "-")
    | {"\uff1d": "="}
)
_INVISIBLE = re.compile("[\x00\u200b\u200c\u200d\u2060\ufeff]")
_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,30})(?:\|[^>]*)?>")
_USER_ID = re.compile(r"@([UW][A-Z0-9]{6,30})")
_LINK = re.compile(r"<(?:mailto:|tel:|(?=https?://))([^<>|\s]+)(?:\|([^<>|]+))?>")
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]+\|([^<>|]+)>")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: `text` as we read it, `start` and `end` where it stands in `Typed.raw`."""

    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """The words of a command, and the text as it was typed, for reasons."""

    raw: str
    words: tuple[Word, ...]

    def rest(self, index: int) -> str:
        """Everything from word `index` on, exactly as it was typed."""
        return self.raw[self.words[index].start :].strip() if index < len(self.words) else ""

    def name(self, first: int, end: int | None = None) -> str:
        """Words `first` up to `end` as one name: a single one without its quotes, several as typed."""
        chosen = self.words[first:end]
        if len(chosen) == 1:
            return chosen[0].text
        return " ".join(word.text for word in chosen)


def unescape(text: str) -> str:
    """Slack's three entities as characters, each once."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def as_typed(text: str) -> str:
    """What a person typed: Slack's links and public channels as they were written, entities as characters."""
    linked = _LINK.sub(lambda found: found[2] or found[1], text)
    return _INVISIBLE.sub("", unescape(_CHANNEL.sub(r"#\1", linked)))


def read(text: str) -> Typed:
    """Split `text`; it is decoded, and odd spaces, quotes and dashes read as the plain ones."""
    raw = as_typed(text).strip()
    plain = raw.translate(_TYPING)  # one character for one, so that positions agree
    return Typed(raw, tuple(_words(plain)))


def mention(word: str) -> str | None:
    """The user id in `<@U…>`, `<@U…|name>` or `@U…`, if `word` is one."""
    found = _MENTION.fullmatch(word) or _USER_ID.fullmatch(word)
    return found[1] if found else None


def same(text: str) -> str:
    """Two texts are the same command if this is equal."""
    return " ".join(as_typed(text).translate(_TYPING).split())


def _words(plain: str) -> list[Word]:
    found: list[Word] = []
    at = 0
    while at < len(plain):
        if plain[at] == " ":
            at += 1
            continue
        word = _word(plain, at)
        found.append(word)
        at = word.end
    return found


def _word(plain: str, start: int) -> Word:
    """A word, a quoted one, a mention (whose name may hold spaces), or `key="…"`."""
    if (mentioned := _MENTION.match(plain, start)) is not None:
        return Word(mentioned[0], start, mentioned.end())
    if (end := _closing(plain, start)) is not None:
        return Word(plain[start + 1 : end], start, end + 1, quoted=True)
    stop = _space(plain, start)
    equals = plain.find("=", start, stop)
    if equals > start and (end := _closing(plain, equals + 1)) is not None:
        return Word(plain[start : equals + 1] + plain[equals + 2 : end], start, end + 1)
    return Word(plain[start:stop], start, stop)


def _closing(plain: str, at: int) -> int | None:
    """Where the quote that opens at `at` closes: before a space or the end; None if none opens or closes."""
    if at >= len(plain) or plain[at] not in "\"'":
        return None
    end = at
    while (end := plain.find(plain[at], end + 1)) != -1:
        if end + 1 == len(plain) or plain[end + 1] == " ":
            return end
    return None


def _space(plain: str, start: int) -> int:
    end = plain.find(" ", start)
    return len(plain) if end == -1 else end
