"""The lab in a browser: columns and sweeps, many questions, differences, charts, fades, files; on a model whose words
tell how loud its adapter is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, plays, toast, wait_until
from helpers.lab import WRONG, Lab
from helpers.stage import FULL, HOSTILE, NONE
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


# Columns


def test_columns_are_added_named_moved_and_removed_and_every_page_sees_them(lab: Lab, visit: Any) -> None:
    board = Board(lab.page)
    remove = lab.lines().first.locator("[data-do=remove]")
    expect(remove).to_be_disabled()
    assert "needs 2 columns" in str(remove.get_attribute("title"))
    board.master().fill("0.5")
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {0.5}, "the fader")
    lab.page.locator("#lora-mixer-add").click()
    expect(lab.lines()).to_have_count(3)
    wait_until(lab.page, lambda: plays(lab.page, "C") == "Kept: pirate ×0.5", "C is kept")
    name = lab.page.get_by_label("Name of column C", exact=True)
    name.fill(HOSTILE)
    name.press("Enter")
    wait_until(lab.page, lambda: lab.page.evaluate("loraMixer.lab.setup.columns[2].name") == HOSTILE, "its name")
    name.press("Alt+ArrowUp")
    wait_until(lab.page, lambda: lab.names() == ["", HOSTILE, ""], "it has moved up")
    other = Lab(visit(lab.mixer.url), lab.mixer, lab.model)
    Board(other.page).open()
    wait_until(other.page, lambda: other.names() == ["", HOSTILE, ""], "another page sees it")
    lab.lines().first.locator("[data-do=remove]").click()
    wait_until(other.page, lambda: other.names() == [HOSTILE, ""], "another page sees that too")
    lab.page.get_by_role("button", name="Start over").click()
    wait_until(lab.page, lambda: lab.names() == ["", ""] and plays(lab.page, "A") == "The faders as they stand", "over")


def test_sixteen_columns_are_the_most(lab: Lab) -> None:
    lab.sweep("master 0 to 2 in 0.1")
    expect(lab.page.locator("#lora-mixer-sweep .lora-mixer-is-bad, #lora-mixer-sweep .is-bad")).to_contain_text(
        "21 columns"
    )
    expect(lab.lines()).to_have_count(2)
    lab.sweep("master 0 to 1.5 in 0.1")
    expect(lab.lines()).to_have_count(16)
    expect(lab.page.locator("#lora-mixer-add")).to_be_disabled()
    assert "16" in str(lab.page.locator("#lora-mixer-add").get_attribute("title"))
    lab.ask()
    assert len(lab.ran()) == 16
    assert (lab.column("A"), lab.column("K")) == (NONE * 5, FULL * 5)


# Sweeps


def test_a_sweep_fills_the_columns_and_tells_what_it_does_not_understand(lab: Lab) -> None:
    lab.sweep("loud 1")
    wrong = lab.page.locator("#lora-mixer-sweep .is-bad")
    expect(wrong).to_contain_text("no kind or target 'loud'")
    lab.sweep("master -1, 0, 1", "q_proj loud")
    expect(wrong.locator("#lora-mixer-sweep-y")).to_be_visible()
    lab.sweep("master -1, 0, 1")
    expect(lab.lines()).to_have_count(3)
    expect(wrong).to_have_count(0)
    assert lab.names() == ["master -1", "master 0", "master 1"]
    lab.ask()
    assert lab.ran() == [WRONG * 5, NONE * 5, FULL * 5]


def test_two_faders_make_a_grid(lab: Lab) -> None:
    lab.sweep("master -1, 0, 1", "down_proj 0, 1")
    expect(lab.lines()).to_have_count(6)
    lab.ask()
    assert lab.ran() == [NONE * 5] * 3 + [WRONG * 5, NONE * 5, FULL * 5]
    axes = (
        lab.page.locator(".lora-mixer-axis-x").all_inner_texts(),
        lab.page.locator(".lora-mixer-axis-y").all_inner_texts(),
    )
    assert axes == (["master -1", "master 0", "master 1"], ["down_proj 0", "down_proj 1"])
    # A page that looks again draws its cards anew: all are measured in one go.
    places = "(cards) => cards.map((card) => card.getBoundingClientRect()).map(({x, y, width}) => [x, y, width])"

    def stand() -> Any:
        found = lab.cards().evaluate_all(places)
        return len(found) == 6 and all(width for _, _, width in found) and found

    boxes = wait_until(lab.page, stand, "cards that stand")
    assert boxes[0][0] == boxes[3][0] and boxes[0][1] == boxes[2][1] < boxes[3][1]


# Questions


def test_prompts_and_seeds_are_rows(lab: Lab) -> None:
    lab.ask("one\ntwo", "Several prompts")
    lab.page.locator("#lora-mixer-seeds").fill("2")
    assert lab.ran() == [FULL * 5, NONE * 5] * 4
    heads = lab.page.locator(".lora-mixer-row-head")
    titles = heads.evaluate_all("(heads) => heads.map((head) => head.firstChild.textContent)")
    assert titles == ["one", "one", "two", "two"]
    assert "4 rows" in lab.page.locator("#lora-mixer-status").inner_text()
    lab.page.locator("#lora-mixer-seeds").fill("21")
    lab.page.locator("#lora-mixer-start").click()
    expect(toast(lab.page)).to_contain_text("1 to 20 seeds")


def test_prompts_come_from_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.page.get_by_label("Several prompts", exact=True).click()
    chooser = lab.page.locator("#lora-mixer-prompts ~ input[type=file]")
    binary = tmp_path / "picture.png"
    binary.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x01")
    chooser.set_input_files(binary)
    text = lab.page.locator("#lora-mixer-text")
    expect(text).to_contain_text("picture.png, line 1")
    chats = tmp_path / "chats.jsonl"
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": HOSTILE},
    ]
    chats.write_text(json.dumps({"messages": messages}) + '\n{"prompt": "and\\nthis"}\n', encoding="utf-8")
    chooser.set_input_files(chats)
    wait_until(lab.page, lambda: HOSTILE in text.locator("textarea").input_value(), "the file's text")
    assert lab.ran() == [FULL * 5, NONE * 5] * 2
    record = lab.kept(trials=2)
    assert [message.content for message in record.trials[0].messages] == ["a", "b", HOSTILE]
    assert record.trials[0].prompt.index("b") < record.trials[0].prompt.index(HOSTILE)
    assert lab.page.locator("#lora-mixer-compare img").count() == 0


def test_stop_keeps_the_rows_that_have_ended(lab: Lab) -> None:
    board = Board(lab.page).chat()
    lab.tokens(40)  # so many that the page, which is shown them later, has the time to stop them
    board.open()
    lab.ask("one\ntwo\nthree", "Several prompts")
    lab.model.brake.hold()
    lab.start()
    lab.step_until(lambda: lab.texts()[2:3] > [FULL * 2], "the second row streams")
    expect(lab.page.locator("#lora-mixer-status")).to_contain_text("1 of 3 done")
    (running,) = lab.mixer.console._running
    lab.page.locator("#lora-mixer-stop").click()
    wait_until(lab.page, running._stopped.is_set, "the model is told to stop")
    lab.step_until(lambda: not lab.mixer.console.comparing, "the comparison stops")
    expect(lab.page.locator("#lora-mixer-status")).to_contain_text("stopped after 2 of 3")
    texts = lab.texts()
    assert (
        texts[:2] == [FULL * 40, NONE * 40]
        and len(texts[2]) < 40
        and texts[2].startswith(FULL * 2)
        and texts[4] == texts[5] == ""
    )
    assert len(lab.kept(trials=2).trials) == 2


# Differences


def test_what_differs_is_marked_against_any_column_and_can_be_measured(lab: Lab) -> None:
    lab.sweep("master 0, 1, -1")
    lab.ask()
    lab.compare()
    marks = lab.page.locator("#lora-mixer-results mark")
    expect(marks).to_have_text([FULL * 5, WRONG * 5])
    expect(lab.cards().nth(1)).to_contain_text("leaves A at token 1")
    lab.page.locator("#lora-mixer-reference").select_option("1")
    expect(marks).to_have_text([NONE * 5, WRONG * 5])
    lab.page.locator("#lora-mixer-view").select_option("plain")
    expect(marks).to_have_count(0)
    lab.page.locator("#lora-mixer-measure").click()
    tables = lab.page.locator("#lora-mixer-measures table")
    expect(tables).to_have_count(2)
    numbers = [[float(text) for text in table.locator("td").all_inner_texts()] for table in tables.all()]
    assert numbers[0][0] == numbers[0][4] == numbers[0][8] == 0 and all(n > 1 for n in numbers[0][1:4])
    assert numbers[1][0] == pytest.approx(1, abs=0.01) and numbers[1][1] > 10
    lab.page.locator("#lora-mixer-view").select_option("0")
    tokens = lab.page.locator("#lora-mixer-results .lora-mixer-token")
    expect(tokens).to_have_count(15)
    assert "100 % under A" in str(tokens.first.get_attribute("title"))
    assert "less than 0.01 % under A" in str(tokens.nth(5).get_attribute("title"))
    # A page that has missed something looks again: what its user looks at stays.
    lab.page.evaluate("new Promise((told) => loraMixer.lab.order({do: 'look'}, told))")
    lab.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    assert lab.page.locator("#lora-mixer-view").input_value() == "0" and tokens.count() == 15
    kept = lab.kept(trials=1)
    assert kept.trials[0].scores is not None and len(kept.trials[0].scores.perplexity) == 3


def test_mixes_go_to_the_desk_and_become_columns(lab: Lab) -> None:
    lab.sweep("master 0.25, 0.75")
    lab.ask()
    lab.compare()
    lab.cards().nth(1).locator("[data-do=desk]").click()
    wait_until(lab.page, lambda: set(lab.mixer.gains().values()) == {0.75}, "the faders stand there")
    lab.cards().nth(0).locator("[data-do=collect]").click()
    expect(toast(lab.page).filter(has_text="Column A plays this already")).to_be_visible()
    lab.page.get_by_role("button", name="Start over").click()
    lab.cards().nth(0).locator("[data-do=collect]").click()
    wait_until(lab.page, lambda: lab.names() == ["", "", "master 0.25"], "one more column")


# Charts


def test_charts_of_a_sweep_and_of_a_text(lab: Lab) -> None:
    lab.page.locator("[data-section='how much is enough?'] summary").click()
    lab.page.locator("#lora-mixer-draw-text").click()
    expect(toast(lab.page)).to_contain_text("Write the text first")
    lab.page.locator("#lora-mixer-own-text").fill(FULL * 6)
    lab.page.locator("#lora-mixer-own-axis").fill("master 0, 0.5, 1, 1.5")
    lab.page.locator("#lora-mixer-draw-text").click()
    expect(lab.page.locator("#lora-mixer-plot-text .js-plotly-plot")).to_contain_text("likeliest at gain 1")
    lab.sweep("master 0, 0.5, 1")
    lab.ask()
    lab.compare()
    lab.page.locator("#lora-mixer-draw-sweep").click()
    expect(lab.page.locator("#lora-mixer-plot-sweep .js-plotly-plot")).to_contain_text("divergence from the base")
    expect(lab.page.locator("#lora-mixer-plot-sweep")).to_be_in_viewport()
    expect(lab.page.locator("#lora-mixer-status")).to_contain_text("seed")
    expect(lab.page.locator("#lora-mixer-start")).to_be_enabled()


def test_curves_go_with_the_experiment_that_they_are_of(lab: Lab) -> None:
    curves = lab.page.locator("#lora-mixer-plot-sweep .js-plotly-plot")
    lab.sweep("master 0, 1")
    lab.ask()
    lab.compare()
    lab.page.locator("#lora-mixer-draw-sweep").click()
    expect(curves).to_be_visible()
    expect(lab.page.locator("#lora-mixer-start")).to_be_enabled()
    lab.compare()
    expect(curves).to_be_hidden()
    lab.page.locator("#lora-mixer-draw-sweep").click()
    expect(curves).to_be_visible()


@pytest.mark.parametrize("width", [1600, 1280, 900, 390])
def test_many_columns_stay_inside_of_their_place(lab: Lab, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 850})
    if width < 1000:
        lab.page.locator(".lora-mixer-side[data-side=lab]").click()
    lab.sweep("master 0 to 2 in 0.25")
    expect(lab.lines()).to_have_count(9)
    lab.ask()
    lab.compare()
    lab.page.locator("#lora-mixer-measure").click()
    expect(lab.page.locator("#lora-mixer-measures table")).to_have_count(2)
    measured = lab.page.locator("#lora-mixer-measures").evaluate(_TABLES)
    assert measured["over"] == [], "nothing runs over the edge of its place without a way to it"
    assert measured["still"] == [True, True], "the letters of the rows stay in sight"
    notes = lab.page.locator("#lora-mixer-results .lora-mixer-reply-notes")
    assert notes.count() == 9
    cut = notes.evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight + 1)"
        ".map((one) => one.textContent)"
    )
    assert cut == [], "what is noted of a reply is told in full"
    assert lab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


#: Tables that are wider than what shows them, where that does not scroll; and what stays of them when it is scrolled.
_TABLES = """(measures) => {
  const over = [], still = [];
  const page = measures.getBoundingClientRect();
  for (const scroll of measures.querySelectorAll(".lora-mixer-measure-scroll")) {
    const frame = scroll.getBoundingClientRect();
    const scrolls = getComputedStyle(scroll).overflowX === "auto";
    if (frame.right > page.right + 1 || (scroll.scrollWidth > scroll.clientWidth && !scrolls)) over.push(frame.right);
    scroll.scrollLeft = 1e6;
    const letters = [...scroll.querySelectorAll("tbody th")];
    still.push(letters.every((letter) => letter.getBoundingClientRect().left >= frame.left - 1));
  }
  return { over, still };
}"""


# Fades


# Keeping and sharing
