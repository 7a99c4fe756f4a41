"""The commands: the one list of them, and the help drawn from it."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from bot.render import text
from bot.render.page import Page
from bot.slack import Message

Group = Literal["Notebooks", "Time", "Look", "Money and rules", "You", "Admins"]

GROUPS: tuple[Group, ...] = ("Notebooks", "Time", "Look", "Money and rules", "You", "Admins")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `usage` and `examples` without the slash command itself."""

    name: str
    usage: str
    line: str
    group: Group
    examples: tuple[str, ...]
    more: str = ""


COMMANDS: tuple[Command, ...] = (
    Command(
        "list",
        "list [mine|all|running|stopped|@user] [words]",
        "your notebooks, their state, time left and cost",
        "Notebooks",
        ("list", "list all", "list running gpu", "list @ana"),
        "Without a word it lists yours. Further words must all be found in the name, flavor or image.",
    ),
    Command(
        "show",
        "show NAME",
        "everything about one notebook",
        "Notebooks",
        ("show train-1",),
        "State, image, flavor, disk, lease, what is known about its activity, cost, and who may do what.",
    ),
    Command(
        "create",
        "create [NAME image=IMAGE flavor=FLAVOR] [disk=50] [for=4h] [idle] [project=NAME]",
        "a new notebook; without details a form asks for them",
        "Notebooks",
        ("create", "create train-1 image=pytorch1.8 flavor=modelarts.vm.cpu.2u for=4h"),
        "The form shows the price and the end before you confirm. `idle` lets the cloud stop it when it is idle "
        "instead of at a fixed time. Beyond the policy or the budget it becomes a request for approval.",
    ),
    Command(
        "start",
        "start NAME [for 4h]",
        "start a stopped notebook",
        "Notebooks",
        ("start train-1", "start train-1 for 4h"),
        "Without a time it runs for the lease that the policy sets.",
    ),
    Command(
        "stop",
        "stop NAME",
        "stop it; asks once",
        "Notebooks",
        ("stop train-1",),
        "What is in /home/ma-user/work stays; everything else in the container is gone.",
    ),
    Command(
        "delete",
        "delete NAME",
        "delete it with its disk; asks for the name",
        "Notebooks",
        ("delete train-1",),
        "This cannot be undone. The form says what is lost.",
    ),
    Command(
        "extend",
        "extend NAME 2h|until 18:00 [reason]",
        "let it run longer",
        "Time",
        ("extend train-1 2h", "extend train-1 until 18:00 last epochs", "extend train-1 until fri 12:00 long run"),
        "2h is added to what is left. Times are in your own time zone. Beyond the policy it becomes a request for "
        "approval; the reason is shown to the approver.",
    ),
    Command(
        "keep",
        "keep NAME until 23:00 reason",
        "still training: no idle stop until then",
        "Time",
        ("keep train-1 until 23:00 waiting for data",),
        "The team can see it. It does not move the end of the lease: use `extend` for that.",
    ),
    Command(
        "open",
        "open NAME",
        "the private link to your notebook",
        "Look",
        ("open train-1",),
        "Only you see it, and only for your own notebooks.",
    ),
    Command(
        "why",
        "why NAME",
        "what was decided about it, on what evidence, by which rule",
        "Look",
        ("why train-1",),
        "Every decision to warn, stop or leave alone is on record.",
    ),
    Command(
        "plan",
        "plan NAME [at 23:00]",
        "what would happen then, and by which rule",
        "Look",
        ("plan train-1", "plan train-1 at 23:00"),
        "It assumes that nothing is renewed and that activity stays as it is.",
    ),
    Command(
        "images",
        "images [words]",
        "images to create from",
        "Look",
        ("images", "images pytorch"),
        "Use the full name, a unique beginning of it, or the id in `create`.",
    ),
    Command(
        "flavors",
        "flavors [cpu|gpu|npu]",
        "machine sizes, with price per hour",
        "Look",
        ("flavors", "flavors gpu"),
        "Sold out ones are marked; try those again later.",
    ),
    Command(
        "cost",
        "cost [me|team|@user] [7d|30d|month]",
        "what was spent and saved, with a chart",
        "Money and rules",
        ("cost", "cost team 30d", "cost @ana month"),
        "A team is a project. Savings come from stops that happened; the method is stated.",
    ),
    Command(
        "policy",
        "policy [NAME]",
        "the limits that hold, and where each comes from",
        "Money and rules",
        ("policy", "policy train-1"),
        "With a name: the limits of that notebook, after every rule.",
    ),
    Command(
        "approvals",
        "approvals",
        "requests that wait for you, and yours",
        "Money and rules",
        ("approvals",),
        "Nobody decides on their own request.",
    ),
    Command(
        "audit",
        "audit NAME",
        "who did what, when, on whose request",
        "Money and rules",
        ("audit train-1",),
        "For the owner, leads, admins and auditors.",
    ),
    Command(
        "link",
        "link [project]",
        "connect your cloud user, on a private page",
        "You",
        ("link", "link research"),
        "Credentials are given on that page only. Never type them into Slack.",
    ),
    Command(
        "unlink",
        "unlink [project]",
        "forget your cloud credentials",
        "You",
        ("unlink", "unlink research"),
        "Your notebooks stay as they are. Their end and their idle stops still hold.",
    ),
    Command(
        "whoami",
        "whoami",
        "who you are to the cloud, and your roles",
        "You",
        ("whoami",),
    ),
    Command(
        "settings",
        "settings",
        "quiet hours and optional notices",
        "You",
        ("settings",),
        "Notices before a stop cannot be muted.",
    ),
    Command(
        "help",
        "help [command]",
        "this page, or one command in full",
        "You",
        ("help", "help extend"),
    ),
    Command(
        "admin",
        "admin enforce|shadow|pause|release|map @user CLOUD_USER [project]",
        "mode, brake and people of a project",
        "Admins",
        ("admin shadow", "admin release research", "admin map @ana ana-cloud"),
        "`enforce` stops idle notebooks after a warning, `shadow` only records what it would stop. `pause` halts all "
        "stops until `release`. `map` says who gets notices about a cloud user's notebooks before they have linked.",
    ),
)

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}


