"""`GET /v1/mailboxes`: what may be absent of a mailbox, and what is suspect."""

import pytest

from exporter.answers.parse import parse
from exporter.config import CollectorsConfig
from exporter.sendkit.feeds import details
from tests.answers import OF_ITS_KIND, Mailbox, envelope, put

(FEED,) = filter(None, [details.collector(CollectorsConfig())])


def mailbox(mailbox_id: str, *absent: str) -> Mailbox:
    """Return a mailbox with every field, less those that are absent."""
    whole: Mailbox = {"_id": mailbox_id}
    for field in FEED.fields:
        put(whole, field, OF_ITS_KIND[field.check])
    return {name: value for name, value in whole.items() if name not in absent}


def test_a_mailbox_with_nothing_to_say_of_errors_tags_and_dns_is_no_suspect() -> None:
    answer = parse(envelope([mailbox("a", "lastError", "tags", "setupStatus", "warmup"), mailbox("b")]), FEED)

    assert answer.suspects == {}
    assert answer.text("last_error") == ["", OF_ITS_KIND[FEED.fields[4].check]]
    assert answer.text("tags")[0] is None
    assert answer.numbers["setup_health_ratio"] == [None, 0.85]


def test_a_fleet_without_errors_tags_and_dns_is_no_suspect() -> None:
    answer = parse(envelope([mailbox(name, "lastError", "tags", "setupStatus") for name in "ab"]), FEED)

    assert answer.suspects == {}
    assert answer.text("last_error") == ["", ""]


@pytest.mark.parametrize("field", ["sendingEnabled", "provider", "connectionType", "createdAt"])
def test_what_every_mailbox_has_is_suspect_where_it_is_absent(field: str) -> None:
    answer = parse(envelope([mailbox("a", field), mailbox("b")]), FEED)

    assert answer.suspects == {field: 1}


@pytest.mark.parametrize(
    ("changes", "suspect"),
    [
        ({"setupStatus": {}}, "setupStatus.healthScore"),
        ({"setupStatus": None}, "setupStatus"),
        ({"tags": None}, "tags"),
        ({"lastError": 535}, "lastError"),
        ({"warmup": {"currentDay": 3}}, "warmup.currentVolume"),
    ],
)
def test_what_is_there_in_another_form_is_suspect(changes: Mailbox, suspect: str) -> None:
    answer = parse(envelope([{**mailbox("a"), **changes}, mailbox("b")]), FEED)

    assert answer.suspects == {suspect: 1}
