"""Fades over a reply, as they are written and heard."""

from __future__ import annotations

import pytest
from helpers.browser import Board, plays, wait_until
from helpers.lab import Lab
from helpers.stage import FULL, NONE
from playwright.sync_api import expect

from lora_mixer.lora_ops.fade import Fade

pytestmark = pytest.mark.browser


def test_a_fade_is_heard_in_the_chat_and_in_the_column_that_keeps_it(lab: Lab) -> None:
    board = Board(lab.page)
    section = board.section("fade")
    section.locator("[data-do=add-fade]").click()
    points = section.get_by_label("Fade of Master of pirate: gains at tokens", exact=True)
    points.fill("loud at 3")
    points.press("Enter")
    expect(section).to_contain_text("no point")
    points.fill("0 at 0, 0 at 1, 1 at 2")
    points.press("Enter")
    wait_until(lab.page, lambda: bool(lab.mixer.desk.mix["pirate"].fades), "the desk fades")
    expect(board.strip().locator("[data-fader=master]")).to_contain_text("follows a fade")
    expect(board.master()).to_be_disabled()
    lab.page.locator("#lora-mixer-keep-B").click()
    wait_until(lab.page, lambda: plays(lab.page, "B") == "Kept: pirate 1 fade", "B is kept")
    board.chat()
    lab.say("hi")
    assert lab.answered() == NONE * 2 + FULL * 3
    board.open()
    section.locator("[data-do=remove-fade]").click()
    wait_until(lab.page, lambda: not lab.mixer.desk.mix["pirate"].fades, "the fade is gone")
    expect(board.master()).to_be_enabled()
    lab.compare()
    assert (lab.column("A"), lab.column("B")) == (FULL * 5, NONE * 2 + FULL * 3)


def test_any_fader_can_fade(lab: Lab) -> None:
    section = Board(lab.page).section("fade")
    [target, *_] = lab.mixer.desk.adapters["pirate"].targets
    keys = ["master", "kind:down_proj", f"layer:{target.layer}", f"target:{target.name}"]
    fader = section.get_by_label("Fader of pirate to fade", exact=True)
    for key in keys:
        fader.select_option(key)
        section.locator("[data-do=add-fade]").click()
        points = section.locator(f"[data-fade='{key}'] input")
        points.fill("0 at 0, 1 at 40, 0.3 at 120")
        points.press("Enter")
    told = Fade.parse("0 at 0, 1 at 40, 0.3 at 120")
    wait_until(lab.page, lambda: dict(lab.mixer.desk.mix["pirate"].fades) == dict.fromkeys(keys, told), "all fade")
    assert section.locator(".lora-mixer-fade-curve").count() == 4
