"""The bounce alerts of before, and those proposed, with the shipped thresholds."""

from evaluation.rules import Alert, Window


def _before(name: str, level: str, severity: str, confidence: str, threshold: float) -> Alert:
    return Alert(
        name,
        level,
        severity,
        (Window(24, confidence, 0, 3, shared=False),),
        threshold,
        floor=False,
        sent_within=0,
        today=False,
        well_again=0,
        for_minutes=5,
    )


BEFORE = (
    _before("SendKitWorkspaceBounceSpike", "workspace", "critical", "99.9", 0.03),
    _before("SendKitDomainBounceSpike", "domain", "critical", "99.9", 0.03),
    _before("SendKitMailboxBounceSpike", "mailbox", "critical", "99.9", 0.05),
    _before("SendKitMailboxBouncing", "mailbox", "warning", "99", 0.03),
    Alert(
        "SendKitMailboxBounceSlowBurn",
        "mailbox",
        "warning",
        (Window(168, "99", 0, 3, shared=False),),
        0.02,
        floor=False,
        bounced_within=0,
        sent_within=0,
        today=False,
        well_again=0,
        for_minutes=15,
    ),
)

PROPOSED = (
    Alert(
        "SendKitWorkspaceBounceSpike",
        "workspace",
        "critical",
        (Window(1, "99.99", 2, 6), Window(24, "99.99", 2)),
        0.03,
        well_again=1.5,
    ),
    Alert(
        "SendKitDomainBounceSpike",
        "domain",
        "critical",
        (Window(1, "99.9", 2, 6), Window(24, "99.99", 4), Window(168, "99.9", 3.5)),
        0.03,
    ),
    Alert(
        "SendKitMailboxBounceSpike",
        "mailbox",
        "critical",
        (Window(24, "99.99", 5, 5),),
        0.05,
        for_minutes=9,
        unless="SendKitDomainBounceSpike",
    ),
    Alert(
        "SendKitWorkspaceBounceLevel",
        "workspace",
        "warning",
        (Window(24, "99.99"), Window(168, "99.9")),
        0.03,
        bounced_within=0,
        sent_within=0,
        today=False,
        well_again=1,
        for_minutes=15,
    ),
    Alert("SendKitMailboxBouncing", "mailbox", "warning", (Window(24, "99.9", 4, 3),), 0.03, for_minutes=9),
    Alert(
        "SendKitDomainBounceSlowBurn",
        "domain",
        "warning",
        (Window(336, "99.9", 1.75),),
        0.03,
        bounced_within=0,
        sent_within=0,
        today=False,
        well_again=0,
        for_minutes=15,
        keep_minutes=1440,
    ),
    Alert(
        "SendKitMailboxBounceSlowBurn",
        "mailbox",
        "warning",
        (Window(168, "99.99", 2, 3),),
        0.03,
        bounced_within=0,
        sent_within=0,
        today=False,
        well_again=0,
        for_minutes=15,
        keep_minutes=1440,
    ),
)
