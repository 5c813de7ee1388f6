"""What a scrape gets: the parts of the workspaces chosen, put together once per change."""

import gzip
import sys

import pytest

from exporter.exposition.body import END, Body, Format, Piece
from exporter.exposition.rendering import Disclosure, Part, render_mailboxes
from exporter.exposition.store import Store
from exporter.fleet.fleet import Key, Totals
from exporter.metrics import ALL_TIME, MAILBOX_COUNTERS
from tests.answers import answer_of, mailbox
from tests.samples import Samples

ACME, BETA, GAMMA = ("acme", ""), ("agency", "b"), ("agency", "c")


def own(label: str, up: int = 1) -> dict[str, Piece]:
    """Return a workspace's own part, of one sample."""
    return {"sendkit_up": Piece.of([b'sendkit_up{workspace="%s",window="all"} %d\n' % (label.encode(), up)])}


def part(label: str, window: str = ALL_TIME, sent_today: int = 45) -> Part:
    answer = answer_of(mailbox(sentToday=sent_today))
    totals = Totals().after(answer, 0)
    return render_mailboxes(label, window, answer, totals, Disclosure(lambda email: email), None)


def store_of(*workspaces: tuple[Key, str]) -> Store:
    store = Store()
    for key, label in workspaces:
        store.put(key, label, own(label), {ALL_TIME: part(label)})
    return store


@pytest.fixture
def store() -> Store:
    return store_of((ACME, "acme"), (BETA, "beta"), (GAMMA, "gamma"))


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
    assert text_of(Store().body(Format.OPENMETRICS), Format.OPENMETRICS) == "# EOF\n"
    assert text_of(store.body(Format.TEXT, frozenset())) == ""
    assert Store().series() == 0


@pytest.mark.parametrize("format_", Format)
def test_the_series_are_the_samples_of_a_body(store: Store, format_: Format) -> None:
    def count() -> int:
        return len(list(Samples(text_of(store.body(format_), format_))))

    assert store.series() == count() > 0
    store.put(BETA, "beta", own("beta"), {"7d": part("beta", "7d")})
    assert store.series() == count()
    store.drop_window(ACME, ALL_TIME)
    assert store.series() == count()
    store.drop(GAMMA)
    assert store.series() == count()


def test_a_body_is_made_once_per_change(store: Store) -> None:
    body = store.body(Format.TEXT)

    assert store.body(Format.TEXT) is body
    assert store.body(Format.OPENMETRICS) is store.body(Format.OPENMETRICS)
    assert store.body(Format.OPENMETRICS) is not body
    store.put(ACME, "acme", own("acme", 0), {})
    assert store.body(Format.TEXT) is not body
    assert Samples(text_of(store.body(Format.TEXT))).one("sendkit_up", workspace="acme") == 0


def test_a_change_of_one_workspace_makes_no_body_of_another_again(store: Store) -> None:
    alone, both = frozenset({"beta"}), frozenset({"acme", "beta"})
    before = store.body(Format.TEXT, alone), store.body(Format.TEXT, both)

    store.put(ACME, "acme", own("acme", 0), {})

    assert store.body(Format.TEXT, alone) is before[0]
    assert store.body(Format.TEXT, both) is not before[1]


def test_new_samples_replace_a_windows_and_leave_the_other_windows(store: Store) -> None:
    store.put(ACME, "acme", own("acme"), {"7d": part("acme", "7d")})

    store.put(ACME, "acme", own("acme"), {ALL_TIME: part("acme", sent_today=46)})

    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.one("sendkit_mailbox_sent_today") == 46
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {"all", "7d"}


def test_a_window_that_is_dropped_is_gone_and_the_workspace_stays(store: Store) -> None:
    store.put(ACME, "acme", own("acme"), {"7d": part("acme", "7d")})
    before = store.body(Format.TEXT, frozenset({"acme"}))

    store.drop_window(ACME, ALL_TIME)

    assert store.body(Format.TEXT, frozenset({"acme"})) is not before
    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.values_of("window", "sendkit_mailbox_campaign_sent") == {"7d"}
    assert samples.one("sendkit_up") == 1
    assert not {metric.name for metric in MAILBOX_COUNTERS.values()} & samples.by_name.keys()


def test_a_workspace_that_is_dropped_is_gone(store: Store) -> None:
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT)))) == {"acme", "beta", "gamma"}

    store.drop(BETA)

    assert store.labels() == ["acme", "gamma"]
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT)))) == {"acme", "gamma"}
    with pytest.raises(KeyError, match="beta"):
        store.body(Format.TEXT, frozenset({"beta"}))


def test_what_is_not_there_may_be_dropped(store: Store) -> None:
    body = store.body(Format.TEXT)

    store.drop(("nobody", ""))
    store.drop_window(("nobody", ""), ALL_TIME)
    store.drop_window(ACME, "7d")

    assert store.body(Format.TEXT) is body


def test_a_workspace_goes_by_its_new_label_at_once(store: Store) -> None:
    old, other = frozenset({"acme"}), frozenset({"acme", "beta"})
    store.body(Format.TEXT, old)
    store.body(Format.TEXT, other)

    store.put(ACME, "renamed", own("renamed"), {ALL_TIME: part("renamed")})

    assert store.labels() == ["renamed", "beta", "gamma"]
    for names in (old, other):
        with pytest.raises(KeyError, match="acme"):
            store.body(Format.TEXT, names)
    assert workspaces_of(Samples(text_of(store.body(Format.TEXT, frozenset({"renamed"}))))) == {"renamed"}


def test_a_label_may_go_over_to_another_workspace(store: Store) -> None:
    store.body(Format.TEXT, frozenset({"acme"}))

    store.put(ACME, "renamed", own("renamed"), {})
    store.put(BETA, "acme", own("acme", 0), {ALL_TIME: part("acme", sent_today=7)})

    samples = Samples(text_of(store.body(Format.TEXT, frozenset({"acme"}))))
    assert samples.one("sendkit_up") == 0
    assert samples.one("sendkit_mailbox_sent_today") == 7


@pytest.mark.parametrize("names", [None, frozenset({"acme"}), frozenset({"acme", "beta"})], ids=str)
def test_the_bytes_of_the_past_are_not_kept(names: frozenset[str] | None) -> None:
    store = store_of((BETA, "beta"))
    chunk = b"".join([b'sendkit_up{workspace="acme",window="all"} 1\n'] * 2000)
    unseen = sys.getrefcount(chunk)
    store.put(ACME, "acme", {"sendkit_up": Piece.of([chunk])}, {})
    store.body(Format.TEXT, names)
    assert sys.getrefcount(chunk) > unseen

    store.put(ACME, "acme", own("acme"), {})

    assert sys.getrefcount(chunk) == unseen


def test_the_bodies_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.exposition.store._KEPT_BODIES", 2)
    store = store_of(*((("agency", str(number)), f"w{number}") for number in range(4)))
    names = [frozenset({label}) for label in store.labels()]

    for label in names:
        store.body(Format.TEXT, label)
    bodies = [store.body(Format.TEXT, label) for label in names]

    assert [workspaces_of(Samples(text_of(body))) for body in bodies] == names
    assert len({id(store.body(Format.TEXT, label)) for label in names[2:]} & {*map(id, bodies)}) == 2
