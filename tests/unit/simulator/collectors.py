"""Asks the endpoints beside the analytics of mailboxes."""

from typing import Any

import httpx

DETAILS = "/v1/mailboxes"
WARMUP = "/v1/warmup/stats"
OVERVIEW = "/v1/analytics/overview"
BLACKLIST, PLACEMENT = "/v1/blacklist-tests", "/v1/inbox-placement"
COLLECTORS = (DETAILS, WARMUP, OVERVIEW, BLACKLIST, PLACEMENT)
ENDPOINTS = dict(zip(("mailboxes", "warmup", "overview", "blacklist", "placement"), COLLECTORS, strict=True))

Rows = list[dict[str, Any]]


def pages(api: httpx.Client, key: dict[str, str], path: str, most: int = 20, **query: int) -> list[Any]:
    """Return the answers of a list, page by page, as long as there is more; at most so many."""
    answers: list[Any] = []
    cursor: dict[str, str] = {}
    while len(answers) < most:
        answers.append(api.get(path, headers=key, params={**query, **cursor}).raise_for_status().json())
        pagination = answers[-1]["pagination"]
        if not pagination["hasMore"]:
            break
        cursor = {"cursor": pagination["nextCursor"]}
    return answers


def details(api: httpx.Client, key: dict[str, str]) -> Rows:
    """Return all rows of /v1/mailboxes."""
    return [row for page in pages(api, key, DETAILS, limit=100) for row in page["data"]]


def of_domain(rows: Rows, domain: str) -> Rows:
    return [row for row in rows if row["email"].endswith(f"@{domain}")]
