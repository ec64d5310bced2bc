"""How the page asks Python, one order after the other; here Python is a line of script, and time is made to pass."""

from __future__ import annotations

from typing import Any

import pytest
from browser import ROOT

pytestmark = pytest.mark.browser

# The channel's few needs; `sent` is what went out, and `there` whether the page has its boxes at the moment.
WORLD = """
window.sent = []; window.said = []; window.there = true;
window.loraMixer = {
  guard: (what, fn) => fn,
  onStop: () => {},
  wire: { write: (id, text) => { if (there) sent.push([id, JSON.parse(text)]); return there; } },
};
"""
BEGIN = """
window.channel = loraMixer.channel("works", {
  hear: (answer) => said.push(["heard", answer.re]),
  looks: ["look", "list"],
});
window.ask = (what, box) =>
  channel.order({ do: what }, (answer) => said.push([what, answer.refused ? "refused" : "done"]), box);
window.answer = (at) => channel.answered(JSON.stringify({ re: sent[at][1].seq }));
"""


@pytest.fixture
def page(chromium_browser: Any) -> Any:
    page = chromium_browser.new_page()
    page.clock.install()
    page.goto("about:blank")
    for text in (WORLD, (ROOT / "ui" / "page" / "16_channel.js").read_text(encoding="utf-8"), BEGIN):
        page.evaluate(f"() => {{ {text} }}")
    yield page
    page.close()


def sent(page: Any) -> list[str]:
    return list(page.evaluate("sent.map(([id, message]) => message.do)"))


def said(page: Any) -> list[list[Any]]:
    return list(page.evaluate("said.filter(([what]) => what !== 'heard')"))


def test_orders_go_out_one_at_a_time_and_each_gets_its_own_answer(page: Any) -> None:
    page.evaluate("ask('one'); ask('two')")
    assert sent(page) == ["one"]
    page.evaluate("channel.answered(JSON.stringify({ re: 1 }))")  # somebody else's
    assert sent(page) == ["one"] and said(page) == []
    page.evaluate("answer(0)")
    assert sent(page) == ["one", "two"] and said(page) == [["one", "done"]]
    page.evaluate("channel.send('start', { do: 'go' }); answer(1)")
    assert said(page) == [["one", "done"], ["two", "done"]] and page.evaluate("channel.idle")
    assert page.evaluate("sent[2][0]") == "lora-mixer-works-start"


def test_what_only_looks_is_asked_again_and_a_change_is_said_to_be_lost(page: Any) -> None:
    page.evaluate("ask('list'); ask('save')")
    page.clock.run_for(8100)
    assert sent(page) == ["list", "save"]
    page.clock.run_for(8100)
    assert sent(page) == ["list", "save", "list"] and said(page) == [["save", "refused"]]
    page.evaluate("answer(1); answer(2)")  # the change is answered late: its user has been told already
    assert said(page) == [["save", "refused"], ["list", "done"]]
    assert page.evaluate("said.filter(([what]) => what === 'heard').length") == 2


def test_what_found_no_box_waits_for_it_in_its_order(page: Any) -> None:
    page.evaluate("there = false; ask('save', 'start'); ask('two')")
    page.clock.run_for(3000)
    assert sent(page) == []
    page.evaluate("there = true")
    page.clock.run_for(600)
    assert page.evaluate("sent.map(([id]) => id)") == ["lora-mixer-works-start"]
    page.evaluate("answer(0)")
    assert sent(page) == ["save", "two"]


def test_a_look_is_not_asked_twice_while_it_waits(page: Any) -> None:
    page.evaluate("ask('one'); channel.look(); channel.look(); answer(0)")
    assert sent(page) == ["one", "look"]
    page.evaluate("channel.look(); answer(1)")  # something happened after it went out
    assert sent(page) == ["one", "look", "look"]
