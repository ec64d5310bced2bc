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

from ..adapter_loading import OnLoaded, leaving, wanted
from ..protocol import HostError, Trouble
from . import llama_flags, llama_reply
from .chat import Turn, host_module, too_long

if TYPE_CHECKING:
    from ...lora_ops.engines.llama_server import LlamaServerEngine
    from ...lora_ops.engines.sampling import Sampling
    from ...lora_ops.shelf.shelf import Place

#: Where the engine of a `LlamaServer` is kept: on that object, so that it goes with it.
_ENGINE = "lora_mixer_engine"
#: In the user's data of our own: the parts of adapters.
_PARTS = "parts"
#: What of a request is not the chat's settings.
_NOT_SETTINGS = ("lora", "seed", "n_probs", "logit_bias")
#: The longest that one argument may be on Linux, and all of them on Windows, less what else stands there.
_LONGEST = 24_000 if os.name == "nt" else 120_000


def is_llama_server(model: Any) -> bool:
    """Whether this is the host's object around a llama-server."""
    return type(model).__name__ == "LlamaServer" and hasattr(model, "port") and hasattr(model, "prepare_payload")


class LlamaCpp:
    """A model in the host's llama-server. Members as `loader.Loader` tells them."""

    def __init__(self, server: Any, multi_user: bool) -> None:
        self.model: Any | None = server
        self._server, self._multi_user = server, multi_user

    @property
    def engine(self) -> LlamaServerEngine | None:
        """None where the server has no adapters, or does not let them be moved."""
        try:
            known = self._server.process is not None and not getattr(host_module("shared").args, "ik", False)
            return self._engine() if known else None
        except (ValueError, RuntimeError, OSError):
            return None

    def _engine(self) -> LlamaServerEngine:
        """Asks the server what it has, once."""
        from ...lora_ops.engines.llama_server import connect

        if (engine := vars(self._server).get(_ENGINE)) is None:
            engine = connect(f"http://127.0.0.1:{self._server.port}", carried=True)
            vars(self._server)[_ENGINE] = engine
            llama_reply.follow(self._server, engine.lora_at)
        return engine

    def trouble(self) -> Trouble | None:
        if getattr(host_module("shared").args, "ik", False):
            advice = "Untick “ik” in the Model tab and press Load: llama.cpp itself plays the same model."
            return Trouble("ik_llama.cpp is not known here", advice)
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
        sources = {part.adapter: _source_of(part.path) for part in engine.parts}
        return {name: sources.get(name) for name in engine.adapters}

    def merged_sources(self) -> list[str]:
        return []

    def load(self, names: Sequence[str | Path], keep: bool, on_loaded: OnLoaded | None) -> Mapping[str, str]:
        there = self.loaded()
        plan = wanted(names, keep, _shelf(), there)
        split = {name: self._split(place, name) for name, place in plan.load.items()}
        engine = self.engine
        kept = [part.path for part in engine.parts if part.adapter in plan.keep] if engine else []
        _restart([*(path for path in kept if _is_ours(path)), *(path for paths in split.values() for path in paths)])
        if on_loaded is not None:
            on_loaded(plan.names)
        return plan.names

    def unload(self, names: Sequence[str] | None) -> None:
        there = self.loaded()
        out = leaving(names, _shelf(), there)
        engine = self.engine
        parts = engine.parts if engine else ()
        own = next((part.adapter for part in parts if part.adapter in out and not _is_ours(part.path)), None)
        if own is not None and names is not None:
            raise HostError(f"{own!r} stands in the extra flags of the Model tab: take it out there, and press Load.")
        _restart([part.path for part in parts if part.adapter not in out and _is_ours(part.path)])

    def _split(self, place: Place, name: str) -> list[Path]:
        """The files of an adapter's parts, made if they are not there yet; those of adapters that are gone go."""
        from ...lora_ops.engines.llama_server import CannotSplit
        from ...lora_ops.engines.llama_server.store import PartsStore

        store = PartsStore(_parts_folder())
        try:
            store.clear()
            parts = store.parts(place.folder, self._server.model_path, name=name, longest=_LONGEST)
            return [part.path for part in parts]
        except CannotSplit as error:
            raise HostError(f"{place.name} cannot be played by llama.cpp: {error}.") from error
        except (ValueError, OSError) as error:
            raise HostError(f"{place.name} could not be split for llama.cpp: {error}.") from error

    def call(self, turn: Turn, seed: int) -> tuple[tuple[int, ...], Sampling]:
        """As `generate_with_streaming` of the host puts its request together."""
        from ...lora_ops.engines.sampling import Sampling

        state, server = turn.state, self._server
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


def _restart(files: Sequence[Path]) -> None:
    """Starts the host's model again with these files besides the user's flags; without them where that fails.

    Raises:
        HostError: it did not start with them. It runs as it did before, or the message says that it does not.
    """
    shared = host_module("shared")
    before = shared.args.extra_flags
    try:
        wanted_flags = llama_flags.with_files(llama_flags.without_files(before, _parts_folder()), files)
    except ValueError as error:
        raise HostError(f"The extra flags of the Model tab cannot be read: {error}.") from error
    if _start(wanted_flags):
        return
    if _start(before):
        raise HostError(
            "llama-server did not start with these adapters (TextGen’s console says why): the model runs as before."
        )
    raise HostError("llama-server did not start again (TextGen’s console says why): press Load in the Model tab.")


def _start(flags: str | None) -> bool:
    shared, models = host_module("shared"), host_module("models")
    models.unload_model(keep_model_name=True)
    shared.args.extra_flags = flags
    shared.model, shared.tokenizer = models.load_model(shared.model_name, "llama.cpp")
    return shared.model is not None


def _parts_folder() -> Path:
    return Path(host_module("shared").user_data_dir).resolve() / "lora-mixer" / _PARTS


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_parts_folder())


def _source_of(path: Path) -> Path | None:
    """The folder that a part was made of, if it is still there."""
    from ...lora_ops.engines.llama_server.part import source_of

    folder = source_of(path.parent) if _is_ours(path) else None
    return folder if folder is not None and folder.is_dir() else None


def _shelf() -> dict[str, Place]:
    from ...lora_ops.shelf.shelf import places

    return places(Path(host_module("shared").args.lora_dir).resolve())
