"""What a rule is about: one mailbox, one domain, one workspace, or the exporter as a whole."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """A level of aggregation, with the labels that name one thing of it."""

    name: str
    labels: tuple[str, ...]
    dashboard: str
    """The uid of the dashboard that shows one thing of this level."""

    @property
    def by(self) -> str:
        """Return the labels as PromQL lists them."""
        return ", ".join(self.labels)


MAILBOX = Level("mailbox", ("workspace", "domain", "mailbox_id"), "sendkit-mailbox")
DOMAIN = Level("domain", ("workspace", "domain"), "sendkit-domain")
WORKSPACE = Level("workspace", ("workspace",), "sendkit-fleet")
LISTING = Level("listing", ("account", "workspace", "window", "collector"), "sendkit-exporter")
"""What the API is asked for beside the mailboxes: an account's workspaces, a workspace's window or collector.

Each has the labels that apply.
"""

EXPORTER = Level("exporter", (), "sendkit-exporter")
