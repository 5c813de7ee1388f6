"""The API's answers, parsed and checked: wire names and units end here.

An answer is read in two steps. One cheap pass splits it into raw mailboxes; then blocks of them are decoded
strictly and fast. Only a block that fails is read again mailbox by mailbox, tolerantly, so that one bad
mailbox costs its block a little time and the others nothing. Blocks also keep each uninterruptible step of
the interpreter short, so that scrapes are answered while a large answer is being read.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from itertools import compress
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import astuple

Value = TypeVar("Value")

BLOCK = 1024
"""Mailboxes decoded, and rows rendered, in one uninterruptible step."""

Column = Sequence[float | None]
"""One number a mailbox; `None` where the API gave none that can be used."""


class Reason(StrEnum):
    """Why a poll failed: the values of the label `reason`."""

    AUTH = "auth"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    NETWORK = "network"
    SERVER_ERROR = "server_error"
    CLIENT_ERROR = "client_error"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"


class MalformedAnswerError(ValueError):
    """An answer is not the documented envelope; the message says what was found and expected."""


COUNTS = {
    "totalSent": "lifetime_sent",
    "totalReceived": "lifetime_received",
    "bounceRate": "bounce_ratio",
    "sentToday": "sent_today",
    "dailySendLimit": "daily_send_limit",
}
PERFORMANCE = {
    "sent": "campaign_sent",
    "opened": "campaign_opened",
    "clicked": "campaign_clicked",
    "bounced": "campaign_bounced",
    "replied": "campaign_replied",
    "positiveReplied": "campaign_positive_replied",
}
RATES = {
    "open": "campaign_open_ratio",
    "click": "campaign_click_ratio",
    "bounce": "campaign_bounce_ratio",
    "reply": "campaign_reply_ratio",
    "positiveReply": "campaign_positive_reply_ratio",
}
_RATIOS = {"bounceRate": "bounce_ratio", **{f"rates.{name}": column for name, column in RATES.items()}}


@dataclass(frozen=True, slots=True)
class Answer:
    """The mailboxes of one answer, as columns of equal length, one row a mailbox.

    `numbers` holds columns by the names on the right of `COUNTS`, `PERFORMANCE` and `RATES`, and
    `warmup_enabled` as 0/1; ratios are 0-1. A column in which no mailbox has a value is left out (the API's
    older answer has neither `performance` nor `rates`). An email is "" where there is none. `suspects` counts
    unusable or out-of-range values by API field, `duplicates` the mailboxes whose id an earlier one had.
    """

    ids: Sequence[str]
    emails: Sequence[str]
    display_names: Sequence[str]
    statuses: Sequence[str | None]
    warmup_statuses: Sequence[str | None]
    numbers: Mapping[str, Column]
    suspects: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, keep: Sequence[bool]) -> "Answer":
        """Return the rows for which `keep` is true; `suspects` and `duplicates` stay."""
        return replace(
            self,
            ids=list(compress(self.ids, keep)),
            emails=list(compress(self.emails, keep)),
            display_names=list(compress(self.display_names, keep)),
            statuses=list(compress(self.statuses, keep)),
            warmup_statuses=list(compress(self.warmup_statuses, keep)),
            numbers=_filled({name: list(compress(column, keep)) for name, column in self.numbers.items()}),
        )


def _filled(numbers: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns that have a value."""
    return {name: column for name, column in numbers.items() if column.count(None) < len(column)}


def domain_of(email: str) -> str:
    """Return the address's domain in lower case, "" where it has none."""
    return email.rpartition("@")[2].lower() if "@" in email else ""


def parse(body: bytes) -> Answer:
    """Parse an answer of `GET /v1/analytics/mailboxes`.

    Raises `MalformedAnswerError` for anything but the documented envelope. What is wrong inside one mailbox
    leaves that sample out and is counted in `Answer.suspects`.
    """
    raws = _split(body)
    rows = _Rows()
    for start in range(0, len(raws), BLOCK):
        block = raws[start : start + BLOCK]
        try:
            rows.add_strictly(block)
        except _unreadable:
            for raw in block:
                rows.add_tolerantly(raw)
    return rows.answer()


class _Envelope(Struct):
    success: bool
    data: list[Raw]


_envelope_decoder = msgspec.json.Decoder(_Envelope)
_unreadable = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _split(body: bytes) -> list[Raw]:
    try:
        envelope = _envelope_decoder.decode(body)
    except _unreadable:
        try:
            envelope = _envelope_decoder.decode(without_lone_surrogates(body))
        except _unreadable as error:
            raise MalformedAnswerError(
                f'expected {{"success": true, "data": [...]}}, found {len(body)} bytes: {error}'
            ) from None
    if not envelope.success:
        raise MalformedAnswerError("expected `success` true, found false")
    return envelope.data


