"""What a scrape gets: the parts of the workspaces chosen, put together once per change."""

import gzip
import sys
from dataclasses import replace
from zlib import crc32

import pytest

from exporter.catalogue.kinds import ALL_TIME
from exporter.catalogue.mailbox import COUNTERS
from exporter.exposition.rendering import render_join
from exporter.exposition.store import Store
from exporter.fleet.counters import Totals
from exporter.fleet.key import Key
from exporter.fleet.poll import Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import families
from exporter.textformat.body import Body, Piece
from exporter.textformat.lines import END, Format
from tests.answers import BASE, WEEK, answer_of, mailbox
from tests.rendering import PLAIN, rendered
from tests.samples import Samples


def own(label: str, up: int = 1) -> dict[str, Piece]:
    """Return a workspace's own part, of one sample."""
    return {"sendkit_up": Piece.of([b'sendkit_up{workspace="%s",window="all"} %d\n' % (label.encode(), up)])}


class Shown:
    """A fleet, and the store that shows it; whatever changes is shown at once, as the board does."""

    def __init__(self, *labels: str) -> None:
        self.fleet = Fleet()
        self.store = Store(self.fleet, families())
        for label in labels:
            workspace = Workspace(Key(f"id of {label}"), "agency", label, label)
            workspace.polls = {feed.name: Poll(feed, 900) for feed in (BASE, WEEK)}
            self.fleet.add(workspace)
            self.answered(label)
            self.put(label)

    def __getitem__(self, label: str) -> Workspace:
        [workspace] = [workspace for workspace in self.fleet if workspace.label == label]
        return workspace

    def answered(self, label: str, sent_today: int = 45) -> None:
        """Have an all-time answer."""
        answer = answer_of(mailbox(sentToday=sent_today))
        part = rendered(answer, Totals().after(answer, 0), label=label)
        self[label].all_time.reading = Reading(answer, part)

    def joined(self, label: str) -> None:
        """Have an answer for a window."""
        answer, roster = answer_of(mailbox(), feed=WEEK), self[label].roster
        assert roster
        self[label].polls["7d"].reading = Reading(answer, render_join(WEEK, answer, roster, PLAIN, None))

    def put(self, label: str, up: int = 1) -> None:
        """Show the workspace of that label as it is now."""
        self.put_own(label, own(label, up))

    def put_own(self, label: str, pieces: dict[str, Piece]) -> None:
        workspace = self[label]
        workspace.own = pieces
        parts = [workspace.own, *(part.pieces for part in workspace.parts())]
        workspace.samples = sum(piece.samples for part in parts for piece in part.values())
        self.store.changed(label)

    def relabel(self, label: str, new: str) -> None:
        """Give a workspace another label."""
        workspace = self[label]
        self.store.changed(label)
        workspace.label = new
        self.answered(new)

    def drop(self, label: str) -> None:
        """Drop the workspace of that label."""
        self.fleet.forget(self[label], 0)
        self.store.changed(label)


@pytest.fixture
def shown() -> Shown:
    return Shown("acme", "beta", "gamma")


@pytest.fixture
def store(shown: Shown) -> Store:
    return shown.store


def text_of(body: Body, format_: Format = Format.TEXT) -> str:
    return b"".join(body.ended(END[format_]).plain).decode()


def workspaces_of(samples: Samples) -> set[str]:
    return {dict(labels)["workspace"] for _, labels, _ in samples}


@pytest.mark.parametrize("format_", Format)
def test_a_body_holds_every_workspace(store: Store, format_: Format) -> None:
    samples = Samples(text_of(store.body(format_), format_))

    assert workspaces_of(samples) == {"acme", "beta", "gamma"} == {*store.labels()}
    assert len(samples.by_name["sendkit_up"]) == 3
    assert len(samples.by_name["sendkit_mailbox_sent_today"]) == 3


@pytest.mark.parametrize("format_", Format)
def test_a_body_holds_the_workspaces_named_and_no_other(store: Store, format_: Format) -> None:
    samples = Samples(text_of(store.body(format_, frozenset({"acme", "gamma"})), format_))

    assert workspaces_of(samples) == {"acme", "gamma"}
    everything = Samples(text_of(store.body(format_), format_))
    assert {*samples} == {
        sample for sample in everything if dict(sample[1])["workspace"] in {"acme", "gamma"}
    }


def test_a_body_is_the_same_plain_and_compressed(store: Store) -> None:
    body = store.body(Format.TEXT)

    assert gzip.decompress(b"".join(body.gzip())) == b"".join(body.plain)


def test_a_name_that_is_unknown_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError, match="nobody"):
        store.body(Format.TEXT, frozenset({"acme", "nobody"}))


def test_no_workspace_at_all_is_an_empty_body(store: Store) -> None:
    assert text_of(Shown().store.body(Format.OPENMETRICS), Format.OPENMETRICS) == "# EOF\n"
    assert text_of(store.body(Format.TEXT, frozenset())) == ""
    assert Shown().store.series() == 0


def test_a_workspace_that_is_not_shown_yet_is_unknown(shown: Shown, store: Store) -> None:
    shown.fleet.add(Workspace(Key("new"), "agency", "new", "new"))

    assert store.labels() == ["acme", "beta", "gamma"]
    with pytest.raises(KeyError, match="new"):
        store.body(Format.TEXT, frozenset({"new"}))


