"""When TextGen itself changes its LoRAs, in its menu or by its API, it begins with what was loaded.

The host blends LoRAs out of what stands in the layers: a fader at 0.5 would become part of the blend for good, and one
below 0 ends it with an error. And it goes by names: where one of a blend is there already, be it left behind, it puts a
`PeftModel` around the other, and PEFT then empties the adapters that it loads (seen with its PEFT 0.18.1, and 0.21). It
tells nobody before it begins, so the function that does it is put into a coat; the way back is `release`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .adapters import MERGED
from .chat import host_module
from .generation_calls import adapters_in, is_torch_model

#: The host's menu, its start and its API all come through here.
_FUNCTION = "add_lora_transformers"

#: What is held while the host changes its LoRAs.
Around = Callable[[], AbstractContextManager[None]]


def watch(around: Around) -> bool:
    """Has the host change its LoRAs inside of `around()`, and of nothing that was asked for before.

    Returns whether this version of the host does it where it is known to.
    """
    release()
    module = host_module("LoRA")
    change: Callable[..., Any] | None = getattr(module, _FUNCTION, None)
    if change is None:
        return False

    @functools.wraps(change)
    def watched(*args: Any, **kwargs: Any) -> Any:
        with around():
            _put_right()
            return change(*args, **kwargs)

    setattr(module, _FUNCTION, watched)
    watched.lora_mixer = True  # type: ignore[attr-defined]
    return True


def _put_right() -> None:
    """Takes out names that no layer carries, and the blend, which the host makes anew of whatever it then has."""
    model = host_module("shared").model
    if not is_torch_model(model):
        return
    there = adapters_in(model)
    for holder in (model, getattr(model, "base_model", None)):
        configs = getattr(holder, "peft_config", None) or {}
        for name in [name for name in configs if name not in there]:
            del configs[name]
    if MERGED in there and len(there) > 1 and hasattr(model, "delete_adapter"):
        model.delete_adapter(MERGED)


def release() -> None:
    """Takes the coat off again."""
    module = host_module("LoRA")
    change = getattr(module, _FUNCTION, None)
    if getattr(change, "lora_mixer", False):
        setattr(module, _FUNCTION, change.__wrapped__)  # type: ignore[union-attr]
