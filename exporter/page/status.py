"""The status page: what a person on call sees at a glance.

In two steps: `look` copies what may change, on the event loop, without touching a mailbox; `render` does the
work of each mailbox and may run in a thread.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import ALL_TIME
from exporter.catalogue.workspace import Reason
from exporter.exposition.rendering import Disclosure
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.workspace import Fleet
from exporter.page import trouble, wording
from exporter.page.figures import Figures
from exporter.page.poll_state import COLOURS, LEVELS, SYMBOLS, Level, State
from exporter.page.trouble import Concern, Troubled

REFRESH_SECONDS = 30
MOST_TROUBLED = 15
MOST_NAMES = 3

_REASONS = {
    Reason.AUTH: "the key is refused",
    Reason.RATE_LIMITED: "the API limits our requests",
    Reason.TIMEOUT: "no answer in time",
    Reason.NETWORK: "the API cannot be reached",
    Reason.SERVER_ERROR: "the API fails",
    Reason.CLIENT_ERROR: "the API rejects the request",
    Reason.MALFORMED: "the answer cannot be understood",
    Reason.TOO_LARGE: "the answer is too large",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A workspace as it was when looked at; its polls are copies, the all-time one among them."""

    label: str
    thresholds: Mapping[str, float]
    polls: Mapping[str, Poll]
    now: Instant

    @property
    def all_time(self) -> Poll:
        """Return the copy of the all-time poll."""
        return self.polls[ALL_TIME]

    @property
    def state(self) -> State:
        """Return the worst state of its polls."""
        return max((State.of(poll, self.now) for poll in self.polls.values()), key=lambda state: state.rank)

    @property
    def answers(self) -> Mapping[str, Answer]:
        """Return the answers that still count, by window; none at all without the all-time one."""
        answers = {
            window: poll.answer
            for window, poll in self.polls.items()
            if poll.answer is not None and not poll.is_stale(self.now)
        }
        return answers if ALL_TIME in answers else {}


@dataclass(frozen=True, slots=True)
class View:
    """The fleet as it was at a moment; `notices` tell of trouble outside its workspaces."""

    now: Instant
    workspaces: Sequence[Seen]
    notices: Sequence[str] = ()


def look(fleet: Fleet, now: Instant, notices: Sequence[str] = ()) -> View:
    """Return the fleet as it is now, cheaply: polls are copied, answers are shared, as they never change."""
    workspaces = [
        Seen(
            workspace.label,
            dict(workspace.thresholds),
            {name: _copied(poll) for name, poll in workspace.polls.items()},
            now,
        )
        for workspace in fleet
    ]
    return View(now, workspaces, tuple(notices))


def _copied(poll: Poll) -> Poll:
    return replace(poll, failures=Counter(poll.failures), suspects=Counter())


def render(view: View, disclosure: Disclosure, host: str, version: str, scheme: str = "http") -> str:
    """Return the page; `scheme` and `host` are what the request was addressed to."""
    workspaces = sorted(view.workspaces, key=lambda seen: (-seen.state.rank, seen.label.casefold()))
    answers = [(seen, seen.answers) for seen in view.workspaces]
    fleet = [trouble.watched(seen.label, seen.thresholds, found) for seen, found in answers if found]
    nearest, concerns = trouble.nearest(fleet, MOST_TROUBLED)
    return _template.render(
        headline=Headline.of(workspaces, view.notices, concerns[Concern.BOUNCING_BADLY]),
        notices=view.notices,
        figures=Figures.of([found for _, found in answers if found]),
        fresh=len(fleet),
        rows=[row for seen in workspaces for row in _rows(seen)],
        workspaces=len(workspaces),
        nearest=[_mailbox(troubled, disclosure) for troubled in nearest],
        in_trouble=sum(count for concern, count in concerns.items() if concern.is_trouble),
        near_trouble=sum(count for concern, count in concerns.items() if not concern.is_trouble),
        concerns=[(_CONCERNS[concern], concerns[concern]) for concern in sorted(concerns, reverse=True)],
        snippets=_snippets(host, scheme),
        version=version,
        moment=datetime.fromtimestamp(view.now.unix, UTC),
    )


@dataclass(frozen=True, slots=True)
class Headline:
    """The state of everything in a few words, and the failures behind it."""

    level: Level
    text: str
    failures: Sequence[str]

    @property
    def symbol(self) -> str:
        """Return the symbol of its level."""
        return SYMBOLS[self.level]

    @property
    def colour(self) -> str:
        """Return the colour of its level, in hexadecimal digits."""
        return COLOURS[self.level]

    @classmethod
    def of(cls, workspaces: Sequence[Seen], notices: Sequence[str], bouncing_badly: int) -> "Headline":
        """Return the headline of workspaces; a notice or a bad mailbox makes it a warning at least."""
        total = wording.several(len(workspaces), "workspace")
        failing = sum(seen.state.is_failing for seen in workspaces)
        waiting = sum(seen.state is State.WAITING for seen in workspaces)
        levels: list[Level] = [seen.state.level for seen in workspaces] or ["wait"]
        if not workspaces:
            text = "No workspace yet"
        elif failing:
            text = f"{failing} of {total} failing"
        elif waiting == len(workspaces):
            text = f"Waiting for the first poll of {total}"
        elif waiting:
            text = f"{len(workspaces) - waiting} of {total} fresh, {waiting} waiting for the first poll"
        else:
            text = f"All {total} fresh" if len(workspaces) > 1 else f"{total}, fresh"
        if bouncing_badly:
            text += f"; {wording.several(bouncing_badly, 'mailbox')} bouncing badly"
        if notices or bouncing_badly:
            levels.append("warn")
        return cls(max(levels, key=LEVELS.index), text, _failures(workspaces))


