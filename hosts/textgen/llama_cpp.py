"""TextGen's llama.cpp loader: adapters as files of one target each, which its llama-server is started with.

Nothing of the host is changed but what its own Model tab changes, `extra_flags`, and the `LlamaServer` that runs, which
gets a coat (`llama_reply`). A llama-server takes adapters when it starts: to load one is to start the model again, by
the host's own functions. What the user wrote into the flags stays there, and is heard as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..adapter_loading import OnLoaded, Tell, leaving, wanted
from ..protocol import HostError, Trouble
from . import llama_reply
from .asked_mix import scales_at
from .chat import Turn, host_module, too_long
from .llama_flags import remembers_prompts
from .llama_parts import Loaded, files_for, here, source_of
from .llama_restart import Flags, is_ours, restart, shelf_folders

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import LlamaServerEngine, Part
    from ...lora_ops.engines.sampling import Sampling
    from ...lora_ops.shelf.shelf import Place

#: Where the engine of a `LlamaServer` is kept: on that object, so that it goes with it.
_ENGINE = "lora_mixer_engine"
#: Where the host puts a picture into a prompt.
_PICTURE = "<__media__>"
#: What of a request is not the chat's settings.
_NOT_SETTINGS = ("lora", "seed", "n_probs", "logit_bias")
_STANDS = {False: "in one file", True: "opened up"}
_IK = Trouble(
    "ik_llama.cpp is not known here",
    "Untick “ik” in the Model tab and press Load: llama.cpp itself plays the same model.",
)


def is_ik() -> bool:
    """Whether the host is to play by ik_llama.cpp."""
    return bool(getattr(host_module("shared").args, "ik", False))


def is_llama_server(model: Any) -> bool:
    """Whether this is the host's object around a llama-server."""
    return type(model).__name__ == "LlamaServer" and hasattr(model, "port") and hasattr(model, "prepare_payload")


