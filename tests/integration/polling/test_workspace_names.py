"""Names of workspaces over a scripted API: they may change, be swapped, and be the same."""

import asyncio
import threading

import pytest

from exporter.fleet.reading import Reading
from exporter.fleet.workspace import Workspace
from exporter.polling.reader import Reader
from tests.accounts import ACME, AGENCY, PLATFORM
from tests.exporting import FAST, exporting
from tests.scripted_api import ScriptedApi, answered, hang, mailbox, once_set
from tests.waiting import until

pytestmark = pytest.mark.anyio

LEAVES_SOON = {"stale_after": 0.5}


async def test_a_workspace_that_is_renamed_is_shown_under_its_new_name_at_once() -> None:
    """The label changes everywhere, before the next poll, and the counters go on."""
    api = ScriptedApi({PLATFORM: {"w1": "one"}})
    async with exporting(api, AGENCY | {"poll_interval": "1d", "workspaces": {"refresh": FAST}}) as running:
        await until(lambda: running.is_up("one"))
        api.workspaces[PLATFORM] = {"w1": "uno"}
        await until(lambda: running.labels() == {"uno"})
        assert running.one("sendkit_polls_total", "uno") == 1
        assert running.samples().one("sendkit_mailbox_sent_today", workspace="uno") == 3
        assert running.samples().one("sendkit_mailbox_emails_sent_total", workspace="uno") == 0
        for name, labels, _ in running.samples():
            assert ("workspace", "one") not in labels, name
        assert running.exporter.store.labels() == ["uno"]


async def test_a_workspace_that_is_renamed_is_rendered_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of 200,000 mailboxes takes seconds, in which scrapes are answered."""
    rendered, threads = Reader.rendered, set[str]()

    def noted(reader: Reader, workspace: Workspace, label: str) -> dict[str, Reading]:
        threads.add(threading.current_thread().name)
        return rendered(reader, workspace, label)

    monkeypatch.setattr(Reader, "rendered", noted)
    api = ScriptedApi({PLATFORM: {"w1": "one"}})
    async with exporting(api, AGENCY | {"poll_interval": "1d", "workspaces": {"refresh": FAST}}) as running:
        await until(lambda: running.is_up("one"))
        api.workspaces[PLATFORM] = {"w1": "uno"}
        await until(lambda: running.labels() == {"uno"})
    assert threads
    assert threading.current_thread().name not in threads


async def test_a_workspace_may_be_renamed_while_it_is_polled() -> None:
    release = asyncio.Event()
    late = once_set(release, answered(mailbox("m1")))
    api = ScriptedApi({PLATFORM: {"w1": "one"}}, {}, {"w1": late})
    async with exporting(api, AGENCY, api={"timeout": 60}) as running:
        await until(lambda: api.asked("w1"))
        api.workspaces[PLATFORM] = {"w1": "uno"}
        await until(lambda: running.labels() == {"uno"})
        release.set()
        await until(lambda: running.is_polled("uno", 2))
        assert running.samples().values_of("workspace", "sendkit_mailbox_sent_today") == {"uno"}


async def test_names_of_workspaces_may_be_swapped() -> None:
    """In one step: in no scrape do both have the same one."""
    api = ScriptedApi({PLATFORM: {"w1": "one", "w2": "two"}})
    api.behaviours = {"w1": answered(mailbox("m1")), "w2": answered(mailbox("m2"))}

    def mailboxes() -> dict[str, str]:
        infos = running.samples().all_of("sendkit_mailbox_info")
        return {dict(labels)["workspace"]: dict(labels)["mailbox_id"] for labels in infos}

    async with exporting(api, AGENCY) as running:
        await until(lambda: mailboxes() == {"one": "m1", "two": "m2"})
        api.workspaces[PLATFORM] = {"w1": "two", "w2": "one"}

        def swapped() -> bool:
            found = mailboxes()
            assert found.keys() == {"one", "two"}
            return found == {"one": "m2", "two": "m1"}

        await until(swapped)
        assert running.samples().one("sendkit_workspace_info", workspace="two", workspace_id="w1") == 1


async def test_workspaces_of_the_same_name_are_shown_with_their_ids() -> None:
    api = ScriptedApi({PLATFORM: {"w1": "shared", "w2": "shared"}})
    async with exporting(api, AGENCY, poll=LEAVES_SOON) as running:
        await until(lambda: running.is_up("shared (w1)") and running.is_up("shared (w2)"))
        api.workspaces[PLATFORM] = {"w2": "shared"}
        await until(lambda: running.labels() == {"shared"})


@pytest.mark.parametrize(
    ("index", "labels"), [(0, {"shared (w1)", "acme (w3)"}), (1, {"shared (w2)", "acme"})]
)
async def test_a_shard_shows_workspaces_under_the_names_that_they_have_without_shards(
    index: int, labels: set[str]
) -> None:
    """Also from one that another shard polls, and from the start of a reload on."""
    second = "sk_user_canary-second"
    seen = {"w1": "shared", "w2": "shared", "w3": "acme"}
    api = ScriptedApi({PLATFORM: seen, second: seen})
    accounts = (ACME, AGENCY, {"name": "other", "api_key": second})
    async with exporting(api, *accounts, shard={"index": index, "total": 2}) as running:
        await until(lambda: running.labels() == labels and all(map(running.is_up, labels)))
        api.listing = {PLATFORM: hang, second: hang}
        await running.exporter.reload()
        assert running.labels() == labels
