"""How often the bounce rules call for nothing, and how soon they see a spike, beside the naive rule.

    python tests/benchmarks/evaluate_rules.py [--quick] [DOCUMENT]

Simulated days (`bounce_days.py`) go through the arithmetic of the shipped rules. Prints the tables, or writes
them into DOCUMENT in place of what follows its mark. The seed is fixed: the tables are the same each time.
Takes some minutes of one core; `--quick` takes seconds and proves little.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bounce_days import DOMAIN_PAGE, NAIVE, PAGE, TICKET, Rule, Subject, Z
from rule_outcomes import BASES, JUMPS, Outcome, Range, Study, frontier, outcomes

MARK = "<!-- From here on written by `make evaluate`. -->\n"
QUICKER = 100

STUDIES = (
    Study(Subject("One mailbox, 30-50 mails a day", 1), (TICKET, PAGE), 60_000, 10_000),
    Study(Subject("One mailbox, 40 mails every day", 1, 40, 40), (TICKET, PAGE), 30_000, 10_000),
    Study(Subject("Domain of 5 mailboxes, 30-50 mails a day each", 5), (DOMAIN_PAGE,), 12_000, 10_000),
    Study(Subject("Domain of 20 mailboxes, 30-50 mails a day each", 20), (DOMAIN_PAGE,), 5_000, 4_000),
)
OTHERS = (
    Rule("LB95 > 3 %, b ≥ 3", Z["95"], 0.03, 3),
    *(
        Rule(
            f"LB{confidence} > {threshold:.0%}".replace("%", " %") + f", b ≥ {bounces}", z, threshold, bounces
        )
        for confidence, z in Z.items()
        if confidence != "95"
        for threshold in (0.02, 0.03, 0.05)
        for bounces in (3, 5)
    ),
)
"""What could have been shipped instead."""


def short(number: float) -> str:
    """Write two digits that count."""
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write a table."""
    yield ""
    for row in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(row) + " |"
    yield ""


def typical(values: list[int]) -> str:
    """Write the mean and the median."""
    return f"{statistics.mean(values):.1f} ({statistics.median(values):.0f})" if values else "-"


def percents(figure: Range) -> str:
    """Write a share with its interval."""
    return f"{figure.value * 100:.1f} % ({figure.low * 100:.1f}-{figure.high * 100:.1f})"


def few(figure: Range) -> str:
    """Write a small figure with its interval."""
    return f"{short(figure.value)} ({short(figure.low)}-{short(figure.high)})"


def percent(ratio: float) -> str:
    """Write a round share."""
    return f"{ratio * 100:.0f} %"


def fraction(ratio: float) -> str:
    """Write a small ratio as a fraction."""
    return f"1/{1 / ratio:.0f}" if ratio else "0"


def jumps_met(outcome: Outcome, naive: Outcome) -> str:
    """Write the jumps at which the goal holds."""
    met = [percent(ratio) for jump, ratio in enumerate(JUMPS) if outcome.meets_goal(naive, jump)]
    return ", ".join(met) or "none"


def shipped_tables(shipped: Sequence[Outcome]) -> Iterator[str]:
    """Write what the shipped rules and the naive one did."""
    yield from table(
        [
            "rule",
            *(
                f"{what} at {percent(base)}"
                for what in ("days with a false alarm", "false alarms")
                for base in BASES
            ),
            *(f"sees a jump to {percent(jump)}" for jump in JUMPS),
        ],
        [
            [
                outcome.rule.name,
                *(few(outcome.false_days(base)) for base in range(len(BASES))),
                *(short(false.alarms * 1000 / outcome.mailbox_days) for false in outcome.false),
                *(percents(outcome.detects(jump)) for jump in range(len(JUMPS))),
            ]
            for outcome in shipped
        ],
    )
    yield "Until the alarm, mean (median):"
    yield from table(
        ["rule", *(f"{what}, jump to {percent(jump)}" for jump in JUMPS for what in ("bounces", "sends"))],
        [
            [
                outcome.rule.name,
                *(typical(seen) for one in outcome.found for seen in (one.bounces, one.sends)),
            ]
            for outcome in shipped
        ],
    )


def goal_table(naive: Outcome, shipped: Sequence[Outcome]) -> Iterator[str]:
    """Write how the shipped rules stand to the goal."""
    yield "As a share of the naive rule's:"
    yield from table(
        [
            "rule",
            "days with a false alarm at 1 %",
            *(f"sees {percent(jump)}" for jump in JUMPS),
            "goal holds at",
        ],
        [
            [
                outcome.rule.name,
                fraction(outcome.false[0].days / naive.false[0].days)
                + f" (at most {fraction(outcome.worst_false_ratio(naive))})",
                *(percents(outcome.relative_detection(naive, jump)) for jump in range(len(JUMPS))),
                jumps_met(outcome, naive),
            ]
            for outcome in shipped
        ],
    )


def frontier_table(naive: Outcome, shipped: Sequence[Outcome], others: Sequence[Outcome]) -> Iterator[str]:
    """Write the rules that no other one beats, and the shipped ones in bold."""
    names = {outcome.rule[1:]: outcome.rule.name for outcome in shipped}
    best = {outcome.rule for outcome in frontier(others)}
    yield "The frontier: no other of the rules tried beats these. Shipped ones are bold."
    rows = []
    for outcome in sorted(others, key=lambda outcome: (-outcome.false[0].days, outcome.rule.name)):
        shipped_as = names.get(outcome.rule[1:])
        if outcome.rule in best or shipped_as:
            rows.append(
                [
                    f"**{outcome.rule.name} ({shipped_as})**" if shipped_as else outcome.rule.name,
                    *(few(outcome.false_days(base)) for base in range(len(BASES))),
                    *(percents(outcome.detects(jump)) for jump in range(len(JUMPS))),
                    jumps_met(outcome, naive),
                ]
            )
    head = [*(f"at {percent(base)}" for base in BASES), *(f"sees {percent(jump)}" for jump in JUMPS)]
    yield from table(["rule", *head, "goal holds at"], rows)


def report(quicker: int) -> Iterator[str]:
    """Write everything, line by line."""
    for study in STUDIES:
        print(f"{study.subject.name} ...", file=sys.stderr)
        rules = [NAIVE, *study.shipped, *OTHERS]
        naive, *rest = outcomes(study, rules, quicker)
        shipped, others = rest[: len(study.shipped)], rest[len(study.shipped) :]
        jumps = study.jumps // quicker
        yield from ["", f"## {study.subject.name}", ""]
        yield f"{naive.mailbox_days:,} mailbox-days at each base, {jumps:,} jumps to each ratio."
        yield from shipped_tables([naive, *shipped])
        yield from goal_table(naive, shipped)
        yield from frontier_table(naive, shipped, others)


def main() -> None:
    """Evaluate, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICKER} times fewer days")
    parser.add_argument("document", nargs="?", type=Path, help="the document to write the tables into")
    arguments = parser.parse_args()
    lines = "\n".join(report(QUICKER if arguments.quick else 1)).replace("\n\n\n", "\n\n")
    if not arguments.document:
        print(lines)
        return
    told, mark, _old = arguments.document.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        sys.exit(f"{arguments.document} has no line {MARK}")
    arguments.document.write_text(told + mark + lines.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
