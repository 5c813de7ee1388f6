"""Workspaces and what is known of them, the fleet of them, and a label of its own for each."""

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from exporter.catalogue.kinds import ALL_TIME, Feed
from exporter.catalogue.workspace import Reason
from exporter.fleet.key import Key
from exporter.fleet.labels import labels_for
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Fleet, Workspace
from exporter.sendkit.feeds import analytics
from tests.answers import BASE, WEEK, answer_of, mailbox
from tests.rendering import rendered

# Workspaces and their polls


def workspace(key: Key = Key("w1"), *feeds: Feed) -> Workspace:  # noqa: B008 - a key never changes
    polls = {feed.name: Poll(feed, 900) for feed in feeds}
    return Workspace(key, "agency", "Acme", "Acme", polls=polls)


def at(seconds: float) -> Instant:
    return Instant(1_700_000_000, seconds)


def a_reading() -> Reading:
    return Reading(answer_of(mailbox()), None)


def test_polls_configured_again_keep_what_is_known_and_take_what_is_configured() -> None:
    configured = workspace(Key("w1"), BASE, WEEK)
    known, gone = configured.all_time, configured.polls["7d"]
    known.succeeded(a_reading(), at(0), 1)
    slower, month = analytics.all_time(120), analytics.window("30d", 30, 900)

    went = configured.keep_polls([Poll(slower, 1800), Poll(month, 2700)])

    assert list(went) == [gone]
    assert list(configured.polls) == [ALL_TIME, "30d"]
    assert configured.all_time is known
    assert (known.feed, known.stale_after, known.polls) == (slower, 1800, 1)
    assert (configured.polls["30d"].feed, configured.polls["30d"].polls) == (month, 0)


def test_polls_are_in_the_order_of_the_configuration_whichever_was_known_first() -> None:
    restored = workspace(Key("w1"), WEEK, BASE)
    all_time, week = restored.all_time, restored.polls["7d"]

    assert not [*restored.keep_polls([Poll(BASE, 900), Poll(WEEK, 1800)])]

    assert list(restored.polls.items()) == [(ALL_TIME, all_time), ("7d", week)]
    assert (week.feed, week.stale_after) == (WEEK, 1800)


def test_the_suspect_values_of_a_workspace_are_those_of_all_its_polls() -> None:
    suspicious = workspace(Key("w1"), BASE, WEEK)
    bad = mailbox(bounceRate=-1, rates={**mailbox()["rates"], "open": "N/A"})
    for poll in suspicious.polls.values():
        poll.succeeded(Reading(answer_of(bad, feed=poll.feed), None), at(0), 1)

    assert suspicious.suspects == {"bounceRate": 1, "rates.open": 2}


def test_the_roster_of_a_workspace_is_that_of_its_base_feed_alone() -> None:
    joined, part = workspace(Key("w1"), BASE, WEEK), rendered(answer_of(mailbox()))
    reading = Reading(answer_of(mailbox()), part)
    rosters = [joined.roster]

    joined.polls["7d"].succeeded(reading, at(0), 1)
    rosters.append(joined.roster)
    joined.all_time.succeeded(reading, at(0), 1)
    rosters.append(joined.roster)
    assert list(joined.parts()) == [part, part]

    joined.all_time.reading = replace(reading, part=None)
    rosters.append(joined.roster)
    assert list(joined.parts()) == [part]
    assert rosters == [None, None, part.roster, None]


# The fleet


def test_a_workspace_is_found_by_its_key() -> None:
    fleet, added = Fleet(), workspace()

    fleet.add(added)

    assert fleet.get(Key("w1")) is added
    assert fleet.get(Key("w2")) is None
    assert (list(fleet), len(fleet)) == ([added], 1)
    assert added in fleet
    assert workspace() not in fleet, "another one of that key"


def test_a_workspace_without_an_id_is_another_one_for_each_account() -> None:
    fleet = Fleet()
    for account in ("a", "b"):
        fleet.add(workspace(Key(account=account)))

    assert len(fleet) == 2
    assert fleet.get(Key()) is None


def test_a_workspace_whose_id_becomes_known_stays_the_same_one_in_its_place() -> None:
    fleet = Fleet()
    unknown, other = workspace(Key(account="acme")), workspace(Key("w2"))
    fleet.add(unknown)
    fleet.add(other)

    fleet.rekey(unknown, Key("w1"))

    assert list(fleet) == [unknown, other]
    assert fleet.get(Key("w1")) is unknown
    assert fleet.get(Key(account="acme")) is None
    assert unknown in fleet


