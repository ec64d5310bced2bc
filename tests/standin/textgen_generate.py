"""How the stand-in of TextGen generates: its arguments of `model.generate`, its streaming thread, its errors."""

from __future__ import annotations

import ast
import copy
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import transformers

logger = logging.getLogger("text-generation-webui")

COPIED = (
    "temperature", "dynatemp_low", "dynatemp_high", "min_p", "top_p", "top_k", "typical_p", "tfs", "repetition_penalty",
    "repetition_penalty_range", "penalty_alpha", "guidance_scale", "max_new_tokens", "do_sample", "dynamic_temperature",
    "temperature_last",
)  # fmt: skip
OF_THE_HOST = {
    "min_p": 0.0, "dynatemp_low": 1, "dynatemp_high": 1, "tfs": 1.0, "repetition_penalty_range": 0,
    "dynamic_temperature": False, "temperature_last": False, "sampler_priority": ["temperature", "top_k", "top_p"],
}  # fmt: skip


@contextmanager
def hijacked_generation_config() -> Iterator[None]:
    """Transformers takes the host's own sampling arguments, globally, as under TextGen.

    They stand in every config that is made from now on, and `min_p` is never None: transformers then refuses to save
    the config of any model that does not sample.
    """
    config = transformers.GenerationConfig
    original = config.__init__

    def patched(self: Any, **kwargs: Any) -> None:
        original(self, **kwargs)
        for name, default in OF_THE_HOST.items():
            setattr(self, name, kwargs.get(name, copy.copy(default)))

    config.__init__ = patched  # type: ignore[method-assign]
    # The host loads its model after that; those of the tests were made before, with configs that lack them.
    lacking = [name for name in OF_THE_HOST if not hasattr(config, name) and name != "min_p"]
    for name in lacking:
        setattr(config, name, OF_THE_HOST[name])
    try:
        yield
    finally:
        config.__init__ = original  # type: ignore[method-assign]
        for name in lacking:
            delattr(config, name)


class StopNowException(Exception):
    """How a streaming thread is told to leave the model."""


class CallbacksModule:
    """`modules.callbacks`."""

    StopNowException = StopNowException


class _Streaming:
    """A function with a callback, as an iterator of what it calls back with. Nobody waits for its thread."""

    def __init__(self, function: Callable[[Callable[[Any], None]], None], stopped: Callable[[], bool]) -> None:
        self.stop_now = False
        self._items: queue.Queue[Any] = queue.Queue()

        def callback(value: Any) -> None:
            if self.stop_now or stopped():
                raise StopNowException
            self._items.put((value,))

        def gentask() -> None:
            try:
                function(callback)
            except StopNowException:
                pass
            except Exception:
                logger.exception("Failed in generation callback")
            self._items.put(None)

        threading.Thread(target=gentask).start()  # named "Thread-N (gentask)"

    def __iter__(self) -> Iterator[Any]:
        while (item := self._items.get()) is not None:
            yield item[0]


class _Callback(transformers.StoppingCriteria):
    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> Any:
        stop = bool(self.function(input_ids[0]))
        return torch.full((input_ids.shape[0],), stop, dtype=torch.bool, device=input_ids.device)


