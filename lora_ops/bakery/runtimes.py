"""What other runtimes make of an adapter folder: the rules by which they read it, and what they would get wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..shelf.lora_fields import CHANGES_BASE, Effect, traits, with_effect

#: The readers that are looked at, besides PEFT itself.
RUNTIMES = ("vLLM", "llama.cpp")
#: What --max-lora-rank may be, and what it is unless it is given.
VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
_VLLM_USUAL = 16


def objections(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> dict[str, list[str]]:
    """Why a runtime would refuse this adapter, or play it wrongly; empty lists where nothing is in the way.

    Rules read from the sources, and seen: vLLM's `PEFTHelper` and `LoRAModel` (one alpha for the whole adapter; 0.32
    loads rank_pattern and alpha_pattern), and llama.cpp's `convert_lora_to_gguf.py` (one alpha; each tensor's own rank;
    aLoRA's tokens are read). What a field of the config means stands in `shelf/lora_fields.py`.

    Args:
        config: the fields of adapter_config.json.
        shapes: of the tensors in adapter_model.safetensors, by name.
    """
    kind = str(config.get("peft_type", "")).upper()
    if kind != "LORA":
        return {runtime: [f"it knows LoRA alone, and this is {kind or 'unknown'}"] for runtime in RUNTIMES}
    return {"vLLM": _vllm(config, shapes), "llama.cpp": _llama_cpp(config, shapes)}


def _vllm(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> list[str]:
    found = list(_what_neither_has(config))
    if aware := with_effect(config, Effect.TOKENS):
        found.append(f"it may not know {aware.field}: the adapter would act on the whole text")
    if config.get("modules_to_save"):
        found.append("it takes no modules_to_save")
    if config.get("bias", "none") != "none" or any(name.endswith(".bias") for name in shapes):
        found.append("it takes no biases")
    if config.get("alpha_pattern"):
        found.append(
            "0.32 loads alpha_pattern; older ones ignore it, and targets named there have another loudness: compare"
        )
    if config.get("rank_pattern"):
        found.append(
            "0.32 loads rank_pattern; older ones take r for the rank of every target, and those of another rank have "
            "another loudness: compare"
        )
    found += _too_large(config, shapes)
    if odd := [name for name in shapes if not _is_lora(name) and not _is_kept(name)]:
        found.append(f"it does not know what {odd[0]} is")
    if not all(name.startswith("base_model.model.") for name in shapes):
        found.append("names of tensors must begin with base_model.model.")
    return found


def _llama_cpp(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> list[str]:
    found = list(_what_neither_has(config))
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


def _what_neither_has(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("use_dora"):
        yield "it has no DoRA"
    if config.get("target_parameters"):
        yield (
            "experts' weights (target_parameters) are refused, or left out without a word, depending on version and "
            "model: compare before you rely on it"
        )
    for trait in traits(config):
        if trait.effect in (*CHANGES_BASE, Effect.MODEL, Effect.ROUTER):
            yield f"it does not do what PEFT does for {trait.named}"
        elif trait.field in ("use_bdlora", "use_qalora"):
            yield f"it does not know the form of the weights ({trait.field})"


def _too_large(config: Mapping[str, Any], shapes: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Ranks for which vLLM must be told: its --max-lora-rank is one of a few numbers, 16 unless it is given."""
    experts = bool(config.get("target_parameters"))
    own = [shape[0] for name, shape in shapes.items() if name.endswith(".lora_A.weight") and shape and not experts]
    r = config.get("r")
    largest = max([*own, *([r] if isinstance(r, int) else [])], default=0)
    if largest > VLLM_RANKS[-1]:
        yield f"it takes ranks up to {VLLM_RANKS[-1]}, and this has {largest}"
    elif largest > _VLLM_USUAL:
        yield f"its rank is {largest}: start it with --max-lora-rank {next(n for n in VLLM_RANKS if n >= largest)}"


def _is_lora(name: str) -> bool:
    return name.endswith((".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B"))


def _is_kept(name: str) -> bool:
    """Weights of the base model that come with an adapter of its embeddings; vLLM passes them over."""
    return name.endswith((".embed_tokens.base_layer.weight", ".lm_head.base_layer.weight", ".embed_tokens.weight"))
