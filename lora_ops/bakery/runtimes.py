"""What other runtimes make of an adapter folder: the rules by which they read it, and what they would get wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: The readers that are looked at, besides PEFT itself.
RUNTIMES = ("vLLM", "llama.cpp")


def objections(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """Why a runtime would refuse this adapter, or play it wrongly; empty lists where nothing is in the way.

    Rules read from the sources: vLLM's `PEFTHelper` and `LoRAModel` (rank and alpha are one number each for the whole
    adapter), and llama.cpp's `convert_lora_to_gguf.py` (one alpha; each tensor's own rank).

    Args:
        config: the fields of adapter_config.json.
        shapes: of the tensors in adapter_model.safetensors, by name.
    """
    kind = str(config.get("peft_type", "")).upper()
    if kind != "LORA":
        return {runtime: [f"it knows LoRA alone, and this is {kind or 'unknown'}"] for runtime in RUNTIMES}
    return {"vLLM": _vllm(config, shapes), "llama.cpp": _llama_cpp(config, shapes)}


def _vllm(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> list[str]:
    found = []
    if config.get("use_dora"):
        found.append("it has no DoRA")
    if config.get("modules_to_save"):
        found.append("it takes no modules_to_save")
    if config.get("bias", "none") != "none" or any(name.endswith(".bias") for name in shapes):
        found.append("it takes no biases")
    if config.get("alpha_pattern"):
        found.append("it ignores alpha_pattern: targets named there would have another loudness")
    if config.get("rank_pattern"):
        found.append("it takes r for the rank of every target: those of another rank would have another loudness")
    if odd := [name for name in shapes if not _is_lora(name) and not _is_kept(name)]:
        found.append(f"it does not know what {odd[0]} is")
    if not all(name.startswith("base_model.model.") for name in shapes):
        found.append("names of tensors must begin with base_model.model.")
    return found


def _llama_cpp(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> list[str]:
    found = []
    if config.get("use_dora"):
        found.append("it has no DoRA")
    if config.get("use_rslora"):
        found.append("it ignores use_rslora: the adapter would have another loudness")
    if config.get("alpha_pattern"):
        found.append("it ignores alpha_pattern: targets named there would have another loudness")
    if any(len(shape) != 2 for name, shape in shapes.items() if ".lora_A." in name or ".lora_B." in name):
        found.append("it takes matrices alone")
    if odd := [name for name in shapes if not _is_lora(name) and ".base_layer.weight" not in name]:
        found.append(f"it does not know what {odd[0]} is")
    if not config.get("base_model_name_or_path"):
        found.append("the config names no base model: give its converter --base")
    return found


def _is_lora(name: str) -> bool:
    return name.endswith((".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B"))


def _is_kept(name: str) -> bool:
    """Weights of the base model that come with an adapter of its embeddings; vLLM passes them over."""
    return name.endswith((".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight", ".embed_tokens.weight"))