class LlamaCpp:
    """A model in the host's llama-server. Members as `loader.Loader` tells them."""

    def __init__(self, server: Any, multi_user: bool) -> None:
        self.model: Any | None = None if is_ik() else server
        self._server, self._multi_user = server, multi_user

    @property
    def engine(self) -> LlamaServerEngine | None:
        """None where the server has no adapters, or does not let them be moved."""
        try:
            return self._engine() if self._server.process is not None and not is_ik() else None
        except (ValueError, RuntimeError, OSError):
            return None

    def _engine(self) -> LlamaServerEngine:
        """Asks the server what it has, once."""
        from ...lora_ops.engines.llama_server import connect

        if (engine := vars(self._server).get(_ENGINE)) is None:
            engine = connect(f"http://127.0.0.1:{self._server.port}", carried=True)
            vars(self._server)[_ENGINE] = engine
            llama_reply.follow(
                self._server, scales_at(engine), remembers_prompts(host_module("shared").args.extra_flags)
            )
        return engine

    def trouble(self) -> Trouble | None:
        if is_ik():
            return _IK
        try:
            if self._engine().adapters:
                return None
        except (ValueError, RuntimeError, OSError) as error:
            return Trouble("This llama-server cannot mix adapters", f"{str(error)[:1].upper()}{str(error)[1:]}.")
        if self._multi_user:
            advice = 'In multi-user mode, start TextGen with --extra-flags "--lora FILE.gguf".'
            return Trouble("No adapter is loaded", advice)
        advice = "Load one on the Adapters tab: TextGen starts the model again with it."
        return Trouble(
            "No adapter is loaded", f"{advice} LoRAs are looked for in {host_module('shared').args.lora_dir}."
        )

    def loaded(self) -> dict[str, Path | None]:
        if (engine := self.engine) is None:
            return {}
        sources = {part.adapter: source_of(part.path) for part in engine.parts}
        return {name: sources.get(name) for name in engine.adapters}

    def merged_sources(self) -> list[str]:
        return []

    def shelf_folders(self) -> list[Path]:
        return shelf_folders()

    def load(
        self, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None, tell: Tell
    ) -> Mapping[str, str]:
        self._check_free()
        plan = wanted(names, keep, _shelf(), self.loaded())
        flags = Flags.now()
        kept = [part for part in self._loaded_here(flags) if part.adapter in plan.keep]
        fresh = {name: Loaded(place.folder, called=place.name) for name, place in plan.load.items()}
        files = self._files({**here(kept), **fresh}, flags, [path for path, _ in flags.opened], tell)
        self._restart(flags.loading(files), tell)
        if on_loaded is not None:
            on_loaded(plan.names)
        return plan.names

    def unload(self, names: Sequence[str] | None) -> None:
        self._check_free()
        there = self.loaded()
        out = leaving(names, _shelf(), there)
        flags = Flags.now()
        loaded = self._loaded_here(flags)
        own = next((name for name in out if name not in {part.adapter for part in loaded}), None)
        if own is not None and names is not None:
            first = "put it back into one file first, " if self.whole_adapters().get(own) else ""
            raise HostError(
                f"{own!r} stands in the extra flags of the Model tab: {first}take it out there, and press Load."
            )
        left = here(part for part in loaded if part.adapter not in out)
        restart(flags.loading(self._files(left, flags, [path for path, _ in flags.opened], lambda text, part: None)))

    def _loaded_here(self, flags: Flags) -> list[Part]:
        """The parts of adapters that were loaded from the shelf; all others stand in the user's own flags, or did."""
        engine = self.engine
        opened = {path for path, _ in flags.opened}
        return [part for part in engine.parts if is_ours(part.path) and part.path not in opened] if engine else []

    def whole_adapters(self) -> dict[str, bool]:
        engine, flags = self.engine, Flags.now()
        own = {os.path.realpath(path) for path, _ in flags.own_files}
        opened = {path for path, _ in flags.opened}
        parts = engine.parts if engine else ()
        found = {part.adapter: False for part in parts if os.path.realpath(part.path) in own and not is_ours(part.path)}
        return {**found, **{part.adapter: True for part in parts if part.path in opened}}

    def open_up(self, name: str, on_loaded: OnLoaded | None, tell: Tell) -> None:
        self._check_free()
        flags, part = Flags.now(), self._whole(name, opened=False)
        others = here(self._loaded_here(flags))
        adapters = {**others, name: Loaded(part.path)}
        found = files_for(adapters, self._model_file, flags, [path for path, _ in flags.opened], tell)
        loaded = [path for other in others for path in found[other]]
        self._restart(flags.loading(loaded).opening(part.path, found[name], part.start), tell)
        if on_loaded is not None:
            on_loaded({name: name})

    def close_up(self, name: str, on_loaded: OnLoaded | None) -> None:
        self._check_free()
        flags, part = Flags.now(), self._whole(name, opened=True)
        if (source := source_of(part.path)) is None:
            raise HostError(f"The file that {name!r} was opened up from is gone: put it back first.")
        restart(flags.closing(part.path.parent, source))
        if on_loaded is not None:
            on_loaded({name: name})

    def _whole(self, name: str, opened: bool) -> Part:
        """A part of an adapter of the user's own flags.

        Raises:
            HostError: there is none of that name that is opened up, or not.
        """
        engine = self.engine
        if engine is None or self.whole_adapters().get(name) is not opened:
            raise HostError(f"There is no adapter {name!r} in the extra flags that stands {_STANDS[opened]}.")
        return next(part for part in engine.parts if part.adapter == name)

    def _check_free(self) -> None:
        """To start the model again while somebody is answered would end that reply.

        Raises:
            HostError: the host is answering without its lock, or its server takes no adapters.
        """
        if is_ik():
            raise HostError(f"{_IK.title}. {_IK.advice}")
        if (replies := getattr(host_module("models"), "active_generation_count", 0)) > 0:
            several = "a reply is" if replies == 1 else f"{replies} replies are"
            raise HostError(f"TextGen starts its model again for this, and {several} under way: try again after that.")

    @property
    def _model_file(self) -> Path:
        return Path(self._server.model_path)

    def _files(self, adapters: Mapping[str, Loaded], flags: Flags, taken: Sequence[Path], tell: Tell) -> list[Path]:
        found = files_for(adapters, self._model_file, flags, taken, tell)
        return [path for paths in found.values() for path in paths]

    def _restart(self, flags: Flags, tell: Tell) -> None:
        tell("Starting the model again …", None)
        restart(flags)

    def call(self, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
        """As `generate_with_streaming` of the host puts its request together."""
        from ...lora_ops.engines.sampling import Sampling

        state, server = turn.state, self._server
        if getattr(host_module("shared"), "is_multimodal", False) and _PICTURE in turn.prompt:
            raise HostError(
                "There is a picture in this chat, and columns are asked in words alone: type a prompt here instead. "
                "The chat itself obeys the faders, pictures and all."
            )
        token_ids = tuple(server.encode(turn.prompt, add_bos_token=state["add_bos_token"]))
        if len(token_ids) > host_module("text_generation").get_max_prompt_length(state):
            raise HostError(too_long(state, len(token_ids)))
        settings = {key: value for key, value in server.prepare_payload(state).items() if key not in _NOT_SETTINGS}
        most = state["truncation_length"] - len(token_ids) if state["auto_max_new_tokens"] else state["max_new_tokens"]
        return token_ids, Sampling.of({**settings, "max_new_tokens": int(most)})

    @contextmanager
    def answering(self, seed: int) -> Iterator[None]:
        with llama_reply.watched(self._server) as errors:
            yield
        if errors:
            raise HostError(f"TextGen could not generate: {errors[0]}") from errors[0]


def _shelf() -> dict[str, Place]:
    from ...lora_ops.shelf.shelf import places

    return places(shelf_folders())
