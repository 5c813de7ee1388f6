"""Simulated time: steps, which are the evaluations of the bounce rules. Step 0 is a Monday at 0:00."""

STEP_MINUTES = 4
HOUR = 60 // STEP_MINUTES
DAY = 24 * HOUR
WEEK = 7 * DAY

WORK_BEGINS = 9 * HOUR
WORK_ENDS = 17 * HOUR
WEEKDAYS = 5


def steps_of(minutes: float) -> int:
    """Return after how many more evaluations a condition has been true for so many minutes."""
    return -int(-minutes // STEP_MINUTES)
