"""`advise`: read the last weeks from Prometheus, and say which thresholds fit."""

import time
from collections.abc import Sequence

from exporter.commands.advice import days, judged, text
from exporter.commands.advice.prometheus import Prometheus, PrometheusError
from exporter.fleet.limits import Level
from exporter.nouns import several


async def advise(url: str, weeks: int) -> Sequence[str]:
    """Return the advice as lines; raises `PrometheusError`, also where there is nothing to go by."""
    now = time.time()
    async with Prometheus(url) as server:
        thresholds = await days.thresholds(server, now)
        if not thresholds:
            raise PrometheusError(f"{server.shown} has no sendkit_alert_threshold: it scrapes no exporter")
        found = await days.days(server, weeks * 7, now)
        if not found:
            raise PrometheusError(f"{server.shown} knows of no mail in the last {several(weeks, 'week')}")
    workspaces = {subject for day in found for subject in day.bounces[Level.WORKSPACE]}
    return text.lines(list(judged.advise(thresholds, found)), len(found), len(workspaces))
