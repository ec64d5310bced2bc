"""Replies as HTML: what a model or a user wrote stays text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import ColumnResult, Mix, Result
from lora_mixer.ui import replies

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


class Tags(HTMLParser):
    """Collects what a browser would take for tags, and the text that it would show."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def column(text: str, label: str = "A", tokens: int = 3) -> ColumnResult:
    return ColumnResult(label, Mix(), text, tuple(range(tokens)), "end", 2.0)


# Surrogates are no text, and HTML replaces NUL and carriage returns.
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    for html in (replies.running("A", text, 1, 1.0, True), replies.done(column(text or "x", label=text))):
        page = Tags(html)
        assert page.tags <= {"div", "b", "span"}
        assert text in page.text


def test_hostile_text_makes_no_tag() -> None:
    result = Result((column(HOSTILE),), seed=7, seconds=2.0, batched=False, why_not_batched=HOSTILE)
    for html in (replies.done(column(HOSTILE, label=HOSTILE)), replies.status(replies.summary(result))):
        assert Tags(html).tags <= {"div", "b", "span"}


def test_the_summary_says_how_it_ran() -> None:
    both = (column("Aye.", "A"), column("Aye.", "B"))
    batched = replies.summary(Result(both, seed=7, seconds=2.0, batched=True, why_not_batched=""))
    assert batched == "2.0 s · 3.0 tokens a second together · in one batch · seed 7 · all say the same"
    alone = replies.summary(Result(both, seed=7, seconds=2.0, batched=False, why_not_batched="DoRA & co"))
    assert "one after the other (DoRA &amp; co)" in alone


def test_a_column_that_said_nothing_says_so() -> None:
    assert "said nothing" in Tags(replies.done(column("", tokens=0))).text
