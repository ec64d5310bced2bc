"""Fields of an adapter's configuration that will be passed over, told as PEFT tells them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .lora_fields import FIELDS, is_lora, is_set, unknown_words


def ignored_fields(config: Mapping[str, Any]) -> Iterable[str]:
    """A sentence for each field that says something and that nobody heeds here.

    Args:
        config: all that stands in adapter_config.json.
    """
    known = _known_to_peft(str(config.get("peft_type")).upper())
    for field, value in config.items():
        if not is_set(value) or field == "runtime_config" or (known is not None and field in known):
            continue
        if is_lora(config) and field in FIELDS:
            if known is not None:
                yield f"{field[:80]} is for a newer PEFT than the one that is installed, which passes over it"
        elif known is not None or is_lora(config):
            yield f"{field[:80]} is no option of this method that is known here: it is passed over"
    if word := unknown_words(config):
        yield f"init_lora_weights is {word[:80]!r}, which is not known here"


def _known_to_peft(method: str) -> Collection[str] | None:
    """The fields of this method that the installed PEFT knows; None where there is no PEFT, or no such method.

    An import that would have to load PEFT is not made here: the host may be loading a model at this moment.
    """
    import sys
    from dataclasses import fields

    mapping = getattr(sys.modules.get("peft.mapping"), "PEFT_TYPE_TO_CONFIG_MAPPING", None)
    config = mapping.get(method) if mapping else None
    return None if config is None else frozenset(field.name for field in fields(config))
