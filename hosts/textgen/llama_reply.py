"""TextGen's `LlamaServer` in a coat: every reply that it asks its llama-server for is heard under the faders.

The chat, the notebook and the API all come through `generate_with_streaming`, whose request is what `prepare_payload`
returned. Both are put into a coat on the one object that runs, and nowhere else: with the model it is gone.

A request names the scale of every adapter, since one that is left out counts as 0, and what llama-server keeps of
earlier prompts is only cleared by a request that names other scales than the one before. A reply that is under way
obeys nothing: so when a fader moves, the request is ended and asked again with what was said so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

#: `{"id": 0, "scale": 1.0}` of every adapter of the server.
Scales = Sequence[Mapping[str, Any]]
#: The scales from this generated token on; 0 is the first.
ScalesAt = Callable[[int], Scales]

_PAYLOAD, _STREAM = "prepare_payload", "generate_with_streaming"
#: Where a request's scales stand in the state that the host hands from one function to the other.
_SCALES = "lora_mixer_scales"


class _ReadAnew(dict[str, Any]):
    """A request that uses nothing of what the server remembers, whatever the host says of that in its last word."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update(*args, **kwargs)
        self["cache_prompt"] = False


def follow(server: Any, scales_at: ScalesAt, remembers: bool = False) -> None:
    """From its next request on `server` asks under these scales, and asks again when they change in mid-reply.

    Args:
        server: the host's object.
        scales_at: asked before each token.
        remembers: whether the server keeps prompts outside its slots. It does not know under which scales it read
            those: so from the first change of scales on none is used.
    """
    release(server)
    prepare, stream = server.prepare_payload, server.generate_with_streaming
    heard: list[Scales] = []

    def prepare_payload(state: Mapping[str, Any]) -> dict[str, Any]:
        scales = [dict(one) for one in (state[_SCALES] if _SCALES in state else scales_at(0))]
        if remembers and len(heard) < 2 and scales not in heard:
            heard.append(scales)
        payload = {**prepare(state), "lora": scales}
        return _ReadAnew(payload) if len(heard) > 1 else payload

    def generate_with_streaming(prompt: str, state: Mapping[str, Any]) -> Iterator[str]:
        return _Reply(server, stream, scales_at, prompt, state).grow()

    vars(server).update({_PAYLOAD: prepare_payload, _STREAM: generate_with_streaming})


def release(server: Any) -> None:
    """Takes the coat off again."""
    for name in (_PAYLOAD, _STREAM):
        vars(server).pop(name, None)


@contextmanager
def watched(server: Any) -> Iterator[list[Exception]]:
    """The errors that replies of `server` end with: the host logs them and goes on as if the reply were empty."""
    errors: list[Exception] = []
    stream = server.generate_with_streaming
    had = _STREAM in vars(server)

    def generate_with_streaming(prompt: str, state: Any) -> Iterator[str]:
        try:
            yield from stream(prompt, state)
        except Exception as error:
            errors.append(error)
            raise

    vars(server)[_STREAM] = generate_with_streaming
    try:
        yield errors
    finally:
        vars(server).pop(_STREAM, None)
        if had:
            vars(server)[_STREAM] = stream


class _Reply:
    """One reply, asked for as often as the scales change while it grows."""

    def __init__(
        self, server: Any, stream: Callable[..., Iterator[str]], scales_at: ScalesAt, prompt: str, state: Any
    ) -> None:
        self._server, self._stream, self._scales_at = server, stream, scales_at
        self._prompt, self._state = prompt, state
        #: What was said under scales that no longer hold, in text and in tokens.
        self._said, self._tokens = "", 0
        self._chances: list[Any] = []
        self._prompt_tokens: int | None = None

    def grow(self) -> Iterator[str]:
        """The growing text, as the host's own method yields it."""
        try:
            while self._has_room():
                scales, under_way = self._scales_at(self._tokens), ""
                with closing(self._ask(scales)) as texts:  # type: ignore[type-var]
                    for at, under_way in enumerate(texts, 1):
                        self._keep_count()
                        yield self._said + under_way
                        if self._follows and self._scales_at(self._tokens + at) != scales:
                            break
                    else:
                        return
                self._go_on_after(under_way)
        finally:
            self._put_together()

    @property
    def _follows(self) -> bool:
        """A grammar knows where it is in a reply, and would begin anew: such a reply keeps its scales to its end."""
        return not self._state.get("grammar_string")

    def _has_room(self) -> bool:
        return not self._tokens or self._state["auto_max_new_tokens"] or self._left() > 0

    def _left(self) -> int:
        return int(self._state["max_new_tokens"]) - self._tokens

    def _ask(self, scales: Scales) -> Iterator[str]:
        state = {**self._state, _SCALES: scales, "max_new_tokens": self._left()}
        return self._stream(self._prompt + self._said, state)

    def _keep_count(self) -> None:
        """How long the prompt is, what the host tells of it, is what its user asked; not what was said meanwhile."""
        if self._prompt_tokens is None:
            self._prompt_tokens = self._server.last_prompt_token_count

    def _go_on_after(self, text: str) -> None:
        self._said += text
        self._tokens = len(self._server.encode(self._said))
        self._chances += getattr(self._server, "last_completion_probabilities", [])

    def _put_together(self) -> None:
        if self._tokens:
            own = getattr(self._server, "last_completion_probabilities", [])
            self._server.last_completion_probabilities = [*self._chances, *own]
            self._server.last_prompt_token_count = self._prompt_tokens
