"""The one fader between two mixes, as plain data for every page."""

from __future__ import annotations

import json
from dataclasses import replace

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.ui.page.crossfader import Crossfader, Side

QUIET, LOUD = (Mix({"pirate": Faders(master=master)}) for master in (0.25, 2.0))
FADER = Crossfader(Side("profile:quiet", "quiet", QUIET), Side("faders", "Where the faders stood", LOUD))


def test_a_page_is_told_both_ends_whole() -> None:
    plain = json.loads(json.dumps(FADER.to_dict(Mix()), allow_nan=False))
    assert (plain["a"]["source"], plain["a"]["title"], plain["t"], plain["over"]) == ("profile:quiet", "quiet", 0, "")
    assert [Mix.from_dict(plain[end]["mix"]) for end in "ab"] == [QUIET, LOUD]


def test_it_stands_where_it_was_moved_until_another_fader_is() -> None:
    assert not FADER.to_dict(QUIET)["stands"], "it was not moved yet"
    moved = replace(FADER, t=0.0, stood=QUIET)
    assert moved.to_dict(Mix({"pirate": Faders(master=0.25)}))["stands"]
    assert not moved.to_dict(LOUD)["stands"]
