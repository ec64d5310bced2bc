"""The extension inside a stand-in of TextGen, in a browser: both folders, rebuilt, without a model, blended, shared."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser import ROOT, Board, compare, plays, serving, set_number, toast, wait_until
from gauge import Gauge, gauge
from playwright.sync_api import expect
from textgen_standin import build_page

pytestmark = pytest.mark.browser

FULL, NONE = "f", "n"
NAME = "lora-mixer-main"  # as a folder is called that was downloaded: no name of a Python module


@dataclass
class TextGen:
    """A stand-in of TextGen with the extension in it, and what a user does there."""

    root: Path
    user_data: bool = True
    multi_user: bool = False
    model: Gauge = field(default_factory=gauge)
    standin: Any = None
    page: Any = None

    @property
    def shared(self) -> Any:
        return self.standin.shared

    @property
    def console(self) -> Any:
        return sys.modules["lora_mixer"].__dict__["door"].console

    def gains(self, adapter: str = "pirate") -> set[float]:
        desk = self.console.desk()
        targets = [target for target in desk.adapters[adapter].targets if target.scalable]
        return {round(desk.scaling(target) / target.scaling, 6) for target in targets}

    @contextmanager
    def running(self, model: Any) -> Iterator[str]:
        """TextGen with `model` in it; the address of its page."""
        blocks = None
        if self.standin is None:
            tokenizer = self.model.tokenizer if model is not None else None
            options: dict[str, Any] = {"user_data": self.user_data, "multi_user": self.multi_user}
            self.standin, blocks = build_page(_copy(self.root), self.root, model=model, tokenizer=tokenizer, **options)
        with self.standin.installed():
            if blocks is None:  # the page is built anew in the same process
                self.standin.load_extensions(NAME)
                blocks = self.standin.create_interface()
            with serving(blocks) as url:
                yield url

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).first.click()

    def tokens(self, most: int) -> None:
        self.tab("Parameters")
        set_number(self.page, "setting-max_new_tokens", most)
        self.tab("Chat")

    def say(self, text: str) -> None:
        box = self.page.locator("#chat-input").locator("textarea, input").first
        box.fill(text)
        box.press("Enter")

    def reply(self) -> Any:
        return self.page.locator("#chat .message-body").last

    def compare(self) -> None:
        compare(self.page)
        expect(self.page.locator("#lora-mixer-status")).to_contain_text("tokens a second")

    def column(self, side: str) -> Any:
        return self.page.locator(f"#lora-mixer-reply-{side} .lora-mixer-reply-text")


def _copy(root: Path) -> Path:
    """The extension as it is installed: what it needs, under a name of its own, outside of TextGen."""
    folder = root / "download" / NAME
    folder.mkdir(parents=True)
    for name in ("__init__.py", "script.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("hosts", "lora_ops", "ui"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _bare(model: Any) -> Any:
    """The base model, as if it had never had an adapter."""
    base = model.unload()
    vars(base).pop("peft_config", None)
    return base


@pytest.fixture(autouse=True)
def a_door_of_its_own() -> Iterator[None]:
    """What the extension keeps for as long as a process lives."""
    package = sys.modules["lora_mixer"].__dict__
    package.pop("door", None)
    yield
    package.pop("door", None)


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

        textgen.shared.model, textgen.shared.tokenizer = _bare(textgen.model.model), textgen.model.tokenizer
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
    with textgen.running(_bare(textgen.model.model)) as url:
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
