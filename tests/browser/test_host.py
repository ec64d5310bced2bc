"""The extension inside a stand-in of TextGen, in a browser: both folders, rebuilt, without a model, blended, shared."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import Board, plays, toast, wait_until
from helpers.textgen_page import TextGen, bare
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("a_door_of_its_own")]

FULL, NONE = "f", "n"


@pytest.mark.parametrize("user_data", [True, False], ids=["user_data/extensions", "extensions"])
def test_the_whole_story_from_either_folder(user_data: bool, tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path, user_data)
    with textgen.running(textgen.model.model) as url:
        page = textgen.page = visit(url)
        textgen.tokens(8)

        # The faders beside the chat work before anybody has opened the desk, and while it answers.
        page.get_by_role("button", name="LoRA faders", exact=True).click()
        beside = page.get_by_label("Master fader of pirate, beside the chat", exact=True)
        textgen.model.brake.hold()
        textgen.say("Hello")
        textgen.model.brake.let(3)
        wait_until(page, textgen.model.brake.waits, "three tokens")
        beside.fill("0")
        wait_until(page, lambda: textgen.gains() == {0.0}, "the fader is heard")
        textgen.model.brake.free()
        expect(textgen.reply()).to_have_text(FULL * 3 + NONE * 5)

        # The desk shows the same fader; what it plays is compared with the chat's own settings.
        board = Board(page).open()
        expect(board.master()).to_have_value("0")
        page.locator("#lora-mixer-keep-B").click()
        wait_until(page, lambda: plays(page, "B") == "Kept: pirate ×0", "B is kept")
        board.master().fill("1")
        wait_until(page, lambda: textgen.gains() == {1.0}, "the fader is heard")
        textgen.compare()
        expect(textgen.column("A")).to_have_text(FULL * 8)
        expect(textgen.column("B")).to_have_text(NONE * 8)
        expect(page.locator("#lora-mixer-status")).to_contain_text("in one batch")

        # A reply that is used is a new version of the message.
        page.locator("#lora-mixer-use-A").click()
        textgen.tab("Chat")
        expect(textgen.reply()).to_have_text(FULL * 8)
        expect(page.locator("#chat .version-position")).to_have_text("2/2")

        # One after the other, through TextGen's own generation: the same texts.
        board.open()
        page.get_by_label("One after the other").click()
        textgen.compare()
        expect(page.locator("#lora-mixer-status")).to_contain_text("one after the other")
        expect(textgen.column("A")).to_have_text(FULL * 8)
        expect(textgen.column("B")).to_have_text(NONE * 8)

        # The chat moves on; the replies do not belong to it any more.
        textgen.tab("Chat")
        textgen.say("And more")
        expect(page.locator("#chat .message-body")).to_have_count(2)
        expect(textgen.reply()).to_have_text(FULL * 8)
        board.open()
        page.locator("#lora-mixer-use-B").click()
        expect(toast(page)).to_contain_text("moved on")


def test_the_chat_gives_way_to_the_open_dock(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path)
    with textgen.running(textgen.model.model) as url:
        page = textgen.page = visit(url)
        textgen.tab("Notebook")  # from here on Gradio 6 has it in the page too
        textgen.tokens(200)
        textgen.say("Hello")
        expect(textgen.reply()).to_have_text(FULL * 200)
        dock, panel = page.get_by_role("button", name="LoRA faders", exact=True), page.locator(".lora-mixer-dock-panel")
        before = textgen.reply().bounding_box()
        dock.click()
        expect(panel).to_be_visible()
        assert before["x"] + before["width"] > panel.bounding_box()["x"], "it would cover the words"

        def beside() -> bool:
            text = textgen.reply().bounding_box()
            return bool(text["x"] + text["width"] <= panel.bounding_box()["x"])

        wait_until(page, beside, "the words end before the dock begins")
        dock.click()
        wait_until(page, lambda: textgen.reply().bounding_box() == before, "they have their room again")


def test_a_page_that_is_built_anew_finds_the_faders_where_they_stand(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path)
    with textgen.running(textgen.model.model) as url:
        board = Board(visit(url)).open()
        board.master().fill("0.5")
        wait_until(board.page, lambda: textgen.gains() == {0.5}, "the fader is heard")
        board.page.close()
    with textgen.running(None) as url:
        board = Board(visit(url)).open()
        expect(board.master()).to_have_value("0.5")
        board.master().fill("0")
        wait_until(board.page, lambda: textgen.gains() == {0.0}, "the fader is heard")


def test_models_and_adapters_come_and_go(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path)
    textgen.model.model.save_pretrained(str(tmp_path / "user_data" / "loras"))
    with textgen.running(None) as url:
        page = textgen.page = visit(url)
        board = Board(page).open()
        trouble, start = board.desk.locator(".lora-mixer-trouble"), page.locator("#lora-mixer-start")
        expect(trouble).to_contain_text("No model is loaded")
        expect(start).to_be_disabled()
        page.locator("#lora-mixer-keep-A").click()
        expect(toast(page)).to_contain_text("no adapter yet")

        textgen.shared.model, textgen.shared.tokenizer = bare(textgen.model.model), textgen.model.tokenizer
        textgen.shared.model_name = "tiny"
        expect(trouble).to_contain_text("No adapter is loaded")

        textgen.standin.LoRA.add_lora_to_model(["pirate"])
        expect(board.master()).to_be_visible()
        expect(start).to_be_enabled()
        board.master().fill("0")
        wait_until(page, lambda: textgen.gains() == {0.0}, "the fader is heard")

        textgen.standin.LoRA.add_lora_to_model(["pirate"])  # applied again: another model object, the same faders
        wait_until(page, lambda: textgen.gains() == {0.0}, "the fader is heard")
        textgen.standin.models.unload_model()
        expect(trouble).to_contain_text("No model is loaded")
        expect(start).to_be_disabled()


def test_adapters_that_textgen_blended_can_play_side_by_side(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path)
    loras = tmp_path / "user_data" / "loras"
    textgen.model.model.save_pretrained(str(loras))
    shutil.copytree(loras / "pirate", loras / "butler")
    with textgen.running(bare(textgen.model.model)) as url:
        textgen.standin.LoRA.add_lora_to_model(["pirate", "butler"])
        page = textgen.page = visit(url)
        board = Board(page).open()
        offer = board.desk.locator(".lora-mixer-offer")
        expect(offer).to_contain_text("TextGen plays “__merged”")
        expect(board.strip("pirate").locator(".lora-mixer-why")).to_have_text("not playing")
        board.press("offer")
        expect(offer).to_contain_text("“pirate” and “butler” play side by side")
        assert textgen.console.desk().heard() == ["pirate", "butler"]
        board.master("pirate").fill("0")
        wait_until(page, lambda: textgen.gains("pirate") == {0.0}, "the fader is heard")
        assert textgen.gains("butler") == {1.0}
        textgen.tokens(4)
        textgen.say("Hello")
        expect(textgen.reply()).to_have_text(FULL * 4)  # the butler's: he was trained on the same
        board.open()
        board.desk.get_by_role("switch", name="butler on", exact=True).click()
        wait_until(page, lambda: textgen.gains("butler") == {0.0}, "the switch is heard")
        textgen.tab("Chat")
        textgen.page.locator("#Regenerate").click()
        expect(textgen.reply()).to_have_text(NONE * 4)
        board.open()
        board.press("offer")
        expect(offer).to_contain_text("TextGen plays “__merged”")
        assert list(textgen.console.desk().engine.playing.names()) == ["__merged"]


def test_many_users_share_the_faders_and_nothing_is_written(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path, multi_user=True)
    with ExitStack() as stack:
        url = stack.enter_context(textgen.running(textgen.model.model))
        other = Board(visit(url)).open()
        page = textgen.page = visit(url)
        textgen.tokens(4)
        textgen.say("Hello")
        expect(textgen.reply()).to_have_text(FULL * 4)
        files = {path for path in tmp_path.rglob("*") if path.is_file()}
        board = Board(page).open()
        board.master().fill("0")
        expect(other.master()).to_have_value("0")
        textgen.compare()
        page.locator("#lora-mixer-use-A").click()
        textgen.tab("Chat")
        expect(page.locator("#chat .version-position")).to_have_text("2/2")
        other.page.get_by_role("tab", name="Chat", exact=True).first.click()
        expect(other.page.locator("#chat .message-body")).to_have_count(0)  # each has a chat of their own
        assert {path for path in tmp_path.rglob("*") if path.is_file()} == files
