"""The services of the examples of receivers: how they are pointed at a test, and what people read there."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import yaml

from prometheus.output.receivers import merged
from tests.rules.alertmanager import CONFIG, Alertmanager, started
from tests.rules.receiving import Received, receiving
from tests.yaml_files import from_yaml

EXAMPLES = CONFIG.parent / "receivers"
TEMPLATES = EXAMPLES / "sendkit.tmpl"
LINK_NAMES = ("Page", "Dashboard", "Runbook")


@dataclass(frozen=True, slots=True)
class Message:
    """What people read: a title, a text, and links by what they are called."""

    title: str
    text: str
    links: dict[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """An example, by its file; what its receiver says differently in a test; how its messages are read."""

    example: str
    settings: Callable[[Received], dict[str, Any]]
    messages: Callable[[Received], list[Message]]

    @property
    def is_program(self) -> bool:
        """Whether a program gets the annotations themselves."""
        return "webhook" in self.example

    def loaded(self) -> dict[str, Any]:
        """Return the example."""
        loaded: dict[str, Any] = from_yaml((EXAMPLES / self.example).read_text())
        return loaded

    def configuration(self, received: Received) -> dict[str, Any]:
        """Return the shipped configuration with the example: all that is sent goes to the test at once."""
        example = self.loaded()
        receiver = example["receivers"][0]
        [(kind, [settings])] = [(key, value) for key, value in receiver.items() if key != "name"]
        kept = {key: value for key, value in settings.items() if not key.endswith("_file")}
        receiver[kind] = [kept | self.settings(received)]
        config = merged(from_yaml(CONFIG.read_text()), example)
        grouped = {"group_by": config["route"]["group_by"], "group_wait": "0s", "group_interval": "1s"}
        route = {"receiver": receiver["name"], **grouped}
        return config | {"route": route, "inhibit_rules": [], "templates": [str(TEMPLATES)]}

    @contextmanager
    def alertmanager(self, folder: Path) -> Iterator[tuple[Alertmanager, Received]]:
        """Run the Alertmanager of the path with the example."""
        with receiving() as received:
            config = folder / "alertmanager.yml"
            config.write_text(yaml.safe_dump(self.configuration(received)))
            with started(folder, config) as server:
                yield server, received


def _slack(received: Received) -> list[Message]:
    return [_slack_message(one) for _, body in list(received.posted) for one in body["attachments"]]


def _slack_message(attachment: dict[str, str]) -> Message:
    """Read an attachment as Slack does, which makes links and mentions of what is in brackets."""
    text = attachment["text"]
    marked = re.findall(r"<([^>]*)>", text)
    links = {name: _unescaped(url) for url, name in (mark.split("|") for mark in marked)}
    return Message(attachment["title"], _unescaped(re.sub(r"<[^>]*>", "", text)), links)


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pagerduty(received: Received) -> list[Message]:
    return [_page(body) for _, body in list(received.posted)]


def _page(event: dict[str, Any]) -> Message:
    details = event["payload"]["custom_details"]
    texts = [details["firing"], details["resolved"], details["what to do first"]]
    links = {link["text"]: link["href"] for link in event.get("links", ())}
    assert all(isinstance(text, str | None) for text in texts), details
    return Message(event["payload"]["summary"], "\n".join(text for text in texts if text), links)


def _opsgenie(received: Received) -> list[Message]:
    return [
        Message(body["message"], body["description"], _links_of(body["description"]))
        for path, body in list(received.posted)
        if path == "/v2/alerts"  # a resolved one is closed, without a text
    ]


def _links_of(text: str) -> dict[str, str]:
    return dict(re.findall(rf"^({'|'.join(LINK_NAMES)}): (.*)$", text, re.MULTILINE))


def _teams(received: Received) -> list[Message]:
    cards = [body["attachments"][0]["content"] for _, body in list(received.posted)]
    return [_card(*(block["text"] for block in card["body"])) for card in cards]


def _card(title: str, text: str) -> Message:
    links = dict(re.findall(r"(?<!\\)\[(\w+)\]\((.*?)\)", text))
    return Message(title, re.sub(r"\\([][\\*_`])", r"\1", text), links)


def _email(received: Received) -> list[Message]:
    return [_mail(mail) for mail in list(received.mails)]


def _mail(mail: EmailMessage) -> Message:
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content().replace("\r\n", "\n")
    return Message(mail["Subject"], text, _links_of(text))


def _webhook(received: Received) -> list[Message]:
    """Read what a program makes of it: the annotations, which are sentences."""
    return [
        Message(
            f"{body['status']}: {body['alerts'][0]['annotations'].get('summary', '')}",
            "\n".join(
                alert["annotations"].get(name, "")
                for alert in body["alerts"]
                for name in ("description", "worst", "action")
            ),
            {
                name: url
                for name in LINK_NAMES
                if (url := body["commonAnnotations"].get(f"{name.lower()}_url", ""))
            },
        )
        for _, body in list(received.posted)
    ]


SERVICES = {
    "slack": Service("slack.yml", lambda to: {"api_url": to.url}, _slack),
    "pagerduty": Service("pagerduty.yml", lambda to: {"url": to.url}, _pagerduty),
    "opsgenie": Service("opsgenie.yml", lambda to: {"api_url": f"{to.url}/"}, _opsgenie),
    "email": Service("email.yml", lambda to: {"smarthost": to.smarthost, "require_tls": False}, _email),
    "teams": Service("teams.yml", lambda to: {"webhook_url": to.url}, _teams),
    "teams-webhook": Service("teams-webhook.yml", lambda to: {"url": to.url}, _webhook),
    "webhook": Service("webhook.yml", lambda to: {"url": to.url}, _webhook),
}
NEEDS = {"teams": "newest"}
"""The end of the range that has what an example needs, where the other has not."""
