"""What is read of an adapter's configuration, and how far it is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..mix import explain

#: A configuration takes kilobytes: more is none.
MOST_CONFIG = 4 * 2**20
#: A pattern that is a plain name, perhaps escaped and anchored: the only kind that is looked up here, since a regular
#: expression from a stranger's file could take for ever.
_PLAIN = re.compile(r"\^?((?:[\w/-]|\\?\.)+)\$?")
#: Initialisations that take something away from the base model's weights when the adapter is loaded.
_REWRITES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica", "kasa")


class AdapterFileError(ValueError):
    """An adapter on disk that is damaged, or not one; the message names the file, the field, and what is wrong."""


Rank = Annotated[int, Field(strict=True, ge=1)]
Alpha = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Switch = Annotated[bool, Field(strict=True)]


class Config(BaseModel):
    """What is read of adapter_config.json; what else stands in it is PEFT's business."""

    model_config = ConfigDict(extra="ignore")

    peft_type: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_]{1,40}$")]
    base_model_name_or_path: str | None = None
    r: Rank | None = None
    lora_alpha: Alpha | None = None
    alpha: Alpha | None = None
    rank_pattern: dict[str, Rank] | None = None
    alpha_pattern: dict[str, Alpha] | None = None
    use_rslora: Switch | None = None
    use_dora: Switch | None = None
    bias: str | None = None
    target_modules: list[str] | str | None = None
    target_parameters: list[str] | None = None
    modules_to_save: list[str] | None = None
    init_lora_weights: bool | str | None = None
    init_weights: bool | str | None = None
    layer_replication: list[Any] | None = None
    megatron_config: dict[str, Any] | None = None


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        AdapterFileError: there is none in it, or it is too large for a configuration.
    """
    if path.stat().st_size > MOST_CONFIG:
        raise AdapterFileError(f"{path} is larger than {MOST_CONFIG // 2**20} MiB: that is no configuration")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise AdapterFileError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise AdapterFileError(f"{path} holds no JSON object")
    return data


def read_config(path: Path, data: dict[str, Any]) -> Config:
    """What matters of a configuration.

    Args:
        path: where it stands, for messages.
        data: what stands there.

    Raises:
        AdapterFileError: a field that is missing, or cannot be; naming it.
    """
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise AdapterFileError(f"{path}: {explain(error)}") from None
    if config.peft_type.upper() == "LORA":
        for name in ("r", "lora_alpha"):
            if getattr(config, name) is None:
                raise AdapterFileError(f"{path}: {name} is missing")
    return config


def pattern_value(patterns: Mapping[str, Any] | None, name: str, default: Any) -> tuple[Any, bool]:
    """The value for a target, by PEFT's rule (the first pattern that matches its end), and whether that is sure."""
    sure = True
    for pattern, value in (patterns or {}).items():
        plain = _PLAIN.fullmatch(pattern)
        if plain is None:
            sure = False
            continue
        ending = plain.group(1).replace("\\.", ".")
        if name == ending or (not pattern.startswith("^") and name.endswith(f".{ending}")):
            return value, sure
    return default, sure


def why_changes_base(config: Config) -> str:
    """Why an adapter of this configuration would change the base model for good; empty if it would not."""
    start = str(config.init_lora_weights or "").lower()
    if rewrites := next((name for name in _REWRITES_BASE if start.startswith(name)), ""):
        return (
            f"init_lora_weights is {rewrites!r}, with which PEFT takes a part out of the base model's weights for "
            "good: save it as plain LoRA (PEFT's path_initial_model_for_weight_conversion)"
        )
    if config.layer_replication:
        return "layer_replication repeats layers of the base model"
    if config.megatron_config:
        return "megatron_config asks for another library's layers"
    if config.bias not in (None, "none"):
        return f"bias is {config.bias!r}: it replaces biases of the base model for good"
    return ""
