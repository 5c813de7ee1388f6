"""What the messages of bounce alerts say: bounces of sends, the bound, the threshold."""

from prometheus.table.annotations import DOMAIN_NAME, MAILBOX_NAME, WORKSPACE_NAME, number, query, tenths
from prometheus.table.bounce_limits import BounceLimit
from prometheus.table.bounce_nearness import of_threshold
from prometheus.table.bounce_series import surely
from prometheus.table.bounce_thresholds import THRESHOLD
from prometheus.table.levels import DOMAIN, MAILBOX, WORKSPACE

NAMES = {
    WORKSPACE: f"Workspace {WORKSPACE_NAME}",
    DOMAIN: f"Domain {DOMAIN_NAME} of workspace {WORKSPACE_NAME}",
    MAILBOX: f"Mailbox {MAILBOX_NAME} of workspace {WORKSPACE_NAME}",
}

SPAN = (
    r"{{ $window | reReplaceAll `^1d$` `24h` | reReplaceAll `^(\d+)h$` `$1 h`"
    r" | reReplaceAll `^(\d+)d$` `$1 days` }}"
)
"""The window, in words."""


def evidence(limit: BounceLimit) -> str:
    """Return the sentences on the window whose bound is furthest above its threshold."""
    level = limit.level
    threshold = f'{THRESHOLD}{{alert="{limit.alert}"'
    furthest = f"topk(1, {of_threshold(limit, 'of')})"
    emails = f"{level.name}:sendkit_emails"
    sends = f"{emails}_sent:increase%s{{of}}"
    more = query(f"{emails}_sent:counted%[1]s{{of}} > {emails}_sent:increase%[1]s{{of}}", level, "$window")
    counted = f"{{{{ range {more} }}}} (counted as {{{{ printf `%.0f` .Value }}}}, for its busiest day){{{{ end }}}}"
    bound = tenths(f"100 * {surely(level)}{{window=%q,confidence=%q,of}}", level, "$window", "$confidence")
    return f"""
        {{{{ with {query(furthest, level)} }}}}{{{{ $window := . | first | label `window` }}}}{{{{ $confidence := . |
        first | label `confidence` }}}}{number(f"{emails}_bounced:increase%s{{of}}", level, "$window", noun="bounce")} of
        {number(sends, level, "$window", noun="send")} within {SPAN}{counted}. The bounce rate is at least {bound} %
        ({{{{ $confidence }}}} % confidence), and the threshold is
        {tenths(f"100 * {threshold},window=%q,of}}", WORKSPACE, "$window")} %.{{{{ else }}}}not been well again since
        it bounced too much.{{{{ end }}}}
    """
