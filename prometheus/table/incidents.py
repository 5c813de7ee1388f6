"""Which alerts belong to one incident: the alert that says most inhibits the others.

Each alert names those that inhibit it (`Alert.inhibited_by`); here are the lists that several share, and why.
"""

DOWN = "SendKitExporterDown"
STALE = ("SendKitWorkspaceStale", "SendKitAuthFailed")
"""What inhibits every alert that is computed from a workspace's figures."""

REASONS = {
    DOWN: "No exporter at all: nothing else can be known.",
    "SendKitWorkspaceStale": (
        "Stale: what is computed from the workspace's figures is old. Why the polls fail (SendKitRateLimited, "
        "SendKitPollsSkipped, SendKitSuspectValues) still makes its ticket."
    ),
    "SendKitAuthFailed": "A refused key also makes the figures stale: one page, the one that says why.",
    "SendKitWorkspaceBounceSpike": "A workspace that bounces: not its domains and mailboxes too.",
    "SendKitDomainBounceSpike": (
        "A domain that bounces: not its mailboxes too, nor that they make it unhealthy."
    ),
    "SendKitMailboxesLeavingActive": (
        "Many mailboxes leaving active at once: not each of them too, nor their domains."
    ),
    "SendKitDomainUnhealthy": "The page for a domain's mailboxes: not the ticket too.",
    "SendKitWorkspaceBounceLevel": "A workspace that bounces too much as a whole: not each slow part of it too.",
    "SendKitDomainBounceSlowBurn": "A domain that has bounced for days: not its mailboxes too.",
    "SendKitMailboxBounceSpike": "The page for a mailbox that bounces: not its tickets too.",
    "SendKitMailboxBouncing": "A mailbox that bounces today: not that it has for days.",
}
"""Why an alert inhibits others, for the readers of Alertmanager's configuration."""
