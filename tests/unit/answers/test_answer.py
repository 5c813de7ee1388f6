"""Columns of an answer: those that are missing, rows that are kept, and rows in another order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.answers.answer import Answer, domain_of
from tests.answers import answer_of, mailbox, rows

ids = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


def answer_with(mailbox_ids: list[str]) -> Answer:
    """Return an answer of these mailboxes, each one different."""
    return answer_of(
        *(
            mailbox(_id=mailbox_id, email=f"{mailbox_id}@example.com", sentToday=number)
            for number, mailbox_id in enumerate(mailbox_ids)
        ),
        *([{}] if mailbox_ids else []),
    )


@pytest.mark.parametrize(
    ("email", "domain"),
    [
        ("Ann@Mail.EXAMPLE.com", "mail.example.com"),
        ("a@b@c.example", "c.example"),
        ("nobody", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_domain_is_what_follows_the_last_at_sign_in_lower_case(email: str | None, domain: str) -> None:
    assert domain_of(email) == domain


def test_a_text_that_no_mailbox_has_is_missing_in_each_row() -> None:
    answer = answer_of(mailbox(_id="a", email=None), mailbox(_id="b", email=""))

    assert "email" not in answer.texts
    assert answer.text("email") == [None, None]
    assert answer.text("unheard_of") == [None, None]


@given(ids, st.data())
def test_the_rows_that_are_kept_are_the_rows_chosen(mailbox_ids: list[str], data: st.DataObject) -> None:
    answer = answer_with(mailbox_ids)
    keep = [data.draw(st.booleans()) for _ in mailbox_ids]

    kept = answer.where(keep)

    assert rows(kept) == [row for row, wanted in zip(rows(answer), keep, strict=True) if wanted]
    assert (kept.suspects, kept.duplicates) == (answer.suspects, answer.duplicates)


@given(ids, ids)
def test_an_aligned_answer_has_one_row_a_mailbox_asked_for_empty_where_it_has_none(
    mailbox_ids: list[str], wanted: list[str]
) -> None:
    answer = answer_with(mailbox_ids)
    own = {row["id"]: row for row in rows(answer)}

    aligned = answer.aligned(wanted)

    assert rows(aligned) == [own.get(mailbox_id, {"id": mailbox_id}) for mailbox_id in wanted]
    assert (aligned.suspects, aligned.duplicates) == (answer.suspects, answer.duplicates)


@given(ids, ids)
def test_a_column_of_which_no_mailbox_asked_for_has_a_value_is_left_out(
    mailbox_ids: list[str], wanted: list[str]
) -> None:
    aligned = answer_with(mailbox_ids).aligned(wanted)

    assert all(any(value is not None for value in column) for column in aligned.numbers.values())
    assert bool(aligned.numbers) == bool({*mailbox_ids} & {*wanted})
    assert bool(aligned.texts) == bool({*mailbox_ids} & {*wanted})
