"""Small GGUF models, and PEFT adapters of them on disk: shapes alone matter, nobody plays them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file

HIDDEN, HEADS, KEY_HEADS, INNER, WORDS, LAYERS = 16, 4, 2, 24, 40, 2
#: What a module adds to has (out, in) as here.
SHAPES = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (HIDDEN * KEY_HEADS // HEADS, HIDDEN),
    "self_attn.v_proj": (HIDDEN * KEY_HEADS // HEADS, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_model(
    path: Path, architecture: str = "llama", *, experts: int = 0, tied: bool = False, files: int = 1
) -> Path:
    """A model's file; of several, each with some of its tensors, the first."""
    tensors: dict[str, Any] = {"token_embd.weight": np.zeros((WORDS, HIDDEN), np.float32)}
    if not tied:
        tensors["output.weight"] = np.zeros((WORDS, HIDDEN), np.float32)
    for layer in range(LAYERS):
        for module, shape in SHAPES.items():
            several = bool(experts) and module.startswith("mlp.")
            name = f"blk.{layer}.{_NAMES[module]}{'_exps' if several else ''}.weight"
            tensors[name] = np.zeros((experts, *shape) if several else shape, np.float16)
    for at in range(files):
        own = path if files == 1 else path.with_name(path.name.replace("-00001-", f"-{at + 1:05}-"))
        writer = gguf.GGUFWriter(own, architecture)
        if at == 0:
            writer.add_type(gguf.GGUFType.MODEL)
            writer.add_block_count(LAYERS)
            writer.add_head_count(HEADS)
            writer.add_head_count_kv(KEY_HEADS)
            writer.add_array("tokenizer.ggml.tokens", [f"word {at}" for at in range(5000)])
        if files > 1:
            writer.add_uint16("split.no", at)
            writer.add_uint16("split.count", files)
        for name in list(tensors)[at::files]:
            writer.add_tensor(name, tensors[name])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return path


def pairs(
    modules: Mapping[str, tuple[int, int]], rank: int = 4, dtype: Any = np.float32, seed: int = 0
) -> dict[str, tuple[Any, Any]]:
    """A and B for modules of these shapes (out, in), by name."""
    dice = np.random.default_rng(seed)
    return {
        name: (dice.normal(size=(rank, inputs)).astype(dtype), dice.normal(size=(outputs, rank)).astype(dtype))
        for name, (outputs, inputs) in modules.items()
    }


def every_module() -> dict[str, tuple[int, int]]:
    """All linear modules of the model, with their shapes."""
    return {f"model.layers.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in SHAPES.items()}


def write_adapter(folder: Path, weights: Mapping[str, tuple[Any, Any]], **config: Any) -> Path:
    """A PEFT adapter's folder; weights of embeddings stand under names that end with embed_tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    rank = next(iter(weights.values()))[0].shape[0]
    fields = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj"], "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(fields), encoding="utf-8")
    tensors = {}
    for name, (a, b) in weights.items():
        parts = (
            ("lora_embedding_A", "lora_embedding_B")
            if name.endswith("embed_tokens")
            else ("lora_A.weight", "lora_B.weight")
        )
        for part, one in zip(parts, (a, b), strict=True):
            tensors[f"base_model.model.{name}.{part}"] = np.ascontiguousarray(one)
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def what_a_file_adds(path: Path) -> dict[str, Any]:
    """alpha / r x B A of every weight in a GGUF adapter, read by llama.cpp's own package."""
    reader = gguf.GGUFReader(path)
    alpha = float(reader.fields["adapter.lora.alpha"].contents())
    tensors = {tensor.name: np.asarray(tensor.data, np.float64) for tensor in reader.tensors}
    names = {name.rpartition(".")[0] for name in tensors}
    return {
        name: alpha / tensors[f"{name}.lora_b"].shape[-1] * (tensors[f"{name}.lora_b"] @ tensors[f"{name}.lora_a"])
        for name in names
    }