def nearest(word: str) -> str | None:
    """The command that was probably meant; None if nothing is near."""
    found = get_close_matches(word.lower(), BY_NAME, n=1, cutoff=0.6)
    return found[0] if found else None


def help_message(command: str, topic: str | None = None) -> Message:
    """One screen with every command; with `topic`, that command in full, or the one that was probably meant."""
    if topic is None:
        return _overview(command)
    word = topic.strip().lower()
    if (known := BY_NAME.get(word)) is not None:
        return _in_full(command, known)
    page, meant = Page(), nearest(word)
    guess = f" Did you mean `{command} help {meant}`?" if meant else ""
    page.say(f"There is no command {text.code(topic)}.{guess} `{command} help` shows all.")
    return page.message()


def _overview(command: str) -> Message:
    page = Page()
    page.say(f"I look after your ModelArts notebooks. Type `{command}` and one of these:")
    for group in GROUPS:
        lines = [f"`{text.escape(each.usage)}`  {text.escape(each.line)}" for each in COMMANDS if each.group == group]
        page.say(f"*{group}*\n" + "\n".join(lines))
    examples = ("create", "extend train-1 2h", "keep train-1 until 23:00 waiting for data")
    page.say("For example: " + ", ".join(f"`{command} {example}`" for example in examples))
    page.note(f"NAME is a name, an id or the beginning of one. `{command} help extend` shows one command in full.")
    return page.message()


def _in_full(command: str, known: Command) -> Message:
    page = Page()
    page.say(
        f"`{command} {text.escape(known.usage)}`\n{known.line[0].upper()}{text.escape(known.line[1:])}."
        + (f" {text.advice(known.more, command)}" if known.more else "")
    )
    page.say("For example:\n" + "\n".join(f"`{command} {text.escape(example)}`" for example in known.examples))
    return page.message()
