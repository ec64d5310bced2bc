"""A configuration as PEFT takes it: it says what was written, in bounded time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.as_saved import ENDLESS, PATTERNS, edited, kept, played, saved
from peft import IA3Config, LoHaConfig

from lora_mixer.lora_ops.engines.peft.loading import LoadingError, change_adapters
from lora_mixer.lora_ops.shelf.adapter_files import AdapterFileError, read_adapter
from lora_mixer.lora_ops.shelf.fitting import Fitting


def test_what_a_configuration_says_stays_as_it_was_written(tmp_path: Path) -> None:
    written = {"target_modules": PATTERNS[1], "exclude_modules": "lm_head", "alpha_pattern": {r".*\.1\..*": 3}}
    model = change_adapters(tiny.llama(), {"pirate": edited(saved(tmp_path), **written)})
    config = model.peft_config["pirate"]
    assert {field: getattr(config, field) for field in written} == written
    assert type(config.alpha_pattern) is dict and config.layers_to_transform is None


def test_a_full_name_that_is_the_end_of_another_is_not_taken_for_it(tmp_path: Path) -> None:
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.proj = torch.nn.Linear(4, 4)
            self.inner = torch.nn.ModuleDict({"proj": torch.nn.Linear(4, 4)})

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            return self.inner["proj"](self.proj(input_ids))

    torch.manual_seed(0)
    base = Twice()
    folder = kept(tmp_path, tiny.add(Twice(), tiny.lora(target_modules=r"^proj$")))
    model = change_adapters(base, {"pirate": folder})
    assert [name for name, _ in model.named_parameters() if "lora_A" in name] == [
        "base_model.model.proj.lora_A.pirate.weight"
    ]


@pytest.mark.parametrize(
    "config",
    [
        IA3Config(
            target_modules=r".*\.(k_proj|down_proj)", feedforward_modules=r".*\.down_proj", init_ia3_weights=False
        ),
        LoHaConfig(r=4, alpha=8, target_modules=r".*\.(q|v)_proj", alpha_pattern={r".*\.1\..*": 3}, init_weights=False),
    ],
    ids=["IA3", "LoHa"],
)
def test_patterns_of_other_methods_are_read_too(tmp_path: Path, config: Any) -> None:
    folder = kept(tmp_path, tiny.add(tiny.llama(), config))
    truth = played(tiny.llama(), folder)
    assert not torch.allclose(truth, tiny.logits(tiny.llama()), atol=1e-3)
    assert not Fitting.of(tiny.llama()).why_not(read_adapter(folder))
    torch.testing.assert_close(tiny.logits(change_adapters(tiny.llama(), {"pirate": folder})), truth)
    with pytest.raises((LoadingError, AdapterFileError), match="takes too long"):
        change_adapters(tiny.llama(), {"pirate": edited(folder, target_modules=ENDLESS)})
