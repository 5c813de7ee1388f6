"""Fleets as the status page shows them, and the page as a reader gets it."""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

from exporter.answers.answer import Answer, Column
from exporter.config import Thresholds
from exporter.exposition.rendering import Disclosure
from exporter.fleet.key import Key
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.recent import Recent
from exporter.fleet.workspace import Fleet, Workspace
from exporter.page import status as status_page
from exporter.sendkit.feeds import analytics

NOW = Instant(unix=1_760_000_000.0, steady=5_000.0)
PLAIN = Disclosure(lambda email: email)


def before(seconds: float) -> Instant:
    return Instant(NOW.unix - seconds, NOW.steady - seconds)


def answer_of(
    size: int, statuses: Sequence[str] | None = None, address: str = "anna{}@acme.example", **numbers: Column
) -> Answer:
    return Answer(
        ids=[f"m{row}" for row in range(size)],
        texts={
            "email": [address.format(row) for row in range(size)],
            "display_name": ["Anna"] * size,
            "status": statuses or ["active"] * size,
            "warmup_status": ["in_progress"] * size,
        },
        numbers=numbers,
    )


def track(fleet: Fleet, label: str, *windows: str) -> Workspace:
    feeds = (analytics.all_time(60), *(analytics.window(window, 7, 60) for window in windows))
    polls = {feed.name: Poll(feed, stale_after=900.0) for feed in feeds}
    workspace = Workspace(Key(label), "agency", label, label, Thresholds().model_dump(), polls)
    fleet.add(workspace)
    return workspace


def fresh(fleet: Fleet, label: str, answer: Answer | None = None, *windows: str) -> Workspace:
    """Track a workspace of which every poll succeeded 23 s ago; who is not active left that a minute ago."""
    tracked = track(fleet, label, *windows)
    if answer is not None:
        statuses = zip(answer.ids, answer.text("status"), strict=True)
        left = {mailbox_id: NOW.unix - 60 for mailbox_id, status in statuses if status != "active"}
        tracked.recent = Recent(left=left, now=NOW.unix)
    for poll in tracked.polls.values():
        poll.succeeded(Reading(answer_of(2) if answer is None else answer, None), before(23), 0.42)
    return tracked


class Page(HTMLParser):
    """A page as a reader gets it: its texts, and each element with its attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self._texts: list[str] = []
        self.feed(source.replace(re.findall(r"<style>.*?</style>", source, re.DOTALL)[0], ""))
        self.text = " ".join("".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if dict(attrs).get("class") != "figure":
            self._texts.append(" ")

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag != "span":
            self._texts.append(" ")

    def section(self, name: str) -> "Page":
        """Return the section of that id."""
        found = re.search(rf'<section aria-labelledby="{name}">.*?</section>', self.source, re.DOTALL)
        assert found
        return Page("<style></style>" + found[0])

    @property
    def headline(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.source, re.DOTALL)
        assert found
        return Page("<style></style>" + found[1]).text

    @property
    def data(self) -> str:
        """Return the line of how the data is."""
        found = re.search(r'<p class="data .*?</p>', self.source, re.DOTALL)
        assert found
        return Page("<style></style>" + found[0]).text

    @property
    def rows(self) -> list[str]:
        """Return the text of each row of the section's table but its head."""
        rows = re.findall(r"<tr.*?</tr>", self.source, re.DOTALL)
        return [Page("<style></style>" + row).text for row in rows if "<td" in row]


def page_of(
    fleet: Fleet, disclosure: Disclosure = PLAIN, notices: Sequence[str] = (), now: Instant = NOW
) -> Page:
    view = status_page.look(fleet, now, disclosure, notices)
    return Page(status_page.render(view, "exporter:19587", "1.2.3"))
