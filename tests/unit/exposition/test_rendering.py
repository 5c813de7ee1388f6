"""From an answer to samples: every metric of mailboxes."""

import pytest

from exporter.answers.answer import Answer
from exporter.catalogue.kinds import ALL_TIME
from exporter.catalogue.mailbox import EVENTS, FIELDS, RATES, STATUSES, WARMUP_STATUSES
from exporter.exposition.rendering import Disclosure, render_join, roster_of
from exporter.fleet.counters import Totals
from exporter.sendkit.feeds import analytics
from tests.answers import ID, WEEK, answer_of, mailbox, older
from tests.rendering import NAMED, PLAIN, lines, rendered, samples_of

MAILBOX = {"workspace": "acme", "domain": "example.com", "mailbox_id": ID}


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
    base = rendered(answer_of(mailbox()))
    week = render_join(WEEK, answer_of(mailbox(), feed=WEEK), base.roster, PLAIN, None)
    samples = samples_of((base if window == ALL_TIME else week).pieces)

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
    roster = roster_of("acme", answer_of(mailbox()), None)
    part = render_join(WEEK, answer_of(mailbox(), feed=WEEK), roster, PLAIN, None)

    assert {*part.pieces} == {field.metric.name for field in (*EVENTS, *RATES) if field.metric}


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
        samples = samples_of(rendered(answer, totals).pieces)
        events = ("sent", "opened", "clicked", "bounced", "replied", "positive_replied")
        return [samples.one(f"sendkit_mailbox_emails_{event}_total", **MAILBOX) for event in events]

    assert counters(first, totals) == [0] * 6
    assert counters(second, totals.after(second, 60)) == [1, 2, 3, 4, 5, 0]


def test_the_older_answer_has_no_campaign_samples() -> None:
    answer = answer_of(older())
    samples = samples_of(rendered(answer, Totals().after(answer, 0)).pieces)

    assert not [name for name in samples.by_name if "campaign" in name or "emails" in name]
    assert samples.one("sendkit_mailbox_sent_today", **MAILBOX) == 45


def test_a_missing_value_is_absent_and_never_0() -> None:
    answer = answer_of(
        mailbox(_id="a", sentToday=None, status=None, warmup=None, performance={"sent": 1}, rates={}),
        mailbox(_id="b"),
    )
    samples = samples_of(rendered(answer, Totals().after(answer, 0)).pieces)

    of_a = {name for name, labels, _ in samples if ("mailbox_id", "a") in labels}
    later_events = ("opened", "clicked", "bounced", "replied", "positive_replied")
    assert {*samples.by_name} - of_a == {
        "sendkit_mailbox_sent_today",
        "sendkit_mailbox_status",
        "sendkit_mailbox_warmup_status",
        "sendkit_mailbox_warmup_enabled",
        *(f"sendkit_mailbox_campaign_{event}" for event in later_events),
        *(f"sendkit_mailbox_emails_{event}_total" for event in later_events),
        *(
            f"sendkit_mailbox_campaign_{event}_ratio"
            for event in ("open", "click", "bounce", "reply", "positive_reply")
        ),
    }
    assert {name for name, labels, _ in samples if ("mailbox_id", "b") in labels} == {*samples.by_name}


def test_a_workspace_without_mailboxes_has_no_mailbox_samples() -> None:
    answer = answer_of()

    assert not samples_of(rendered(answer, Totals().after(answer, 0)).pieces).by_name


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


def test_personal_data_is_on_the_info_metric_alone() -> None:
    answer = answer_of(mailbox())
    part = rendered(answer, Totals().after(answer, 0), NAMED)

    for name, text in lines(part).items():
        assert (b"sales@" in text, b"Sales" in text) == (name == "sendkit_mailbox_info",) * 2


def test_hostile_texts_are_read_back_from_labels_as_they_were() -> None:
    hostile = '"} 1\n\\ # \u2028{'
    changes = {"_id": hostile, "email": f"{hostile}@{hostile}", "displayName": hostile}
    window = analytics.window(hostile, 7, 900)

    base = rendered(answer_of(mailbox(**changes)), disclosure=NAMED, label=hostile)
    week = render_join(window, answer_of(mailbox(**changes), feed=window), base.roster, PLAIN, None)
    samples = samples_of(base.pieces, week.pieces)

    own = {"workspace": hostile, "mailbox_id": hostile, "domain": hostile}
    assert {name for name, labels, _ in samples if own.items() <= dict(labels).items()} == {*samples.by_name}
    assert samples.one("sendkit_mailbox_info", email=f"{hostile}@{hostile}", display_name=hostile) == 1
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {hostile, ALL_TIME}


def test_the_answer_of_a_window_is_shown_for_the_mailboxes_of_the_roster_in_any_order() -> None:
    roster = roster_of("acme", answer_of(mailbox(_id="a"), mailbox(_id="b"), mailbox(_id="c")), None)

    def sent(mailbox_id: str, number: int) -> dict[str, object]:
        return {"_id": mailbox_id, "performance": {**mailbox()["performance"], "sent": number}}

    answer = answer_of(sent("c", 3), sent("unknown", 4), sent("a", 1), feed=WEEK)
    samples = samples_of(render_join(WEEK, answer, roster, PLAIN, None).pieces)

    shown = samples.all_of("sendkit_mailbox_campaign_sent", workspace="acme", domain="example.com")
    assert {dict(labels)["mailbox_id"]: value for labels, value in shown.items()} == {"a": 1, "c": 3}
    assert {dict(labels)["mailbox_id"] for _, labels, _ in samples} == {"a", "c"}


def test_every_field_with_a_metric_is_a_sample() -> None:
    answer = answer_of(mailbox())
    samples = samples_of(rendered(answer, Totals().after(answer, 0)).pieces)

    for field in FIELDS:
        for metric in filter(None, (field.metric, field.counter)):
            assert samples.all_of(metric.name, **MAILBOX)


def test_each_family_knows_how_many_samples_it_has_where_mailboxes_lack_values() -> None:
    lacking = mailbox(_id="lacking", sentToday=None, status="another", warmup=None, performance={"sent": 1})
    answer = answer_of(lacking, *(mailbox(_id=f"m{number}") for number in range(100)))
    part = rendered(answer, Totals().after(answer, 0))

    assert {name: piece.samples for name, piece in part.pieces.items()} == {
        name: len(text.splitlines()) for name, text in lines(part).items()
    }
    assert part.pieces["sendkit_mailbox_sent_today"].samples == 100
