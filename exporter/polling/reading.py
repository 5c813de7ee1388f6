"""An answer's way from bytes to rendered pieces: the one long piece of work, fit for a thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from exporter.exposition.rendering import Disclosure, Part, render_mailboxes
from exporter.fleet.fleet import Totals
from exporter.metrics import ALL_TIME
from exporter.model import Answer, parse


@dataclass(frozen=True, slots=True)
class Reader:
    """How answers are read: which mailboxes count, by address and status, and what is shown of them."""

    disclosure: Disclosure
    keeps: Callable[[str, str], bool] | None = None
    """Without it every mailbox counts."""

    def read(
        self, body: bytes, label: str, window: str, totals: Totals, previous: "Reading | None"
    ) -> "Reading":
        """Read an answer of a workspace's window; raises `model.MalformedAnswerError`.

        `totals` are the workspace's up to now; `previous` is this reader's last reading of the window. An
        answer whose bytes are the same as the last one's is not read again.
        """
        began = time.perf_counter()
        digest = blake2b(body, digest_size=16).digest()
        if previous and previous.part.label == label and previous.digest == digest:
            return Reading(digest, previous.answer, totals, previous.part, time.perf_counter() - began)
        answer = self.kept(parse(body))
        if window == ALL_TIME:
            totals = totals.after(answer, time.monotonic())
        part = render_mailboxes(
            label, window, answer, totals, self.disclosure, previous.part if previous else None
        )
        return Reading(digest, answer, totals, part, time.perf_counter() - began)

    def kept(self, answer: Answer) -> Answer:
        """Return the answer with the mailboxes that count."""
        if self.keeps is None:
            return answer
        mailboxes = zip(answer.emails, answer.statuses, strict=True)
        keep = [self.keeps(email, status or "") for email, status in mailboxes]
        return answer if all(keep) else answer.where(keep)


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the bytes of an answer; `totals` are the workspace's with its rises."""

    digest: bytes
    answer: Answer
    totals: Totals
    part: Part
    seconds: float
