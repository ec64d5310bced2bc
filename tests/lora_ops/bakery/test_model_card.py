"""The card: names and numbers as they are, and never as HTML."""

from __future__ import annotations

import re
from pathlib import Path

from helpers import tiny
from hypothesis import given
from hypothesis import strategies as st

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.model_card import plain, positions


def test_the_card_shows_names_as_they_are(tmp_path: Path):
    model = tiny.add(tiny.llama(), tiny.lora(), "a|b <script>")
    baked = bake(Desk(model), Mix(), "a|b <script>", tmp_path, "out")
    assert "<script>" not in (baked.folder / "README.md").read_text().replace("\\<script\\>", "")


@given(st.text(max_size=60))
def test_no_name_breaks_out_of_its_cell_or_becomes_html(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown and not re.search(r"(?<!\\)[|<>`]", shown.replace("\\\\", ""))
    # Nothing is lost: without the marks it is the text, blanks aside.
    assert re.sub(r"\\(.)", r"\1", shown) == " ".join(text.split())


def test_the_positions_of_faders_are_those_that_were_moved() -> None:
    faders = Faders(master=0.5, kinds={"q_proj": 0.0, "v_proj": 1.0}, layers={3: 2.0})
    assert positions(faders) == [("master", 0.5), ("kind q_proj", 0.0), ("layer 3", 2.0)]
    assert positions(Faders(on=False, master=3.0)) == [("off", 0.0)]
