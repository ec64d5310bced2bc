"""Every error that becomes a sentence on the page is in the log, with where it came from, and without what was said."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny
from helpers.ordered import obey
from helpers.shelved import opened, shelf_host
from helpers.troubled import PROMPT, fails, of_a_comparison, values

from lora_mixer.hosts.protocol import HostError
from lora_mixer.lora_ops import log
from lora_mixer.ui.adapters import orders as adapters
from lora_mixer.ui.chat import answer_twice_wires
from lora_mixer.ui.desk import fader_board
from lora_mixer.ui.lab import ask, orders
from lora_mixer.ui.page import report, trouble
from lora_mixer.ui.page.orders import OpenPage
from lora_mixer.ui.page.studio import Studio
from lora_mixer.ui.votes import votes

UI = Path(trouble.__file__).parent


def kept(console: Studio) -> str:
    folder = console.host.user_data
    assert folder is not None
    path = folder / log.NAME
    return path.read_text(encoding="utf-8") if path.exists() else ""


def of_a_job(console: Studio) -> None:
    said = {"do": "impact", "key": "", "source": "text", "text": PROMPT, "adapter": "pirate", "what": "alone"}
    with pytest.raises(RuntimeError):
        list(adapters.begin(OpenPage(console, "page"), said))


WAYS: dict[str, Callable[[Studio], Any]] = {
    "an order of the lab": lambda console: obey(orders, console, "page", {"do": "reference", "column": 0}),
    "an order of the works": lambda console: obey(adapters, console, "page", {"do": "bakery"}),
    "a moved fader": lambda console: fader_board._take(console, json.dumps({"do": "panel", "panel": {}})),
    "a vote": lambda console: obey(votes, console, "page", {"do": "look", "all": True}),
    "answering twice": lambda console: obey(answer_twice_wires, console, "page", {"do": "switch", "on": True}),
    "a job": of_a_job,
    "a comparison": of_a_comparison,
}


@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_in_the_log_with_where_it_came_from_and_without_the_prompt(
    way: str, console: Studio, monkeypatch: pytest.MonkeyPatch
):
    for owner, name in ((console.host, "ask"), (console.lab, "sheet"), (console.twice, "switch"), (console, "move")):
        monkeypatch.setattr(owner, name, fails)
    if way in ("an order of the works", "a vote", "a job"):
        monkeypatch.setattr(console, "desk", fails)
    WAYS[way](console)
    text = kept(console)
    assert "RuntimeError: the model has come to grief over '…'" in text
    assert "troubled.py" in text and "in fails" in text, "the traceback leads to where it happened"
    assert "apple" not in text


def test_what_fails_while_replies_are_written_is_in_the_log(console: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ask, "grow", fails)
    with pytest.raises(RuntimeError, match="come to grief"):
        list(ask.ask(console, "page", ask.Wish("text", PROMPT), values()))
    sheet = console.lab.sheet("page")
    assert sheet is not None and "come to grief" in sheet.line.text
    assert "in fails" in kept(console) and "apple" not in kept(console)


def test_a_message_that_makes_no_sense_is_in_the_log(console: Studio):
    answer = obey(orders, console, "page", {"do": "rename", "column": PROMPT})
    assert "nobody understands" in answer["refused"]["why"]
    assert "orders.py" in kept(console) and "apple" not in kept(console)


def test_where_strangers_share_the_page_nothing_is_written(tmp_path: Path):
    import gradio as gr

    from lora_mixer import ui

    console = opened(shelf_host(tmp_path / "home", tiny.pirate(), multi_user=True))
    with gr.Blocks():
        ui.build(console)
    obey(orders, console, "page", {"do": "rename", "column": "x"})
    obey(adapters, console, "page", {"do": "save", "name": "x"})
    assert not (tmp_path / "home").exists()
    text = report.report(console)
    assert "shared by strangers" in text and "log" not in text


def test_the_log_goes_where_the_host_keeps_what_is_the_users(tmp_path: Path):
    import gradio as gr

    from lora_mixer import ui

    console = opened(shelf_host(tmp_path / "home", tiny.pirate()))
    with gr.Blocks():
        ui.build(console)
    try:
        obey(orders, console, "page", {"do": "rename", "column": "x"})
        assert [path.name for path in (tmp_path / "home").iterdir()] == ["log.txt"]
    finally:
        log.keep(None)


def test_torchs_own_words_are_not_for_people(console: Studio, monkeypatch: pytest.MonkeyPatch):
    def burst() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x576 and 64x8)")

    monkeypatch.setattr(console, "desk", burst)
    why = obey(adapters, console, "page", {"do": "bakery"})["refused"]["why"]
    assert why.startswith("A layer got numbers that do not fit it") and why.endswith(".")
    assert "mat1 and mat2" in kept(console)


def test_no_part_of_the_page_makes_a_sentence_of_an_error_by_itself():
    """But through `trouble`, which writes down where it came from; errors that are raised on keep it themselves."""
    found = []
    for path in sorted(UI.rglob("*.py")):
        if path.name in ("trouble.py",):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and node.name and not _raises(node):
                found += [f"{path.name}:{use.lineno}" for use in ast.walk(node) if _as_text(use, node.name)]
    # A job that asks whether something may be replaced has not failed.
    assert [place for place in found if not place.startswith("baking.py")] == []


def _raises(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) and node.cause is not None for node in ast.walk(handler))


def _as_text(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.FormattedValue):
        return isinstance(node.value, ast.Name) and node.value.id == name
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return called == "str" and isinstance(node, ast.Call) and any(getattr(arg, "id", "") == name for arg in node.args)


def test_what_is_refused_in_plain_words_stays_so(console: Studio):
    assert trouble.told(HostError("type a prompt first")) == "Type a prompt first."
    assert trouble.told(OSError("/tmp/x is no adapter")) == "/tmp/x is no adapter."
    assert trouble.reason(ValueError("it does not fit")) == "it does not fit"


def test_an_order_that_needs_a_package_which_is_not_installed_is_refused_with_the_way_to_get_it(
    console: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(*_: Any) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr(console.lab, "sheet", lacks)
    answer = obey(orders, console, "page", {"do": "reference", "column": 0})
    why = answer["refused"]["why"]
    assert why.startswith("This needs the package torch, which is not installed") and "pip install torch" in why
    assert trouble.in_words(ModuleNotFoundError("No module", name="lora_mixer.x")) == "No module"