class TextGenerationModule:
    """`modules.text_generation`."""

    def __init__(self, host: Any) -> None:
        self._host = host

    def generate_reply(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        self._host.models.load_model_if_idle_unloaded()
        with self._host.shared.generation_lock:
            yield from self._host.text_generation._generate_reply(*args, **kwargs)
            self._host.models.last_generation_time = time.time()

    def _generate_reply(
        self, question: str, state: dict[str, Any], stopping_strings: Any = None, is_chat: bool = False,
        escape_html: bool = False, for_ui: bool = False,
    ) -> Iterator[str]:  # fmt: skip
        shared = self._host.shared
        generate = self._host.extensions.apply_extensions("custom_generate_reply")
        if shared.model is None and generate is None:
            yield ""
            return
        stops = list(stopping_strings or []) + list(ast.literal_eval(f"[{state['custom_stopping_strings']}]"))
        shared.stop_everything = False
        streaming = state["stream"]
        generate = generate or (
            self._host.text_generation.generate_reply_custom
            if type(shared.model).__name__ == "LlamaServer"
            else self._host.text_generation.generate_reply_HF
        )
        reply = ""
        for reply in generate(question, question, {**state, "stream": True}, stopping_strings, is_chat=is_chat):
            reply, found = _cut(reply, stops)
            if streaming:
                yield reply
            if found or shared.stop_everything:
                break
        yield reply

    def generate_reply_custom(
        self, question: str, original_question: str, state: dict[str, Any], stopping_strings: Any = None,
        is_chat: bool = False,
    ) -> Iterator[str]:  # fmt: skip
        from standin.textgen_llama import generate_reply_custom

        yield from generate_reply_custom(self._host, question, state, is_chat)

    def generate_reply_HF(
        self, question: str, original_question: str, state: dict[str, Any], stopping_strings: Any = None,
        is_chat: bool = False,
    ) -> Iterator[str]:  # fmt: skip
        shared = self._host.shared
        seed = self.set_manual_seed(state["seed"])
        arguments = self._arguments(question, state)
        prompt = arguments["inputs"]
        output = prompt[0]
        started = time.time()
        try:
            if not state["stream"]:
                output = shared.model.generate(**arguments)[0]
                yield self.decode(output[prompt.shape[1] :], state["skip_special_tokens"])
                return

            def run(callback: Callable[[Any], None]) -> None:
                arguments["stopping_criteria"].append(_Callback(callback))
                with torch.no_grad():
                    shared.model.generate(**arguments)

            stream = _Streaming(run, lambda: shared.stop_everything)
            try:
                for output in stream:
                    if output[-1] in arguments["eos_token_id"]:
                        break
                    yield self.decode(output[prompt.shape[1] :], state["skip_special_tokens"])
            finally:
                stream.stop_now = True
        except Exception:
            logger.exception("Failed to generate reply (HF)")
        finally:
            tokens = len(output) - prompt.shape[1]
            logger.info("%.1f tokens/s, seed %d", tokens / (time.time() - started), seed)

    def _arguments(self, question: str, state: dict[str, Any]) -> dict[str, Any]:
        shared, apply_extensions = self._host.shared, self._host.extensions.apply_extensions
        arguments = {name: state[name] for name in COPIED}
        if state["prompt_lookup_num_tokens"] > 0:
            arguments["prompt_lookup_num_tokens"] = state["prompt_lookup_num_tokens"]
        if state["static_cache"]:
            arguments["cache_implementation"] = "static"
        banned = [int(token) for token in state["custom_token_bans"].split(",") if token.strip()]
        banned = ([shared.tokenizer.eos_token_id] if state["ban_eos_token"] else []) + banned
        if banned:
            arguments["suppress_tokens"] = banned
        if state["negative_prompt"]:
            arguments["negative_prompt_ids"] = self.encode(state["negative_prompt"])
        if state["sampler_priority"].strip():
            arguments["sampler_priority"] = [name.strip() for name in state["sampler_priority"].splitlines()]
        room = self.get_max_prompt_length(state)
        input_ids = self.encode(question, add_bos_token=state["add_bos_token"], truncation_length=room)
        if state["auto_max_new_tokens"]:
            arguments["max_new_tokens"] = state["truncation_length"] - input_ids.shape[1]
        _, input_ids, _ = apply_extensions("tokenizer", state, question, input_ids, None)
        processors = apply_extensions("logits_processor", transformers.LogitsProcessorList(), input_ids)
        arguments.update(
            inputs=input_ids,
            use_cache=not shared.args.no_cache,
            eos_token_id=[shared.tokenizer.eos_token_id],
            stopping_criteria=transformers.StoppingCriteriaList([_Callback(lambda _: shared.stop_everything)]),
            logits_processor=processors,
        )
        return arguments

    def encode(self, prompt: str, add_bos_token: bool = True, truncation_length: int | None = None) -> torch.Tensor:
        tokenizer = self._host.shared.tokenizer
        if type(tokenizer).__name__ == "LlamaServer":
            return torch.tensor([tokenizer.encode(str(prompt), add_bos_token=add_bos_token)])
        ids = list(tokenizer.encode(str(prompt)))
        if add_bos_token and ids[:1] != [tokenizer.bos_token_id]:
            ids.insert(0, tokenizer.bos_token_id)
        return torch.tensor([ids])[:, -(truncation_length or len(ids)) :]

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        return self._host.shared.tokenizer.decode(ids, skip_special_tokens=skip_special_tokens)

    def get_encoded_length(self, prompt: str) -> int:
        return self.encode(prompt).shape[1]

    def get_max_prompt_length(self, state: dict[str, Any]) -> int:
        return state["truncation_length"] - state["max_new_tokens"]

    def set_manual_seed(self, seed: Any) -> int:
        seed = random.randint(1, 2**31) if int(seed) == -1 else int(seed)
        torch.manual_seed(seed)
        return seed

    def stop_everything_event(self) -> None:
        self._host.shared.stop_everything = True


def _cut(reply: str, stops: list[str]) -> tuple[str, bool]:
    for stop in stops:
        if stop in reply:
            return reply[: reply.index(stop)], True
    beginnings = (stop[:size] for stop in stops for size in range(len(stop) - 1, 0, -1))
    ending = next((beginning for beginning in beginnings if reply.endswith(beginning)), "")
    return reply[: len(reply) - len(ending)], False
