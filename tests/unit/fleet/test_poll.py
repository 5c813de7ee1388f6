"""A poll: how its polls went, and for how long its last answer counts."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from exporter.catalogue.kinds import Feed
from exporter.catalogue.workspace import Reason
from exporter.fleet.poll import Instant, Poll
from exporter.fleet.reading import Reading
from tests.answers import BASE, WEEK, Mailbox, answer_of, mailbox


def poll(feed: Feed = BASE, stale_after: float = 900.0) -> Poll:
    return Poll(feed, stale_after)


def a_reading() -> Reading:
    return Reading(answer_of(mailbox()), None)


def at(seconds: float, *, wall: float = 1_700_000_000.0) -> Instant:
    """Return a moment by the steady clock, with the wall clock set to a time of its own."""
    return Instant(wall, seconds)


def test_before_the_first_poll_nothing_is_known() -> None:
    new = poll()

    assert new.up is None
    assert new.is_stale(at(0))
    assert not new.is_fresh(at(0))


def test_a_poll_that_succeeded_is_up_and_fresh() -> None:
    done, reading = poll(), a_reading()

    done.succeeded(reading, at(10, wall=1_000), 2.5)

    assert done.reading is reading
    assert done.answer is reading.answer
    assert (done.up, done.last_success, done.last_poll, done.duration) == (True, 1_000, 1_000, 2.5)
    assert (done.polls, sum(done.failures.values()), done.error) == (1, 0, "")
    assert done.is_fresh(at(11))


def test_a_failure_leaves_the_last_answer_and_its_time_where_they_are() -> None:
    failed, reading = poll(), a_reading()
    failed.succeeded(reading, at(10, wall=1_000), 1)

    failed.failed(Reason.TIMEOUT, "no answer within 30 s", at(70, wall=1_060), 30)
    failed.failed(Reason.TIMEOUT, "no answer within 30 s", at(130, wall=1_120), 30)
    failed.failed(Reason.NETWORK, "refused", at(190, wall=1_180), 0.5)

    assert failed.reading is reading
    assert (failed.up, failed.last_success, failed.last_poll, failed.duration) == (False, 1_000, 1_180, 0.5)
    assert failed.failures == {Reason.TIMEOUT: 2, Reason.NETWORK: 1}
    assert (failed.failure, failed.error, failed.polls) == (Reason.NETWORK, "refused", 4)
    assert failed.is_fresh(at(200))


def test_a_success_after_a_failure_clears_the_failure_and_keeps_its_count() -> None:
    again = poll()
    again.failed(Reason.AUTH, "the key is refused", at(0), 1)

    again.succeeded(a_reading(), at(60), 1)

    assert (again.up, again.failure, again.error) == (True, None, "")
    assert again.failures == {Reason.AUTH: 1}


def test_a_refused_key_is_never_fresh() -> None:
    refused = poll()
    refused.succeeded(a_reading(), at(0), 1)

    refused.failed(Reason.AUTH, "the key is refused", at(60), 1)

    assert not refused.is_fresh(at(61))
    assert not refused.is_stale(at(61))


def test_data_is_stale_without_a_success_for_as_long_as_configured() -> None:
    old = poll(stale_after=900)
    old.succeeded(a_reading(), at(100), 1)
    old.failed(Reason.NETWORK, "refused", at(500), 1)

    assert not old.is_stale(at(999.9))
    assert old.is_stale(at(1000))
    assert not old.is_fresh(at(1000))


@given(st.floats(0, 1e10), st.floats(0, 1e10))
def test_a_clock_that_is_set_makes_nothing_stale_and_nothing_fresh(before: float, after: float) -> None:
    set_back_or_forth = poll()
    set_back_or_forth.succeeded(a_reading(), at(0, wall=before), 1)

    assert set_back_or_forth.is_fresh(at(899, wall=after))
    assert set_back_or_forth.is_stale(at(901, wall=after))


def suspects(*mailboxes: Mailbox, feed: Feed = BASE, polls: int = 1) -> Counter[str]:
    """Return the suspect values of a poll that had the same answer so often."""
    suspicious = poll(feed)
    for _ in range(polls):
        suspicious.succeeded(Reading(answer_of(*mailboxes, feed=feed), None), at(0), 1)
    return suspicious.suspects


def test_suspect_values_add_up_poll_by_poll() -> None:
    rates = {**mailbox()["rates"], "open": "N/A"}
    bad = [mailbox(_id="a", bounceRate=-1, rates=rates), mailbox(_id="b", bounceRate=None)]

    assert suspects(*bad, polls=3) == {"bounceRate": 6, "rates.open": 3}


def test_a_window_counts_only_the_suspect_values_of_its_own_fields() -> None:
    rates = {**mailbox()["rates"], "open": None}
    bad = [
        mailbox(_id="a", performance=[], bounceRate=None, status="", email=5),
        mailbox(_id="b", rates=rates, warmup={"enabled": 1, "status": None}),
    ]

    assert suspects(*bad, feed=WEEK) == {"performance": 1, "rates.open": 1}
    assert suspects(*bad).keys() > {"performance", "rates.open", "bounceRate", "warmup.status"}


class Job:
    """A job that counts how often it was ended."""

    ended = 0

    def cancel(self) -> None:
        self.ended += 1

    def change(self, interval: timedelta) -> None:
        raise NotImplementedError

    def due_seconds(self) -> float | None:
        return None


def test_a_poll_that_is_cancelled_ends_its_job_once() -> None:
    job = Job()
    cancelled = Poll(BASE, 900, job=job)

    cancelled.cancel()
    cancelled.cancel()

    assert (job.ended, cancelled.job) == (1, None)
