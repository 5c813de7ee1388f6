"""Bodies are kept for the next scrape of the same workspaces, and never take more memory than allowed."""

from exporter.exposition.kept import Kept
from exporter.textformat.body import Body
from exporter.textformat.lines import Format

LIMIT = 1 << 20


def body(size: int) -> Body:
    """Return a body of one chunk."""
    made = Body()
    made.add_bytes(b"x" * size)
    return made


def key(*labels: str) -> tuple[Format, frozenset[str]]:
    return Format.TEXT, frozenset(labels)


def test_ever_new_sets_of_workspaces_take_no_more_than_the_limit() -> None:
    kept = Kept(LIMIT)
    for number in range(1000):
        kept.put(key("acme", f"w{number}"), body(10_000))
        assert kept.weight <= LIMIT
    assert kept.get(key("acme", "w999")) is not None
    assert kept.get(key("acme", "w0")) is None


def test_the_one_asked_for_longest_ago_goes_first() -> None:
    kept = Kept(LIMIT)
    for name in ("a", "b", "c"):
        kept.put(key(name), body(LIMIT // 4))
    assert kept.get(key("a")) is not None
    kept.put(key("d"), body(LIMIT // 4))
    assert kept.get(key("b")) is None
    assert kept.get(key("a")) is not None


def test_a_body_above_the_limit_is_not_kept_and_lets_nothing_go() -> None:
    kept = Kept(LIMIT)
    kept.put(key("small"), body(100))
    kept.put(key("large"), body(LIMIT))
    assert kept.get(key("large")) is None
    assert kept.get(key("small")) is not None


def test_a_long_list_of_workspaces_has_its_weight() -> None:
    kept = Kept(LIMIT)
    kept.put(key(*(f"w{number}" for number in range(10_000))), body(1))
    assert kept.weight == 0


def test_a_change_lets_go_all_that_show_the_workspace_and_no_other() -> None:
    kept = Kept(LIMIT)
    for one in (key("acme"), key("acme", "beta"), key("beta"), (Format.TEXT, None)):
        kept.put(one, body(1))
    kept.forget(["acme"])
    assert kept.get(key("beta")) is not None
    for one in (key("acme"), key("acme", "beta"), (Format.TEXT, None)):
        assert kept.get(one) is None
    kept.forget(["beta"])
    assert kept.weight == 0
