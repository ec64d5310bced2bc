"""Notices where a reply is while the model writes it, so that faders can fade: one hook, for as long as they do."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Callable, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


class Following:
    """Calls back before each forward pass that works out another generated token than the pass before it.

    The hook sits on the part of the model that every pass goes through, whoever generates. Inside transformers'
    `generate` it reads from there how long the prompt is; so it knows the token with and without a cache, in a prompt
    that is read in pieces, under speculative decoding, and when the model is asked something else in between
    (guidance). In another loop it goes by the lengths of the passes: what follows directly on the pass before, one
    token long, goes on with the reply; anything else is a prompt.

    Args:
        model: the base model, which need not have PEFT's around it.
    """

    def __init__(self, model: nn.Module) -> None:
        self._module = _core(model)
        self._turn: Callable[[], None] | None = None
        self._handle: Any = None
        self._clear()

    def start(self, turn: Callable[[], None]) -> None:
        """From here on calls `turn` when `token` has changed; in the middle of a reply too."""
        self._turn = turn
        if self._handle is None:
            self._clear()
            self._handle = self._module.register_forward_pre_hook(_Hook(self), with_kwargs=True)

    def stop(self) -> None:
        """Takes the hook off the model."""
        if self._handle is not None:
            self._handle.remove()
        self._turn = self._handle = None
        self._clear()

    def tell(self, token: int) -> None:
        """Says which token comes next, for a loop that knows; until `stop` nothing is noticed any more."""
        self._told = True
        self._move(token)

    @property
    def token(self) -> int:
        """The generated token that the model works out, or did last; 0 when that `generate` is over."""
        if self._call is not None and self._call() is None and not self._told:
            self._clear()
        return self._token

    def _clear(self) -> None:
        self._token = 0
        self._told = False
        #: What lives as long as the call of `generate` that was seen last: its own copy of the settings.
        self._call: weakref.ref[Any] | None = None
        #: In another loop: how long the prompt was, and how many tokens the model has seen.
        self._prompt = self._seen = 0

    def _move(self, token: int) -> None:
        if token != self._token:
            self._token = token
            if (turn := self._turn) is not None:  # another thread may stop it
                turn()

    def notice(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Looks at the inputs of a pass that is about to be made."""
        if self._told or (new := _width(args, kwargs)) is None:
            return
        past = _past(kwargs)
        call = _generate_call()
        if call is None:
            self._move(self._by_lengths(new, past))
            return
        settings, prompt = call
        same = self._call is not None and self._call() is settings
        self._call = weakref.ref(settings)
        # What a sampler asks the model in between is shorter than the prompt: the reply never goes back.
        self._move(max(self._token if same else 0, _token(new, past, prompt)))

    def _by_lengths(self, new: int, past: int | None) -> int:
        self._call = None
        past = 0 if past is None else past
        goes_on = (past == self._seen and new == 1) if past else new == self._seen + 1
        self._seen = past + new
        if not goes_on:
            self._prompt = self._seen
        return self._seen - self._prompt


class _Hook:
    """What is hung on the model. A copy of the model, or one that is saved whole and loaded again, fades no more."""

    def __init__(self, following: Following) -> None:
        self._following = following

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._following.notice(args, kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        return _nothing

    def __reduce__(self) -> tuple[Any, ...]:
        return _no_hook, ()


def _nothing(*_: Any) -> None:
    """The hook of a model's copy."""


def _no_hook() -> Callable[..., None]:
    return _nothing


def _core(model: nn.Module) -> nn.Module:
    """The module inside the model that each of its passes calls; PEFT calls the `forward` of the model around it."""
    from torch import nn

    core = getattr(model, getattr(model, "base_model_prefix", "") or "", None)
    return core if isinstance(core, nn.Module) else model


def _token(new: int, past: int | None, prompt: int) -> int:
    """The first generated token that a pass works out: over `new` tokens, with so many in its cache (None: no cache).

    Of the tokens that speculative decoding works out at once, it is the first.
    """
    if past is None:
        return new - prompt
    return past + 1 - prompt if past else 0


def _width(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int | None:
    """How many tokens a pass is given."""
    for name in ("decoder_input_ids", "input_ids", "decoder_inputs_embeds", "inputs_embeds"):
        if (given := kwargs.get(name)) is not None:
            return int(given.shape[1])
    return int(args[0].shape[1]) if args and hasattr(args[0], "shape") and args[0].ndim > 1 else None


def _past(kwargs: Mapping[str, Any]) -> int | None:
    """How many tokens are in the cache of a pass; None if it has no cache."""
    cache = kwargs.get("past_key_values")
    if cache is None:
        return None
    if hasattr(cache, "get_seq_length"):
        return int(cache.get_seq_length())
    return int(cache[0][0].shape[-2]) if len(cache) else 0


def _generate_call() -> tuple[Any, int] | None:
    """The settings of the call of `generate` that this pass is part of, and how many tokens its prompt has."""
    code = _generate_code()
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    if frame is None:
        return None
    given = frame.f_locals
    settings, ids = given.get("generation_config"), given.get("input_ids")
    if settings is None or ids is None:
        return None
    prompt = ids.shape[1]
    config = getattr(given.get("self"), "config", None)
    if not getattr(config, "is_encoder_decoder", False):
        # With embeddings, or a cache that holds the beginning already, the ids are not all of the prompt.
        mask = (given.get("model_kwargs") or {}).get("attention_mask")
        masked = mask.shape[1] if mask is not None and mask.ndim == 2 else 0
        prompt = max(prompt, masked, getattr(settings, "_mask_length", None) or 0)
    return settings, prompt


def _generate_code(known: list[CodeType] = []) -> CodeType:  # noqa: B006 - looked up once
    if not known:
        # Not imported at the top: a host that only starts should not wait for it.
        generate = inspect.unwrap(sys.modules["transformers"].GenerationMixin.generate)
        known.append(generate.__code__)
    return known[0]
