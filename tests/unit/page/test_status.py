import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer, Column
from exporter.catalogue.workspace import Reason
from exporter.config import Thresholds
from exporter.exposition import privacy
from exporter.exposition.rendering import Disclosure
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet, Key, Workspace
from exporter.page import status as status_page
from exporter.page.wording import MISSING
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
    """Track a workspace of which every poll succeeded 23 s ago."""
    tracked = track(fleet, label, *windows)
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
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

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
    def rows(self) -> list[str]:
        """Return the text of each row of the section's table but its head."""
        rows = re.findall(r"<tr.*?</tr>", self.source, re.DOTALL)
        return [Page("<style></style>" + row).text for row in rows if "<td" in row]


def page_of(
    fleet: Fleet, disclosure: Disclosure = PLAIN, notices: Sequence[str] = (), now: Instant = NOW
) -> Page:
    view = status_page.look(fleet, now, notices)
    return Page(status_page.render(view, disclosure, "exporter:19587", "1.2.3"))


def test_a_healthy_fleet_is_told_in_one_sentence() -> None:
    fleet = Fleet()
    for label in ("acme", "beta", "gamma"):
        fresh(fleet, label)
    page = page_of(fleet)
    assert page.headline == "✓ All 3 workspaces fresh"
    assert "<title>✓ All 3 workspaces fresh · SendKit exporter</title>" in page.source
    assert page.section("workspaces").rows == [
        f"{label} ✓ Fresh 2 23 s ago succeeded, 23 s ago 0.42 s of 1 min 0 of 1"
        for label in ("acme", "beta", "gamma")
    ]
    assert "No mailbox is known to be in trouble or near it" in page.text


def test_a_single_workspace_has_its_own_sentence() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    assert page_of(fleet).headline == "✓ 1 workspace, fresh"


def test_a_refused_key_stands_first_with_its_error() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    refused = fresh(fleet, "zeta")
    refused.all_time.failed(Reason.AUTH, "401 Unauthorized", before(7), 1.5)
    page = page_of(fleet)
    assert page.headline == "✕ 1 of 2 workspaces failing"
    assert "the key is refused (auth): zeta" in page.text
    first, _ = page.section("workspaces").rows
    assert first == (
        "zeta ✕ Key refused 2 23 s ago the key is refused (auth), 7 s ago 401 Unauthorized "
        "1.5 s of 1 min 1 of 2 1 auth"
    )


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_failure_has_words(reason: Reason) -> None:
    fleet = Fleet()
    fresh(fleet, "acme").all_time.failed(reason, "", NOW, 1.0)
    assert f"({reason}): acme" in page_of(fleet).text


def test_one_failed_poll_is_a_warning_as_its_last_answer_still_counts() -> None:
    fleet = Fleet()
    fresh(fleet, "acme").all_time.failed(Reason.TIMEOUT, "no answer within 30 s", NOW, 30.0)
    page = page_of(fleet)
    assert page.headline == "▲ 1 of 1 workspace failing"
    assert "acme ▲ Failing 2 23 s ago" in page.text
    assert "Mailboxes 2" in page.section("fleet").text


def test_stale_answers_no_longer_count() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    fresh(fleet, "beta").all_time.succeeded(Reading(answer_of(5), None), before(900), 1.0)
    page = page_of(fleet)
    assert page.headline == "✕ 1 of 2 workspaces failing"
    assert "no poll ends: beta" in page.text
    assert f"beta ✕ Stale {MISSING} 15 min ago" in page.text
    assert "of the 1 of 2 workspaces whose data counts Mailboxes 2" in page.section("fleet").text


def test_a_workspace_that_never_had_an_answer_has_no_data() -> None:
    fleet = Fleet()
    track(fleet, "acme").all_time.failed(Reason.NETWORK, "connection refused", before(3), 0.01)
    assert (
        f"acme ✕ No data {MISSING} {MISSING} the API cannot be reached (network), 3 s ago"
        in page_of(fleet).text
    )


def test_before_the_first_poll_nothing_is_a_zero() -> None:
    fleet = Fleet()
    track(fleet, "acme", "7d")
    track(fleet, "beta", "7d")
    page = page_of(fleet)
    assert page.headline == "○ Waiting for the first poll of 2 workspaces"
    assert page.section("workspaces").rows[0] == (
        f"acme ○ Waiting {MISSING} {MISSING} not polled yet {MISSING} of 1 min {MISSING}"
    )
    assert "0" not in page.section("fleet").text
    assert "Not known: no workspace has data that counts." in page.text


def test_without_a_workspace_it_tells_where_to_look() -> None:
    page = page_of(Fleet())
    assert page.headline == "○ No workspace yet"
    assert "sendkit_discovery_up" in page.section("workspaces").text


def test_some_still_wait() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    track(fleet, "beta")
    assert page_of(fleet).headline == "○ 1 of 2 workspaces fresh, 1 waiting for the first poll"


