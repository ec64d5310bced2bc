"""A mix in one GGUF file adds what the mix says, and is refused where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from helpers.tiny_gguf import HIDDEN, SHAPES, WORDS, every_module, pairs, what_a_file_adds, write_adapter, write_model

from lora_mixer.lora_ops import Faders, Keep, Mix, Recipe
from lora_mixer.lora_ops.bakery import gguf as baking
from lora_mixer.lora_ops.bakery.gguf import bake_gguf
from lora_mixer.lora_ops.bakery.llama_layout import llama_weights_of_parts, read_llama_weights
from lora_mixer.lora_ops.bakery.start import spelled_out
from lora_mixer.lora_ops.engines.llama_server import split, unsplit, whole
from lora_mixer.lora_ops.fade import Fade

MIX = Mix({"pirate": Faders(master=0.7, kinds={"q_proj": 0.0, "up_proj": -2.0}, layers={1: 1.5})})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


@pytest.fixture
def pirate(tmp_path: Path) -> Path:
    weights = {**pairs(every_module()), **pairs({"model.layers.1.mlp.up_proj": SHAPES["mlp.up_proj"]}, rank=2)}
    return write_adapter(
        tmp_path / "pirate", weights, use_rslora=True, r=4, lora_alpha=7, rank_pattern={"layers.1.mlp.up_proj": 2}
    )


@pytest.fixture
def poet(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "poet", pairs(every_module(), rank=3, seed=9))


def assert_adds(path: Path, wanted: Mapping[str, Any], tolerance: float = 1e-5) -> None:
    found = what_a_file_adds(path)
    assert found.keys() == wanted.keys()
    for name, one in wanted.items():
        np.testing.assert_allclose(found[name], one, rtol=0, atol=tolerance * max(1.0, abs(one).max()), err_msg=name)


def as_the_parts_say(parts: Any, mix: Mix) -> dict[str, Any]:
    """The sum of what parts add at their gains: what the server plays."""
    found: dict[str, Any] = {}
    for part in parts:
        for name, one in what_a_file_adds(part.path).items():
            found[name] = found.get(name, 0) + mix.gain(part.fader) * one
    return found


@pytest.mark.parametrize(("dtype", "off"), [("float32", 1e-5), ("float16", 4e-3)])
def test_a_mix_in_one_file_adds_what_the_parts_add(
    model: Path, pirate: Path, tmp_path: Path, dtype: str, off: float
) -> None:
    parts = split(pirate, model, tmp_path / "parts")
    made = bake_gguf([read_llama_weights(pirate, model)], MIX, tmp_path / "soft.gguf", dtype=dtype)
    assert_adds(made.path, as_the_parts_say(parts, MIX), off)
    assert made.targets == 14 and made.silent == 2 and made.error <= off and made.way == "folded"
    # Out of the files that a server has loaded the same comes, with no source and no base model.
    again = bake_gguf([llama_weights_of_parts(parts)], MIX, tmp_path / "again.gguf", dtype=dtype)
    assert_adds(again.path, what_a_file_adds(made.path), 1e-6)


def test_parts_that_hold_several_targets_are_baked_at_their_one_gain(model: Path, pirate: Path, tmp_path: Path) -> None:
    parts = split(pirate, model, tmp_path / "parts", longest=14 * (len(str(tmp_path / "parts")) + 12))
    assert len(parts) < 14
    mix = Mix({"pirate": Faders(modules={parts[0].target: 3.0, parts[1].target: 0.0})})
    made = bake_gguf([llama_weights_of_parts(parts)], spelled_out(parts, mix, ["pirate"]), tmp_path / "soft.gguf")
    assert_adds(made.path, as_the_parts_say(parts, mix))


def test_a_file_that_its_server_was_started_with_at_a_scale_is_baked_as_it_is_heard(
    model: Path, pirate: Path, tmp_path: Path
) -> None:
    part = replace(unsplit(whole(pirate, model, tmp_path / "one.gguf"), "pirate"), start=0.5)
    mix = Mix({"pirate": Faders(master=0.8)})
    made = bake_gguf([llama_weights_of_parts([part])], spelled_out([part], mix, ["pirate"]), tmp_path / "soft.gguf")
    assert_adds(made.path, {name: 0.4 * one for name, one in what_a_file_adds(part.path).items()})


def test_several_adapters_become_one_exactly_and_their_ranks_add_up(
    model: Path, pirate: Path, poet: Path, tmp_path: Path
) -> None:
    parts = [*split(pirate, model, tmp_path / "a"), *split(poet, model, tmp_path / "b")]
    mix = Mix({**MIX.adapters, "poet": Faders(master=-0.5)})
    sources = [read_llama_weights(one, model) for one in (pirate, poet)]
    made = bake_gguf(sources, mix, tmp_path / "both.gguf")
    assert_adds(made.path, as_the_parts_say(parts, mix))
    assert made.rank == 7 and made.way == "concatenated" and made.kept is None
    nearest = bake_gguf(sources, mix, tmp_path / "near.gguf", recipe=Recipe("svd", rank=2))
    assert nearest.rank == 2 and nearest.kept is not None
    assert nearest.error == pytest.approx((1 - nearest.kept) ** 0.5, abs=1e-5)


@pytest.mark.parametrize("said", ["in the mix", "by the caller"])
def test_what_is_left_out_is_what_the_singular_values_say(model: Path, pirate: Path, tmp_path: Path, said: str) -> None:
    source = read_llama_weights(pirate, model)
    mix, keep = (Mix({"pirate": Faders(rank=2)}), None) if said == "in the mix" else (Mix(), Keep(rank=2))
    full = what_a_file_adds(whole(pirate, model, tmp_path / "whole.gguf"))
    made = bake_gguf([source], mix, tmp_path / "small.gguf", keep=keep)
    wanted = {}
    left = total = 0.0
    for name, one in full.items():
        u, values, v = np.linalg.svd(one)
        wanted[name] = (u[:, :2] * values[:2]) @ v[:2]
        left, total = left + (values[2:] ** 2).sum(), total + (values**2).sum()
    assert_adds(made.path, wanted)
    assert made.rank == 2 and made.error == pytest.approx((left / total) ** 0.5, abs=1e-5)


def test_experts_are_baked_and_resized_each_by_itself(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.gguf", "qwen2moe", experts=3)
    modules = {
        f"model.layers.0.mlp.experts.{at}.{name}_proj": SHAPES[f"mlp.{name}_proj"]
        for at in range(3)
        for name in ("gate", "down")
    }
    folder = write_adapter(tmp_path / "pirate", pairs(modules))
    mix = Mix({"pirate": Faders(master=0.5, kinds={"down_proj": 2.0})})
    full = what_a_file_adds(whole(folder, model, tmp_path / "whole.gguf", mix=mix))
    source = read_llama_weights(folder, model)
    assert_adds(bake_gguf([source], mix, tmp_path / "one.gguf").path, full)
    small = what_a_file_adds(bake_gguf([source], mix, tmp_path / "small.gguf", keep=Keep(rank=1)).path)
    for name, one in full.items():
        for at in range(3):
            u, values, v = np.linalg.svd(one[at])
            np.testing.assert_allclose(small[name][at], values[0] * np.outer(u[:, 0], v[0]), atol=1e-4)


def test_embeddings_are_baked_as_llama_cpp_reads_them(model: Path, tmp_path: Path) -> None:
    weights = pairs({"model.embed_tokens": (HIDDEN, WORDS), "lm_head": (WORDS, HIDDEN)})
    folder = write_adapter(tmp_path / "pirate", weights)
    mix = Mix({"pirate": Faders(kinds={"embed_tokens": 0.25})})
    first = whole(folder, model, tmp_path / "whole.gguf", mix=mix)
    made = bake_gguf([read_llama_weights(folder, model)], mix, tmp_path / "one.gguf")
    tensors = [
        {tensor.name: np.asarray(tensor.data, np.float64) for tensor in gguf.GGUFReader(path).tensors}
        for path in (first, made.path)
    ]
    a, b = (one["token_embd.weight.lora_a"] @ one["token_embd.weight.lora_b"].T for one in tensors)
    alphas = [float(gguf.GGUFReader(path).fields["adapter.lora.alpha"].contents()) for path in (first, made.path)]
    np.testing.assert_allclose(alphas[0] * a, alphas[1] * b, rtol=1e-5, atol=1e-5)


def test_other_programs_find_its_name_and_what_it_is_for(model: Path, pirate: Path, tmp_path: Path) -> None:
    made = bake_gguf([read_llama_weights(pirate, model)], MIX, tmp_path / "soft.gguf")
    fields = {key: field.contents() for key, field in gguf.GGUFReader(made.path).fields.items()}
    assert fields["general.type"] == "adapter" and fields["adapter.type"] == "lora"
    assert fields["general.name"] == "soft" and fields["general.architecture"] == "llama"
    assert fields["general.base_model.count"] == 1 and fields["general.base_model.0.name"] == "model"
    (part,) = split(
        write_adapter(tmp_path / "one", pairs({"model.layers.0.mlp.up_proj": SHAPES["mlp.up_proj"]})),
        model,
        tmp_path / "parts",
    )
    assert gguf.GGUFReader(part.path).fields["general.name"].contents() == "one: model.layers.0.mlp.up_proj"


def test_a_gguf_adapter_is_baked_too(model: Path, pirate: Path, tmp_path: Path) -> None:
    file = whole(pirate, model, tmp_path / "pirate.gguf")
    made = bake_gguf([read_llama_weights(file, model)], MIX, tmp_path / "soft.gguf")
    assert_adds(made.path, what_a_file_adds(whole(pirate, model, tmp_path / "w.gguf", mix=MIX)))
    # One fader for all of it, where the server has it unsplit.
    one = bake_gguf([llama_weights_of_parts([unsplit(file)])], Mix({"pirate": Faders(master=2.0)}), tmp_path / "l.gguf")
    assert_adds(one.path, {name: 2 * added for name, added in what_a_file_adds(file).items()})


def test_what_is_off_is_not_kept(model: Path, pirate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = baking.write_pairs

    def swapped(path: Path, architecture: str, own: Any, *more: Any) -> None:
        from dataclasses import replace

        wrong(path, architecture, [replace(pair, scaling=1.01 * pair.scaling) for pair in own], *more)

    monkeypatch.setattr(baking, "write_pairs", swapped)
    with pytest.raises(ValueError, match="is off by"):
        bake_gguf([read_llama_weights(pirate, model)], MIX, tmp_path / "out" / "soft.gguf")
    assert not list((tmp_path / "out").iterdir())


def test_what_cannot_be_baked_is_refused_and_nothing_is_written(model: Path, pirate: Path, tmp_path: Path) -> None:
    source = read_llama_weights(pirate, model)
    path = tmp_path / "out" / "soft.gguf"
    fading = Mix({"pirate": Faders(fades={"master": Fade(((0, 0.0), (9, 1.0)))})})
    cases: tuple[tuple[Mix, dict[str, Any], str], ...] = (
        (fading, {}, "fades over a reply"),
        (Mix({"pirate": Faders(kinds={"lm_head": 2.0})}), {}, "has no kind 'lm_head'"),
        (Mix({"poet": Faders()}), {}, "no adapter 'poet'"),
        (Mix({"pirate": Faders(master=1e6)}), {"dtype": "float16"}, "too large for float16"),
    )
    for mix, options, why in cases:
        with pytest.raises(ValueError, match=why):
            bake_gguf([source], mix, path, **options)
    assert not path.exists()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(model.read_bytes())
    with pytest.raises(FileExistsError):
        bake_gguf([source], MIX, path)
    with pytest.raises(ValueError, match="is a model, not an adapter"):
        bake_gguf([source], MIX, path, overwrite=True)
    assert path.read_bytes() == model.read_bytes()
