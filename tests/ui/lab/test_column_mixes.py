"""What a column plays, and what it is called after."""

from __future__ import annotations

import pytest
from helpers import tiny

from lora_mixer.lora_ops import Desk, Mix
from lora_mixer.ui.lab import column_mixes
from lora_mixer.ui.lab.columns import AS_LOADED, KEPT, Columns
from lora_mixer.ui.page.panel import Panel

QUIET = tiny.mix_of(master=0.5)


def test_columns_play_what_their_menu_says_and_are_named_after_it() -> None:
    desk = Desk(tiny.pirate())
    setup = Columns.first().add(AS_LOADED).add(KEPT, "", QUIET).rename(2, "plain")
    made = column_mixes.columns(setup, desk, Panel(tiny.mix_of(master=2.0)))
    assert [column.label for column in made] == [
        "pirate ×2",
        "plain",
        "As loaded",
        "pirate ×0.5",
    ]
    assert [column.mix["pirate"].master for column in made] == [2.0, 1.0, 1.0, 0.5] and made[1].mix == desk.base()
    strange = setup.keep(1, Mix({"poet": QUIET["pirate"]}))
    with pytest.raises(ValueError, match="kept for column A does not fit any more: .*poet"):
        column_mixes.columns(strange, desk, Panel())
