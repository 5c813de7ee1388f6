"""What `check --probe` prints of workspaces: a table, and lines below it that hold no key and no address."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from exporter.answers.answer import Answer
from exporter.answers.unit import AUTO
from exporter.catalogue.kinds import Feed, Rows
from exporter.config import Config, keys
from exporter.nouns import several
from exporter.polling.watch import NONE_KEPT

HEADINGS = ("workspace", "id", "mailboxes", "active", "bounceRate in", "refused")
UNKNOWN = "-"
SHOWN_CHARACTERS = 60  # of a name


@dataclass(slots=True)
class Row:
    """What is found of a workspace: the base feed's answer, and why feeds are refused."""

    name: str
    id: str = UNKNOWN
    answer: Answer | None = None
    refused: dict[str, str] = field(default_factory=dict)
    collected: dict[str, str] = field(default_factory=dict)
    """What each collector sees, or why it sees nothing, by its name."""

    closed: set[str] = field(default_factory=set)
    """The collectors that are refused."""

    def fails(self, feed: Feed, why: str, *, is_refused: bool) -> None:
        """Note that nothing is seen of a feed."""
        if not feed.is_collector:
            self.refused[feed.name] = why
            return
        self.collected[feed.name] = f"{'refused' if is_refused else 'failed'}: {why}"
        if is_refused:
            self.closed.add(feed.name)

    def cells(self) -> Sequence[str]:
        """Return the cells of its row."""
        mailboxes = active = unit = UNKNOWN
        if self.answer is not None:
            mailboxes = str(len(self.answer))
            active = str(sum(status == "active" for status in self.answer.text("status")))
            unit = self.answer.proven_unit or (f"{self.answer.unit}?" if self.answer.unit else UNKNOWN)
        return (
            self.name,
            self.id,
            mailboxes,
            active,
            unit,
            ", ".join([*self.refused, *sorted(self.closed)]) or "nothing",
        )


def table(rows: Iterable[Row]) -> list[str]:
    """Return the rows as lines, their cells under headings."""
    lines = [HEADINGS, *([plain(cell)[:SHOWN_CHARACTERS] for cell in row.cells()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def seen_of(feed: Feed, answer: Answer) -> str:
    """Return what a collector sees of a workspace, in a few words and without an address."""
    if feed.rows is Rows.MAILBOXES:
        return several(len(answer), "mailbox")
    return ", ".join(f"{name} {column[0]:g}" for name, column in answer.numbers.items()) or "nothing finished"


def lines(rows: Sequence[Row], config: Config) -> list[str]:
    """Return what is below the table: warnings, what collectors see, and why what is refused is refused."""
    return [
        *(about(row, "warning", text) for row in rows for text in _warnings(row.answer, config)),
        *(about(row, f"collector {name}", seen) for row in rows for name, seen in row.collected.items()),
        *(about(row, name, why) for row in rows for name, why in row.refused.items()),
    ]


def _warnings(answer: Answer | None, config: Config) -> Iterator[str]:
    """Yield what an answer shows to be wrong in the configuration."""
    if answer is None:
        return
    unit = config.api.bounce_rate_unit
    if unit != AUTO and answer.proven_unit not in {"", unit}:
        yield f"api.bounce_rate_unit is {unit}, and the API's figures prove {answer.proven_unit}"
    mailboxes = zip(answer.text("email"), answer.text("status"), strict=True)
    if len(answer) and not any(config.mailboxes.keeps(email or "", it or "") for email, it in mailboxes):
        yield NONE_KEPT


def about(row: Row, what: str, text: str) -> str:
    """Return a line about a workspace."""
    return f"  {plain(row.name)[:SHOWN_CHARACTERS]}: {what}: {plain(text)}"


def plain(text: str) -> str:
    """Return a foreign text fit for a terminal: printable, and without what is written like a key."""
    return keys.redact("".join(filter(str.isprintable, text)))
