"""TextGen's own menu of LoRAs shows what is in the model, whatever the host believes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from peft import LoraConfig
from standin.textgen import StandIn
from standin.textgen_model import save_adapter, tiny_model, tiny_tokenizer

from lora_mixer.hosts.textgen.host import TextGenHost


@pytest.fixture
def textgen(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in with a page, a model, and three adapters on its shelf."""
    with StandIn(tmp_path, tiny_model(), tiny_tokenizer()).installed() as standin:
        for seed, name in enumerate(("pirate", "butler", "poet"), 1):
            save_adapter(Path(standin.shared.args.lora_dir) / name, 2 * seed, seed=seed)
        standin.create_interface()
        yield standin


def shown(textgen: StandIn) -> list[str]:
    """What the menu shows, which is then what the host believes."""
    [update] = TextGenHost().adapter_menu_updates()
    assert update["value"] == textgen.shared.lora_names
    assert {"None", "pirate", "butler", "poet"} <= set(update["choices"])
    return list(update["value"])


@pytest.mark.parametrize(
    "believed", [[], ["pirate", "butler", "poet"], ["poet"]], ids=["failed half way", "left one out", "another"]
)
def test_a_list_that_is_wrong_is_put_right(textgen: StandIn, believed: list[str]) -> None:
    textgen.LoRA.add_lora_to_model(["pirate", "butler"])
    textgen.shared.lora_names = believed
    assert shown(textgen) == ["pirate", "butler"]


def test_a_list_that_is_right_keeps_its_order(textgen: StandIn) -> None:
    textgen.LoRA.add_lora_to_model(["pirate", "butler"])
    textgen.shared.lora_names = ["butler", "pirate"]
    assert shown(textgen) == ["butler", "pirate"]


def test_what_the_host_trains_is_none_of_its_loras(textgen: StandIn) -> None:
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.shared.model.add_adapter("default", LoraConfig(target_modules=["q_proj"]))
    assert shown(textgen) == ["pirate"]


def test_without_a_model_there_are_none(textgen: StandIn) -> None:
    textgen.LoRA.add_lora_to_model(["pirate"])
    textgen.models.unload_model()
    assert shown(textgen) == []
