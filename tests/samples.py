"""Samples of an exposition, read by the client library's parsers."""

from collections.abc import Iterator

from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

Labels = frozenset[tuple[str, str]]


class Samples:
    """The samples of an exposition in either format, to be asked by name and labels."""

    def __init__(self, exposition: str) -> None:
        """Parse the text; a sample that occurs twice is an error."""
        parser = openmetrics_parser if exposition.endswith("# EOF\n") else text_parser
        self.types: dict[str, str] = {}
        self.by_name: dict[str, dict[Labels, float]] = {}
        for family in parser.text_string_to_metric_families(exposition):
            self.types[family.name] = family.type
            for sample in family.samples:
                series = self.by_name.setdefault(sample.name, {})
                labels = frozenset(sample.labels.items())
                assert labels not in series, f"{sample.name}{dict(labels)} occurs twice"
                series[labels] = sample.value

    def __iter__(self) -> Iterator[tuple[str, Labels, float]]:
        for name, series in self.by_name.items():
            for labels, value in series.items():
                yield name, labels, value

    def all_of(self, name: str, **labels: str) -> dict[Labels, float]:
        """Return the samples of a name that have these labels, among others."""
        wanted = labels.items()
        return {own: value for own, value in self.by_name.get(name, {}).items() if wanted <= own}

    def one(self, name: str, **labels: str) -> float | None:
        """Return the value of the one sample of a name that has these labels; None when there is none."""
        found = self.all_of(name, **labels)
        assert len(found) < 2, f"several samples of {name}{labels}: {found}"
        return next(iter(found.values()), None)

    def values_of(self, label: str, name: str) -> set[str]:
        """Return the values that a label has in the samples of a name."""
        return {value for own in self.by_name.get(name, {}) for key, value in own if key == label}
