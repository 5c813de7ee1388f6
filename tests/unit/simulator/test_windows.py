"""Windows hold what has become of the mails sent in them."""

from collections import Counter
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exporter.simulator.windows import Window
from tests.world import FIRST_DAY, World, days_from, never_falls, summed


class TestWindows:
    def test_days_add_up_to_all_time(self) -> None:
        world = World()
        world.pass_time(days=2, hours=3)
        total: Counter[str] = Counter()
        for day in days_from(FIRST_DAY, 33):
            total += summed(world.performance(day, day))

        total += summed(world.performance(None, FIRST_DAY - timedelta(days=1)))

        assert summed(world.performance()) == total

    def test_either_bound_may_be_given_alone(self) -> None:
        world = World()
        day = date(2025, 5, 20)
        before = summed(world.performance(None, day - timedelta(days=1)))
        after = summed(world.performance(day))

        assert summed(world.performance()) == before + after

    def test_a_day_keeps_its_sends_and_gains_what_becomes_of_them(self) -> None:
        """Bounces and replies count for the day of their mail, so that new days show too few."""
        world = World(2000, workspaces=1)
        world.pass_time(hours=10)  # Tuesday, 19:00
        day = date(2025, 6, 3)
        fresh = summed(world.performance(day, day))
        world.pass_time(days=4)
        ripe = summed(world.performance(day, day))

        assert fresh["sent"] == ripe["sent"]
        assert 0 < fresh["bounced"] < ripe["bounced"]
        assert 0 < fresh["replied"] < ripe["replied"]

    def test_days_never_change_after_four_more(self) -> None:
        world = World()
        day = date(2025, 5, 30)
        then = world.performance(day, day)
        world.start("bounce_spike")
        world.start("sending_stalled")
        world.pass_time(days=10)

        assert then == world.performance(day, day)

    def test_days_before_the_mailboxes_and_after_today_are_empty(self) -> None:
        world = World()
        for day in (date.min, date(2025, 1, 1), date(2025, 6, 4), date.max):
            assert {0} == set(summed(world.performance(day, day)).values())

    def test_days_before_the_history_hold_about_as_much_as_those_within(self) -> None:
        world = World(400, workspaces=1)
        before = summed(world.performance(FIRST_DAY - timedelta(days=14), FIRST_DAY - timedelta(days=1)))
        within = summed(world.performance(FIRST_DAY, FIRST_DAY + timedelta(days=13)))

        assert 0.3 < before["sent"] / within["sent"] < 1.2

    def test_timestamps_cut_days_and_the_parts_add_up(self) -> None:
        world = World(200)
        world.pass_time(days=2)
        day = summed(world.performance(date(2025, 6, 3), date(2025, 6, 3)))
        parts = [
            Window.parsed("2025-06-03", "2025-06-03T10:29:59.999Z"),
            Window.parsed("2025-06-03T12:30:00+02:00", "2025-06-03"),
        ]
        figures = [summed(world.window(part)) for part in parts]

        assert day == figures[0] + figures[1]
        assert 0.1 < figures[0]["sent"] / day["sent"] < 0.6

    def test_only_performance_and_rates_follow_the_window(self) -> None:
        world = World()
        world.pass_time(hours=5)
        whole, filtered = world.mailboxes(), world.mailboxes(date(2025, 5, 20), date(2025, 5, 20))

        assert whole != filtered
        for mailbox in (*whole.values(), *filtered.values()):
            del mailbox["performance"], mailbox["rates"]
        assert whole == filtered


SCENARIO_NAMES = (
    "bounce_spike",
    "mailbox_suspended",
    "sending_stalled",
    "campaigns_finished",
    "bad_list",
    "provider_blocks",
)


class TestTime:
    @settings(max_examples=25, deadline=None)
    @given(
        steps=st.lists(
            st.tuples(st.floats(0.01, 40), st.sampled_from((*SCENARIO_NAMES, "stop", None))),
            min_size=1,
            max_size=8,
        )
    )
    @example(steps=[(1.0, "warmup_stopped")] * 8)  # more than there are mailboxes that fit
    def test_totals_never_fall_and_every_answer_agrees_with_itself(
        self, steps: list[tuple[float, str | None]]
    ) -> None:
        """Whatever starts and stops: totals rise, parts stay below their wholes, days add up."""
        world = World(24, workspaces=1)
        earlier = world.performance()
        for hours, turn in steps:
            if turn == "stop":
                for scenario in world.simulation.scenarios():
                    world.simulation.stop(scenario.id)
            elif turn is not None:
                with suppress(ValueError):  # in the end no mailbox fits any more
                    world.start(turn)
            world.pass_time(hours=hours)
            later = world.performance()
            assert never_falls(earlier, later)
            earlier = later
        for figures in earlier.values():
            assert figures["sent"] >= figures["opened"] >= figures["clicked"]
            assert figures["sent"] >= figures["bounced"]
            assert figures["replied"] >= figures["positiveReplied"]
        today = world.simulation.now().date()
        before = summed(world.performance(None, today - timedelta(days=1)))
        assert summed(earlier) == before + summed(world.performance(today, today))


class TestBounds:
    @pytest.mark.parametrize(
        ("begin", "end", "expected"),
        [
            (None, None, Window()),
            ("1970-01-01", "1970-01-01", Window(0, 86_400)),
            ("1970-01-01T00:00:00Z", "1970-01-01T23:59:59.999Z", Window(0, 86_400)),
            ("1970-01-02T01:00+01:00", None, Window(86_400)),
        ],
    )
    def test_bounds_are_dates_or_full_timestamps(
        self, begin: str | None, end: str | None, expected: Window
    ) -> None:
        assert expected == Window.parsed(begin, end)

    @pytest.mark.parametrize("written", ["1970-01-03", "1970-01-03T23:59:59.999Z"])
    def test_an_api_that_leaves_the_last_day_out_ends_at_its_midnight(self, written: str) -> None:
        window = Window.parsed("1970-01-01", written)

        assert Window(0, 2 * 86_400) == window.without_last_day()

    def test_an_api_that_takes_timestamps_for_days_widens_both_ends(self) -> None:
        window = Window.parsed("1970-01-02T15:00:00.000Z", "1970-01-03T14:59:59.999Z")

        assert Window(86_400, 3 * 86_400) == window.of_whole_days()
        assert Window() == Window().of_whole_days()