_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def without_lone_surrogates(body: bytes) -> bytes:
    """Return the JSON with U+FFFD for escapes of half a character: JSON allows them, Unicode does not."""
    return _ESCAPE.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], body)


_Count = Annotated[int, Meta(ge=0, le=1 << 53)]  # larger ones are no exact numbers to Prometheus
_Ratio = Annotated[float, Meta(ge=0)]


class _Warmup(Struct, gc=False):
    enabled: bool
    status: str


class _Performance(Struct, gc=False, rename="camel"):
    sent: _Count
    opened: _Count
    clicked: _Count
    bounced: _Count
    replied: _Count
    positive_replied: _Count


class _Rates(Struct, gc=False, rename="camel"):
    open: str
    click: str
    bounce: str
    reply: str
    positive_reply: str


class _Mailbox(Struct, gc=False, rename="camel"):
    """One mailbox as documented; `add_strictly` relies on the order."""

    id: str = msgspec.field(name="_id")
    email: str
    status: str
    total_sent: _Count
    total_received: _Count
    bounce_rate: _Ratio
    sent_today: _Count
    daily_send_limit: _Count
    warmup: _Warmup
    display_name: str | None = None
    performance: _Performance | UnsetType = UNSET
    rates: _Rates | UnsetType = UNSET


_block_decoder = msgspec.json.Decoder(list[_Mailbox])


