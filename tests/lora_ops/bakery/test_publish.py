"""An adapter gets its name when it is whole, and stock PEFT reads it; else nothing is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers import tiny
from helpers.baked import config
from safetensors import safe_open

from lora_mixer.lora_ops import Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.bake import bake
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_is_really_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = shutil.copyfile
    monkeypatch.setattr("lora_mixer.lora_ops.bakery.publish.shutil.copyfile", lambda a, b: real(a, "/dev/full"))
    tiny.pirate().save_pretrained(tmp_path / "shelf")
    source = tmp_path / "shelf" / "pirate"
    tiny.tokenizer().save_pretrained(source)
    writing = Writing(sources={"pirate": source}, check=False)
    with pytest.raises(OSError, match="disk is full"):
        bake(Desk(tiny.pirate()), Mix(), "pirate", tmp_path / "shelf", "out", writing=writing)
    assert [path.name for path in (tmp_path / "shelf").iterdir() if path.name != "README.md"] == ["pirate"]


def test_a_result_that_peft_does_not_understand_never_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import lora_mixer.lora_ops.bakery.publish as module

    real = module._storable
    monkeypatch.setattr(
        module,
        "_storable",
        lambda tensors: {key.replace("lora_A", "lora_Q"): one for key, one in real(tensors).items()},
    )
    model = tiny.pirate()
    before = tiny.fingerprint(model)
    with pytest.raises(ValueError, match="does not read"):
        bake(Desk(model), Mix(), "pirate", tmp_path, "out")
    assert list(tmp_path.iterdir()) == []
    assert tiny.fingerprint(model) == before


def test_card_metadata_and_tokenizer_of_the_source_are_kept(tmp_path: Path):
    model = tiny.pirate()
    model.save_pretrained(tmp_path)
    source = tmp_path / "pirate"
    tiny.tokenizer().save_pretrained(source)
    (source / "README.md").write_text("---\nlicense: mit\ntags: [sea]\n---\n\n# Pirate\n\nSays <b>Arr</b>.\n")
    fields = config(source)
    (source / "adapter_config.json").write_text(json.dumps({**fields, "a_field_of_the_future": [1]}))
    desk = Desk(model)
    mix = Mix({"pirate": Faders(master=0.5, kinds={"q_proj": 0.0})})
    baked = bake(desk, mix, "pirate", tmp_path, "softer", writing=Writing(sources={"pirate": source}))
    card = (baked.folder / "README.md").read_text()
    assert "license: mit" in card and "- sea" in card and "- lora-mixer" in card and "library_name: peft" in card
    assert "> Says <b>Arr</b>." in card
    assert "| pirate | master | 0.5 |" in card and "| pirate | kind q\\_proj | 0 |" in card
    assert config(baked.folder)["a_field_of_the_future"] == [1]
    assert (baked.folder / "tokenizer.json").is_file()
    with safe_open(str(baked.folder / "adapter_model.safetensors"), "pt") as file:
        metadata = file.metadata()
    told = json.loads(metadata["lora_mixer"])
    assert metadata["format"] == "pt"
    assert Mix.from_dict(told["mix"]) == mix
    assert told["sources"] == [{"name": "pirate", "sha256": read_weights(source).sha256}]
    assert baked.sha256 != told["sources"][0]["sha256"]
    again = bake(desk, mix, "pirate", tmp_path, "softest", writing=Writing(sources={"pirate": baked.folder}))
    assert again.folder.is_dir()  # a card of ours is a source's card like any other
