"""A host in plain Python around the toy engine: no torch, no chat of its own, and yet a whole page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from helpers.toy_engine import ToyEngine

from lora_mixer.hosts.protocol import HostError, Request, Trouble
from lora_mixer.lora_ops import Sampling


class ToyHost:
    """Members as `hosts.protocol.Host` tells them."""

    name = "the toy"
    multi_user = False
    initial_off: Sequence[str] = ()
    model_name = "letters"
    lora_dir = model_dir = None

    def __init__(self, engine: ToyEngine, folder: Path | None) -> None:
        self.engine = self.model = engine
        self.user_data = folder
        self.lock = threading.Lock()

    def shelf_folders(self) -> Sequence[Path]:
        return []

    def loaded_adapters(self) -> Mapping[str, Path | None]:
        return dict.fromkeys(self.engine.adapters)

    def load_adapters(self, names: Sequence[str | Path], **_: Any) -> Mapping[str, str]:
        raise HostError(self.engine.why_not("load"))

    def unload_adapters(self, names: Sequence[str] | None = None) -> None:
        raise HostError(self.engine.why_not("load"))

    def watch_changes(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        pass

    def adapter_menu(self) -> Sequence[Any]:
        return []

    adapter_menu_updates = merged_sources = chat_inputs = chat_outputs = adapter_menu

    def turns(self, values: Sequence[Any]) -> Sequence[tuple[str, str]]:
        return []

    def trouble(self) -> Trouble | None:
        return None

    def reply_length(self) -> None:
        return None

    def ask_again(self, values: Sequence[Any]) -> Request:
        raise HostError("There is no chat here: type a prompt.")

    prompt_again = ask_again

    def last_reply(self, values: Sequence[Any]) -> str:
        return ""

    def ask(self, text: str, values: Sequence[Any], before: Sequence[Any] = (), system: str = "") -> Request:
        if not text.strip():
            raise HostError("Type a prompt first.")
        sampling = Sampling(max_new_tokens=6, do_sample=True, temperature=1.2)
        return Request(text, tuple(self.engine.tokens.encode(text)), sampling, (), seed=7)

    def generate(self, request: Request) -> Iterator[str]:
        said: list[int] = []
        tokens: list[str] = []

        def hear(new: Mapping[int, Any]) -> list[bool]:
            said.append(new[0].id)
            tokens.append(self.engine.tokens.decode(said))
            return [new[0].id in self.engine.ends(request.sampling)]

        from lora_mixer.lora_ops.engines.engine import Voice

        voice = Voice(self.engine._plays[0], request.seed)
        self.engine.say(request.token_ids, [voice], request.sampling, hear, lambda token: None)
        yield from tokens

    def stop(self) -> None:
        pass

    def use_reply(self, text: str, values: Sequence[Any]) -> Sequence[Any]:
        raise HostError("There is no chat here.")

    def answer_turns(self, answerer: Any) -> None:
        pass
