"""A reply as it grows: `model.generate` in a thread of its own, its tokens as text on this side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import torch
from transformers import StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from ..protocol import Request
from .growing import Partial, cut, decoder


def stream(model: Any, tokenizer: Any, request: Request, stop: threading.Event) -> Iterator[Partial]:
    """Yield the reply to `request` each time it has grown, until it ends or `stop` is set.

    However the iteration ends, the generating thread has ended when it does. The caller holds the generation lock.
    Raises what `model.generate` raises.
    """
    tokens = _Tokens()
    failure: list[BaseException] = []
    done = threading.Event()  # ends the thread when nobody listens any more, which is not what `stop` means

    def work() -> None:
        try:
            _generate(model, request, tokens, [_Until(stop, done)])
        except BaseException as error:  # carried over to the listening thread
            failure.append(error)
        finally:
            tokens.end()

    thread = threading.Thread(target=work, name="lora-mixer-generate", daemon=True)
    thread.start()
    try:
        yield from _texts(tokenizer, tokens, request)
    finally:
        done.set()
        thread.join()
    if failure:
        raise failure[0]


def _generate(model: Any, request: Request, streamer: Any, criteria: list[Any]) -> None:
    ids = torch.tensor([request.token_ids], device=model.device)
    # Both are settings of the thread, so they are made here.
    torch.manual_seed(request.seed)
    with torch.inference_mode():
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            streamer=streamer,
            stopping_criteria=criteria,
            **request.sampling.to_dict(),
        )


def _texts(tokenizer: Any, tokens: _Tokens, request: Request) -> Iterator[Partial]:
    tokenizer = decoder(tokenizer, request)
    ids: list[int] = []
    told = Partial("", 0)
    open_end = True
    while open_end:
        fresh, open_end = tokens.take()
        ids += fresh
        text = tokenizer.decode(ids, skip_special_tokens=request.skip_special_tokens)
        text, stopped = cut(text, request.stop_strings, final=not open_end)
        # Tokens without a text of their own, special ones say, count in the end.
        if text != told.text or (len(ids) > told.tokens and (stopped or not open_end)):
            told = Partial(text, len(ids))
            yield told
        if stopped:
            return


class _Tokens(BaseStreamer):
    """Token ids from the generating thread to the one that reads them; the first `put` is the prompt, and skipped."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._prompt_seen = False

    def put(self, value: torch.Tensor) -> None:
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        for token in value.flatten().tolist():
            self._queue.put(token)

    def end(self) -> None:
        self._queue.put(None)

    def take(self) -> tuple[list[int], bool]:
        """Wait for at least one token, then take all there are; and whether more may come."""
        taken = [self._queue.get()]
        while not self._queue.empty():
            taken.append(self._queue.get())
        return [token for token in taken if token is not None], None not in taken


class _Until(StoppingCriteria):
    """Ends a generation when one of the events is set."""

    def __init__(self, *events: threading.Event) -> None:
        self._events = events

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        stop = any(event.is_set() for event in self._events)
        return torch.full((input_ids.shape[0],), stop, device=input_ids.device, dtype=torch.bool)
