"""What a row of the catalogue is: a metric, a field of the API, and a feed that asks for fields."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cached_property
from typing import Literal

ALL_TIME = "all"
"""The value of the label `window` for all-time figures."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric family: one name, one type, one set of labels; `source` is the API's field, if it has one."""

    name: str
    type: Literal["gauge", "counter"]
    help: str
    labels: tuple[str, ...] = ()
    source: str = ""

    @property
    def help_text(self) -> str:
        """Return the help with the API's field, as HELP shows it."""
        return f"{self.help} API field: {self.source}." if self.source else self.help


def gauge(name: str, text: str, labels: tuple[str, ...] = (), source: str = "") -> Metric:
    """Return a gauge."""
    return Metric(name, "gauge", text, labels, source)


def counter(name: str, text: str, labels: tuple[str, ...] = (), source: str = "") -> Metric:
    """Return a counter."""
    return Metric(name, "counter", text, labels, source)


class Check(Enum):
    """What a field's value must be; one that is not is left out and counted as suspect."""

    TEXT = "a text that is not empty"
    OPTIONAL_TEXT = "a text or null"
    STATE = "a text that is not empty, one of an open set"
    FLAG = "true or false, kept as 1 or 0"
    COUNT = "a whole number from 0"
    RATIO = "a number from 0; one above 1 is passed on and counted as suspect"
    PERCENT = "a text with a number of percent, kept as a ratio"
    SCORE = "a number of percent, kept as a ratio"
    TIME = "a time as a text of ISO 8601, kept as Unix seconds"
    NOTE = "a text, or null or absent where there is nothing to say, kept as an empty text"
    TAGS = "a list of texts, kept as one text"


TAG_SEPARATOR = "\x1f"
"""Between the tags of a mailbox in a text of them."""


class Rows(Enum):
    """What the rows of an answer are."""

    MAILBOXES = "the mailboxes of a list"
    WORKSPACE = "the workspace: one object"
    NEWEST = "the newest finished item of a list of tests"


@dataclass(frozen=True, eq=False)  # a row is itself alone: comparing all its texts is slow
class Field:
    """A field of a mailbox in an answer.

    `wire` is its place, such as `warmup?.status`; a `?` after a name says that an answer may be without it.
    `column` names its values in an `Answer`. `metric` is the gauge that shows it, `counter` the counter of
    its rises. `states` are the documented values of a `STATE`.
    """

    wire: str
    column: str
    check: Check
    metric: Metric | None = None
    counter: Metric | None = None
    states: tuple[str, ...] = ()

    @cached_property
    def path(self) -> tuple[tuple[str, bool], ...]:
        """Return each name of the place, and whether an answer may be without it."""
        return tuple((name.removesuffix("?"), name.endswith("?")) for name in self.wire.split("."))

    @cached_property
    def name(self) -> str:
        """Return the place as HELP and suspect values name it: `warmup.status`."""
        return self.wire.replace("?", "")

    @cached_property
    def is_text(self) -> bool:
        """Whether the values are texts rather than numbers."""
        return self.check in {Check.TEXT, Check.OPTIONAL_TEXT, Check.STATE, Check.NOTE, Check.TAGS}

    @cached_property
    def is_ratio(self) -> bool:
        """Whether the values are ratios, which are expected to be 1 at most."""
        return self.check in {Check.RATIO, Check.PERCENT, Check.SCORE}


def _no_parameters(_today: date) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Feed:
    """One thing that the API can be asked of a workspace.

    The answer to `GET path`, with the parameters that `query` gives for today's date, holds a list of
    mailboxes at `items`, each with its id in `id_name`. The feed that does not join is the workspace's base:
    it says which mailboxes there are. All others add samples to these. `window` is the value of the label
    `window`; a feed without one is a collector, and goes by its name. A list that `is_paged` is asked for
    page by page, or its parts are. `parts` are lists that one poll asks for, one after the other, in the
    place of `path`; each is then at `data.` and its name.
    """

    name: str
    path: str
    fields: tuple[Field, ...]
    interval_seconds: float
    query: Callable[[date], Mapping[str, str]] = _no_parameters
    items: str = "data"
    id_name: str = "_id"
    joins: bool = True
    window: str | None = None
    rows: Rows = Rows.MAILBOXES
    is_paged: bool = False
    parts: tuple["Feed", ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be listed and never counted: rises are counted of the base feed alone."""
        counted = [field.wire for field in self.fields if field.counter]
        if self.is_collector and counted:
            raise ValueError(f"{self.name}: a collector has no counters, found one of {', '.join(counted)}")

    @property
    def is_collector(self) -> bool:
        """Whether it adds what the key may be refused without harm to the rest."""
        return self.window is None

    @property
    def label(self) -> Mapping[str, str]:
        """Return the label that separates this feed's poll metrics from those of others."""
        return {"window": self.window} if self.window is not None else {"collector": self.name}

    def metrics(self) -> Iterator[Metric]:
        """Yield the families of its fields, gauges before counters."""
        yield from (field.metric for field in self.fields if field.metric)
        yield from (field.counter for field in self.fields if field.counter)

    def suspects(self) -> list[str]:
        """Return every name under which a suspect value of it can be counted."""
        parts = [field.name.rpartition(".")[0] for field in self.fields]
        own_id = self.id_name if self.rows is Rows.MAILBOXES else ""
        return sorted({*(field.name for field in self.fields), *filter(None, (own_id, *parts))})
