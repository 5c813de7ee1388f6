"""A new endpoint is a feed: a whole exporter polls it, joins it and shows it."""

import json
from collections.abc import Awaitable, Callable

import pytest

from exporter.catalogue import mailbox as catalogue
from exporter.catalogue.kinds import Check, Feed, Field, counter, gauge
from tests.exporting import FAST, exporting
from tests.scripted_api import Behaviour, Request, ScriptedApi, answer, answered, mailbox
from tests.waiting import until

SCORE = gauge("sendkit_mailbox_placement_ratio", "A made-up ratio.", catalogue.LABELS)
PLACEMENT = Feed(
    "placement",
    "/v1/placement",
    (Field("scores.inbox", "placement_ratio", Check.RATIO, SCORE),),
    FAST,
    items="data.mailboxes",
    id_name="id",
)


class PlacementApi(ScriptedApi):
    """The scripted API with the made-up endpoint beside the others."""

    placement: Behaviour

    def _behaviour(self, request: Request) -> Callable[..., Awaitable[None]]:
        return self.placement if request.path == PLACEMENT.path else super()._behaviour(request)


def placement(**ratios: float) -> Behaviour:
    """Answer with these ratios by mailbox."""
    items = [{"id": name, "scores": {"inbox": ratio}} for name, ratio in ratios.items()]
    return answer(200, json.dumps({"success": True, "data": {"mailboxes": items}}).encode())


@pytest.mark.anyio
async def test_a_whole_exporter_polls_a_made_up_collector_and_joins_its_samples_by_mailbox() -> None:
    api = PlacementApi(default=answered(mailbox("m1"), mailbox("m2")))
    api.placement = placement(m1=0.9, m2=0.4, stranger=0.1)
    account = {"name": "acme", "api_key": "sk_acme"}
    async with exporting(api, account, more=[PLACEMENT]) as running:
        await until(lambda: running.samples().one(SCORE.name, mailbox_id="m2") == 0.4)
        samples = running.samples()
        assert samples.values_of("mailbox_id", SCORE.name) == {"m1", "m2"}
        assert samples.values_of("domain", SCORE.name) == {"example.com"}
        assert samples.one("sendkit_collector_up", workspace="acme", collector="placement") == 1

        api.placement = answer(401)
        await until(
            lambda: (
                running.samples().one("sendkit_collector_up", workspace="acme", collector="placement") == 0
            )
        )
        assert running.is_up("acme")
        assert running.samples().one(SCORE.name, mailbox_id="m1") == 0.9


def test_a_collector_with_a_counter_is_refused_because_nothing_would_count_it() -> None:
    rises = counter("sendkit_mailbox_placements_total", "Made up.", catalogue.LABELS)
    with pytest.raises(ValueError, match=r"placement: a collector has no counters, found one of tests\.sum"):
        Feed("placement", "/", (Field("tests.sum", "placements", Check.COUNT, None, rises),), 60)