class Job:
    """A job that counts how often it was ended."""

    ended = 0

    def cancel(self) -> None:
        self.ended += 1

    def change(self, interval: timedelta) -> None:
        raise NotImplementedError

    def due_seconds(self) -> float | None:
        return None


def test_a_workspace_that_is_forgotten_is_gone_and_its_polls_end() -> None:
    fleet, forgotten, jobs = Fleet(), workspace(Key("w1"), BASE, WEEK), (Job(), Job())
    for poll, job in zip(forgotten.polls.values(), jobs, strict=True):
        poll.job = job
    fleet.add(forgotten)

    fleet.forget(forgotten, 0)

    assert len(fleet) == 0
    assert forgotten not in fleet
    assert fleet.get(Key("w1")) is None
    assert [job.ended for job in jobs] == [1, 1]


def test_the_fleet_is_fresh_when_the_all_time_data_of_one_workspace_is() -> None:
    fleet = Fleet()
    assert not fleet.is_fresh(at(0))
    first, second = workspace(Key("w1"), BASE, WEEK), workspace(Key("w2"), BASE)
    fleet.add(first)
    fleet.add(second)
    assert not fleet.is_fresh(at(0))

    first.polls["7d"].succeeded(a_reading(), at(0), 1)
    assert not fleet.is_fresh(at(0))

    second.all_time.succeeded(a_reading(), at(0), 1)
    assert fleet.is_fresh(at(1))

    second.all_time.failed(Reason.AUTH, "the key is refused", at(2), 1)
    assert not fleet.is_fresh(at(3))


# Labels


def test_a_name_of_its_own_is_the_label() -> None:
    assert labels_for({Key("1"): "Acme", Key("2"): "Beta"}) == {Key("1"): "Acme", Key("2"): "Beta"}


def test_workspaces_that_share_a_name_are_shown_with_their_ids() -> None:
    names = {Key("1"): "Acme", Key("2"): "Acme", Key("3"): "Beta"}

    assert labels_for(names) == {Key("1"): "Acme (1)", Key("2"): "Acme (2)", Key("3"): "Beta"}


def test_a_name_given_in_the_configuration_stays_as_it_is() -> None:
    names = {Key(account="acme"): "acme", Key("7"): "acme"}

    assert labels_for(names) == {Key(account="acme"): "acme", Key("7"): "acme (7)"}


def test_a_workspace_without_a_name_goes_by_its_id() -> None:
    assert labels_for({Key("1"): ""}) == {Key("1"): "1"}


def test_a_name_that_looks_as_if_it_had_an_id_gets_its_id_too() -> None:
    labels = labels_for({Key("1"): "a", Key("2"): "a", Key("3"): "a (1)"})

    assert labels == {Key("1"): "a (1) (1)", Key("2"): "a (2)", Key("3"): "a (1)"}


hostile = st.text("a ()1", max_size=6) | st.text(max_size=4)


@given(
    st.dictionaries(hostile.filter(bool), hostile, max_size=8),
    st.dictionaries(st.text("xyz", min_size=1, max_size=3), st.just(""), max_size=3),
)
@example({"x) (y": "a", "y": "a (x", "z": "a"}, {})
@example({"1": "a", "2": "a", "3": "a (1)", "4": "a (1) (1)"}, {})
def test_every_workspace_has_a_label_of_its_own(names: dict[str, str], keyed: dict[str, str]) -> None:
    by_key = {Key(workspace_id): name for workspace_id, name in names.items()}
    by_key |= {Key(account=account): account for account in keyed}

    labels = labels_for(by_key)

    assert labels.keys() == by_key.keys()
    assert len({*labels.values()}) == len(labels)
    assert all(labels.values())
    assert all(label.startswith(by_key[key] or key.id) for key, label in labels.items())
    assert all(labels[Key(account=account)] == account for account in keyed)


@given(st.dictionaries(st.text(min_size=1, max_size=4), hostile, max_size=6), st.randoms())
def test_labels_do_not_depend_on_the_order_of_the_workspaces(names: dict[str, str], random: Random) -> None:
    keys = [Key(workspace_id) for workspace_id in names]
    shuffled = random.sample(keys, len(keys))

    assert labels_for({key: names[key.id] for key in shuffled}) == labels_for(
        {key: names[key.id] for key in keys}
    )
