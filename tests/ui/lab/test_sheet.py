"""The experiment that a page shows, and what a page is told of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Column, ColumnResult, Mix, Question, Result
from lora_mixer.ui.lab.ask import between_news
from lora_mixer.ui.lab.lab import Lab
from lora_mixer.ui.lab.sheet import Row, Sheet, Teller

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def sheet(rows: int = 2, columns: int = 2, opening: str = "") -> Sheet:
    return Sheet(
        tuple(Column("x", Mix()) for _ in range(columns)),
        tuple(Row(Question("hi", "hi", (), opening=opening), seed) for seed in range(rows)),
    )


def said(text: str, ids: tuple[int, ...] = (1,), finish: Any = "end") -> ColumnResult:
    return ColumnResult("x", Mix(), text, ids, finish, 2.0)


def result(*columns: ColumnResult) -> Result:
    return Result(columns, seed=7, seconds=2.0, batched=True, why_not_batched="")


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le")


class Page:
    """Puts together what it is told, as the page's script does: in UTF-16."""

    def __init__(self) -> None:
        self.texts: dict[tuple[int, int], bytes] = {}

    def take(self, news: dict[str, Any]) -> None:
        for cell in news["cells"]:
            at = cell["r"], cell["c"]
            if "add" in cell:
                assert cell["at"] * 2 == len(self.texts[at])
                self.texts[at] += utf16(cell["add"])
            elif "text" in cell:
                self.texts[at] = utf16(cell["text"])
            else:
                self.texts[at] = utf16("".join(piece for piece, _ in cell["pieces"]))


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6), st.booleans(), texts)
def test_a_page_that_hears_everything_shows_everything(all_said: list, grows: bool, opening: str) -> None:
    shown, page = sheet(opening=opening), Page()
    teller = Teller(shown)
    page.take(teller.news())
    before = ("", "")
    for one, other in all_said:
        before = (before[0] + one, before[1] + other) if grows else (one, other)
        shown.grow(0, before, (1, 1), (False, False), (1.0, 1.0))
        page.take(teller.news())
        assert page.texts[0, 0] == utf16(opening + before[0]) and page.texts[0, 1] == utf16(opening + before[1])
    shown.finish(0, result(*(said(text) for text in before)))
    page.take(teller.news())
    whole = Page()
    whole.take(Teller(shown).news())
    assert page.texts == whole.texts == {(0, at): utf16(opening + text) for at, text in enumerate(before)}


def test_only_what_changed_is_told() -> None:
    shown = sheet()
    teller = Teller(shown)
    assert teller.news()["cells"] == []
    shown.grow(0, ("Ahoy", ""), (1, 0), (False, False), (1.0, 1.0))
    assert [(cell["r"], cell["c"]) for cell in teller.news()["cells"]] == [(0, 0), (0, 1)]
    shown.grow(0, ("Ahoy there", ""), (2, 0), (False, False), (1.0, 1.0))
    (cell,) = teller.news()["cells"]
    assert (cell["at"], cell["add"], cell["n"]) == (4, " there", 2)
    news = teller.news()
    assert news["cells"] == [] and news["n"] == 4


def test_words_that_the_reference_does_not_say_are_marked_when_the_row_has_ended() -> None:
    shown = sheet(rows=1)
    shown.finish(0, result(said("Ahoy old friend", (1, 2, 3)), said("Hello old friend", (4, 2, 3))))
    told = {cell["c"]: cell for cell in Teller(shown).news()["cells"]}
    assert told[0]["pieces"] == [["Ahoy old friend", 0]] and told[0]["leaves"] is None
    assert told[1]["pieces"] == [["Hello", 1], [" old friend", 0]] and told[1]["leaves"] == 0
    shown.reference = 1
    assert {cell["c"]: cell["leaves"] for cell in Teller(shown).news()["cells"]} == {0: 0, 1: None}


def test_a_column_that_ended_keeps_its_own_time() -> None:
    shown = sheet(rows=1)
    shown.grow(0, ("a", "bb"), (1, 2), (True, False), (1.0, 9.0))
    assert [cell.seconds for cell in shown.cells[0]] == [1.0, 9.0]
    assert [cell.state for cell in shown.cells[0]] == ["ended", "running"]
    shown.settle()
    assert [cell.state for cell in shown.cells[0]] == ["done", "done"]


def test_pages_show_their_own_experiment_and_a_new_one_the_latest_unless_strangers_share_the_host() -> None:
    for shared in (True, False):
        lab = Lab(shared)
        assert lab.sheet("one") is None
        mine, other = sheet(), sheet()
        lab.show("one", mine)
        lab.show("two", other)
        assert lab.sheet("one") is mine and lab.sheet("two") is other
        assert lab.sheet("three") is (other if shared else None)
        for at in range(40):
            lab.show(f"page {at}", sheet())
        assert lab.sheet("one") is not mine, "pages that are long gone are forgotten"


def test_the_more_replies_grow_the_rarer_a_page_is_told() -> None:
    def seconds(columns: int, ended: int = 0) -> float:
        shown = Sheet(tuple(Column(f"{at}", Mix()) for at in range(columns)), (Row(Question("hi", "hi", ()), 1),))
        over = [at < ended for at in range(columns)]
        shown.grow(0, ["a"] * columns, [1] * columns, over, [0.1] * columns)
        return between_news(shown)

    assert seconds(2) == seconds(8, ended=6) == seconds(16, ended=16) == 0.1
    assert seconds(2) < seconds(5) < seconds(8) < seconds(16) <= 0.4


def test_a_report_is_never_labelled_newer_than_what_it_says() -> None:
    # Another thread may let the replies grow while a report is put together: here, whenever a cell is looked at.
    shown = sheet(rows=1)

    class Growing(list):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            shown.finish(0, result(said("all"), said("all")))
            return super().__iter__()

    before = shown.age
    shown.cells = Growing(shown.cells)
    assert Teller(shown).news()["age"] == before < shown.age


def test_all_that_changes_what_is_said_makes_it_older() -> None:
    shown = sheet(rows=1)
    ages = [shown.age]
    for change in (
        lambda: shown.grow(0, ["a", "b"], [1, 1], [False, False], [1.0, 1.0]),
        lambda: shown.finish(0, result(said("all"), said("all"))),
        shown.settle,
    ):
        change()
        ages.append(shown.age)
    assert ages == sorted(set(ages))
