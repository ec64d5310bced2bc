"""The host's own menu of adapters is kept right on every page, where it has one."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from lora_mixer.ui.adapters.host_menu import build_host_menu


def built(menus: int) -> tuple[Any, Any]:
    """The page, and what was called with which components."""
    updates = [f"update {at}" for at in range(menus)]

    def menu() -> Sequence[Any]:
        return [gr.Dropdown(label=f"menu {at}") for at in range(menus)]

    host: Any = SimpleNamespace(adapter_menu=menu, adapter_menu_updates=lambda: updates)
    with gr.Blocks() as page:
        build_host_menu(host)
    return page, updates


def wires(page: Any) -> list[Any]:
    return [block for block in page.blocks.values() if getattr(block, "elem_id", "") == "lora-mixer-menu"]


def test_a_host_without_a_menu_gets_nothing() -> None:
    page, _ = built(0)
    assert not wires(page) and not page.fns


@pytest.mark.parametrize("menus", [1, 2])
def test_what_a_page_tells_brings_each_menu_its_own_update(menus: int) -> None:
    page, updates = built(menus)
    [told], [event] = wires(page), page.fns.values()
    assert [block.label for block in event.outputs] == [f"menu {at}" for at in range(menus)]
    assert event.inputs == [told] and not event.queue, "a page that is busy generating is told too"
    # Gradio takes one value for one output, and a list for several.
    assert event.fn("x") == (updates[0] if menus == 1 else updates)
