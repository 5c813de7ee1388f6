"""Messages that people read without Prometheus: the examples of receivers on the real Alertmanager."""

import html
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from prometheus.output.receivers import merged
from prometheus.table import ALERTS
from tests.rules.alertmanager import CONFIG, Alertmanager
from tests.rules.promtool import TEST_FILES
from tests.rules.receiving import Received
from tests.rules.services import EXAMPLES, NEEDS, SERVICES, TEMPLATES, Message, Service
from tests.servers import RANGE, on_path
from tests.waiting import wait_for
from tests.yaml_files import from_yaml

Alert = dict[str, Any]
BEGAN = datetime(2026, 3, 1, 9, 41, tzinfo=UTC)
PAGE = "https://mail.acme.example/workspaces/acme"
MANY = 300

READ_BY = [(name, end) for name in SERVICES for end in RANGE if NEEDS.get(name, end) == end]
"""Each service with each end of the range that has what its example needs."""

NAMES = [
    'the "best" {{ .Status }} {{ template "x" }}',
    "<!channel> <b>bold</b> &amp; <https://evil.example|Page>",
    "Ключ - ключ 名前 🔥",
    "[x](https://evil.example) *a* _b_ `c` \\",
    "- {a: [b}, 'c', #d, %e, @f, !!g, |",
]


def kinds() -> Iterator[Alert]:
    """Yield one alert of each kind as Prometheus sends it, by the rules' own tests."""
    tests = [
        test
        for path in TEST_FILES
        if path.name != "links.test.yml"
        for one in from_yaml(path.read_text())["tests"]
        for test in one.get("alert_rule_test", ())
        if test["exp_alerts"]
    ]
    for name in ALERTS:
        fired = next(test["exp_alerts"][0] for test in tests if test["alertname"] == name)
        annotations = fired["exp_annotations"] | {"page_url": PAGE}
        yield alert(fired["exp_labels"] | {"alertname": name}, **annotations)


def alert(labels: dict[str, str], **annotations: str) -> Alert:
    return {"labels": labels, "annotations": annotations, "startsAt": BEGAN.isoformat()}


def over(alerts: list[Alert]) -> list[Alert]:
    """Return the alerts, ended an hour after they began."""
    return [one | {"endsAt": (BEGAN + timedelta(hours=1)).isoformat()} for one in alerts]


def mailbox(number: int, workspace: str = "acme") -> Alert:
    """Return an alert on a mailbox; those of a workspace are one group."""
    labels = {"alertname": "SendKitMailboxNotActive", "severity": "warning", "workspace": workspace}
    return alert(
        labels | {"domain": "a.example", "mailbox_id": f"m{number:03}"},
        summary="A mailbox of a.example is no longer active",
        description=f"Mailbox ann{number:03}@a.example of workspace {workspace} was active within the last "
        "24 h and is suspended now.",
        action="Open the mailbox at SendKit.",
        page_url=PAGE,
        dashboard_url=f"https://grafana.acme.example/d/sendkit-mailbox?var-mailbox=m{number:03}",
        runbook_url="",
    )


def post(server: Alertmanager, alerts: list[Alert]) -> None:
    httpx.post(f"{server.address}/api/v2/alerts", json=alerts).raise_for_status()


def awaited(service: Service, received: Received, number: int = 1) -> list[Message]:
    """Return the messages, when so many have arrived."""

    def enough() -> list[Message]:
        messages = service.messages(received)
        return messages if len(messages) >= number else []

    return wait_for(enough, what=f"{number} messages")


def told(service: Service, folder: Path, alerts: list[Alert]) -> tuple[Message, Received]:
    """Return the message on alerts of one group, and how it arrived."""
    with service.alertmanager(folder) as (server, received):
        post(server, alerts)
        return awaited(service, received)[0], received


def opens_only(service: Service) -> bool:
    """Whether the end of an alert has no text there: Opsgenie closes it."""
    return service.example == "opsgenie.yml"


