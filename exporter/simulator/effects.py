"""How scenarios take effect on a simulated fleet, and what they aim at when it is not named."""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from exporter.simulator.disturbances import Period
from exporter.simulator.fleet import Mailbox, Workspace
from exporter.simulator.operations import Operations
from exporter.simulator.parameters import Value

Values = dict[str, Value]


class Effects:
    """Lets scenarios take effect. The id of whatever they aim at is then in their values."""

    def __init__(
        self, workspaces: Sequence[Workspace], operations: Mapping[str, Operations], platform_key: str
    ) -> None:
        self._workspaces, self._operations, self._platform_key = workspaces, operations, platform_key
        self._by_name: Mapping[str, Callable[[Values, Period, float], str | None]] = {
            "bounce_spike": self._spike_bounces,
            "provider_blocks": self._block_provider,
            "bad_list": self._send_to_bad_list,
            "mailbox_suspended": self._suspend_mailbox,
            "status_changed": self._change_status,
            "positive_tag_changed": self._change_positive_tag,
            "sending_stalled": self._stall_sending,
            "campaigns_finished": self._finish_campaigns,
            "campaign_deleted": self._delete_campaigns,
            "warmup_stopped": self._stop_warmup,
            "placement_collapse": self._collapse_placement,
            "mailboxes_parked": self._park_mailboxes,
            "dns_broken": self._break_dns,
            "mailbox_error": self._fail_mailbox,
            "tag_renamed": self._rename_tag,
            "blacklisted": self._blacklist,
            "key_revoked": self._revoke_key,
        }

    def take(self, name: str, values: Values, period: Period, now: float) -> str | None:
        """Let a scenario take effect; return the id of the one workspace that it concerns, if it is one.

        Raises ValueError for an unknown target.
        """
        return self._by_name.get(name, self._aim)(values, period, now)

    def _spike_bounces(self, values: Values, period: Period, _now: float) -> str:
        workspace, within = self._domain(values)
        self._operations[workspace.id].analytics.bounce(period, within, float(values["ratio"]))
        return workspace.id

    def _block_provider(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        names = dict.fromkeys(mailbox.domain.provider.name for mailbox in workspace.mailboxes)
        provider = values.setdefault("provider", next(iter(names), ""))
        if provider not in names:
            raise ValueError(f"no mailbox is at the provider {provider!r}; there are {', '.join(names)}")
        return self._bounce(
            values, period, workspace, lambda mailbox: mailbox.domain.provider.name == provider
        )

    def _send_to_bad_list(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        lane = int(float(values["list"])) % workspace.list_lanes
        return self._bounce(values, period, workspace, lambda mailbox: mailbox.domain.list_lane == lane)

    def _bounce(
        self, values: Values, period: Period, workspace: Workspace, fits: Callable[[Mailbox], bool]
    ) -> str:
        within = frozenset(index for index, mailbox in enumerate(workspace.mailboxes) if fits(mailbox))
        self._operations[workspace.id].analytics.bounce(period, within, float(values["ratio"]))
        values["workspace"] = workspace.id
        return workspace.id

    def _change_status(self, values: Values, period: Period, _now: float) -> str:
        workspace, within = self._domain(values)
        self._operations[workspace.id].change_status(period, within, str(values["status"]))
        return workspace.id

    def _change_positive_tag(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        share = float(values["share"])
        self._operations[workspace.id].analytics.change_positive_tag(period, share)
        values["workspace"] = workspace.id
        return workspace.id

    def _stall_sending(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        self._operations[workspace.id].stall(period, _everyone(workspace))
        values["workspace"] = workspace.id
        return workspace.id

    def _finish_campaigns(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        self._operations[workspace.id].finish_campaigns(period, _everyone(workspace))
        values["workspace"] = workspace.id
        return workspace.id

    def _delete_campaigns(self, values: Values, period: Period, _now: float) -> str:
        if "mailbox" in values:
            workspace, index = self._mailbox(values)
            mailboxes = frozenset({index})
        else:
            workspace = self._workspace(values)
            mailboxes = _everyone(workspace)
        self._operations[workspace.id].analytics.delete_campaigns(period, mailboxes, float(values["share"]))
        values["workspace"] = workspace.id
        return workspace.id

    def _collapse_placement(self, values: Values, period: Period, _now: float) -> str:
        workspace, within = self._domain(values)
        self._operations[workspace.id].collapse(period, within, float(values["ratio"]))
        return workspace.id

    def _break_dns(self, values: Values, period: Period, _now: float) -> str:
        workspace, within = self._domain(values)
        self._operations[workspace.id].details.break_setup(period, within, int(float(values["health"])))
        return workspace.id

    def _park_mailboxes(self, values: Values, period: Period, _now: float) -> str:
        if "domain" in values:
            workspace, within = self._domain(values)
        else:
            workspace = self._workspace(values)
            within = _everyone(workspace)
            values["workspace"] = workspace.id
        number = round(float(values["share"]) * len(within))
        self._operations[workspace.id].park(period, frozenset(sorted(within)[:number]))
        return workspace.id

    def _fail_mailbox(self, values: Values, period: Period, _now: float) -> str:
        workspace, index = self._mailbox(values)
        self._operations[workspace.id].details.fail(period, frozenset({index}), str(values["text"]))
        return workspace.id

    def _rename_tag(self, values: Values, period: Period, now: float) -> str:
        workspace = self._workspace(values)
        details = self._operations[workspace.id].details
        tag = values.setdefault("tag", details.tags(0, now)[0] if workspace.mailboxes else "")
        details.rename_tag(period, str(tag), str(values["to"]))
        values["workspace"] = workspace.id
        return workspace.id

    def _blacklist(self, values: Values, period: Period, _now: float) -> str:
        workspace = self._workspace(values)
        number = max(round(float(values["share"]) * len(workspace.mailboxes)), 1)
        self._operations[workspace.id].checkups.list_addresses(period, number)
        values["workspace"] = workspace.id
        return workspace.id

    def _suspend_mailbox(self, values: Values, period: Period, now: float) -> str:
        def is_sending(workspace: Workspace, index: int) -> bool:
            is_parked = workspace.mailboxes[index].parked_on < inf
            return not is_parked and self._operations[workspace.id].analytics.statuses(now)[index] == "active"

        workspace, index = self._mailbox(values, is_sending)
        self._operations[workspace.id].change_status(period, frozenset({index}), "suspended")
        return workspace.id

    def _stop_warmup(self, values: Values, period: Period, now: float) -> str:
        def is_warming_up(workspace: Workspace, index: int) -> bool:
            return self._operations[workspace.id].analytics.warmups(now)[index] == (True, "in_progress")

        workspace, index = self._mailbox(values, is_warming_up)
        self._operations[workspace.id].stop_warmup(period, index)
        return workspace.id

    def _revoke_key(self, values: Values, _period: Period, _now: float) -> str | None:
        if "key" not in values:
            values["key"] = self._workspace(values).key
        if values["key"] == self._platform_key:
            return None
        for workspace in self._workspaces:
            if workspace.key == values["key"]:
                values["workspace"] = workspace.id
                return workspace.id
        raise ValueError("no such key")

    def _aim(self, values: Values, _period: Period, _now: float) -> str | None:
        """Return the one workspace that a fault of the API concerns, or None for all."""
        if "workspace" not in values:
            return None
        values["workspace"] = self._workspace(values).id
        return str(values["workspace"])

    def _workspace(self, values: Values) -> Workspace:
        """Return the workspace that is named, or the first."""
        if "workspace" not in values:
            return self._workspaces[0]
        for workspace in self._workspaces:
            if values["workspace"] in (workspace.id, workspace.name):
                return workspace
        raise ValueError(f"no workspace has the id or name {values['workspace']!r}")

    def _domain(self, values: Values) -> tuple[Workspace, frozenset[int]]:
        """Return the mailboxes of the domain that is named, or of the first, and their workspace."""
        domain = values.get("domain")
        for workspace in (
            [self._workspace(values)] if "workspace" in values or not domain else self._workspaces
        ):
            domain = domain or next(iter(workspace.domains), None)
            if domain in workspace.domains:
                values |= {"workspace": workspace.id, "domain": str(domain)}
                mailboxes = enumerate(workspace.mailboxes)
                return workspace, frozenset(i for i, found in mailboxes if found.domain.name == domain)
        raise ValueError(f"no mailbox has the domain {domain!r}")

    def _mailbox(
        self,
        values: Values,
        fits: Callable[[Workspace, int], bool] = lambda _workspace, _index: True,
    ) -> tuple[Workspace, int]:
        """Return the mailbox that is named, or the first that fits; its id is then in the values."""
        named = values.get("mailbox")
        for workspace in self._workspaces:
            for index, mailbox in enumerate(workspace.mailboxes):
                if named in (mailbox.id, mailbox.email) or (named is None and fits(workspace, index)):
                    values["mailbox"] = mailbox.id
                    return workspace, index
        raise ValueError(
            "no mailbox fits" if named is None else f"no mailbox has the id or address {named!r}"
        )


def _everyone(workspace: Workspace) -> frozenset[int]:
    return frozenset(range(len(workspace.mailboxes)))
