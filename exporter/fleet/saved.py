"""What is saved of a poll: its last answer, and the workspace's counters with the all-time one."""

from collections.abc import Mapping, Sequence

import msgspec

from exporter.answers.answer import Answer
from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant
from exporter.fleet.rises import Number
from exporter.fleet.workspace import Workspace


class Saved(msgspec.Struct):
    """The last answer of a workspace's feed, and the workspace's counters with the base feed's."""

    workspace_id: str
    account: str
    name: str
    label: str
    feed: str
    ids: Sequence[str]
    texts: Mapping[str, Sequence[str | None]]
    numbers: Mapping[str, Sequence[Number]]
    duplicates: int
    counters: Totals
    """With times in seconds after the poll succeeded: those before it are negative."""
    left: bool = False
    """Whether the workspace left: only its counters are kept."""
    unit: str = ""
    """The workspace's `unit`."""
    succeeded: float = 0.0
    """When the poll succeeded, in Unix seconds: the file has it apart, where it can be replaced alone."""

    @classmethod
    def of(cls, workspace: Workspace, feed: str, answer: Answer, totals: Totals, steady: float) -> "Saved":
        """Return what is to be saved; `steady` is the time by the steady clock."""
        return cls(
            workspace_id=workspace.key.id,
            account=workspace.account,
            name=workspace.name,
            label=workspace.label,
            feed=feed,
            unit=workspace.unit,
            ids=answer.ids,
            texts=answer.texts,
            numbers=answer.numbers,
            duplicates=answer.duplicates,
            counters=totals.shifted(-steady),
        )

    @property
    def key(self) -> Key:
        """Return what the workspace was known by."""
        return Key(self.workspace_id) if self.workspace_id else Key(account=self.account)

    def answer(self) -> Answer:
        """Return the answer; its suspect values were counted before."""
        return Answer(self.ids, self.texts, self.numbers, duplicates=self.duplicates)

    def totals(self, succeeded: float) -> Totals:
        """Return the counters; the poll succeeded at that time by the steady clock."""
        return self.counters.shifted(succeeded)

    def as_of(self, now: Instant) -> Instant:
        """Return when the poll succeeded; if the wall clock was set back since, that is now."""
        age = max(0.0, now.unix - self.succeeded)
        return Instant(now.unix - age, now.steady - age)
