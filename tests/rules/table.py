"""The table of alerts: severities, labels beside severity, and the dashboard each one opens."""

MAILBOX = ("workspace", "domain", "mailbox_id")
DOMAIN = ("workspace", "domain")
WORKSPACE = ("workspace",)
EXPORTER = ()

ALERTS = {
    "SendKitWorkspaceBounceSpike": ({"critical"}, WORKSPACE, "sendkit-fleet"),
    "SendKitDomainBounceSpike": ({"critical"}, DOMAIN, "sendkit-domain"),
    "SendKitMailboxBounceSpike": ({"warning", "critical"}, MAILBOX, "sendkit-mailbox"),
    "SendKitMailboxBounceSlowBurn": ({"warning"}, MAILBOX, "sendkit-mailbox"),
    "SendKitDomainUnhealthy": ({"warning", "critical"}, DOMAIN, "sendkit-domain"),
    "SendKitMailboxNotActive": ({"warning"}, MAILBOX, "sendkit-mailbox"),
    "SendKitMailboxesLeavingActive": ({"critical"}, WORKSPACE, "sendkit-fleet"),
    "SendKitSendingStalled": ({"critical"}, WORKSPACE, "sendkit-fleet"),
    "SendKitReplyRateCollapse": ({"warning"}, WORKSPACE, "sendkit-fleet"),
    "SendKitWarmupStopped": ({"warning"}, MAILBOX, "sendkit-mailbox"),
    "SendKitDailyLimitExceeded": ({"warning"}, MAILBOX, "sendkit-mailbox"),
    "SendKitDailyLimitNearlyReached": ({"info"}, MAILBOX, "sendkit-mailbox"),
    "SendKitMailboxCountDropped": ({"warning"}, WORKSPACE, "sendkit-fleet"),
    "SendKitExporterDown": ({"critical"}, EXPORTER, "sendkit-exporter"),
    "SendKitWorkspaceStale": ({"critical"}, WORKSPACE, "sendkit-exporter"),
    "SendKitAuthFailed": ({"critical"}, WORKSPACE, "sendkit-exporter"),
    "SendKitRateLimited": ({"warning"}, WORKSPACE, "sendkit-exporter"),
    "SendKitPollsSkipped": ({"warning"}, WORKSPACE, "sendkit-exporter"),
    "SendKitSuspectValues": ({"warning"}, WORKSPACE, "sendkit-exporter"),
    "SendKitConfigReloadFailed": ({"warning"}, EXPORTER, "sendkit-exporter"),
}