@pytest.mark.parametrize("format_", Format)
def test_the_series_are_the_samples_of_a_body(shown: Shown, store: Store, format_: Format) -> None:
    def count() -> int:
        return len(list(Samples(text_of(store.body(format_), format_))))

    first = store.series()
    assert first == count() > 0
    shown.joined("beta")
    shown.put("beta")
    assert store.series() == count() > first
    shown["acme"].all_time.reading = None
    shown.put("acme")
    assert store.series() == count() < first
    shown.drop("gamma")
    assert store.series() == count()


def test_a_body_is_made_once_per_change(shown: Shown, store: Store) -> None:
    body = store.body(Format.TEXT)

    assert store.body(Format.TEXT) is body
    assert store.body(Format.OPENMETRICS) is store.body(Format.OPENMETRICS)
    assert store.body(Format.OPENMETRICS) is not body
    shown.put("acme", up=0)
    assert store.body(Format.TEXT) is not body
    assert Samples(text_of(store.body(Format.TEXT))).one("sendkit_up", workspace="acme") == 0


def test_a_change_of_one_workspace_makes_no_body_of_another_again(shown: Shown, store: Store) -> None:
    alone, both = frozenset({"beta"}), frozenset({"acme", "beta"})
    before = store.body(Format.TEXT, alone), store.body(Format.TEXT, both)

    shown.put("acme", up=0)

    assert store.body(Format.TEXT, alone) is before[0]
    assert store.body(Format.TEXT, both) is not before[1]


def test_new_samples_replace_a_windows_and_leave_the_other_windows(shown: Shown, store: Store) -> None:
    shown.joined("acme")
    shown.put("acme")
    before = store.body(Format.TEXT, frozenset({"acme"}))

    shown.answered("acme", sent_today=46)
    shown.put("acme")

    assert store.body(Format.TEXT, frozenset({"acme"})) is not before
    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.one("sendkit_mailbox_sent_today") == 46
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {"all", "7d"}


def test_a_window_that_is_dropped_is_gone_and_the_workspace_stays(shown: Shown, store: Store) -> None:
    shown.joined("acme")
    shown.put("acme")
    before = store.body(Format.TEXT, frozenset({"acme"}))

    shown["acme"].all_time.reading = None
    shown.put("acme")

    assert store.body(Format.TEXT, frozenset({"acme"})) is not before
    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {"7d"}
    assert samples.one("sendkit_up") == 1
    assert not {metric.name for metric in COUNTERS.values()} & samples.by_name.keys()


def test_a_poll_whose_answer_has_no_roster_to_join_shows_nothing(shown: Shown, store: Store) -> None:
    shown.joined("acme")
    poll = shown["acme"].polls["7d"]
    assert poll.reading
    poll.reading = replace(poll.reading, part=None)
    shown.put("acme")

    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {ALL_TIME}


def test_a_workspace_that_is_dropped_is_gone(shown: Shown, store: Store) -> None:
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT)))) == {"acme", "beta", "gamma"}

    shown.drop("beta")

    assert store.labels() == ["acme", "gamma"]
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT)))) == {"acme", "gamma"}
    with pytest.raises(KeyError, match="beta"):
        store.body(Format.TEXT, frozenset({"beta"}))


def test_a_workspace_goes_by_its_new_label_at_once(shown: Shown, store: Store) -> None:
    old, other = frozenset({"acme"}), frozenset({"acme", "beta"})
    store.body(Format.TEXT, old)
    store.body(Format.TEXT, other)

    shown.relabel("acme", "renamed")
    shown.put("renamed")

    assert store.labels() == ["renamed", "beta", "gamma"]
    for names in (old, other):
        with pytest.raises(KeyError, match="acme"):
            store.body(Format.TEXT, names)
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT, frozenset({"renamed"}))))) == {"renamed"}


def test_a_label_may_go_over_to_another_workspace(shown: Shown, store: Store) -> None:
    store.body(Format.TEXT, frozenset({"acme"}))

    shown.relabel("acme", "renamed")
    shown.put("renamed")
    shown.relabel("beta", "acme")
    shown.answered("acme", sent_today=7)
    shown.put("acme", up=0)

    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.one("sendkit_up") == 0
    assert samples.one("sendkit_mailbox_sent_today") == 7


@pytest.mark.parametrize(
    "names", [None, frozenset({"acme"}), frozenset({"acme", "beta"})], ids=["all", "one", "both"]
)
def test_the_bytes_of_the_past_are_not_kept(names: frozenset[str] | None) -> None:
    shown = Shown("acme", "beta")
    chunk = b"".join([b'sendkit_up{workspace="acme",window="all"} 1\n'] * 2000)
    (deflated,) = Piece.of([chunk]).deflated
    unseen = sys.getrefcount(deflated)
    shown.put_own("acme", {"sendkit_up": Piece(b"", len(chunk), 2000, (deflated,), crc32(chunk))})
    shown.store.body(Format.TEXT, names)
    assert sys.getrefcount(deflated) > unseen

    shown.put("acme")

    assert sys.getrefcount(deflated) == unseen
