"""Several adapters in one: exactly, or as PEFT combines them, each target at its own gain."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny
from helpers.baked import BOTH, mixed, same_rank
from peft import PeftModel
from safetensors import safe_open

from lora_mixer.lora_ops import Cancelled, Desk, Faders, Mix
from lora_mixer.lora_ops.bakery.combine import combine, combine_weights, combined, concatenate
from lora_mixer.lora_ops.bakery.ways import NEED_DENSITY, Recipe
from lora_mixer.lora_ops.bakery.writing import Writing
from lora_mixer.lora_ops.shelf.adapter_weights import read_weights
from lora_mixer.lora_ops.shelf.live_weights import loaded_weights

CLOSE = 2e-5


@pytest.mark.parametrize("uniform", [True, False])
def test_a_concatenation_is_exact_with_differing_ranks_and_targets(uniform: bool, tmp_path: Path):
    model = tiny.two()
    desk = Desk(model)
    loaded, before = tiny.logits(model), tiny.fingerprint(model)
    mix = mixed(desk)
    result = combine(desk, mix, BOTH, tmp_path, "both", Recipe(uniform=uniform))
    assert result.rank == 6 and result.way == "concatenated" and result.targets == 14
    assert result.greatest_difference is not None and result.greatest_difference < CLOSE
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)
    desk.apply(mix)
    stock = PeftModel.from_pretrained(tiny.llama(), str(result.folder)).eval()
    assert (tiny.logits(stock) - tiny.logits(model)).abs().max() < CLOSE
    written = json.loads((result.folder / "adapter_config.json").read_text())
    assert (written["r"], written["lora_alpha"], written["alpha_pattern"]) == (6, 6, {})
    assert (written["rank_pattern"] == {}) == uniform == (result.objections["vLLM"] == [])


@pytest.mark.parametrize(
    "kind",
    [
        tiny.Kind("embeddings", lambda: _twice(["embed_tokens", "q_proj"]), True, 6),
        tiny.Kind(
            "biases", lambda: _twice("all-linear", {"lora_bias": True}, attention_bias=True, mlp_bias=True), True, 28
        ),
        tiny.Kind("4 bits", lambda: tiny.add(tiny.pirate(tiny.quantised(4)), tiny.lora(r=2), "poet"), True, 28),
        tiny.Kind("injected", lambda: _injected(), True, 28),
    ],
    ids=str,
)
def test_other_layers_concatenate_too(kind: tiny.Kind, tmp_path: Path):
    model = kind.build()
    desk = Desk(model)
    result = concatenate(desk, Mix({"pirate": Faders(master=0.5), "poet": Faders(master=-0.7)}), BOTH, tmp_path, "both")
    assert result.greatest_difference is not None and result.greatest_difference < (
        0.01 if kind.name == "4 bits" else 5e-5
    )


def _twice(modules: Any, extra: dict[str, Any] | None = None, **changes: Any) -> Any:
    model = tiny.pirate(tiny.llama(**changes), target_modules=modules, **(extra or {}))
    return tiny.add(model, tiny.lora(r=2, target_modules=modules, **(extra or {})), "poet")


def _injected() -> Any:
    model = tiny.injected()
    torch.manual_seed(3)
    model.add_adapter(tiny.lora(r=2), adapter_name="poet")
    model.set_adapter(["pirate", "poet"])
    return model.eval()


@pytest.mark.parametrize("combination", ["svd", "ties_svd", "dare_linear_svd", "dare_ties", "magnitude_prune"])
def test_combinations_are_written_and_compared(combination: Any, tmp_path: Path):
    model = same_rank()
    desk = Desk(model)
    before, loaded = tiny.fingerprint(model), tiny.logits(model)
    steps: list[tuple[int, int]] = []
    recipe = Recipe(combination, density=0.5 if combination in NEED_DENSITY else None)
    writing = Writing(progress=lambda done, of: steps.append((done, of)))
    result = combine(desk, Mix(), BOTH, tmp_path, "out", recipe, writing)
    assert result.way == combination and result.rank == 4 and steps == [(one, 6) for one in range(1, 7)]
    assert result.greatest_difference is not None and result.greatest_difference > 0
    assert tiny.fingerprint(model) == before and torch.equal(tiny.logits(model), loaded)


def test_from_folders_alone(tmp_path: Path):
    model = tiny.two()
    model.save_pretrained(tmp_path)
    desk = Desk(model)
    mix = mixed(desk)
    sources = {name: tmp_path / name for name in BOTH}
    live = concatenate(desk, mix, BOTH, tmp_path, "live", Writing(sources=sources))
    file = combine_weights([read_weights(tmp_path / name) for name in BOTH], mix, tmp_path, "file", Recipe())
    assert file.greatest_difference is None
    with (
        safe_open(str(live.folder / "adapter_model.safetensors"), "pt") as one,
        safe_open(str(file.folder / "adapter_model.safetensors"), "pt") as other,
    ):
        assert set(one.keys()) == set(other.keys())
        assert all(torch.equal(one.get_tensor(key), other.get_tensor(key)) for key in one.keys())  # noqa: SIM118
    card = (live.folder / "README.md").read_text()
    assert "source poet" in card and "| pirate | kind q\\_proj | 1.5 |" in card


def test_what_cannot_be_combined_says_why(tmp_path: Path):
    desk = Desk(tiny.two())
    with pytest.raises(ValueError, match="needs one rank"):
        combine(desk, Mix(), BOTH, tmp_path, "out", Recipe("linear"))
    with pytest.raises(ValueError, match="density"):
        Recipe("ties")
    with pytest.raises(ValueError, match="no combination"):
        Recipe("soup")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rank"):
        Recipe("svd", rank=0)
    with pytest.raises(ValueError, match="no adapter 'parrot'"):
        concatenate(desk, Mix(), ["pirate", "parrot"], tmp_path, "out")
    with pytest.raises(ValueError, match="at least one"):
        concatenate(desk, Mix(), [], tmp_path, "out")
    with pytest.raises(ValueError, match="two of the adapters"):
        concatenate(desk, Mix(), ["pirate", "pirate"], tmp_path, "out")
    with pytest.raises(ValueError, match="is dora"):
        concatenate(Desk(tiny.pirate(use_dora=True)), Mix(), ["pirate"], tmp_path, "out")
    other = loaded_weights(Desk(tiny.add(tiny.llama(hidden_size=64), tiny.lora(), "giant")), "giant")
    with pytest.raises(ValueError, match="different models"):
        combined([loaded_weights(desk, "pirate"), other], Mix(), Recipe())
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_called_off(tmp_path: Path):
    stop = threading.Event()
    desk = Desk(tiny.two())
    writing = Writing(progress=lambda *_: stop.set(), cancelled=stop.is_set)
    with pytest.raises(Cancelled):
        concatenate(desk, Mix(), BOTH, tmp_path, "out", writing)
    assert list(tmp_path.iterdir()) == []
