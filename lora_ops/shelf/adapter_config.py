"""What is read of an adapter's configuration, and how far it is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..mix import explain
from .adapter_folder import AdapterFileError as AdapterFileError
from .adapter_folder import what_it_is
from .lora_fields import is_lora, why_not_loaded

#: A configuration takes kilobytes: more is none.
MOST_CONFIG = 4 * 2**20
#: Methods of which patterns of ranks and alphas mean what they mean for LoRA.
PATTERNED = ("LORA", "LOHA", "LOKR")
#: What a name of a module is made of.
_NAME = re.compile(r"[\w.-]+")


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
    use_bdlora: Any = None
    use_dora: Switch | None = None
    bias: str | None = None
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    target_parameters: list[str] | None = None
    modules_to_save: list[str] | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    ensure_weight_tying: Switch | None = None
    task_type: str | None = None


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        AdapterFileError: there is none in it, or it is too large for a configuration.
    """
    if path.stat().st_size > MOST_CONFIG:
        raise AdapterFileError(f"{path} is larger than {MOST_CONFIG // 2**20} MiB: that is no configuration")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise AdapterFileError(f"{path} is {what_it_is(path) or f'not JSON: {error}'}") from error
    if not isinstance(data, dict):
        raise AdapterFileError(f"{path} holds no JSON object")
    if "peft_type" not in data and (found := what_it_is(path)).startswith("the answer"):
        raise AdapterFileError(f"{path} is {found}")
    return data


def as_meant(data: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as PEFT takes it: without what is null, as older ones wrote it, and its words in capitals."""
    words = {name: data[name].upper() for name in ("peft_type", "task_type") if isinstance(data.get(name), str)}
    return {name: words.get(name, value) for name, value in data.items() if value is not None}


def read_config(path: Path, data: dict[str, Any]) -> Config:
    """What matters of a configuration.

    Args:
        path: where it stands, for messages.
        data: what stands there.

    Raises:
        AdapterFileError: a field that is missing, or cannot be; naming it.
    """
    if str(data.get("peft_type")).upper() not in PATTERNED:  # AdaLoRA's rank_pattern is something else
        data = {key: value for key, value in data.items() if key not in ("rank_pattern", "alpha_pattern")}
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise AdapterFileError(f"{path}: {explain(error)}") from None
    if config.peft_type.upper() == "LORA":
        for name in ("r", "lora_alpha"):
            if getattr(config, name) is None:
                raise AdapterFileError(f"{path}: {name} is missing")
    _check_names(config, path)
    return config


def _check_names(config: Config, path: Path) -> None:
    """Refuses what PEFT would take for regular expressions where people write names."""
    layers = config.layers_pattern
    for field, names in (
        ("modules_to_save", config.modules_to_save),
        ("layers_pattern", [layers] if isinstance(layers, str) else layers),
    ):
        odd = next((name for name in names or () if not _NAME.fullmatch(name)), None)
        if odd is not None:
            raise AdapterFileError(f"{path}: {field} holds {odd[:80]!r}, which is no name of a module")


def why_changes_base(config: Config, data: Mapping[str, Any]) -> str:
    """Why an adapter of this configuration would change the base model for good; empty if it would not.

    Args:
        config: what matters of it.
        data: all that stands in the file.
    """
    if is_lora(data):
        return why_not_loaded(data)
    if config.bias not in (None, "none"):
        return f"bias is {config.bias!r}: it replaces biases of the base model for good"
    return ""
