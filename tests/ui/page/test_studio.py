"""All that a page knows is made once, and strangers share none of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny
from helpers.compared import compared
from helpers.shelved import shelf_host

from lora_mixer.ui.page.studio import Studio


@pytest.mark.parametrize("strangers", [False, True])
def test_pages_see_each_others_comparisons_unless_strangers_share_the_host(strangers: bool, tmp_path: Path) -> None:
    studio = Studio(shelf_host(tmp_path, tiny.pirate(), multi_user=strangers))
    sheet = compared(studio)
    assert studio.lab.sheet("page") is sheet
    assert studio.lab.sheet("another page") is (None if strangers else sheet)


def test_the_range_of_the_faders_is_that_which_it_was_made_with(tmp_path: Path) -> None:
    assert Studio(shelf_host(tmp_path), (-2.0, 4.0)).fader_range == (-2.0, 4.0)
    with pytest.raises(ValueError):
        Studio(shelf_host(tmp_path), (1.0, 0.0))
