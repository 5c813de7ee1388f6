"""From what the fleet knows to samples: every metric of mailboxes and workspaces, and what is taken over."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import metrics
from exporter.exposition.body import Format, Piece, assemble
from exporter.exposition.rendering import Disclosure, Part, render_mailboxes, render_workspace
from exporter.fleet.fleet import Fleet, Instant, Poll, Totals, Tracked, Workspace
from exporter.metrics import ALL_TIME, MAILBOX_METRICS, STATUSES, WARMUP_STATUSES, WORKSPACE_METRICS
from exporter.model import Answer, Reason
from tests.answers import Mailbox, answer_of, mailbox, older
from tests.samples import Samples

PLAIN = Disclosure(lambda email: email)
NAMED = Disclosure(lambda email: email, display_name=True)
ID = "664a1b2c3d4e5f6a7b8c9d03"
MAILBOX = {"workspace": "acme", "domain": "example.com", "mailbox_id": ID}


def samples_of(pieces: Mapping[str, Piece]) -> Samples:
    """Read pieces with the parser of the text format."""
    body = assemble([pieces], (*WORKSPACE_METRICS, *MAILBOX_METRICS), Format.TEXT)
    return Samples(b"".join(body.plain).decode())


def rendered(
    answer: Answer,
    window: str = ALL_TIME,
    totals: Totals | None = None,
    disclosure: Disclosure = PLAIN,
    previous: Part | None = None,
) -> Part:
    return render_mailboxes("acme", window, answer, totals or Totals(), disclosure, previous)


def lines(part: Part) -> dict[str, bytes]:
    return {name: b"".join(piece.chunks) for name, piece in part.pieces.items()}


# Mailboxes


def test_every_number_of_a_full_answer_is_a_sample() -> None:
    answer = answer_of(mailbox())
    samples = samples_of(rendered(answer).pieces)

    expected = {
        "sendkit_mailbox_sent_today": 45,
        "sendkit_mailbox_daily_send_limit": 100,
        "sendkit_mailbox_bounce_ratio": 0.02,
        "sendkit_mailbox_lifetime_sent": 4500,
        "sendkit_mailbox_lifetime_received": 320,
        "sendkit_mailbox_warmup_enabled": 1,
    }
    assert {name: samples.one(name, **MAILBOX) for name in expected} == expected
    assert all(samples.by_name[name].keys() == {frozenset(MAILBOX.items())} for name in expected)


@pytest.mark.parametrize("window", [ALL_TIME, "7d"])
def test_campaign_figures_carry_their_window(window: str) -> None:
    samples = samples_of(rendered(answer_of(mailbox()), window).pieces)

    expected = {
        "sendkit_mailbox_campaign_sent": 1000,
        "sendkit_mailbox_campaign_opened": 400,
        "sendkit_mailbox_campaign_clicked": 35,
        "sendkit_mailbox_campaign_bounced": 12,
        "sendkit_mailbox_campaign_replied": 50,
        "sendkit_mailbox_campaign_positive_replied": 20,
        "sendkit_mailbox_campaign_open_ratio": 0.25,
        "sendkit_mailbox_campaign_click_ratio": 0.035,
        "sendkit_mailbox_campaign_bounce_ratio": 0.012,
        "sendkit_mailbox_campaign_reply_ratio": 0.05,
        "sendkit_mailbox_campaign_positive_reply_ratio": 0.02,
    }
    labels = frozenset((MAILBOX | {"window": window}).items())
    assert {name: samples.by_name[name] for name in expected} == {
        name: {labels: number} for name, number in expected.items()
    }


def test_a_window_has_no_other_samples_than_its_own() -> None:
    answer = answer_of(mailbox())
    part = rendered(answer, "7d", Totals().after(answer, 0))

    assert {*part.pieces} == {metric.name for metric in metrics.WINDOW_NUMBERS.values()}


def test_counters_are_the_rises_seen() -> None:
    first = answer_of(mailbox())
    second = answer_of(
        mailbox(
            performance={
                "sent": 1001,
                "opened": 402,
                "clicked": 38,
                "bounced": 16,
                "replied": 55,
                "positiveReplied": 19,
            }
        )
    )
    totals = Totals().after(first, 0)

    def counters(answer: Answer, totals: Totals) -> list[float | None]:
        samples = samples_of(rendered(answer, ALL_TIME, totals).pieces)
        events = ("sent", "opened", "clicked", "bounced", "replied", "positive_replied")
        return [samples.one(f"sendkit_mailbox_emails_{event}_total", **MAILBOX) for event in events]

    assert counters(first, totals) == [0] * 6
    assert counters(second, totals.after(second, 60)) == [1, 2, 3, 4, 5, 0]


def test_the_older_answer_has_no_campaign_samples() -> None:
    answer = answer_of(older())
    samples = samples_of(rendered(answer, ALL_TIME, Totals().after(answer, 0)).pieces)

    assert not [name for name in samples.by_name if "campaign" in name or "emails" in name]
    assert samples.one("sendkit_mailbox_sent_today", **MAILBOX) == 45


def test_a_missing_value_is_absent_and_never_0() -> None:
    answer = answer_of(
        mailbox(_id="a", sentToday=None, status=None, warmup=None, performance={"sent": 1}, rates={}),
        mailbox(_id="b"),
    )
    samples = samples_of(rendered(answer, ALL_TIME, Totals().after(answer, 0)).pieces)

    of_a = {name for name, labels, _ in samples if ("mailbox_id", "a") in labels}
    assert of_a == {
        "sendkit_mailbox_info",
        "sendkit_mailbox_bounce_ratio",
        "sendkit_mailbox_lifetime_sent",
        "sendkit_mailbox_lifetime_received",
        "sendkit_mailbox_daily_send_limit",
        "sendkit_mailbox_campaign_sent",
        "sendkit_mailbox_emails_sent_total",
    }
    assert {name for name, labels, _ in samples if ("mailbox_id", "b") in labels} == {*samples.by_name}


def test_a_workspace_without_mailboxes_has_no_mailbox_samples() -> None:
    answer = answer_of()

    assert not samples_of(rendered(answer, ALL_TIME, Totals().after(answer, 0)).pieces).by_name


@pytest.mark.parametrize(
    ("name", "field", "documented"),
    [
        ("sendkit_mailbox_status", "status", STATUSES),
        ("sendkit_mailbox_warmup_status", "warmup", WARMUP_STATUSES),
    ],
)
def test_the_documented_states_are_always_there_and_another_one_comes_as_it_is(
    name: str, field: str, documented: tuple[str, ...]
) -> None:
    def state(value: str | None) -> object:
        return {"enabled": True, "status": value} if field == "warmup" else value

    states = {"a": documented[0], "b": documented[3], "c": 'warming "up"\n\u2713', "d": None}
    answer = answer_of(*(mailbox(_id=key, **{field: state(value)}) for key, value in states.items()))

    samples = samples_of(rendered(answer).pieces)

    zeros = dict.fromkeys(documented, 0.0)
    expected = {
        "a": zeros | {documented[0]: 1},
        "b": zeros | {documented[3]: 1},
        "c": zeros | {'warming "up"\n\u2713': 1},
        "d": {},
    }
    for key, values in expected.items():
        found = samples.all_of(name, mailbox_id=key, workspace="acme", domain="example.com")
        assert {dict(labels)["status"]: value for labels, value in found.items()} == values


def test_a_domain_is_in_lower_case_and_empty_without_an_address() -> None:
    answer = answer_of(mailbox(_id="a", email="X@Y.EXAMPLE"), mailbox(_id="b", email=None))
    samples = samples_of(rendered(answer).pieces)

    assert samples.one("sendkit_mailbox_sent_today", mailbox_id="a", domain="y.example") == 45
    assert samples.one("sendkit_mailbox_sent_today", mailbox_id="b", domain="") == 45


@pytest.mark.parametrize(
    ("disclosure", "shown"),
    [
        (PLAIN, {"email": "sales@example.com"}),
        (Disclosure(lambda _: ""), {"email": ""}),
        (Disclosure(str.upper, display_name=True), {"email": "SALES@EXAMPLE.COM", "display_name": "Sales"}),
    ],
    ids=["address", "no address", "with the display name"],
)
def test_the_info_metric_shows_what_is_disclosed(disclosure: Disclosure, shown: dict[str, str]) -> None:
    samples = samples_of(rendered(answer_of(mailbox()), disclosure=disclosure).pieces)

    assert samples.by_name["sendkit_mailbox_info"] == {frozenset((MAILBOX | shown).items()): 1}


def test_personal_data_stands_on_the_info_metric_alone() -> None:
    answer = answer_of(mailbox())
    part = rendered(answer, ALL_TIME, Totals().after(answer, 0), NAMED)

    for name, text in lines(part).items():
        assert (b"sales@" in text, b"Sales" in text) == (name == "sendkit_mailbox_info",) * 2


def test_hostile_texts_read_back() -> None:
    hostile = '"} 1\n\\ # \u2028{'
    answer = answer_of(mailbox(_id=hostile, email=f"{hostile}@{hostile}", displayName=hostile))

    parts = [
        render_mailboxes(hostile, window, answer, Totals(), NAMED, None) for window in (hostile, ALL_TIME)
    ]
    samples = samples_of({name: piece for part in parts for name, piece in part.pieces.items()})

    own = {"workspace": hostile, "mailbox_id": hostile, "domain": hostile}
    assert {name for name, labels, _ in samples if own.items() <= labels} == {*samples.by_name}
    assert samples.one("sendkit_mailbox_info", email=f"{hostile}@{hostile}", display_name=hostile) == 1


# What is taken over


@pytest.fixture
def before() -> tuple[Answer, Totals, Part]:
    answer = again({})
    totals = Totals().after(answer, 0)
    return answer, totals, rendered(answer, ALL_TIME, totals, NAMED)


def again(change: dict[str, Any]) -> Answer:
    """Return the answer of `before` with a change to its second mailbox."""
    return answer_of(mailbox(_id="a"), mailbox(**{"_id": "b", "email": "b@other.example"} | change))


def changed_families(before: Part, after: Part) -> set[str]:
    """Return the families whose piece is not the same object as before."""
    assert before.pieces.keys() == after.pieces.keys()
    return {name for name, piece in after.pieces.items() if piece is not before.pieces[name]}


def test_pieces_of_columns_that_did_not_change_are_taken_over(before: tuple[Answer, Totals, Part]) -> None:
    _, totals, part = before
    answer = again({})

    after = rendered(answer, ALL_TIME, totals.after(answer, 60), NAMED, part)

    assert changed_families(part, after) == set()


@pytest.mark.parametrize(
    ("change", "families"),
    [
        ({"sentToday": 46}, {"sendkit_mailbox_sent_today"}),
        ({"sentToday": None}, {"sendkit_mailbox_sent_today"}),
        ({"status": "error"}, {"sendkit_mailbox_status"}),
        ({"status": "warming_up"}, {"sendkit_mailbox_status"}),
        ({"status": None}, {"sendkit_mailbox_status"}),
        ({"warmup": {"enabled": True, "status": "idle"}}, {"sendkit_mailbox_warmup_status"}),
        ({"displayName": "Someone else"}, {"sendkit_mailbox_info"}),
        (
            {"performance": {**mailbox()["performance"], "sent": 1001}},
            {"sendkit_mailbox_campaign_sent", "sendkit_mailbox_emails_sent_total"},
        ),
        (
            {"performance": {**mailbox()["performance"], "sent": 999}},
            {"sendkit_mailbox_campaign_sent"},
        ),
    ],
    ids=repr,
)
def test_only_the_families_that_changed_are_rendered(
    before: tuple[Answer, Totals, Part], change: dict[str, Any], families: set[str]
) -> None:
    _, totals, part = before
    answer = again(change)
    totals = totals.after(answer, 60)

    after = rendered(answer, ALL_TIME, totals, NAMED, part)

    assert changed_families(part, after) == families
    assert lines(after) == lines(rendered(answer, ALL_TIME, totals, NAMED))


@pytest.mark.parametrize("change", [{"_id": "c"}, {"email": "b@moved.example"}], ids=repr)
def test_other_mailboxes_or_addresses_render_everything(
    before: tuple[Answer, Totals, Part], change: dict[str, Any]
) -> None:
    _, totals, part = before
    answer = again(change)
    totals = totals.after(answer, 60)

    after = rendered(answer, ALL_TIME, totals, NAMED, part)

    assert changed_families(part, after) == {*after.pieces}
    assert lines(after) == lines(rendered(answer, ALL_TIME, totals, NAMED))


def test_another_label_renders_everything(before: tuple[Answer, Totals, Part]) -> None:
    answer, totals, part = before

    after = render_mailboxes("renamed", ALL_TIME, answer, totals, NAMED, part)

    assert changed_families(part, after) == {*after.pieces}
    assert b"acme" not in b"".join(lines(after).values())


def test_a_family_that_comes_or_goes_is_rendered_or_left_out() -> None:
    newer, old = answer_of(mailbox()), answer_of(older())
    part = rendered(newer)

    gone = rendered(old, previous=part)
    back = rendered(newer, previous=gone)

    assert "sendkit_mailbox_campaign_sent" not in gone.pieces
    assert lines(gone) == lines(rendered(old))
    assert lines(back) == lines(part)


values = st.none() | st.integers(0, 2)
changing: st.SearchStrategy[Mailbox] = st.builds(
    mailbox,
    _id=st.sampled_from("abc"),
    email=st.sampled_from(["a@x.example", "a@y.example", None]),
    displayName=st.sampled_from(["A", "B"]),
    status=st.sampled_from(["active", "error", "odd", "odder", None]),
    sentToday=values,
    totalSent=values,
    performance=st.none() | st.fixed_dictionaries({"sent": values, "bounced": values}),
    rates=st.none() | st.fixed_dictionaries({"open": st.sampled_from(["1.0", "2.0", None])}),
)


@given(
    st.lists(st.lists(changing, max_size=3), max_size=6),
    st.sampled_from([ALL_TIME, "7d"]),
    st.sampled_from([PLAIN, NAMED]),
)
def test_what_is_taken_over_is_what_would_have_been_rendered(
    polls: list[list[Mailbox]], window: str, disclosure: Disclosure
) -> None:
    totals, previous = Totals(), None
    for number, mailboxes in enumerate(polls):
        answer = answer_of(*mailboxes)
        totals = totals.after(answer, number)
        previous = rendered(answer, window, totals, disclosure, previous)
        assert lines(previous) == lines(rendered(answer, window, totals, disclosure))


# Workspaces and their polls


@pytest.fixture
def tracked() -> Tracked:
    return Fleet().track(
        Workspace("agency", "w1", "Acme", "acme"),
        {"minimum_bounces": 3, "mailbox_bounce_ratio_warning": 0.03},
        [Poll(ALL_TIME, 60.0, 900.0), Poll("7d", 900.0, 1800.0)],
    )


def of_workspace(tracked: Tracked, *, stale: bool = False) -> Samples:
    return samples_of(render_workspace(tracked, stale=stale))


def test_before_the_first_poll_a_workspace_shows_what_is_configured_and_counters_from_0(
    tracked: Tracked,
) -> None:
    samples = of_workspace(tracked)

    assert {*samples.by_name} == {
        "sendkit_workspace_info",
        "sendkit_alert_threshold",
        "sendkit_poll_interval_seconds",
        "sendkit_polls_total",
        "sendkit_polls_skipped_total",
        "sendkit_poll_failures_total",
    }
    assert samples.one("sendkit_workspace_info", workspace="acme", account="agency", workspace_id="w1") == 1
    assert samples.one("sendkit_alert_threshold", workspace="acme", threshold="minimum_bounces") == 3
    assert samples.one("sendkit_poll_interval_seconds", workspace="acme", window="all") == 60
    assert samples.one("sendkit_poll_interval_seconds", workspace="acme", window="7d") == 900
    for window in ("all", "7d"):
        assert samples.one("sendkit_polls_total", workspace="acme", window=window) == 0
        assert samples.one("sendkit_polls_skipped_total", workspace="acme", window=window) == 0
        failures = samples.all_of("sendkit_poll_failures_total", workspace="acme", window=window)
        assert {dict(labels)["reason"]: count for labels, count in failures.items()} == {
            "auth": 0,
            "rate_limited": 0,
            "timeout": 0,
            "network": 0,
            "server_error": 0,
            "client_error": 0,
            "malformed": 0,
            "too_large": 0,
        }


def test_the_id_of_a_workspace_is_empty_while_it_is_unknown() -> None:
    tracked = Fleet().track(Workspace("acme", "", "acme", "acme"), {}, [Poll(ALL_TIME, 60.0, 900.0)])

    assert of_workspace(tracked).by_name["sendkit_workspace_info"].keys() == {
        frozenset({("workspace", "acme"), ("account", "acme"), ("workspace_id", "")})
    }


def test_polls_tell_how_they_went_by_window(tracked: Tracked) -> None:
    tracked.all_time.succeeded(answer_of(mailbox()), Instant(1_700_000_000.5, 0), 1.25)
    tracked.polls["7d"].succeeded(answer_of(mailbox()), Instant(1_700_000_010, 10), 2)
    tracked.polls["7d"].failed(Reason.TIMEOUT, "no answer", Instant(1_700_000_070, 70), 30)
    tracked.polls["7d"].skipped += 2

    samples = of_workspace(tracked)

    def by_window(name: str, **labels: str) -> tuple[float | None, float | None]:
        return samples.one(name, window="all", **labels), samples.one(name, window="7d", **labels)

    assert by_window("sendkit_up") == (1, 0)
    assert by_window("sendkit_last_success_timestamp_seconds") == (1_700_000_000.5, 1_700_000_010)
    assert by_window("sendkit_last_poll_timestamp_seconds") == (1_700_000_000.5, 1_700_000_070)
    assert by_window("sendkit_poll_duration_seconds") == (1.25, 30)
    assert by_window("sendkit_polls_total") == (1, 2)
    assert by_window("sendkit_polls_skipped_total") == (0, 2)
    assert by_window("sendkit_poll_failures_total", reason="timeout") == (0, 1)


def test_a_poll_that_never_succeeded_has_no_time_of_success(tracked: Tracked) -> None:
    tracked.all_time.failed(Reason.AUTH, "the key is refused", Instant(1_700_000_000, 0), 0.5)

    samples = of_workspace(tracked)

    assert "sendkit_last_success_timestamp_seconds" not in samples.by_name
    assert samples.one("sendkit_up", window="all") == 0
    assert samples.one("sendkit_up", window="7d") is None


def test_mailboxes_are_counted_by_status_the_documented_ones_from_0(tracked: Tracked) -> None:
    statuses = ["active", "active", "suspended", "warming_up", None]
    answer = answer_of(*(mailbox(_id=str(i), status=status) for i, status in enumerate(statuses)))
    tracked.all_time.succeeded(answer, Instant(0, 0), 1)

    found = of_workspace(tracked).all_of("sendkit_workspace_mailboxes", workspace="acme")

    assert {dict(labels)["status"]: count for labels, count in found.items()} == {
        "active": 2,
        "inactive": 0,
        "suspended": 1,
        "error": 0,
        "warming_up": 1,
    }


def test_suspect_values_and_duplicates_are_counted(tracked: Tracked) -> None:
    answer = answer_of(mailbox(_id="a", bounceRate=3, sentToday=-1), mailbox(_id="a"), {})
    for second in range(2):
        tracked.all_time.succeeded(answer, Instant(second, second), 1)

    samples = of_workspace(tracked)

    suspects = samples.all_of("sendkit_suspect_values_total", workspace="acme")
    assert {dict(labels)["field"]: count for labels, count in suspects.items()} == {
        "bounceRate": 2,
        "sentToday": 2,
        "_id": 2,
    }
    assert samples.one("sendkit_duplicate_mailboxes", workspace="acme") == 1


def test_stale_data_leaves_what_is_told_of_the_polls_alone(tracked: Tracked) -> None:
    tracked.all_time.succeeded(answer_of(mailbox()), Instant(0, 0), 1)

    fresh, stale = of_workspace(tracked), of_workspace(tracked, stale=True)

    assert {*fresh.by_name} - {*stale.by_name} == {
        "sendkit_workspace_mailboxes",
        "sendkit_duplicate_mailboxes",
    }
    assert stale.one("sendkit_last_success_timestamp_seconds", window="all") == 0


def test_every_metric_of_the_catalogue_is_rendered(tracked: Tracked) -> None:
    answer = answer_of(mailbox(bounceRate=2))
    tracked.totals = Totals().after(answer, 0)
    tracked.all_time.succeeded(answer, Instant(0, 0), 1)
    part = rendered(answer, ALL_TIME, tracked.totals)

    samples = samples_of({**render_workspace(tracked, stale=False), **part.pieces})

    assert {*samples.by_name} == {metric.name for metric in (*WORKSPACE_METRICS, *MAILBOX_METRICS)}


def test_every_sample_has_the_labels_of_the_catalogue(tracked: Tracked) -> None:
    answer = answer_of(mailbox(bounceRate=2))
    tracked.totals = Totals().after(answer, 0)
    tracked.all_time.succeeded(answer, Instant(0, 0), 1)
    labels = {metric.name: {*metric.labels} for metric in (*WORKSPACE_METRICS, *MAILBOX_METRICS)}

    for pieces in (render_workspace(tracked, stale=False), rendered(answer, ALL_TIME, tracked.totals).pieces):
        for name, own, _ in samples_of(pieces):
            assert {key for key, _ in own} == labels[name]
