"""A message as it is written: every sentence goes to its block and to `text`, so that `text` says it all."""

from bot.render import blocks, text
from bot.slack import Block, Message

_ENOUGH, _SHORT = 5500, 100  # Slack refuses messages of over some 10,000 characters


class Page:
    """Collects paragraphs, small print and buttons, and never exceeds what Slack takes."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._lines: list[str] = []

    def title(self, plain: str) -> None:
        """A heading; plain."""
        self._blocks.append(blocks.header(plain))
        self._lines.append(text.escape(plain))

    def say(self, mrkdwn: str, *, accessory: Block | None = None) -> None:
        """A paragraph; a short one once the message has become long."""
        said = text.clip(mrkdwn, max(_SHORT, _ENOUGH - sum(map(len, self._lines))))
        self._blocks.append(blocks.section(said, accessory=accessory))
        self._lines.append(said)

    def facts(self, *pairs: tuple[str, str]) -> None:
        """Short labelled values; those without a value are left out."""
        known = [(label, value) for label, value in pairs if value]
        for start in range(0, len(known), blocks.FIELDS):
            part = known[start : start + blocks.FIELDS]
            self._blocks.append(blocks.fields([f"*{label}*\n{value}" for label, value in part]))
        self._lines += [f"{label}: {value}" for label, value in known]

    def note(self, mrkdwn: str) -> None:
        """Small print."""
        self._blocks.append(blocks.context(mrkdwn))
        self._lines.append(mrkdwn)

    def buttons(self, *row: Block | None) -> None:
        """A row of buttons, those that apply; what they do can be typed as well, so `text` is silent about them."""
        if known := [each for each in row if each]:
            self._blocks.append(blocks.actions(known))

    def line(self) -> None:
        """A divider."""
        self._blocks.append(blocks.divider())

    def take(self) -> list[Block]:
        """The blocks alone, for a view."""
        return self._blocks

    def message(self, *, image: bytes | None = None, title: str = "", alt: str = "") -> Message:
        """The whole message."""
        said = text.clip("\n".join(self._lines), text.MESSAGE_LIMIT)
        return Message(
            said, tuple(self._blocks[: blocks.MESSAGE_BLOCKS]), image, title if image else "", alt if image else ""
        )
