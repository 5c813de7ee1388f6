"""Samples of an answer as they are rendered, and as a scrape reads them."""

from collections.abc import Mapping

from exporter.answers.answer import Answer
from exporter.catalogue import workspace
from exporter.exposition.rendering import Disclosure, render_base, roster_of
from exporter.fleet.counters import Totals
from exporter.fleet.reading import Part
from exporter.sendkit.feeds import families
from exporter.textformat.body import Piece, assemble
from exporter.textformat.lines import Format
from tests.answers import BASE
from tests.samples import Samples

PLAIN = Disclosure(lambda email: email)
NAMED = Disclosure(lambda email: email, display_name=True)


def rendered(
    answer: Answer,
    totals: Totals | None = None,
    disclosure: Disclosure = PLAIN,
    previous: Part | None = None,
    label: str = "acme",
) -> Part:
    """Return the samples of a base answer."""
    roster = roster_of(label, answer, previous.roster if previous else None)
    return render_base(BASE, answer, totals or Totals(), roster, disclosure, previous)


def samples_of(*parts: Mapping[str, Piece]) -> Samples:
    """Read pieces with the parser of the text format."""
    body = assemble(parts, (*workspace.METRICS, *families()), Format.TEXT)
    return Samples(b"".join(body.plain).decode())


def lines(part: Part) -> dict[str, bytes]:
    """Return the sample lines of each family."""
    return {name: b"".join(piece.chunks) for name, piece in part.pieces.items()}