def test_an_answer_from_before_the_start_counts_and_says_so() -> None:
    fleet = Fleet()
    poll = track(fleet, "acme").all_time
    poll.reading = Reading(answer_of(3), None)
    poll.last_success, poll.fresh_since = before(300).unix, before(300).steady
    assert (
        f"acme ✓ Fresh 3 5 min ago not polled since the start {MISSING} of 1 min {MISSING}"
        in page_of(fleet).text
    )


def test_a_clock_that_is_set_changes_no_age_of_the_data() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    page = page_of(fleet, now=Instant(NOW.unix + 86_400, NOW.steady))
    assert "✓ Fresh 2 23 s ago" in page.text


def test_no_mailboxes_is_no_failure() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(0))
    page = page_of(fleet)
    assert page.headline == "✓ 1 workspace, fresh"
    assert "Mailboxes 0" in page.section("fleet").text
    assert "The API gives no mailboxes" in page.text


def test_a_window_has_a_row_only_where_it_fares_otherwise() -> None:
    fleet = Fleet()
    tracked = fresh(fleet, "acme", None, "7d", "30d")
    tracked.polls["30d"].failed(Reason.TIMEOUT, "no answer within 30 s", NOW, 30.0)
    page = page_of(fleet)
    assert "no answer in time (timeout): acme (30d)" in page.text
    assert [row.split(" ✓")[0].split(" ▲")[0] for row in page.section("workspaces").rows] == [
        "acme",
        "↳ window 30d",
    ]


def test_windows_that_fail_like_their_workspace_are_not_told_again() -> None:
    fleet = Fleet()
    for poll in track(fleet, "acme", "7d").polls.values():
        poll.failed(Reason.AUTH, "401", NOW, 0.1)
    page = page_of(fleet)
    assert "the key is refused (auth): acme" in page.text
    assert "7d" not in page.text


def test_many_failures_are_told_by_cause() -> None:
    fleet = Fleet()
    for number in range(7):
        reason = Reason.NETWORK if number < 6 else Reason.AUTH
        track(fleet, f"w{number}").all_time.failed(reason, "", NOW, 0.1)
    page = page_of(fleet)
    assert (
        "the key is refused (auth): w6 the API cannot be reached (network): w0, w1, w2 and 3 more"
        in page.text
    )


def test_slow_and_skipped_polls_are_flagged() -> None:
    fleet = Fleet()
    poll = fresh(fleet, "acme").all_time
    poll.duration, poll.skipped = 75.0, 2
    assert "1 min 15 s of 1 min ▲ longer than its interval 2 skipped" in page_of(fleet).text


def test_a_notice_makes_a_healthy_fleet_a_warning() -> None:
    fleet = Fleet()
    fresh(fleet, "acme")
    page = page_of(fleet, notices=["account agency: its workspaces cannot be found"])
    assert page.headline == "▲ 1 workspace, fresh"
    assert "account agency: its workspaces cannot be found" in page.text


def test_the_fleet_in_figures() -> None:
    fleet = Fleet()
    everything = answer_of(
        4,
        ["active", "active", "suspended", "error"],
        sent_today=[50, 10, 0, None],
        daily_send_limit=[50, 50, 50, 50],
        campaign_sent=[1000, 1000, None, 500],
        campaign_bounced=[10, 10, 99, 5],
    )
    fresh(fleet, "acme", everything)
    week = answer_of(1, campaign_sent=[200], campaign_bounced=[6], sent_today=[0], daily_send_limit=[100])
    fresh(fleet, "beta", week, "7d")
    figures = page_of(fleet).section("fleet").text
    assert "Mailboxes 5 3 active 1 error 1 suspended" in figures
    assert "Sent today 24 % 60 of 250 a day" in figures
    assert "At their daily limit 1 mailboxes" in figures
    assert "Bounces, 7d 3 % 6 of 200 campaign sends" in figures
    assert "Bounces, all-time 1.1 % 31 of 2,700 campaign sends" in figures
    assert "Warm-up in progress 5 mailboxes" in figures


def test_figures_that_no_answer_gives_are_dashes() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(2))
    figures = page_of(fleet).section("fleet").text
    assert f"Sent today {MISSING} {MISSING}" in figures
    assert f"At their daily limit {MISSING}" in figures
    assert f"Bounces, all-time {MISSING} of campaign sends" in figures


def test_a_mailbox_in_trouble_is_shown_with_its_figures() -> None:
    fleet = Fleet()
    answer = answer_of(
        2,
        ["active", "suspended"],
        campaign_sent=[41, 0],
        campaign_bounced=[7, 0],
        sent_today=[12, 0],
        daily_send_limit=[50, 50],
    )
    fresh(fleet, "acme", answer)
    page = page_of(fleet)
    bounces = "7 of 41 (17 %), at least 7.5 %"
    assert page.headline == "▲ 1 workspace, fresh; 1 mailbox bouncing badly"
    assert page.section("mailboxes").rows == [
        f"anna0@acme.example ✕ bounces above 5 % all-time: {bounces} 12 of 50 (24 %) acme acme.example",
        "anna1@acme.example ▲ status is suspended all-time: 0 of 0 0 of 50 (0 %) acme acme.example",
    ]
    assert "2 mailboxes in trouble: 1 bouncing badly, 1 suspended or in error" in page.text