class _Rows:
    """The columns while they grow, a block or a row at a time."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.emails: list[str] = []
        self.display_names: list[str] = []
        self.statuses: list[str | None] = []
        self.warmup_statuses: list[str | None] = []
        columns = (*COUNTS.values(), "warmup_enabled", *PERFORMANCE.values(), *RATES.values())
        self.numbers: dict[str, list[float | None]] = {column: [] for column in columns}
        self.suspects: Counter[str] = Counter()

    def add_strictly(self, raws: Sequence[Raw]) -> None:
        """Add a block whole, or raise `msgspec.DecodeError` and add nothing."""
        mailboxes = _block_decoder.decode(b"[" + b",".join(raws) + b"]")
        columns: list[Sequence[Any]] = list(zip(*map(astuple, mailboxes), strict=True))
        ids, emails, statuses, *counts, warmups, display_names, performances, rates = columns
        enabled, warmup_statuses = zip(*map(astuple, warmups), strict=True)
        if "" in ids or "" in emails or "" in statuses or "" in warmup_statuses:
            raise msgspec.ValidationError("an empty text where one is needed")
        performance_columns = _struct_columns(performances, len(PERFORMANCE))
        percent_columns = _struct_columns(rates, len(RATES))

        self.ids += ids
        self.emails += emails
        self.display_names += (name or "" for name in display_names)
        self.statuses += statuses
        self.warmup_statuses += warmup_statuses
        self.numbers["warmup_enabled"] += map(int, enabled)
        for column, values in zip(COUNTS.values(), counts, strict=True):
            self.numbers[column] += values
        for column, values in zip(PERFORMANCE.values(), performance_columns, strict=True):
            self.numbers[column] += values
        for (name, column), percents in zip(RATES.items(), percent_columns, strict=True):
            if percents[0] is None:
                self.numbers[column] += percents
                continue
            ratios = list(map(_ratios.__getitem__, percents))
            self.numbers[column] += ratios
            self._suspect(f"rates.{name}", ratios.count(None))

    def add_tolerantly(self, raw: Raw) -> None:
        """Add one mailbox with what can be used of it; nothing without an id."""
        mailbox = _loads(raw)
        mailbox_id = _text(mailbox.get("_id"))
        if mailbox_id is None:
            self._suspect("_id")
            return
        warmup = mailbox.get("warmup")
        warmup = warmup if isinstance(warmup, dict) else {}
        self.ids.append(mailbox_id)
        self.emails.append(self._counted("email", _text(mailbox.get("email"))) or "")
        self.display_names.append(self._display_name(mailbox.get("displayName")))
        self.statuses.append(self._counted("status", _text(mailbox.get("status"))))
        self.warmup_statuses.append(self._counted("warmup.status", _text(warmup.get("status"))))
        enabled = warmup.get("enabled")
        flag = int(enabled) if isinstance(enabled, bool) else None
        self.numbers["warmup_enabled"].append(self._counted("warmup.enabled", flag))
        for name, column in COUNTS.items():
            check = _number if column == "bounce_ratio" else _count
            self.numbers[column].append(self._counted(name, check(mailbox.get(name))))
        self._add_part("performance", mailbox, PERFORMANCE, _count)
        self._add_part("rates", mailbox, RATES, _ratio)

    def _add_part(
        self,
        part: str,
        mailbox: Mapping[str, Any],
        columns: Mapping[str, str],
        check: Callable[[object], float | None],
    ) -> None:
        values = mailbox.get(part)
        if isinstance(values, dict):
            for name, column in columns.items():
                self.numbers[column].append(self._counted(f"{part}.{name}", check(values.get(name))))
            return
        if part in mailbox:  # one that is not there at all is the older answer
            self._suspect(part)
        for column in columns.values():
            self.numbers[column].append(None)

    def _display_name(self, name: object) -> str:
        """Return the display name; a mailbox may be without one."""
        if isinstance(name, str):
            return name
        if name is not None:
            self._suspect("displayName")
        return ""

    def _counted(self, name: str, value: Value | None) -> Value | None:
        """Return the value, and count the field as suspect where there is none."""
        if value is None:
            self._suspect(name)
        return value

    def _suspect(self, name: str, count: int = 1) -> None:
        if count:
            self.suspects[name] += count

    def answer(self) -> Answer:
        """Return the finished columns; the first mailbox of an id counts."""
        for name, column in _RATIOS.items():
            values = self.numbers[column]
            if max(filter(None, values), default=0) > 1:
                self._suspect(name, sum(value is not None and value > 1 for value in values))
        answer = Answer(
            ids=self.ids,
            emails=self.emails,
            display_names=self.display_names,
            statuses=self.statuses,
            warmup_statuses=self.warmup_statuses,
            numbers=_filled(self.numbers),
            suspects=dict(self.suspects),
            duplicates=len(self.ids) - len(set(self.ids)),
        )
        return answer.where(_first_of_each(self.ids)) if answer.duplicates else answer


def _first_of_each(ids: Iterable[str]) -> list[bool]:
    rows: dict[str, int] = {}
    return [rows.setdefault(mailbox_id, row) == row for row, mailbox_id in enumerate(ids)]


def _struct_columns(structs: Sequence[Any], width: int) -> list[Sequence[Any]]:
    """Return the structs' fields as columns; columns of `None` where no mailbox has the struct.

    Raises `msgspec.ValidationError` where some have it and some have not.
    """
    absent = structs.count(UNSET)
    if absent == len(structs):
        return [[None] * absent] * width
    if absent:
        raise msgspec.ValidationError("some mailboxes of the block lack a part that others have")
    return list(zip(*map(astuple, structs), strict=True))


_PERCENT = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\s*", re.ASCII)
_LONGEST_PERCENT = 64
_MOST_RATIOS = 1 << 16


class _Ratios(dict[str, float | None]):
    """A bounded memo from a percent string to its ratio; `None` where it is no usable number."""

    def __missing__(self, percent: str) -> float | None:
        if len(self) >= _MOST_RATIOS:
            self.clear()
        ratio = self[percent] = _parse_percent(percent)
        return ratio


_ratios = _Ratios()


def _parse_percent(percent: str) -> float | None:
    if len(percent) > _LONGEST_PERCENT or not _PERCENT.fullmatch(percent):
        return None
    # Decimal, because 0.7 / 100 is 0.006999999999999999 in binary.
    ratio = float(Decimal(percent.strip()) / 100)
    return ratio if 0 <= ratio < math.inf else None


def _ratio(percent: object) -> float | None:
    """Return the ratio of a percent string, or of a plain number where the API sends one."""
    if isinstance(percent, str):
        return _ratios[percent]
    number = _number(percent)
    return None if number is None else _ratios[repr(number)]


def _count(value: object) -> float | None:
    """Return a whole number of 0 or more, else `None`."""
    number = _number(value)
    return number if number is not None and number.is_integer() else None


def _number(value: object) -> float | None:
    """Return a finite number of 0 or more, else `None`; a boolean is no number."""
    return value if isinstance(value, float) and 0 <= value < math.inf else None


def _text(value: object) -> str | None:
    return value or None if isinstance(value, str) else None


def _loads(raw: Raw) -> dict[str, Any]:
    """Read one mailbox whatever is wrong with it; {} where it is no object at all."""
    text = bytes(raw).decode("utf-8", "replace")
    try:
        # As floats, because an integer of thousands of digits is an error, one past a float's range infinite.
        mailbox = json.loads(text, parse_int=float)
    except RecursionError:  # nested as deeply as the first pass could just read
        return {}
    return mailbox if isinstance(mailbox, dict) else {}
