"""Ask the advisory service about every locked dependency; ends with 1 for a known vulnerability.

What the service does not know, or a service that does not answer, is told and fails nothing: style and
types can be checked without a network.
"""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "requirements/dev.txt"
COMMAND = ("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json")


def verdict(report: str, errors: str) -> tuple[list[str], bool]:
    """Return what to tell of pip-audit's JSON report, "" if it made none, and whether all is well."""
    if not report.strip():
        reason = (errors.strip() or "no reason given").splitlines()[-1]
        return [f"NOT AUDITED: {reason}"], True
    dependencies = json.loads(report)["dependencies"]
    found = [
        f"{dependency['name']} {dependency['version']}: {vulnerability['id']},"
        f" mended in {', '.join(vulnerability['fix_versions']) or 'no version'}"
        for dependency in dependencies
        for vulnerability in dependency.get("vulns", [])
    ]
    unknown = [dependency["name"] for dependency in dependencies if "skip_reason" in dependency]
    lines = [*found, f"{len(dependencies) - len(unknown)} dependencies audited, {len(found)} vulnerabilities"]
    if unknown:
        lines.append(
            f"NOT AUDITED: {len(unknown)} that the advisory service does not know, {unknown[0]} the first"
        )
    return lines, not found


def main() -> int:
    """Audit and tell."""
    command = [sys.executable, "-m", "pip_audit", *COMMAND, "-r", str(LOCK)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    lines, is_well = verdict(run.stdout, run.stderr)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
