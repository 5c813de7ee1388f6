"""The sections of the configuration file, but for its accounts."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from exporter.config import keys, values
from exporter.config.errors import mismatch
from exporter.config.keys import KeyUnavailable
from exporter.config.patterns import EVERYTHING, is_chosen

Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], Field(strict=False)]  # YAML has lists alone


class Section(BaseModel):
    """A mapping of the file: unknown keys are errors, values keep their types, nothing changes later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,  # an input may be a key
        use_attribute_docstrings=True,
    )


class ApiConfig(Section):
    """How the SendKit API is called."""

    allow_insecure_http: values.Switch = False
    """Allow plain http to another machine: keys and addresses travel readable for everyone on the way."""
    base_url: values.BaseUrl = "https://api.sendkit.ai"
    """Address of the API; plain http only for loopback, unless `allow_insecure_http`."""
    timeout: values.Duration = timedelta(seconds=30)
    """Limit of a whole request, body included."""
    max_response_bytes: values.Size = Field(default="256MiB", validate_default=True)
    """Limit of an answer's body, decompressed."""
    max_concurrent_requests: values.Count = 4
    """Requests that one account makes at a time, at most."""
    max_attempts: values.Count = 3
    """Attempts of one poll; a refused key (401, 403) or a 404 is never tried again."""

    bounce_rate_unit: values.BounceRateUnit = "auto"
    """What the API's `bounceRate` is in: `percent`, `ratio`, or `auto`, what each answer itself proves."""

    @field_validator("base_url")
    @classmethod
    def _is_private(cls, url: str, info: ValidationInfo) -> str:
        if (
            url.lower().startswith("http:")
            and not info.data.get("allow_insecure_http")
            and not values.is_loopback(url)
        ):
            raise mismatch(
                "https (http only for loopback, unless api.allow_insecure_http is true)", repr(url)
            )
        return url


class PollConfig(Section):
    """When a workspace is polled, and how long its last answer counts."""

    interval: values.Duration = timedelta(seconds=60)
    """Between two polls of a workspace's all-time figures, spread by jitter."""
    stale_after: values.Duration = timedelta(minutes=15)
    """With no success for so long, a workspace's mailbox series are dropped."""


class MailboxesCollector(Section):
    """`GET /v1/mailboxes`, in pages: sending enabled, provider, tags, last error, DNS setup."""

    enabled: values.Switch = True
    """Whether it is asked."""
    interval: values.Duration = timedelta(minutes=15)
    """Between two polls of it."""


class WarmupCollector(Section):
    """`GET /v1/warmup/stats`, in pages: where warm-up mail lands."""

    enabled: values.Switch = True
    """Whether it is asked."""
    interval: values.Duration = timedelta(hours=1)
    """Between two polls of it."""
    days: values.WarmupDays = 7
    """How many days are counted."""


class OverviewCollector(Section):
    """`GET /v1/analytics/overview`: campaigns under way."""

    enabled: values.Switch = True
    """Whether it is asked."""
    interval: values.Duration = timedelta(minutes=5)
    """Between two polls of it."""


class TestsCollector(Section):
    """`GET /v1/blacklist-tests` and `GET /v1/inbox-placement`: the newest finished test of each."""

    enabled: values.Switch = False
    """Whether they are asked."""
    interval: values.Duration = timedelta(hours=1)
    """Between two polls of them."""


class CollectorsConfig(Section):
    """What other endpoints add. Each may be refused by the key without harm to the rest."""

    mailboxes: MailboxesCollector = MailboxesCollector()
    warmup: WarmupCollector = WarmupCollector()
    overview: OverviewCollector = OverviewCollector()
    tests: TestsCollector = TestsCollector()


