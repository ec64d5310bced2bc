"""What the lab on the page makes of news and answers that come late or not at all; here Python is a line of script."""

from __future__ import annotations

from typing import Any

import pytest
from browser import ROOT

pytestmark = pytest.mark.browser

PARTS = ("12_frames.js", "16_channel.js", "81_lab.js")
WORLD = """
window.sent = [];
window.loraMixer = {
  guard: (what, fn) => fn,
  onStop: () => {},
  store: { state: null, onChange: () => {} },
  wire: { write: (id, text) => { sent.push([id, JSON.parse(text)]); return true; } },
};
"""
BEGIN = """
window.lab = loraMixer.lab;
window.cell = (text, s) => ({ r: 0, c: 0, s, n: text.length, text });
window.line = (running) => ({ text: running ? "running" : "over", running, part: null });
window.report = (age, text, running, extra) => JSON.stringify({
  key: 1, n: age, age, cells: [cell(text, running ? "running" : "done")], line: line(running), note: "", ...extra,
});
window.head = { key: 1, columns: ["A"], rows: [{ label: "hi", seed: 7 }], grid: null, use: false, reference: 0 };
window.answer = (age, text, running) => lab.answered(report(age, text, running, { re: 0, sheet: head }));
lab.news(JSON.stringify({ sheet: head, key: 1, n: 1, age: 0, cells: [], line: line(true), note: "" }));
"""


@pytest.fixture
def page(chromium_browser: Any) -> Any:
    page = chromium_browser.new_page()
    page.clock.install()
    page.goto("about:blank")
    scripts = [(ROOT / "ui" / "page" / name).read_text(encoding="utf-8") for name in PARTS]
    for text in (WORLD, *scripts, BEGIN):
        page.evaluate(f"() => {{ {text} }}")
    yield page
    page.close()


def shown(page: Any) -> tuple[str, bool]:
    text, running = page.evaluate("[lab.sheet.cells[0][0].text, lab.line.running]")
    return text, running


def test_an_answer_that_was_overtaken_by_news_changes_nothing(page: Any) -> None:
    page.evaluate("lab.news(report(2, 'one', true)); lab.news(report(3, 'one two', false))")
    assert shown(page) == ("one two", False)
    page.evaluate("answer(2, 'one', true)")
    assert shown(page) == ("one two", False)


def test_an_answer_that_knows_more_than_the_news_is_shown(page: Any) -> None:
    page.evaluate("lab.news(report(2, 'one', true)); answer(3, 'one two', false)")
    assert shown(page) == ("one two", False)


def test_news_that_were_missed_are_asked_for(page: Any) -> None:
    page.evaluate("lab.news(report(2, 'one', true)); lab.news(report(4, 'one two three', false))")
    assert page.evaluate("sent.map(([, message]) => message.do)") == ["look"]


def test_what_python_said_of_the_time_before_does_not_end_what_was_just_begun(page: Any) -> None:
    page.evaluate("lab.news(report(2, 'one', false)); lab.begins('Waiting'); answer(2, 'one', false)")
    assert shown(page) == ("one", True)
    page.evaluate("lab.news(report(3, 'one', false))")
    assert shown(page) == ("one", False)


def test_what_never_began_is_given_up_after_a_while(page: Any) -> None:
    page.evaluate("lab.setup = { rev: 1, trouble: '' }; lab.news(report(2, 'one', false)); lab.begins('Waiting')")
    page.clock.run_for(20_000)
    page.evaluate("lab.tick(); answer(2, 'one', false)")
    assert shown(page) == ("one", False)
