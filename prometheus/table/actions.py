"""What to do first, for each alert: one sentence for whoever reads the message. The runbook says the rest.

No colon within them: Alertmanager 0.33 reads details of a message to PagerDuty as YAML.
"""

DOMAIN_MAILBOXES = (
    "Open the mailboxes that are named at SendKit, and reconnect those that are suspended or in error. "
    "Many at once usually mean a blocked domain or a changed password policy."
)
ONE_MAILBOX = (
    "Take the mailbox out of its campaigns and read its bounce messages. Unknown addresses mean the list, a "
    "refused login or a blocked account means the mailbox."
)

ACTIONS = {
    "SendKitWorkspaceBounceSpike": (
        "Pause the campaigns that started shortly before the bounces, and read a few bounce messages. Unknown "
        "addresses mean the list, refusals by policy or reputation mean the sender."
    ),
    "SendKitDomainBounceSpike": (
        "Pause the campaigns that use the mailboxes of this domain. If one mailbox has nearly all bounces, take "
        "it out; if other domains bounce too, verify the list."
    ),
    "SendKitWorkspaceBounceLevel": "Verify lists before they are sent to, those of the domains that bounce most first.",
    "SendKitDomainBounceSlowBurn": (
        "Verify the lists of the campaigns that use this domain, and lower the daily limits of its mailboxes."
    ),
    "SendKitDomainDegraded": DOMAIN_MAILBOXES,
    "SendKitDomainUnhealthy": DOMAIN_MAILBOXES,
    "SendKitMailboxBounceSpike": ONE_MAILBOX,
    "SendKitMailboxBouncing": ONE_MAILBOX,
    "SendKitMailboxBounceSlowBurn": (
        "Verify the lists of the campaigns that use this mailbox, and lower its daily limit."
    ),
    "SendKitMailboxesLeavingActive": (
        "Open one of the mailboxes at SendKit and read why it changed. Repair what they share first, then "
        "reconnect them."
    ),
    "SendKitMailboxCountDropped": (
        "Count the mailboxes at SendKit. If they are there, the answer was not complete; if nobody deleted them "
        "on purpose, ask who did."
    ),
    "SendKitMailboxNotActive": (
        "Open the mailbox at SendKit. In error, reconnect its account; suspended, read the platform's notice; "
        "inactive, ask who paused it."
    ),
    "SendKitWarmupStopped": (
        "If nobody switched warm-up off on purpose, switch it on again, and keep the mailbox out of campaigns "
        "until it has completed."
    ),
    "SendKitDailyLimitExceeded": "Look for campaigns and follow-ups that together pass the limit.",
    "SendKitDailyLimitNearlyReached": "Nothing today. If campaigns wait every day, spread them over more mailboxes.",
    "SendKitSendingStalled": (
        "Check at SendKit whether the campaigns are running, have recipients left, and have the right schedule "
        "and time zone."
    ),
    "SendKitReplyRateCollapse": (
        "Ask what changed, such as the list or the text. If nothing did, send test mails to inboxes of your own "
        "and see where they land."
    ),
    "SendKitDomainSpamPlacement": (
        "Lower what the mailboxes of this domain send in campaigns, let warm-up go on, and check the domain's "
        "SPF, DKIM and DMARC records."
    ),
    "SendKitMailboxError": (
        "Read the error on the exporter's page, and log in to the mailbox at its provider. If the login was "
        "refused, connect it to SendKit again."
    ),
    "SendKitSetupBroken": (
        "Compare the domain's SPF, DKIM, DMARC and MX records with those that SendKit shows, and repair them."
    ),
    "SendKitBlacklisted": (
        "Open the test at SendKit, which names mailboxes and lists, and pause the campaigns of the listed domains."
    ),
    "SendKitDiscoveryFailed": (
        "Run `sendkit-exporter check --probe`, which shows what the key may see and why it is refused."
    ),
    "SendKitWorkspaceGone": (
        "If nobody deleted the workspace on purpose, look at SendKit whether the account is still a member of it."
    ),
    "SendKitWorkspaceNameClash": "Give one of the two workspaces another name, at SendKit or in the configuration.",
    "SendKitExporterDown": (
        "Start the exporter again. `sendkit-exporter check` shows whether its configuration is at fault."
    ),
    "SendKitWorkspaceStale": (
        "Look at the reason of the failures. For timeout, network or server_error see whether SendKit has an "
        "outage, and whether the exporter's host reaches its API."
    ),
    "SendKitAuthFailed": (
        "Create a new key at SendKit and write it into the key file of the account. No restart is needed."
    ),
    "SendKitRateLimited": (
        "Raise the poll interval of the account, and see which other programs use the key."
    ),
    "SendKitPollsSkipped": (
        "Raise the poll interval of the workspace if the API is slow, or spread workspaces over shards if the "
        "exporter is busy."
    ),
    "SendKitSuspectValues": (
        "Look at such a mailbox at SendKit. If the value is wrong there too, tell SendKit's support."
    ),
    "SendKitConfigReloadFailed": "Correct the file, check it with `sendkit-exporter check`, and reload.",
}
