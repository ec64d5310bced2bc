"""The extension on the page of TextGen's stand-in, and what a user does there."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import ROOT, compare, serving, set_number
from helpers.gauge import Gauge, gauge
from playwright.sync_api import expect
from standin.textgen import build_page

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


def bare(model: Any) -> Any:
    """The base model, as if it had never had an adapter."""
    base = model.unload()
    vars(base).pop("peft_config", None)
    return base


@pytest.fixture
def a_door_of_its_own() -> Iterator[None]:
    """What the extension keeps for as long as a process lives."""
    package = sys.modules["lora_mixer"].__dict__
    package.pop("door", None)
    yield
    package.pop("door", None)
