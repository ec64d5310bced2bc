"""TextGen has a llama-server again, and whoever asks first hears the faders.

The host unloads a model that nobody used for a while, and its API and notebook load it again and ask it in the same
breath: no page has looked at it by then. It tells nobody, so the function that loads is put into a coat; the way back
is `release`.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from .chat import host_module
from .llama_cpp import is_llama_server

_FUNCTION = "load_model"
_LOG = logging.getLogger(__name__)


def watch(told: Callable[[], Any]) -> None:
    """Calls `told` when the host has a new llama-server, in the thread that loaded it and before anybody asks it."""
    release()
    module = host_module("models")
    load: Callable[..., Any] = getattr(module, _FUNCTION)

    @functools.wraps(load)
    def watched(*args: Any, **kwargs: Any) -> Any:
        found = load(*args, **kwargs)
        model, tokenizer = found
        if is_llama_server(model):
            shared = host_module("shared")
            shared.model, shared.tokenizer = model, tokenizer  # what whoever called does next
            try:
                told()
            except Exception as error:  # the model is there all the same
                _LOG.warning("the faders were not put on the new model: %s", error)
        return found

    watched.lora_mixer = True  # type: ignore[attr-defined]
    setattr(module, _FUNCTION, watched)


def release() -> None:
    """Takes the coat off again."""
    module = host_module("models")
    load = getattr(module, _FUNCTION)
    if getattr(load, "lora_mixer", False):
        setattr(module, _FUNCTION, load.__wrapped__)
