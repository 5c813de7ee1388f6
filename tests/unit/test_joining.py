"""A feed of another endpoint joins the mailboxes of the base feed, whichever of the two is answered first."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from exporter.catalogue import mailbox as catalogue
from exporter.catalogue.kinds import Check, Feed, Field, gauge
from exporter.config import Thresholds
from exporter.exposition.rendering import Disclosure
from exporter.exposition.store import Store
from exporter.exposition.telemetry import Telemetry
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.workspace import Fleet, Workspace
from exporter.polling.board import Board, now
from exporter.polling.reader import Reader
from exporter.sendkit.feeds import families
from exporter.textformat.lines import END, Format
from tests.answers import BASE, WEEK, envelope, mailbox
from tests.samples import Samples

SCORE = gauge("sendkit_mailbox_placement_ratio", "A made-up ratio.", catalogue.LABELS)
STATE = gauge("sendkit_mailbox_placement_status", "A made-up state.", (*catalogue.LABELS, "status"))
PLACEMENT = Feed(
    "placement",
    "/v1/placement",
    (
        Field("scores?.inbox", "placement_ratio", Check.RATIO, SCORE),
        Field("state", "placement_status", Check.STATE, STATE, states=("good", "bad")),
    ),
    3600,
    items="data.mailboxes",
    id_name="id",
)


def placement(**ratios: float) -> bytes:
    """Return an answer of the made-up endpoint."""
    items = [{"id": name, "scores": {"inbox": ratio}, "state": "good"} for name, ratio in ratios.items()]
    return json.dumps({"success": True, "data": {"mailboxes": items, "total": len(items)}}).encode()


def base(*mailbox_ids: str, domain: str = "Example.com") -> bytes:
    """Return an answer of the base feed."""
    return envelope([mailbox(_id=name, email=f"{name}@{domain}") for name in mailbox_ids])


class Polled:
    """A workspace whose answers a test takes in."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        fleet = Fleet()
        self.store = Store(fleet, families([PLACEMENT]))
        self.workspace = Workspace(Key("w1"), "agency", "Acme", "acme", Thresholds().model_dump())
        self.board = Board(
            fleet, self.store, Telemetry(), Reader(Disclosure(lambda email: email)), None, threads
        )
        asyncio.run(self._track())

    async def _track(self) -> None:
        self.board.tracked(self.workspace, [Poll(feed, 900) for feed in (BASE, WEEK, PLACEMENT)])

    def answered(self, feed: Feed, body: bytes) -> None:
        """Take an answer in."""
        asyncio.run(self.board.succeeded(self.workspace, self.workspace.polls[feed.name], body, now()))

    def samples(self) -> Samples:
        """Return what a scrape gets."""
        body = self.store.body(Format.OPENMETRICS).ended(END[Format.OPENMETRICS])
        return Samples(b"".join(body.plain).decode())

    def joined(self) -> dict[tuple[str, str], float]:
        """Return the ratios of the made-up feed by domain and mailbox."""
        samples = self.samples()
        found = samples.all_of(SCORE.name, workspace="acme")
        assert len(found) == len(samples.by_name.get(SCORE.name, {}))
        return {(dict(own)["domain"], dict(own)["mailbox_id"]): value for own, value in found.items()}


@pytest.fixture
def polled() -> Iterator[Polled]:
    with ThreadPoolExecutor(1) as threads:
        yield Polled(threads)


ANSWERS = [
    (BASE, base("a", "b")),
    (WEEK, envelope([mailbox(_id="b"), mailbox(_id="unknown")])),
    (PLACEMENT, placement(b=0.5, unknown=0.25, a=1)),
]


@pytest.mark.parametrize(
    "answers", list(permutations(ANSWERS)), ids=lambda answers: ", ".join(feed.name for feed, _ in answers)
)
def test_its_samples_have_the_labels_of_the_base_in_any_order(
    polled: Polled, answers: tuple[tuple[Feed, bytes], ...]
) -> None:
    for feed, body in answers:
        polled.answered(feed, body)

    assert polled.joined() == {("example.com", "a"): 1, ("example.com", "b"): 0.5}
    samples = polled.samples()
    assert samples.values_of("mailbox_id", "sendkit_mailbox_sent_today") == {"a", "b"}
    week = samples.all_of("sendkit_mailbox_campaign_sent", window="7d")
    assert {dict(own)["mailbox_id"] for own in week} == {"b"}
    states = samples.all_of(STATE.name, workspace="acme", domain="example.com", mailbox_id="a")
    assert {dict(own)["status"]: value for own, value in states.items()} == {"good": 1, "bad": 0}


def test_before_the_base_is_answered_it_shows_no_mailbox(polled: Polled) -> None:
    polled.answered(PLACEMENT, placement(a=1))

    assert not {SCORE.name, STATE.name} & {*polled.samples().by_name}
    assert polled.samples().one("sendkit_collector_up", workspace="acme", collector="placement") == 1


def test_a_mailbox_that_the_base_tells_of_later_is_shown_without_another_answer(polled: Polled) -> None:
    polled.answered(BASE, base("a"))
    polled.answered(PLACEMENT, placement(a=1, b=0.5))
    assert polled.joined() == {("example.com", "a"): 1}

    polled.answered(BASE, base("b", "a"))

    assert polled.joined() == {("example.com", "a"): 1, ("example.com", "b"): 0.5}


def test_a_mailbox_that_leaves_the_base_leaves_it_too(polled: Polled) -> None:
    polled.answered(BASE, base("a", "b"))
    polled.answered(PLACEMENT, placement(a=1, b=0.5))

    polled.answered(BASE, base("b"))

    assert polled.joined() == {("example.com", "b"): 0.5}


def test_its_labels_follow_a_mailbox_that_moves_to_another_domain(polled: Polled) -> None:
    polled.answered(BASE, base("a"))
    polled.answered(PLACEMENT, placement(a=1))

    polled.answered(BASE, base("a", domain="other.example"))

    assert polled.joined() == {("other.example", "a"): 1}


def test_its_suspect_values_are_counted_by_its_own_fields(polled: Polled) -> None:
    polled.answered(PLACEMENT, placement(a=2))

    suspects = polled.samples().all_of("sendkit_suspect_values_total", workspace="acme")
    by_field = {dict(own)["field"]: value for own, value in suspects.items()}
    assert by_field["scores.inbox"] == 1
    assert {name: by_field[name] for name in ("id", "scores", "state")} == {"id": 0, "scores": 0, "state": 0}


def test_an_answer_without_the_mailboxes_is_refused_and_changes_nothing(polled: Polled) -> None:
    polled.answered(BASE, base("a"))
    polled.answered(PLACEMENT, placement(a=1))

    with pytest.raises(ValueError, match=r'"data": \{"mailboxes": \[...\]\}'):
        polled.answered(PLACEMENT, base("a"))

    assert polled.joined() == {("example.com", "a"): 1}


def test_its_families_come_once_after_those_of_the_base() -> None:
    listed = families([PLACEMENT, PLACEMENT])

    assert listed[-2:] == (SCORE, STATE)
    assert len(listed) == len({*listed}) == len(families()) + 2