def _failures(workspaces: Iterable[Seen]) -> list[str]:
    """Return each way of failing with the workspaces that fail so, the worst first."""
    names: dict[str, list[str]] = {}
    for seen in workspaces:
        causes: dict[str, str] = {}  # a window that fails as all-time does is not told again
        for window, poll in seen.polls.items():
            if State.of(poll, seen.now).is_failing:
                name = seen.label if window == ALL_TIME else f"{seen.label} ({window})"
                causes.setdefault(_cause(poll), name)
        for cause, name in causes.items():
            names.setdefault(cause, []).append(name)
    return [f"{cause}: {wording.listing(failing, MOST_NAMES)}" for cause, failing in names.items()]


def _cause(poll: Poll) -> str:
    return "no poll ends" if poll.failure is None else f"{_REASONS[poll.failure]} ({poll.failure})"


@dataclass(frozen=True, slots=True)
class Row:
    """A poll as a row of the table: the all-time one of a workspace, or one of a window that differs."""

    label: str
    window: str
    state: State
    poll: Poll
    mailboxes: int | None
    data_age: float | None
    poll_age: float | None

    @property
    def outcome(self) -> str:
        """Return how the last poll ended."""
        if self.poll.last_poll is None:
            return "not polled yet" if self.poll.answer is None else "not polled since the start"
        return "succeeded" if self.poll.failure is None else _cause(self.poll)

    @property
    def is_slow(self) -> bool:
        """Whether the last poll took longer than there is time between two."""
        return self.poll.duration is not None and self.poll.duration > self.poll.feed.interval_seconds

    @property
    def failures(self) -> str:
        """Return the failures by reason: `3 timeout, 2 auth`."""
        return ", ".join(
            f"{wording.number(n)} {reason}" for reason, n in self.poll.failures.most_common() if n
        )


def _rows(seen: Seen) -> Iterable[Row]:
    """Return the workspace's row, and one for each window that fares otherwise."""
    own = seen.all_time
    for window, poll in seen.polls.items():
        state = State.of(poll, seen.now)
        if poll is not own and (state, poll.failure) == (State.of(own, seen.now), own.failure):
            continue
        yield Row(
            label=seen.label,
            window="" if poll is own else window,
            state=state,
            poll=poll,
            mailboxes=None if poll.answer is None or poll.is_stale(seen.now) else len(poll.answer),
            data_age=None if poll.fresh_since is None else seen.now.steady - poll.fresh_since,
            poll_age=None if poll.last_poll is None else seen.now.unix - poll.last_poll,
        )


_CONCERNS = {
    Concern.BOUNCING_BADLY: "bouncing badly",
    Concern.STOPPED: "suspended or in error",
    Concern.BOUNCING: "bouncing",
    Concern.OVER_LIMIT: "over the daily limit",
    Concern.INACTIVE: "inactive",
    Concern.NEAR_BOUNCING: "near the bounce threshold",
    Concern.NEAR_LIMIT: "near the daily limit",
}


def _mailbox(troubled: Troubled, disclosure: Disclosure) -> dict[str, object]:
    """Return a mailbox as the page shows it."""
    warning, critical = (
        wording.percent(troubled.thresholds[f"mailbox_bounce_ratio_{level}"])
        for level in ("warning", "critical")
    )
    words: Mapping[Concern, str] = {
        Concern.BOUNCING_BADLY: f"bounces above {critical}",
        Concern.STOPPED: f"status is {troubled.status}",
        Concern.BOUNCING: f"bounces above {warning}",
        Concern.OVER_LIMIT: "over the daily limit",
        Concern.INACTIVE: "status is inactive",
        Concern.NEAR_BOUNCING: f"bounces near {warning}",
        Concern.NEAR_LIMIT: "near the daily limit",
    }
    worst = troubled.concerns[0]
    level: Level = "bad" if worst is Concern.BOUNCING_BADLY else "warn" if worst.is_trouble else "wait"
    return {
        "name": disclosure.email(troubled.email) or troubled.mailbox_id,
        "troubled": troubled,
        "level": level,
        "symbol": SYMBOLS[level],
        "reasons": [words[concern] for concern in troubled.concerns],
    }


def _snippets(host: str, scheme: str) -> dict[str, str]:
    """Return what to write into prometheus.yml: for one scrape of everything, and for one a workspace."""
    job = "scrape_configs:\n  - job_name: sendkit-exporter\n"
    if scheme == "https":
        job += "    scheme: https\n"
    # JSON's strings are YAML's double-quoted ones.
    target, url = json.dumps(host), json.dumps(f"{scheme}://{host}/sd")
    return {
        "plain": f"{job}    static_configs:\n      - targets: [{target}]\n",
        "discovered": f"{job}    http_sd_configs:\n      - url: {url}\n",
    }


_templates = PackageLoader("exporter.page")


def _environment() -> Environment:
    environment = Environment(
        loader=_templates,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: Sequence[Callable[..., str]] = (
        wording.number,
        wording.percent,
        wording.share,
        wording.part_of,
        wording.several,
        wording.span,
        wording.duration,
        wording.ago,
    )
    environment.filters |= {function.__name__: function for function in filters}
    environment.globals |= {
        "style": Markup(_STYLE),  # noqa: S704 - it is a file of this package
        "refresh_seconds": REFRESH_SECONDS,
        "missing": wording.MISSING,
    }
    return environment


_STYLE = _templates.get_source(Environment(autoescape=True), "status.css")[0]
_template = _environment().get_template("status.html.j2")

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy under which the page works: its own style, its icon, and nothing else."""
