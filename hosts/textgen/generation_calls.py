"""How TextGen calls its model: listened to, not rebuilt.

The host puts some forty keyword arguments together inside its generation and calls `shared.model.generate` with them.
Here that one attribute is replaced for a moment, on the model itself, while the caller holds the generation lock.

The host streams from a thread that it does not wait for: when a reply ends, its lock is free while the model still
works on one more token, draws from torch's global dice, and stops then. `finish_streams` waits for that.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from ...lora_ops.engines.sampling import Sampling
from ...lora_ops.imported import imported
from ..protocol import HostError
from .chat import Turn, host_module, too_long


def is_torch_model(model: Any) -> bool:
    """Whether `model` is a torch module; does not import torch, for without it there cannot be one."""
    torch = imported("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def adapters_in(model: Any) -> list[str]:
    """The adapters that are in the layers of `model`; does not import PEFT, for without it there cannot be one.

    Its `peft_config` can name others: the host leaves the old one on a model when it takes LoRAs away, and PEFT then
    does not put an adapter of such a name into the layers again.
    """
    if imported("peft") is None:
        return []
    from ...lora_ops.engines.peft.playing import adapters_in

    return adapters_in(model)


def finish_streams() -> None:
    """Waits for the host's streaming threads, which end within a token; the caller holds the generation lock."""
    for thread in threading.enumerate():
        if thread.name.endswith("(gentask)") and thread.is_alive() and thread is not threading.current_thread():
            thread.join(timeout=60)


class SettledLock:
    """The host's generation lock, which is got only when nothing uses the model any more."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`; then waits, for the time of a token, until the host's last thread is done."""
        got = self._lock.acquire(blocking, timeout)
        if got:
            finish_streams()
        return got

    def release(self) -> None:
        """The model was in use until now: the host's idle timer, which itself waits for the lock, counts from here."""
        host_module("models").last_generation_time = time.time()
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def drawn_seed(seed: Any) -> int:
    """`seed` as an int, with -1 (or none) replaced by a random one. Leaves the global random state alone."""
    wanted = -1 if seed is None else int(seed)
    return 1 + secrets.randbelow(2**31 - 1) if wanted == -1 else wanted


def recorded_call(model: Any, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
    """The token ids and the settings that the host would call `model.generate` with.

    The host's own code runs, up to that call; its stopping criteria are left out. Whatever happens, `model.generate`
    and torch's random state are as before.

    Raises:
        HostError: the prompt does not fit (the host would cut it), or the settings cannot be used.
    """
    import torch

    text_generation = host_module("text_generation")
    tokens = len(text_generation.encode(turn.prompt, add_bos_token=turn.state["add_bos_token"])[0])
    if tokens > text_generation.get_max_prompt_length(turn.state):
        raise HostError(too_long(turn.state, tokens))

    calls: list[dict[str, Any]] = []

    def listen(**kwargs: Any) -> Any:
        calls.append(kwargs)
        return kwargs["inputs"]

    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices=devices), replaced_generate(model, listen):
        state = {**turn.state, "seed": seed, "stream": False}
        try:
            for _ in text_generation.generate_reply_HF(turn.prompt, turn.prompt, state, [], is_chat=True):
                pass
        except Exception as error:
            # Once `generate` was called we have it all; the host's report of its speed can still divide by no time.
            if not calls:
                raise HostError(f"TextGen's settings cannot be used: {type(error).__name__}: {error}") from error
    if not calls:
        raise HostError("TextGen changed its model in this very moment: try again.")
    settings = {key: value for key, value in calls[0].items() if key not in ("inputs", "stopping_criteria")}
    return tuple(calls[0]["inputs"][0].tolist()), Sampling.of(settings)


class Run:
    """A `model.generate` that runs in a thread of the host, and the error it ended with."""

    error: BaseException | None = None


@contextmanager
def watched_generate(model: Any) -> Iterator[Run]:
    """Follows what `model.generate` does: the host logs its errors and goes on as if the reply were empty."""
    run, generate = Run(), model.generate

    def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            return generate(*args, **kwargs)
        except BaseException as error:
            run.error = error
            raise

    with replaced_generate(model, watched):
        yield run


@contextmanager
def replaced_generate(model: Any, generate: Callable[..., Any]) -> Iterator[None]:
    """`model.generate` is `generate`, on this one object; put back, or taken away again, however this ends."""
    own = vars(model)
    before = {"generate": own["generate"]} if "generate" in own else {}
    own["generate"] = generate
    try:
        yield
    finally:
        own.pop("generate", None)
        own.update(before)


@contextmanager
def seeded_random(seed: int) -> Iterator[None]:
    """Python's own dice, which some of the host's samplers roll and the host never seeds; restored after."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
