"""Mixes and adapters as a command line names them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lora_mixer.cli.arguments import fader_from, mix_from, named
from lora_mixer.lora_ops import Fade, Fader, Faders, Mix


def test_a_mix_for_another_adapter_says_what_to_write(tmp_path: Path):
    file = tmp_path / "mix.json"
    file.write_text(json.dumps(Mix({"pirate": Faders(master=0.5)}).to_dict()))
    with pytest.raises(ValueError, match="pirate=FOLDER"):
        mix_from(file, None, ["other"])
    assert mix_from(file, ["2"], ["pirate"])["pirate"].master == 2
    for text in ("[", "[]", '{"adapters": 3}', '{"mix": {"adapters": {"pirate": {"master": "loud"}}}}'):
        file.write_text(text)
        with pytest.raises(ValueError, match="mix.json"):
            mix_from(file, None, ["pirate"])


def test_a_fade_is_taken_at_a_token(tmp_path: Path):
    file = tmp_path / "mix.json"
    fading = Mix({"pirate": Faders(fades={"master": Fade.parse("0 at 0, 1 at 10")})})
    file.write_text(json.dumps(fading.to_dict()))
    assert mix_from(file, None, ["pirate"], at=5)["pirate"] == Faders(master=0.5)


def test_names_of_adapters(tmp_path: Path):
    for name in ("a.b", "c"):
        (tmp_path / name).mkdir()
    assert named([str(tmp_path / "a.b"), f"d={tmp_path / 'c'}"]) == {"d": tmp_path / "c", "a_b": tmp_path / "a.b"}
    with pytest.raises(ValueError, match="no dots"):
        named([f"a.b={tmp_path}"])


def test_a_fader_is_named_by_its_adapter_and_its_part():
    assert fader_from("pirate:q_proj", ["pirate", "poet"]) == Fader("pirate", "kind", "q_proj")
    assert fader_from(":3", ["pirate"]) == Fader("pirate", "layer", 3)
    for word, says in [(":3", "say which adapter"), ("cook:3", "no adapter 'cook'"), ("pirate:", "no part is named")]:
        with pytest.raises(ValueError, match=says):
            fader_from(word, ["pirate", "poet"])
