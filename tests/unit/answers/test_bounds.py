"""Answers that are made to be dear: they end early, and take no more memory than honest ones."""

import json
import time

import pytest

from exporter.answers.blocks import BLOCK_BYTES, LARGEST_ITEM_BYTES
from exporter.answers.envelope import MalformedAnswerError
from exporter.answers.parse import MOST_UNKNOWN_STATES, parse
from exporter.answers.percent import ratios
from tests.answers import BASE, answer_of, envelope, mailbox, rows
from tests.memory import memory_traced

MIB = 1 << 20
DEAR = {
    "numbers": b"0,",
    "empty objects": b"{},",
    "empty texts": b'"",',
    "nulls and objects": b"null,{},",
    "lists of objects": b"[{},{}],",
    "tiny mailboxes": b'{"_id":"1"},',
}


def listing(item: bytes, size: int) -> bytes:
    return b'{"success":true,"data":[%s]}' % (item * (size // len(item)))[:-1]


@pytest.mark.parametrize("item", DEAR.values(), ids=DEAR.keys())
def test_an_answer_of_millions_of_useless_items_ends_early_as_malformed(item: bytes) -> None:
    body = listing(item, 16 * MIB)
    began = time.process_time()
    with (
        memory_traced() as memory,
        pytest.raises(MalformedAnswerError, match=r"no mailboxes|expected 64 bytes or more each"),
    ):
        parse(body, BASE)
    assert memory.peak_bytes < 100 * MIB
    assert time.process_time() - began < 10


def test_half_an_answer_of_useless_items_costs_the_other_half_nothing() -> None:
    answer = answer_of(*(mailbox(_id=f"m{number}") if number % 2 else None for number in range(4000)))
    assert len(answer) == 2000
    assert answer.suspects == {"_id": 2000}


def test_more_useless_items_than_mailboxes_are_no_answer() -> None:
    with pytest.raises(MalformedAnswerError, match="2 of the first 3 items are no mailboxes"):
        answer_of(mailbox(), None, {})


@pytest.mark.parametrize("size", [MIB, 3 * MIB // 2])
def test_one_mailbox_of_megabytes_costs_no_other_one_its_samples(size: int) -> None:
    honest = [mailbox(_id=f"m{number}") for number in range(5000)]
    answer = answer_of(*honest[:2500], mailbox(_id="x" * size), *honest[2500:], mailbox(status="y" * size))
    assert answer.ids == [*(it["_id"] for it in honest), mailbox()["_id"]]
    assert answer.suspects == {"_id": 1, "status": 1}
    assert rows(answer)[:5000] == rows(answer_of(*honest))


@pytest.mark.parametrize(
    "large",
    [
        "x" * (20 * MIB),
        ('"\\[{' + "x" * 20) * (MIB // 8),
        [{"a": "]}" + "x" * 30}] * (MIB // 10),
        [""] * MIB,
        [[[]]] * MIB,
        "x" * (LARGEST_ITEM_BYTES - 500),
    ],
    ids=["text", "escapes", "list", "texts", "brackets", "edge"],
)
def test_one_mailbox_of_many_megabytes_is_left_out_and_takes_no_memory(large: object) -> None:
    """All others are read, and their order stays."""
    honest = [mailbox(_id=f"m{number}") for number in range(500)]
    body = envelope([*honest[:250], mailbox(_id="large", more=large), *honest[250:]])
    with memory_traced() as memory:
        answer = parse(body, BASE)
    assert [each for each in answer.ids if each != "large"] == [it["_id"] for it in honest]
    assert answer.suspects == ({"_id": 1} if "large" not in answer.ids else {})
    assert memory.peak_bytes < 8 * LARGEST_ITEM_BYTES


@pytest.mark.parametrize("blank", ["", " \n"], ids=["dense", "blanks"])
@pytest.mark.parametrize(
    "odd",
    ["1" * (2 * MIB + 1), '"' + "x" * 3 * MIB + '"', "[" + "[]," * MIB + "0]", "null"],
    ids=["number", "text", "list", "small"],
)
def test_one_item_of_megabytes_that_is_no_mailbox_costs_no_other_one_its_samples(
    odd: str, blank: str
) -> None:
    first, second = (json.dumps(mailbox(_id=name)) for name in ("first", "second"))
    separator = f"{blank},{blank}"
    items = separator.join([first, odd, second, first.replace("first", "third"), odd])
    body = f'{{"success":true,"data":[{blank}{items}{blank}]}}'.encode()
    answer = parse(body, BASE)
    assert answer.ids == ["first", "second", "third"]
    assert answer.suspects == {"_id": 2}


def test_an_item_of_many_marks_is_read_over_as_fast_as_any() -> None:
    """Else a few answers would keep the readers from all others."""
    honest = [mailbox(_id=f"m{number}") for number in range(3)]
    seconds = {}
    for name, item in (("text", '"' + "[]," * 10 * MIB + '"'), ("marks", "[" + "[]," * 10 * MIB + "0]")):
        body = envelope([*honest, "odd"]).replace(b'"odd"', item.encode())
        began = time.process_time()
        assert len(parse(body, BASE)) == 3
        seconds[name] = time.process_time() - began
    assert seconds["marks"] < 30 * seconds["text"], seconds


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\r\n\t ", " : ")])
@pytest.mark.parametrize(
    "odd", ['},{"', "}, {", '\\"},{\\', [{"a": 1}, {"b": 2}] * 20], ids=["text", "blank", "escaped", "list"]
)
def test_what_looks_like_the_end_of_a_mailbox_and_is_none_changes_nothing(
    separators: tuple[str, str], odd: object
) -> None:
    one = mailbox(displayName="Sales", tags=[odd] * 3)
    count = 3 * BLOCK_BYTES // len(json.dumps(one))
    mailboxes = [one | {"_id": f"m{number}"} for number in range(count)]
    body = json.dumps({"success": True, "data": mailboxes}, separators=separators).encode()
    answer = parse(body, BASE)
    assert answer.ids == [it["_id"] for it in mailboxes]
    assert answer.suspects == {}


def test_a_mailbox_that_is_bad_costs_only_its_own_samples_in_a_large_answer() -> None:
    mailboxes = [mailbox(_id=f"m{number}") for number in range(5000)]
    mailboxes[2500]["sentToday"] = "many"
    answer = answer_of(*mailboxes)
    assert answer.suspects == {"sentToday": 1}
    assert [row for row, value in enumerate(answer.numbers["sent_today"]) if value is None] == [2500]


def test_unknown_states_beyond_twenty_are_other() -> None:
    names = [f"state {number}" for number in range(100)]
    answer = answer_of(
        *(mailbox(_id=name, status=name, warmup={"enabled": True, "status": name}) for name in names),
        mailbox(_id="known", status="active"),
    )
    for column in ("status", "warmup_status"):
        states = [*answer.text(column)]
        assert states[:MOST_UNKNOWN_STATES] == names[:MOST_UNKNOWN_STATES]
        assert {*states[MOST_UNKNOWN_STATES:-1]} == {"other"}
    assert answer.text("status")[-1] == "active"


def test_the_memo_of_rates_keeps_no_long_texts() -> None:
    ratios.clear()
    for number in range(200):
        long = f"{number}." + "1" * 1000
        assert answer_of(mailbox(rates={**mailbox()["rates"], "open": long})).suspects == {"rates.open": 1}
    assert sum(map(len, ratios)) < 1000


# Lists that are not whole


def with_pages(**parts: object) -> bytes:
    return json.dumps({"success": True, "data": [mailbox()], **parts}).encode()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"pagination": {"hasMore": True}}, "1 item, pagination.hasMore is true"),
        ({"pagination": {"total": 1900, "hasMore": False}}, "1 item of a total of 1900"),
        ({"total": 2}, "1 item of a total of 2"),
    ],
)
def test_a_list_that_is_not_whole_is_no_answer(parts: dict[str, object], said: str) -> None:
    with pytest.raises(MalformedAnswerError, match=f"the list is not whole: {said}"):
        parse(with_pages(**parts), BASE)


@pytest.mark.parametrize(
    "parts",
    [
        {"pagination": {"total": 1, "hasMore": False, "nextCursor": "x"}},
        {"pagination": None},
        {"pagination": "none", "total": "many"},
        {"pagination": {"hasMore": "true", "total": True}, "total": 1.5},
        {"total": 0},
    ],
)
def test_a_list_that_is_whole_is_one_whatever_else_is_said_of_pages(parts: dict[str, object]) -> None:
    assert len(parse(with_pages(**parts), BASE)) == 1


def test_rows_that_are_no_mailboxes_count_as_rows_of_the_list() -> None:
    body = json.dumps({"success": True, "data": [mailbox(), None], "pagination": {"total": 2}}).encode()
    assert len(parse(body, BASE)) == 1


def test_a_page_in_place_of_an_answer_asks_whether_the_address_is_right() -> None:
    with pytest.raises(
        MalformedAnswerError, match=r"found a page instead of JSON; is api\.base_url right\?$"
    ):
        parse(b"<html><title>Welcome</title></html>", BASE)
