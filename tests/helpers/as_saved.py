"""Adapters as stock PEFT saves them, and as people's files then look."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from helpers import tiny
from peft import PeftModel
from safetensors.torch import load_file, save_file

from lora_mixer.lora_ops.shelf.adapter_files import CONFIG, WEIGHTS


def saved(folder: Path, base: Any = None, **config: Any) -> Path:
    """An adapter with random weights, as stock PEFT saves it."""
    model = tiny.pirate(base or tiny.llama(), **{"target_modules": ["q_proj", "down_proj"], **config})
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".modules_to_save." in name or "trainable_tokens_delta" in name:
                parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5))
    return kept(folder, model)


def kept(folder: Path, model: Any) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(folder / "whole")
    shutil.move(folder / "whole" / "pirate", folder / "one")
    return folder / "one"


def edited(folder: Path, **fields: Any) -> Path:
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return folder


def renamed(folder: Path, pattern: str, replacement: str) -> Path:
    path = folder / WEIGHTS
    save_file({re.sub(pattern, replacement, key): tensor for key, tensor in load_file(path).items()}, path)
    return folder


def played(base: Any, folder: Path) -> torch.Tensor:
    """What stock PEFT says with this adapter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tiny.logits(PeftModel.from_pretrained(base, str(folder)).eval())


def tied(**changes: Any) -> Any:
    return tiny.llama(tie_word_embeddings=True, **changes)


#: Takes about for ever in `re`, and in `regex` too.
ENDLESS = r"((\w|\.|[a-z])+)+\.(?=[A-Z]).*"


#: What people's trainers write.
PATTERNS = [
    r"^(?:.*?(?:language|text).*?)?(?:.*?(?:\.layers\.|self_attn|mlp).*?(?:q_proj|down_proj).*?)$",
    r".*\.(q_proj|down_proj)$",
    r"model\.layers\.(0|1)\.(self_attn\.q_proj|mlp\.down_proj)",
    r"(?i).*(Q_PROJ|DOWN_PROJ)",
    "|".join(re.escape(f"model.layers.{at}.{name}") for at in (0, 1) for name in ("self_attn.q_proj", "mlp.down_proj")),
]
