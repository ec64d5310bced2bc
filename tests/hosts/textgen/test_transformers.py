"""TextGen's Transformers loader: which adapters it has."""

from __future__ import annotations

import pytest
from standin.textgen_model import save_adapter, tiny_model, with_adapter


def test_no_adapter_says_where_adapters_are_applied_and_looked_for(textgen, host):
    textgen.shared.model = tiny_model()
    assert host.trouble().title == "No adapter is loaded"
    assert "Model tab" in host.trouble().advice
    assert textgen.shared.args.lora_dir in host.trouble().advice


def test_an_adapter_that_was_taken_away_is_no_adapter(textgen, host):
    textgen.shared.model = with_adapter(tiny_model(), "pirate").unload()
    textgen.shared.model.peft_config = {"pirate": object()}  # what PEFT leaves behind
    assert host.trouble().title == "No adapter is loaded"
    assert host.merged_sources() == []


@pytest.mark.parametrize(("ranks", "active"), [((4, 4), ["__merged"]), ((4, 8), ["a"])])
def test_several_loras_are_offered_as_sources(textgen, host, ranks, active):
    textgen.shared.model = tiny_model()
    for name, rank in zip("ab", ranks, strict=True):
        save_adapter(textgen.shared.user_data_dir / "loras" / name, rank)
    textgen.LoRA.add_lora_to_model(["a"])
    assert host.merged_sources() == []
    textgen.LoRA.add_lora_to_model(["a", "b"])
    assert host.model.active_adapters == active
    assert host.merged_sources() == ["a", "b"]
