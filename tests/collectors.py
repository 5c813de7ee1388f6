"""The collectors, as a configuration names them."""

EVERY = ("mailboxes", "warmup", "overview", "tests")
OFF = {name: {"enabled": False} for name in EVERY}
"""For APIs of tests that have no other endpoint than the figures."""
