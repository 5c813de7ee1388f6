"""The parts of the table: records and alerts, in groups, in files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from prometheus.table.levels import Level

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A recording rule."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alerting rule. Labels, links and inhibition follow from its fields."""

    alert: str
    severity: Severity
    level: Level
    """What it is about: its labels besides `severity` are those of the level."""
    expr: str
    wait: str | None
    """The rule's `for`."""
    keep: str | None = None
    """The rule's `keep_firing_for`, of what inhibits alerts that end later."""
    summary: str
    description: str
    worst: str = ""
    """The sentence on the domains or mailboxes behind it, for what has such."""
    shown_on: str | None = None
    """The uid of the dashboard that it links to, where that is not the level's."""
    inhibited_by: tuple[str, ...] = ()
    """The alerts, besides SendKitExporterDown, that say more about the same incident."""
    comment: str = ""

    @property
    def dashboard(self) -> str:
        """Return the uid of the dashboard that it links to."""
        return self.shown_on or self.level.dashboard


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rules that are evaluated together, in their order."""

    name: str
    interval: str
    offset: str = ""
    """When it is evaluated within each interval (`eval_offset`), which vmalert alone knows."""
    rules: Sequence[Record | Alert]
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class RuleFile:
    """A file of groups, about one subject."""

    name: str
    """The file's name without its ending."""
    makes: str
    """What its rules make, for docs/rules.md."""
    comment: str
    groups: Sequence[Group]
