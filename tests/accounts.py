"""Accounts of tests, whose keys the log may never hold: each has the word canary in it."""

from typing import Any

ACME: dict[str, Any] = {"name": "acme", "api_key": "sk_canary-acme"}
GLOBEX: dict[str, Any] = {"name": "globex", "api_key": "sk_canary-globex"}
PLATFORM = "sk_user_canary-agency"
AGENCY: dict[str, Any] = {"name": "agency", "api_key": PLATFORM}