@pytest.fixture(params=READ_BY, ids=["-".join(pair) for pair in READ_BY])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """A service, with an Alertmanager that can read its example."""
    name, end = request.param
    with on_path(end):
        yield SERVICES[name]


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.yml")))
def test_an_example_is_valid_within_the_shipped_configuration(
    example: str, servers: str, tmp_path: Path
) -> None:
    """Where Alertmanager is too old, the example says which version it needs, and what to use instead."""
    text = (EXAMPLES / example).read_text().replace("/etc/alertmanager/sendkit.tmpl", str(TEMPLATES))
    (tmp_path / "config.yml").write_text(
        yaml.safe_dump(merged(from_yaml(CONFIG.read_text()), from_yaml(text)))
    )
    command = ["amtool", "check-config", str(tmp_path / "config.yml")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if (example, servers) == ("teams.yml", "system"):
        assert "field msteamsv2_configs not found" in run.stdout + run.stderr
        assert text.startswith("# Messages in Microsoft Teams, for Alertmanager 0.28 and later")
        assert "teams-webhook.yml" in text
    else:
        assert run.returncode == 0, run.stdout + run.stderr


def test_every_kind_of_alert_makes_a_message_and_another_one_when_it_is_over(
    service: Service, tmp_path: Path
) -> None:
    every = list(kinds())
    with service.alertmanager(tmp_path) as (server, received):
        post(server, every)
        messages = awaited(service, received, len(every))
        for kind in every:
            texts = kind["annotations"]
            [message] = [found for found in messages if texts["description"] in found.text]
            assert texts["summary"] in message.title
            assert texts["action"] in message.text
            assert texts.get("worst", "") in message.text
            assert message.links == {
                "Page": PAGE,
                "Dashboard": texts["dashboard_url"],
                "Runbook": texts["runbook_url"],
            }
            if not service.is_program:
                assert message.title.startswith(f"{kind['labels']['severity'].capitalize()}: ")
                assert "1 firing since 1 Mar 09:41 UTC" in message.text.replace("*", "")
        if opens_only(service):
            return
        post(server, over(every))
        ended = awaited(service, received, 2 * len(every))[len(every) :]
        assert {message.title.lower() for message in ended} == {
            f"resolved: {kind['annotations']['summary']}".lower() for kind in every
        }
        if not service.is_program:
            for message in ended:
                assert "Well again at 1 Mar 10:41 UTC, after it began at 1 Mar 09:41 UTC." in message.text
                assert "What to do first" not in message.text


def test_hundreds_of_alerts_make_a_message_that_is_short_and_says_how_many(
    service: Service, tmp_path: Path
) -> None:
    """The first message may know of a part of them; it is the one on all of them that counts."""
    with service.alertmanager(tmp_path) as (server, received):
        post(server, [mailbox(number) for number in range(MANY)])
        if service.is_program:
            wait_for(lambda: any(_number(body) == MANY for _, body in list(received.posted)))
            assert all(len(body["alerts"]) <= 100 for _, body in received.posted)
            return
        title = f"Warning: A mailbox of a.example is no longer active (and {MANY - 1} more)"
        message = wait_for(
            lambda: next((found for found in service.messages(received) if found.title == title), None),
            what="a message on all of them",
        )
    assert message
    assert re.findall(r"ann\d+@a.example", message.text) == [f"ann{n:03}@a.example" for n in range(10)]
    assert f"and {MANY - 10} more" in message.text
    assert message.links == {"Page": PAGE}
    # Slack shortens a text of 4,000 characters; Opsgenie takes 130 of a title and PagerDuty 1,024.
    assert len(message.title) <= 130
    assert len(message.text) <= 4000
    # Teams refuses a message of more than 28 KB.
    assert all(len(json.dumps(body)) < 28_000 for _, body in received.posted)


def _number(body: dict[str, Any]) -> int:
    return len(body["alerts"]) + int(body["truncatedAlerts"])


def test_a_name_is_shown_as_it_is(service: Service, tmp_path: Path) -> None:
    """It is no template, no markup, no mention and no YAML."""
    with service.alertmanager(tmp_path) as (server, received):
        post(server, [mailbox(1, name) for name in NAMES])
        messages = awaited(service, received, len(NAMES))
    for name in NAMES:
        [message] = [found for found in messages if f"of workspace {name} was active" in found.text]
        assert message.links == {"Page": PAGE, "Dashboard": mailbox(1)["annotations"]["dashboard_url"]}
    bodies = [mail.get_body(("html",)) for mail in received.mails]
    shown = [html.unescape(re.sub(r"<[^>]*>", "", body.get_content())) for body in bodies if body]
    for name in NAMES:
        assert any(f"of workspace {name} was active" in text for text in shown) or not bodies


def test_a_link_that_leads_nowhere_is_not_drawn(service: Service, tmp_path: Path) -> None:
    one = mailbox(1)
    one["annotations"] |= {"page_url": "", "dashboard_url": ""}
    message, received = told(service, tmp_path, [one])
    assert message.links == {}
    arrived = json.dumps(received.posted) + "".join(mail.as_string() for mail in received.mails)
    if not service.is_program:
        assert not re.search("Page|Dashboard|Runbook|href", arrived)


def test_a_message_lists_what_is_over_beside_what_still_fires(service: Service, tmp_path: Path) -> None:
    with service.alertmanager(tmp_path) as (server, received):
        post(server, [mailbox(1), mailbox(2)])
        awaited(service, received)
        if opens_only(service):
            return
        post(server, over([mailbox(2)]))
        message = awaited(service, received, 2)[1]
    assert message.title.lower().startswith(("warning: ", "firing: "))
    assert "ann001@a.example" in message.text
    assert "ann002@a.example" in message.text
    if not service.is_program:
        assert message.text.index("ann001") < message.text.index("1 resolved") < message.text.index("ann002")


def test_an_alert_without_our_texts_is_named_at_least(service: Service, tmp_path: Path) -> None:
    message, _ = told(service, tmp_path, [alert({"alertname": "Other", "workspace": "acme"})])
    assert service.is_program or message.title == "Warning: Other"
    assert message.links == {}


@pytest.mark.usefixtures("servers")
def test_a_title_mentions_nobody_in_slack(tmp_path: Path) -> None:
    one = mailbox(1)
    one["annotations"]["summary"] = "A mailbox of <!channel> & co is not active"
    with SERVICES["slack"].alertmanager(tmp_path) as (server, received):
        post(server, [one])
        awaited(SERVICES["slack"], received)
    _, body = received.posted[0]
    [attachment] = body["attachments"]
    title = "Warning: A mailbox of &lt;!channel&gt; &amp; co is not active"
    assert (attachment["title"], attachment["fallback"]) == (title, title)
