"""The page's own script and style, as hosts take them."""

from __future__ import annotations

import re


def test_the_pages_script_can_be_glued_to_any_other() -> None:
    from lora_mixer.ui.page.assets import script, style

    assert script().startswith(";")
    assert script().count("\n") > 1000
    without_comments = re.sub(r"/\*.*?\*/", "", style(), flags=re.DOTALL)
    assert "@media" not in without_comments, "Gradio drops it from a host's style"
