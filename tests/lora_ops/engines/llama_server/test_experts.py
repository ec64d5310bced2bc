"""Experts: modules of their own or one parameter in PEFT, one weight in llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from helpers.llama_families import write_gguf
from helpers.tiny_gguf import SHAPES, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.lora_ops import Faders, Mix
from lora_mixer.lora_ops.bakery.gguf import bake_gguf
from lora_mixer.lora_ops.bakery.llama_layout import llama_weights_of_parts, read_llama_weights
from lora_mixer.lora_ops.bakery.resize import Keep
from lora_mixer.lora_ops.engines.llama_server import CannotSplit, read_parts, split, whole

EXPERTS, HIDDEN, INNER, RANK = 3, 16, 10, 2
MODULE = "model.layers.1.mlp.experts"
GATE, UP, DOWN = (f"blk.1.ffn_{kind}_exps.weight" for kind in ("gate", "up", "down"))
TOGETHER, ROUTER = "blk.1.ffn_gate_up_exps.weight", "blk.1.ffn_gate_inp.weight"


def test_experts_that_are_modules_become_one_weight(tmp_path: Path) -> None:

    model = write_model(tmp_path / "model.gguf", experts=3)
    names = [f"model.layers.1.block_sparse_moe.experts.{expert}.w3" for expert in (0, 2)]
    weights = pairs(dict.fromkeys(names, SHAPES["mlp.up_proj"]))
    patterns = {"experts.2.w3": 4.0}
    folder = write_adapter(tmp_path / "pirate", weights, alpha_pattern=patterns)
    (part,) = split(folder, model, tmp_path / "parts")
    assert part.target == "model.layers.1.block_sparse_moe.experts.w3" and part.layer == 1
    reader = gguf.GGUFReader(part.path)
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    tensors = {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}
    a, b = (tensors[f"blk.1.ffn_up_exps.weight.lora_{which}"] for which in "ab")
    for expert, factor in ((0, 2.0), (2, 1.0)):
        own_a, own_b = weights[f"model.layers.1.block_sparse_moe.experts.{expert}.w3"]
        np.testing.assert_allclose(alpha / 4 * b[expert] @ a[expert], factor * own_b @ own_a, rtol=1e-5, atol=1e-5)
    assert not a[1].any() and not b[1].any()


def base_model(path: Path, architecture: str, together: bool = False, inner: int = INNER) -> Path:
    """A model with experts, gate and up in one weight or in two."""
    shapes: dict[str, tuple[int, ...]] = {GATE: (EXPERTS, inner, HIDDEN), UP: (EXPERTS, inner, HIDDEN)}
    if together:
        shapes = {TOGETHER: (EXPERTS, 2 * inner, HIDDEN)}
    shapes |= {DOWN: (EXPERTS, HIDDEN, inner), ROUTER: (EXPERTS, HIDDEN)}
    return write_gguf(path, architecture, shapes, 4, 2)


def adapter(folder: Path, swapped: bool = False, inner: int = INNER, **config: Any) -> tuple[Path, dict[str, Any]]:
    """One of both parameters, as PEFT writes it, and what it adds to each expert: (experts, out, in)."""
    dice = np.random.default_rng(0)
    sizes = {"gate_up_proj": (2 * inner, HIDDEN), "down_proj": (HIDDEN, inner)}
    weights, wanted = {}, {}
    for kind, (outputs, inputs) in sizes.items():
        rows, columns = (inputs, outputs) if swapped else (outputs, inputs)
        a = dice.normal(size=(RANK * EXPERTS, columns)).astype(np.float32)
        b = dice.normal(size=(rows, RANK * EXPERTS)).astype(np.float32)
        # The innermost is the parameter that the module registers first.
        weights[f"{MODULE}.base_layer" if kind == "gate_up_proj" else MODULE] = (a, b)
        # peft.tuners.lora.ParamWrapper.get_delta_weight, 0.21 and 0.18
        one, other = a.reshape(EXPERTS, RANK, -1), b.reshape(rows, RANK, EXPERTS)
        wanted[kind] = np.einsum("ore,eri->eio" if swapped else "ore,eri->eoi", other, one) * 8 / RANK
    asked = [f"mlp.experts.{kind}" for kind in sizes]
    fields = {"r": RANK, "target_modules": [], "target_parameters": asked, "peft_version": "0.21.0", **config}
    return write_adapter(folder, weights, **fields), wanted


def in_llama(wanted: dict[str, Any], turns: bool = False, together: bool = False) -> dict[str, Any]:
    both = wanted["gate_up_proj"]
    half = both.shape[1] // 2
    gate, up = (both[:, ::2], both[:, 1::2]) if turns else (both[:, :half], both[:, half:])
    return {**({TOGETHER: both} if together else {GATE: gate, UP: up}), DOWN: wanted["down_proj"]}


def assert_adds(path: Path, wanted: dict[str, Any], off: float = 1e-4) -> None:
    found = what_a_file_adds(path)
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        np.testing.assert_allclose(found[name], one, rtol=off, atol=off, err_msg=name)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("architecture", "together"),
    [("llama", False), ("qwen3moe", False), ("qwen3moe", True), ("olmoe", False), ("gpt-oss", False)],
)
def test_a_parameter_of_experts_adds_what_peft_adds(
    tmp_path: Path, architecture: str, together: bool, swapped: bool
) -> None:
    model = base_model(tmp_path / "model.gguf", architecture, together)
    folder, wanted = adapter(tmp_path / "pirate", swapped)
    told = in_llama(wanted, architecture == "gpt-oss", together)
    assert_adds(whole(folder, model, tmp_path / "whole.gguf"), told)
    parts = split(folder, model, tmp_path / "parts")
    # One fader for each, under the name that it has on a PEFT desk, whatever number of weights it is.
    assert {part.target for part in parts} == {f"{MODULE}.gate_up_proj", f"{MODULE}.down_proj"}
    assert {name for part in parts for name in what_a_file_adds(part.path)} == told.keys()
    assert read_parts(tmp_path / "parts") == parts
    assert sum(part.parameters for part in parts) == EXPERTS * RANK * (3 * INNER + 2 * HIDDEN)


def test_what_is_baked_of_it_is_each_parameter_at_its_gain(tmp_path: Path) -> None:
    model = base_model(tmp_path / "model.gguf", "qwen3moe")
    folder, wanted = adapter(tmp_path / "pirate")
    mix = Mix({"pirate": Faders(kinds={"gate_up_proj": 0.5, "down_proj": -2.0})})
    told = in_llama({"gate_up_proj": 0.5 * wanted["gate_up_proj"], "down_proj": -2 * wanted["down_proj"]})
    parts = split(folder, model, tmp_path / "parts")
    for source in (read_llama_weights(folder, model), llama_weights_of_parts(parts)):
        assert_adds(bake_gguf([source], mix, tmp_path / "baked.gguf", overwrite=True).path, told)
        small = what_a_file_adds(
            bake_gguf([source], mix, tmp_path / "small.gguf", keep=Keep(rank=1), overwrite=True).path
        )
        for at in range(EXPERTS):  # of the parameter as a whole, as on a PEFT desk
            u, values, v = np.linalg.svd(0.5 * wanted["gate_up_proj"][at])
            both = np.concatenate([small[GATE][at], small[UP][at]])
            np.testing.assert_allclose(both, values[0] * np.outer(u[:, 0], v[0]), atol=1e-4)


@pytest.mark.parametrize(("version", "swapped"), [("0.18.0", True), ("0.21.2", False), ("", None), ("0.19.1", None)])
def test_where_both_sizes_are_alike_the_version_tells_which_are_the_inputs(
    tmp_path: Path, version: str, swapped: bool | None
) -> None:
    inner = HIDDEN // 2  # twice that is as wide as the model
    model = base_model(tmp_path / "model.gguf", "qwen3moe", inner=inner)
    folder, wanted = adapter(tmp_path / "pirate", bool(swapped), inner, peft_version=version)
    if swapped is None:
        with pytest.raises(CannotSplit, match="as many inputs as outputs.*PEFT 0.21"):
            whole(folder, model, tmp_path / "whole.gguf")
    else:
        assert_adds(whole(folder, model, tmp_path / "whole.gguf"), in_llama(wanted))


def test_what_chooses_the_experts_is_a_matrix_like_any_other(tmp_path: Path) -> None:
    model = base_model(tmp_path / "model.gguf", "qwen3moe")
    weights = pairs({"model.layers.1.mlp.gate": (EXPERTS, HIDDEN)})
    ((a, b),) = weights.values()
    folder = write_adapter(tmp_path / "pirate", weights, target_parameters=["mlp.gate.weight"])
    [part] = split(folder, model, tmp_path / "parts")
    assert part.target.startswith("model.layers.1.mlp.gate")
    assert_adds(part.path, {ROUTER: 2 * b.astype(np.float64) @ a})


@pytest.mark.parametrize(
    ("architecture", "config", "match"),
    [
        ("granitemoe", {}, "experts of 'granitemoe' models is not known"),
        ("qwen3moe", {"r": 3, "rank_pattern": {}}, "experts"),
        ("qwen3moe", {"r": 1}, "6 experts of .*has 3 of"),
    ],
)
def test_experts_that_are_not_the_models_are_refused(
    tmp_path: Path, architecture: str, config: dict[str, Any], match: str
) -> None:
    model = base_model(tmp_path / "model.gguf", architecture)
    folder, _ = adapter(tmp_path / "pirate", **config)
    with pytest.raises(ValueError, match=match):
        split(folder, model, tmp_path / "parts")
    assert not (tmp_path / "parts").exists()


def test_stock_peft_adds_the_same_to_gpt_oss(tmp_path: Path) -> None:
    from helpers import tiny

    asked = ["experts.gate_up_proj", "experts.down_proj"]
    model = tiny.pirate(tiny.gpt_oss(), target_parameters=asked)
    model.save_pretrained(str(tmp_path))
    wrappers = {
        f"{name.removeprefix('base_model.model.').replace('.base_layer', '')}.{module.parameter_name}": module
        for name, module in model.named_modules()
        if hasattr(module, "parameter_name")
    }
    size = model.config
    inner, hidden, experts = size.intermediate_size, size.hidden_size, size.num_local_experts
    shapes: dict[str, tuple[int, ...]] = {
        f"blk.{layer}.ffn_{kind}_exps.weight": (experts, *((hidden, inner) if kind == "down" else (inner, hidden)))
        for layer in range(size.num_hidden_layers)
        for kind in ("gate", "up", "down")
    }
    for layer in range(size.num_hidden_layers):
        heads_of = {"q": size.num_attention_heads, "k": size.num_key_value_heads, "v": size.num_key_value_heads}
        for kind, heads in heads_of.items():
            shapes[f"blk.{layer}.attn_{kind}.weight"] = (heads * size.head_dim, hidden)
        shapes[f"blk.{layer}.attn_output.weight"] = (hidden, size.num_attention_heads * size.head_dim)
    base = write_gguf(tmp_path / "model.gguf", "gpt-oss", shapes, size.num_attention_heads, size.num_key_value_heads)
    parts = {part.target: part for part in split(tmp_path / "pirate", base, tmp_path / "parts")}
    assert wrappers.keys() <= parts.keys() and len(wrappers) == 2 * size.num_hidden_layers
    for name, module in wrappers.items():
        wanted = module.get_delta_weight("pirate").detach().double().numpy().swapaxes(1, 2)  # (experts, out, in)
        found = what_a_file_adds(parts[name].path)
        layer = parts[name].layer
        kinds = ("down",) if "down" in name else ("gate", "up")
        told = [found[f"blk.{layer}.ffn_{kind}_exps.weight"] for kind in kinds]
        assert wanted.any()
        for at, one in enumerate(told):
            np.testing.assert_allclose(one, wanted[:, at :: len(told)], rtol=1e-4, atol=1e-5)
