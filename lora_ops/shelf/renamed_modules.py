"""What transformers calls the modules that an adapter was trained on by now.

Between versions of transformers modules of some models moved (`language_model.model.layers` became
`model.language_model.layers`), and experts that were modules of their own became one parameter. PEFT renames an
adapter's weights as transformers would rename the model's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter_files import AdapterFiles


def key_mapping(base: Any) -> Mapping[str, str]:
    """The patterns by which transformers 4 renames weights, with what replaces them; it is a class's own."""
    found = getattr(base, "_checkpoint_conversion_mapping", None)
    return found if isinstance(found, Mapping) else {}


def model_names(base: Any, files: AdapterFiles) -> dict[str, str]:
    """The names in the model of modules that are called otherwise in the adapter's file, by those.

    Args:
        base: a transformers model, or any other.
        files: the adapter.
    """
    import re

    names = {target.name for target in files.targets} | set(files.saved) | set(files.whole)
    renamed: dict[str, str] = {}
    for name in names if (mapping := key_mapping(base)) else ():
        for pattern, replacement in mapping.items():
            new, count = re.subn(pattern, replacement, name)
            if count:
                renamed[name] = new
                break
    if files.peft_type == "LORA" and _converts(base):
        renamed |= _converted(base, [target.name for target in files.targets if not target.parameter])
    return {name: new for name, new in renamed.items() if name != new}


def converts_experts(base: Any) -> bool:
    """Whether PEFT puts experts of this model together that were modules of their own in transformers 4."""
    return _converts(base) and experts_mapping(base) is not None


def experts_mapping(base: Any) -> Mapping[str, str] | None:
    """The parameters that this model has in the place of modules of transformers 4, by the names of those."""
    from peft.utils import transformers_weight_conversion as conversion

    kind = conversion._MODEL_TO_CONVERSION_PATTERN.get(base.config.model_type)
    mapping: Mapping[str, str] | None = conversion._MOE_TARGET_MODULE_MAPPING.get(kind)
    return mapping if mapping and conversion._MOE_FUSED_TARGETS.get(kind) else None


def _converts(base: Any) -> bool:
    """Whether transformers renames weights of this kind of model, and PEFT does likewise."""
    kind = getattr(getattr(base, "config", None), "model_type", None)
    try:
        from peft.utils import transformers_weight_conversion  # noqa: F401
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping
    except ImportError:  # older ones rename nothing
        return False
    return kind is not None and get_checkpoint_conversion_mapping(kind) is not None


def _converted(base: Any, names: list[str]) -> dict[str, str]:
    """PEFT's own renaming, of tensors without content."""
    import torch
    from peft import LoraConfig
    from peft.utils.transformers_weight_conversion import convert_peft_adapter_state_dict_for_transformers

    prefix, end = "base_model.model.", ".lora_A.weight"
    apart = [name for name in dict.fromkeys(names) if ".experts." not in f".{name}."]
    # Each has a size of its own, by which it is known again.
    state = {f"{prefix}{name}{end}": torch.empty(1, at + 1, device="meta") for at, name in enumerate(apart)}
    renamed = convert_peft_adapter_state_dict_for_transformers(base, LoraConfig(), state, "x") if state else {}
    return {apart[new.shape[1] - 1]: key.removeprefix(prefix).removesuffix(end) for key, new in renamed.items()}
