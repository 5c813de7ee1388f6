"""When a request is made again, and when it is given up."""

import asyncio
import math
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.catalogue.workspace import Reason
from exporter.sendkit.client import BACKOFF_CAP_SECONDS
from exporter.sendkit.errors import (
    parse_retry_after,
)
from exporter.sendkit.lane import Lane
from tests.calling import BODY, answer, calling
from tests.scripted_api import hang, reset

pytestmark = pytest.mark.anyio

UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine is no failure
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


class TestRetries:
    async def test_retries_end_with_the_first_good_answer(self) -> None:
        async with calling(answer(500), reset, answer()) as (_, caller):
            assert await caller.mailboxes() == BODY
        assert (caller.codes, caller.retries) == (["500", "error", "200"], 2)

    async def test_retries_wait_twice_as_long_each_time_up_to_a_cap(self) -> None:
        async with calling(answer(500), max_attempts=8) as (_, caller):
            await caller.failure(within=1000)
        assert caller.pauses == [0.5, 1, 2, 4, 8, BACKOFF_CAP_SECONDS, BACKOFF_CAP_SECONDS]

    async def test_retries_wait_as_long_as_asked_in_seconds(self) -> None:
        async with calling(answer(429, retry_after="7"), answer()) as (_, caller):
            await caller.mailboxes()
        assert caller.pauses == [7]

    async def test_retries_wait_as_long_as_asked_by_a_date(self) -> None:
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
        async with calling(answer(503, retry_after=moment), answer()) as (_, caller):
            await caller.mailboxes()
        [pause] = caller.pauses
        assert 30 < pause <= 40

    @pytest.mark.parametrize("wish", ["soon", "-5", "nan", "", "0"])
    async def test_retries_go_by_their_own_pace_when_asked_nonsense(self, wish: str) -> None:
        async with calling(answer(429, retry_after=wish), answer()) as (_, caller):
            await caller.mailboxes()
        assert caller.pauses == [0.5]

    async def test_retries_are_given_up_at_once_when_their_time_is_past_the_deadline(self) -> None:
        async with calling(answer(429, retry_after="3600")) as (server, caller):
            error = await caller.failure(within=60)
        assert (error.reason, caller.pauses, len(server.requests)) == (Reason.RATE_LIMITED, [], 1)

    async def test_retries_never_start_past_the_deadline(self) -> None:
        async with calling(answer(500)) as (server, caller):
            caller.sleep = lambda seconds: asyncio.sleep(seconds + 0.2)
            await caller.failure(within=0.6)
        assert (len(server.requests), caller.retries) == (1, 0)

    async def test_retries_hold_no_slot_while_they_wait(self) -> None:
        async with calling(answer(500), answer(), max_concurrent_requests=1) as (_, caller):

            async def sleep(_seconds: float) -> None:
                async with asyncio.timeout(5), caller.lane.slot(suspect=False):
                    pass

            caller.sleep = sleep
            assert await caller.mailboxes() == BODY

    @pytest.mark.parametrize("suspect", [False, True])
    async def test_retries_are_suspect_and_given_up_when_no_slot_comes_free_in_time(
        self, *, suspect: bool
    ) -> None:
        async with AsyncExitStack() as held, calling(answer(500)) as (server, caller):
            caller.lane = Lane(2 if suspect else 1)
            caller.sleep = lambda _seconds: held.enter_async_context(caller.lane.slot(suspect=suspect))
            error = await caller.failure(within=1)
        assert (error.reason, len(server.requests)) == (Reason.SERVER_ERROR, 1)

    async def test_retries_cut_short_by_the_deadline_do_not_hide_why_they_were_needed(self) -> None:
        async with calling(answer(500), hang) as (server, caller):
            error = await caller.failure(within=1)
        assert (error.reason, len(server.requests)) == (Reason.SERVER_ERROR, 2)

    async def test_retries_are_not_made_with_one_attempt(self) -> None:
        async with calling(answer(500), max_attempts=1) as (server, caller):
            await caller.failure()
        assert len(server.requests) == 1

    async def test_the_first_attempt_has_its_whole_time_past_the_deadline(self) -> None:
        async with calling(answer()) as (_, caller):
            assert await caller.mailboxes(within=-1) == BODY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("1.5", 1.5),
        ("-1", 0),
        ("1e9", 0),
        ("inf", 0),
        ("NaN", 0),
        ("٣", 0),
        ("Wed, 01 May 2024 12:00:30 GMT", 30),
        ("Wed, 01 May 2024 12:00:30 -0000", 30),
        ("Wednesday, 01-May-24 12:00:30 GMT", 30),
        ("Wed, 01 May 2024 11:00:00 GMT", 0),
        ("Wed, 99 May 2024 12:00:30 GMT", 0),
    ],
)
def test_retry_after_is_read_in_both_its_forms(value: str | None, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == seconds


@UNTIMED
@given(st.text() | st.from_regex(r"(\w+, )?\d{1,3}[ -]\w{1,5}[ -]\d{1,6} [\d:]{0,9} [-+\w]{0,6}"))
def test_retry_after_of_any_text_is_a_wait(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds >= 0
    assert math.isfinite(seconds)
