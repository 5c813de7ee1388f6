"""Sample lines: numbers and labels to text, a column at a time.

Sample lines are the same bytes in the text format 0.0.4 and in OpenMetrics 1.0.0; only HELP, TYPE and the end
differ.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import compress

from exporter.answers.answer import Column
from exporter.catalogue.kinds import Metric

BLOCK = 1024
"""Rows rendered in one uninterruptible step."""


class Format(Enum):
    """An exposition format, by its content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


END = {Format.TEXT: b"", Format.OPENMETRICS: b"# EOF\n"}


def escaped(value: str) -> bytes:
    r"""Return a label's value as it is written between quotes: `\`, `"` and the line feed escaped."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n").encode()


def label_text(labels: Mapping[str, str]) -> bytes:
    """Return the labels as they are written between braces."""
    return b",".join(b'%s="%s"' % (name.encode(), escaped(value)) for name, value in labels.items())


class _NumberLines(dict[float, bytes]):
    """A bounded memo from a number to the end of its sample line; the sign of zero is not kept."""

    def __missing__(self, number: float) -> bytes:
        if len(self) >= 1 << 16:
            self.clear()
        line = self[number] = number_text(number).encode() + b"\n"
        return line


_number_lines = _NumberLines()


def number_text(number: float) -> str:
    """Return the shortest text that reads back as the number."""
    if number != number:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    if number == int(number) and abs(number) < 1 << 53:
        return str(int(number))
    return repr(float(number))


def encode_column(name: str, labels: bytes, rows: Sequence[bytes], column: Column) -> Iterator[bytes]:
    """Yield the sample lines of a column, `BLOCK` rows a chunk; a row without a number has none.

    `labels` are in every line; `rows` holds each line's own labels and what follows up to the number.
    """
    if None in column:
        keep = [number is not None for number in column]
        rows, column = list(compress(rows, keep)), list(compress(column, keep))
    start = name.encode() + b"{" + labels + b","
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        slots = [start] * (3 * len(block))
        slots[1::3] = block
        slots[2::3] = map(_number_lines.__getitem__, column[first : first + BLOCK])  # type: ignore[arg-type]
        yield b"".join(slots)


def encode_samples(name: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> bytes:
    """Return the lines of a few samples, each with labels of its own."""
    return b"".join(
        b"%s%s %s" % (name.encode(), b"{%s}" % label_text(labels) if labels else b"", _number_lines[number])
        for labels, number in samples
    )


def header(metric: Metric, format_: Format) -> bytes:
    """Return the family's HELP and TYPE lines."""
    name, text = metric.name, metric.help_text.replace("\\", r"\\").replace("\n", r"\n")
    if format_ is Format.OPENMETRICS:
        name, text = name.removesuffix("_total"), text.replace('"', r"\"")
    return f"# HELP {name} {text}\n# TYPE {name} {metric.type}\n".encode()
