"""TextGen's own menu of LoRAs and our shelf, on several pages at once: they never disagree."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.textgen_page import TextGen, bare
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("a_door_of_its_own")]


def test_textgen_s_own_menu_of_loras_is_right_on_every_page(tmp_path: Path, visit: Any) -> None:
    textgen = TextGen(tmp_path)
    loras = tmp_path / "user_data" / "loras"
    textgen.model.model.save_pretrained(str(loras))
    shutil.copytree(loras / "pirate", loras / "butler")
    with textgen.running(bare(textgen.model.model)) as url:
        page, other = visit(url), visit(url)
        for one in (page, other):
            one.get_by_role("tab", name="Model", exact=True).first.click()
            expect(one.locator("#lora-menu")).not_to_contain_text("pirate")
        textgen.console.host.load_adapters(["pirate"])  # nobody has used the menu, on no page
        for one in (page, other):
            expect(one.locator("#lora-menu")).to_contain_text("pirate")
        textgen.console.host.load_adapters(["butler"])
        for one in (page, other):
            expect(one.locator("#lora-menu")).to_contain_text("butler")
            expect(one.locator("#lora-menu")).not_to_contain_text("pirate")
        page.reload()  # the page is drawn as it was when it was built
        page.get_by_role("tab", name="Model", exact=True).first.click()
        expect(page.locator("#lora-menu")).to_contain_text("butler")
        textgen.standin.models.unload_model()
        for one in (page, other):
            expect(one.locator("#lora-menu")).not_to_contain_text("butler")
