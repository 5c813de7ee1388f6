"""`Retry-After` holds for the key, over polls, for 15 minutes at most."""

import re

import pytest

from exporter.catalogue.workspace import Reason
from tests.calling import BODY, KEY, answer, calling

pytestmark = pytest.mark.anyio


class TestRetryAfter:
    async def test_a_hold_keeps_all_polls_of_the_key_from_asking(self) -> None:
        async with calling(answer(429, retry_after="600")) as (server, caller):
            for _ in range(5):
                error = await caller.failure(within=60)
                assert error.reason == Reason.RATE_LIMITED
        assert len(server.requests) == 1
        assert caller.codes == ["429"]

    async def test_a_hold_is_named_in_the_failure(self) -> None:
        async with calling(answer(429, b'{"message": "slow down"}', retry_after="600")) as (_, caller):
            first = await caller.failure()
            second = await caller.failure()
        assert first.message == "the API answered 429: slow down; it asks to wait 600 s (Retry-After)"
        assert re.fullmatch(
            r"no request is made for another (5[0-9]{2}|600) s, as the API asked \(Retry-After\): "
            r"the API answered 429: slow down",
            second.message,
        )

    async def test_a_hold_lasts_15_minutes_at_most(self) -> None:
        async with calling(answer(503, retry_after="999999")) as (_, caller):
            await caller.failure()
            assert 800 < caller.holds.seconds(KEY) <= 900

    async def test_a_hold_of_one_key_is_not_that_of_the_key_after_it(self) -> None:
        async with calling(answer(429, retry_after="600"), answer()) as (_, caller):
            await caller.failure()
            assert await caller.mailboxes("sk_rotated-0123456789") == BODY

    async def test_a_hold_that_ends_within_the_poll_is_waited_for(self) -> None:
        async with calling(answer(429, retry_after="30"), answer(), max_attempts=1) as (server, caller):
            await caller.failure(within=10)
            assert await caller.mailboxes(within=60) == BODY
        assert len(caller.pauses) == 1
        assert 20 < caller.pauses[0] <= 30
        assert len(server.requests) == 2

    @pytest.mark.parametrize("status", [400, 401, 404])
    async def test_a_hold_of_a_refusal_that_does_not_pass_holds_nothing(self, status: int) -> None:
        async with calling(answer(status, b"", retry_after="600"), answer()) as (_, caller):
            await caller.failure()
            assert await caller.mailboxes() == BODY