class WindowConfig(Section):
    """A window of days, polled besides all-time. Without this key there is one: `7d`, of 7 days."""

    name: values.WindowName
    """Value of the label `window`."""
    days: values.Days
    """Length: from today - (days - 1) to today, in `timezone`."""
    interval: values.Duration = timedelta(minutes=15)
    """Between two polls of this window."""

    @field_validator("name")
    @classmethod
    def _is_no_collector(cls, name: str) -> str:
        if name in CollectorsConfig.model_fields:
            raise mismatch("a name that no collector has", repr(name))
        return name


class MailboxesConfig(Section):
    """Which mailboxes are exported."""

    include: Listed[values.Pattern] = (EVERYTHING,)
    """Regular expressions; a mailbox is exported when its whole address matches one."""
    exclude: Listed[values.Pattern] = ()
    """Regular expressions; a mailbox is left out when its whole address matches one."""
    statuses: Listed[values.Text] = ()
    """Statuses to keep; none named: all."""

    def keeps(self, address: str, status: str) -> bool:
        """Tell whether a mailbox of this address and status is exported."""
        return (not self.statuses or status in self.statuses) and is_chosen(
            address, self.include, self.exclude
        )


class PrivacyConfig(Section):
    """How personal data is shown."""

    email: values.EmailMode = "plain"
    """The address on `sendkit_mailbox_info`: `plain`, `masked`, `hmac` (keyed hash) or `off`."""
    display_name: values.Switch = False
    """Whether `sendkit_mailbox_info` carries the display name."""
    hmac_key_file: values.FilePath | None = Field(default=None, validate_default=True)
    """File with the key of the `hmac` mode."""

    @field_validator("hmac_key_file")
    @classmethod
    def _is_there_for_hmac(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if path is None and info.data.get("email") == "hmac":
            raise mismatch("a path, because privacy.email is hmac", "nothing")
        return path

    def read_hmac_key(self) -> bytes:
        """Return the key of the `hmac` mode; raises KeyUnavailable when its file holds none."""
        if self.hmac_key_file is None:
            raise KeyUnavailable("privacy.hmac_key_file is not set")
        return keys.read_key_file(self.hmac_key_file).encode()


class Thresholds(Section):
    """Bounds of the alert rules, exported as `sendkit_alert_threshold`."""

    mailbox_bounce_ratio_warning: values.Ratio = 0.03
    """Bounces of sends of one mailbox."""
    mailbox_bounce_ratio_critical: values.Ratio = 0.05
    """Bounces of sends of one mailbox, for a page."""
    domain_bounce_ratio_critical: values.Ratio = 0.03
    """Bounces of sends of a domain."""
    workspace_bounce_ratio_critical: values.Ratio = 0.03
    """Bounces of sends of a workspace."""
    minimum_bounces: values.PositiveNumber = 3
    """Fewer bounces of one mailbox than this never alert."""
    domain_minimum_bounces: values.PositiveNumber = 5
    """Fewer bounces of a domain or a workspace than this never alert."""
    daily_limit_usage: values.Ratio = 0.9
    """Share of the daily limit that counts as nearly used up."""
    reply_ratio_drop: values.Ratio = 0.4
    """Fall of the reply ratio against the week before."""
    unhealthy_mailboxes_warning: values.Ratio = 0.3
    """Share of a domain's mailboxes that are unhealthy."""
    unhealthy_mailboxes_critical: values.Ratio = 0.5
    """Share of a domain's mailboxes that are unhealthy, for a page."""
    spam_ratio_warning: values.Ratio = 0.15
    """Share of a domain's warm-up mails that land in spam."""


class StateConfig(Section):
    """What survives a restart."""

    directory: values.FilePath | None = None
    """Folder for counters and last answers; without one they are kept in memory alone."""


class ShardConfig(Section):
    """The part of all workspaces that this exporter polls."""

    index: values.Natural = 0
    """Number of this shard, from 0."""
    total: values.Shards = 1
    """How many shards there are."""

    @field_validator("total")
    @classmethod
    def _holds_index(cls, total: int, info: ValidationInfo) -> int:
        if info.data.get("index", 0) >= total:
            raise mismatch(f"more than shard.index, which is {info.data['index']}", str(total))
        return total