def test_only_the_worst_are_shown_and_all_are_counted() -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(40, ["error"] * 40))
    section = page_of(fleet).section("mailboxes")
    assert len(section.rows) == status_page.MOST_TROUBLED
    assert "40 mailboxes in trouble" in section.text


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        (lambda address: address, "anna0@acme.example"),
        (privacy.masked, "a***@acme.example"),
        (lambda _: "", "m0"),
    ],
    ids=["plain", "masked", "off"],
)
def test_addresses_are_shown_as_far_as_they_are_disclosed(email: object, expected: str) -> None:
    fleet = Fleet()
    fresh(fleet, "acme", answer_of(1, ["error"]))
    assert callable(email)
    page = page_of(fleet, Disclosure(email))
    assert page.section("mailboxes").rows[0].startswith(f"{expected} ▲ status is error")
    assert ("anna0@" in page.source) == (expected == "anna0@acme.example")
    assert "Anna" not in page.source


HOSTILE = "</title><script>alert(1)</script>\" onload='x' {{ 7 * 7 }} &amp;"


def test_hostile_texts_stay_texts() -> None:
    fleet = Fleet()
    answer = answer_of(1, [HOSTILE], address=f"{HOSTILE}@{HOSTILE}", campaign_sent=[9], campaign_bounced=[0])
    fresh(fleet, HOSTILE, answer).all_time.failed(Reason.SERVER_ERROR, HOSTILE, NOW, 1.0)
    view = status_page.look(fleet, NOW, [HOSTILE])
    page = Page(status_page.render(view, PLAIN, HOSTILE, HOSTILE))
    harmless = Page(status_page.render(status_page.look(fleet, NOW, ["x"]), PLAIN, "h", "1"))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in harmless.elements]
    assert "script" not in {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "{{ 7 * 7 }}" in page.text
    assert "49" not in page.section("workspaces").text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_workspace_links_to_its_own_metrics(label: str) -> None:
    fleet = Fleet()
    fresh(fleet, label)
    page = page_of(fleet)
    (link,) = re.findall(r'href="metrics\?workspace=([^"]*)"', page.source)
    assert re.fullmatch(r"[\w.~/%-]*", html.unescape(link), re.ASCII)


def test_it_links_to_every_endpoint_and_loads_nothing() -> None:
    page = page_of(Fleet())
    links = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert links == {"metrics", "metrics/exporter", "sd", "-/healthy", "-/ready"}
    assert not {"script", "img", "iframe", "object", "form", "base"} & {tag for tag, _ in page.elements}
    assert not any("style" in attributes or "src" in attributes for _, attributes in page.elements)
    (icon,) = (attributes["href"] for tag, attributes in page.elements if tag == "link")
    assert str(icon).startswith("data:image/svg+xml,")


def test_the_policy_allows_exactly_the_style_of_the_page() -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page_of(Fleet()).source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in status_page.CONTENT_SECURITY_POLICY
    assert status_page.CONTENT_SECURITY_POLICY.startswith("default-src 'none';")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["exporter:19587", "[::1]:19587", "x\"]: # ' \n- y: &z"])
def test_the_snippets_are_yaml_for_the_host_that_was_asked(host: str, scheme: str) -> None:
    source = status_page.render(status_page.look(Fleet(), NOW), PLAIN, host, "1", scheme)
    snippets = [
        yaml.safe_load(html.unescape(text)) for text in re.findall(r"<pre.*?>(.*?)</pre>", source, re.DOTALL)
    ]
    job = {"job_name": "sendkit-exporter"} | ({"scheme": "https"} if scheme == "https" else {})
    assert json.loads(json.dumps(snippets)) == [
        {"scrape_configs": [{**job, "static_configs": [{"targets": [host]}]}]},
        {"scrape_configs": [{**job, "http_sd_configs": [{"url": f"{scheme}://{host}/sd"}]}]},
    ]


def test_what_happens_after_the_look_does_not_show() -> None:
    fleet = Fleet()
    tracked = fresh(fleet, "acme")
    view = status_page.look(fleet, NOW)
    first = status_page.render(view, PLAIN, "h", "1")
    tracked.all_time.failed(Reason.AUTH, "401", NOW, 1.0)
    tracked.all_time.succeeded(Reading(answer_of(9, ["error"] * 9), None), NOW, 1.0)
    fresh(fleet, "beta")
    assert status_page.render(view, PLAIN, "h", "1") == first
