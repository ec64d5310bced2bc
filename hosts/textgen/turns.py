"""Has somebody else answer TextGen's chat turns, through the hook `custom_generate_reply` of its extensions.

The host looks for that function in each extension's module whenever it generates anything, and then calls it instead of
its own. It is put there, and taken away again, while it is wanted: a hook that is there but has nothing to say would
still change how the host answers. What is no turn of the page's own chat is passed on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .chat import host_module

HOOK = "custom_generate_reply"
_HOME = Path(__file__).resolve().parents[2]
#: Loaders that the host has another way of generating for.
_WITHOUT_TORCH = ("LlamaServer", "Exllamav3Model", "TensorRTLLMModel")
_FRAMES_UP = 10

#: Answers a turn, given its prompt, the host's state and its stopping strings.
Answers = Callable[[str, dict[str, Any], Any], Iterator[str]]


def install(answers: Answers | None) -> bool:
    """Puts the hook into the live module of this extension, or takes it away; whether there is such a module.

    The host makes that module anew when its page is restarted: then it has to be put there again.
    """
    modules = [module for module, _ in host_module("extensions").iterator() if _is_ours(module)]
    for module in modules:
        if answers is not None:
            setattr(module, HOOK, hook(answers))
        elif HOOK in vars(module):
            delattr(module, HOOK)
    return bool(modules)


def hook(answers: Answers) -> Callable[..., Iterator[str]]:
    """The function that the host calls."""

    def custom_generate_reply(
        question: str,
        original_question: str,
        state: dict[str, Any],
        stopping_strings: Any = None,
        is_chat: bool = False,
    ) -> Iterator[str]:
        if is_chat and _is_turn_of_the_page() and not state.get("tools") and not state.get("image_attachments"):
            return answers(question, state, stopping_strings)
        return own_way(question, original_question, state, stopping_strings, is_chat)

    return custom_generate_reply


def own_way(
    question: str, original_question: str, state: dict[str, Any], stopping_strings: Any = None, is_chat: bool = False
) -> Iterator[str]:
    """What the host would have called without a hook."""
    text_generation, model = host_module("text_generation"), host_module("shared").model
    if model is None:
        return iter(("",))
    name = "generate_reply_custom" if type(model).__name__ in _WITHOUT_TORCH else "generate_reply_HF"
    found: Iterator[str] = getattr(text_generation, name)(
        question, original_question, state, stopping_strings, is_chat=is_chat
    )
    return found


def _is_turn_of_the_page() -> bool:
    """Whether it is the chat of the host's page that is answered: neither its API, nor what it asks on its own behalf
    (a search query, a reply in the user's name), nor a reply that is only continued.

    The host tells none of this to a hook, so it is read off the calls that have led here. What a later version of the
    host may call in other ways is none then, and is answered as ever.
    """
    for_ui = False
    try:
        frame = sys._getframe(2)
    except ValueError:
        return False
    for _ in range(_FRAMES_UP):
        if frame.f_code.co_name == "_generate_reply":
            for_ui = for_ui or bool(frame.f_locals.get("for_ui"))
        if frame.f_code.co_name == "chatbot_wrapper":
            return for_ui and not frame.f_locals.get("_continue")
        if frame.f_back is None:
            break
        frame = frame.f_back
    return False


def _is_ours(module: Any) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve().parent == _HOME
