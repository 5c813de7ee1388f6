"""What the former bounce rules and the shipped ones do on fleets as they are.

    python tests/benchmarks/evaluate_rules.py [--workspaces N] [DOCUMENT]

Prints the tables, or writes them into DOCUMENT in place of what follows its mark, and the picture of delay
against false alarms into images/evaluation.svg beside it. The seeds are fixed.
"""

import argparse
from pathlib import Path

from evaluation.picture import svg
from evaluation.tables import (
    Found,
    incident_table,
    limit_table,
    new_table,
    outage_table,
    quiet_table,
    worse_table,
)

MARK = "<!-- `make evaluate` replaces what follows. -->\n"
PICTURE = "images/evaluation.svg"


def main() -> None:
    """Print the tables or write them into a document."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspaces", type=int, default=30, help="at least 6")
    parser.add_argument("document", type=Path, nargs="?")
    arguments = parser.parse_args()
    found, tables = Found(), []
    for lines in (
        quiet_table(arguments.workspaces, found),
        worse_table(arguments.workspaces // 3),
        limit_table(arguments.workspaces // 2, found),
        incident_table(arguments.workspaces // 6, found),
        outage_table(arguments.workspaces // 6),
        new_table(arguments.workspaces // 3),
    ):
        for line in lines:
            print(line, flush=True)
            tables.append(line)
    if arguments.document:
        before = arguments.document.read_text().partition(MARK)[0]
        arguments.document.write_text(before + MARK + "\n" + "\n".join(tables) + "\n")
        (arguments.document.parent / PICTURE).write_text(svg(list(found.panels.values())))


if __name__ == "__main__":
    main()
