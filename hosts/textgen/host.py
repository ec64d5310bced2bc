"""text-generation-webui ("TextGen") as a host.

Everything of the host (`modules.*`) is looked up when it is needed, never when this file is imported: the host replaces
its model under our feet, and importing this file must not cost it anything at its start.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops import log
from ..adapter_loading import OnLoaded, Tell
from ..protocol import Answerer, HostError, ReplyLength, Request, Trouble
from . import adapters as textgen_adapters
from . import api_mixes as textgen_api
from . import llama_loads as textgen_loads
from . import lora_menu_changes as textgen_changes
from . import turns as textgen_turns
from .chat import (
    Turn,
    add_version,
    build_turn,
    has_turn,
    history_of,
    host_module,
    stop_strings,
    stored_reply,
    thinking_tag,
)
from .current_loader import loader_of
from .generation_calls import SettledLock, drawn_seed, finish_streams
from .loader import Loader, load_advice

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine

_LOG = logging.getLogger(__name__)
#: What a greeting replies to, in the host's own chat.
_GREETS = "<|BEGIN-VISIBLE-CHAT|>"


def _untold(text: str, part: float | None) -> None:
    """Nobody wants to know how far it is."""


class TextGenHost:
    """TextGen, as the mixing desk sees it. Holds nothing of the host: all is read from it at the moment it is asked."""

    name = "TextGen"
    #: The host's user chose the adapters: they start as the host loaded them.
    initial_off: Sequence[str] = ()

    def __init__(self) -> None:
        #: Whether `generate` runs: what the host generates then is no turn of its chat.
        self._generating = False

    @property
    def multi_user(self) -> bool:
        """Whether the host was started with `--multi-user`."""
        return bool(host_module("shared").args.multi_user)

    @property
    def _loader(self) -> Loader | None:
        return loader_of(self.multi_user)

    @property
    def model(self) -> Any | None:
        """The host's model if faders can move anything in it (ExLlamaV3 and TensorRT have no place for adapters)."""
        return loader.model if (loader := self._loader) is not None else None

    @property
    def tokenizer(self) -> Any | None:
        """The tokenizer of `model`, or None."""
        return host_module("shared").tokenizer if self.model is not None else None

    @property
    def engine(self) -> Engine | None:
        """What plays `model`, with `tokenizer`; None without a model, or where it cannot have adapters yet."""
        return loader.engine if (loader := self._loader) is not None else None

    @property
    def model_name(self) -> str:
        """The model's name as the Model tab shows it; empty when none is loaded."""
        name = host_module("shared").model_name
        return "" if name in (None, "None") else str(name)

    @property
    def lock(self) -> SettledLock:
        """The lock that the host's chat, notebook and API all generate under; got only when the model is at rest."""
        return SettledLock(host_module("shared").generation_lock)

    @property
    def user_data(self) -> Path | None:
        """`lora-mixer` in the host's user data; None in multi-user mode."""
        return None if self.multi_user else Path(host_module("shared").user_data_dir).resolve() / "lora-mixer"

    @property
    def lora_dir(self) -> Path | None:
        """The folder of the Model tab's LoRA menu (`--lora-dir`); None in multi-user mode."""
        return None if self.multi_user else textgen_adapters.lora_dir()

    @property
    def model_dir(self) -> Path | None:
        """The folder of the Model tab's models (`--model-dir`); None in multi-user mode."""
        return None if self.multi_user else Path(host_module("shared").args.model_dir).resolve()

    def shelf_folders(self) -> list[Path]:
        """The host knows one folder of adapters; on llama.cpp its user may have put files from elsewhere into flags."""
        folder = self.lora_dir
        if folder is None:
            return []
        return loader.shelf_folders() if (loader := self._loader) is not None else [folder]

    def loaded_adapters(self) -> dict[str, Path | None]:
        """The adapters in the model, whoever loaded them; the host's blend of them is not among them."""
        return {} if (loader := self._loader) is None else loader.loaded()

    def load_adapters(
        self,
        names: Sequence[str | Path],
        *,
        keep: bool = False,
        on_loaded: OnLoaded | None = None,
        tell: Tell | None = None,
    ) -> Mapping[str, str]:
        """Loads adapters of `lora_dir`, each beside the others. Takes `lock`. The host knows them as its LoRAs.

        They are kept in the dtype of the model's layers, as the host does; the model itself is not cast.

        Raises:
            HostError: multi-user mode, no model or another loader, or an adapter that is not there, is damaged or does
                not fit; everything is as it was.
        """
        with self._changing() as loader:
            return loader.load(names, keep, on_loaded, tell or _untold)

    def unload_adapters(self, names: Sequence[str] | None = None) -> None:
        """Unloads these adapters, or all. Takes `lock`. Without any, the model is the one that the host loaded.

        Raises:
            HostError: multi-user mode, no model, or one of them is not loaded; nothing was unloaded.
        """
        with self._changing() as loader:
            loader.unload(names)

    def whole_adapters(self) -> Mapping[str, bool]:
        """Adapters of the user's own extra flags; see `protocol.OpensUp`."""
        return {} if self.multi_user or (loader := self._loader) is None else loader.whole_adapters()

    def open_up(self, name: str, *, on_loaded: OnLoaded | None = None, tell: Tell | None = None) -> None:
        """Splits it, and starts the model again with its parts in its place. Takes `lock`.

        Raises:
            HostError: it cannot be done; the model runs as before.
        """
        with self._changing() as loader:
            loader.open_up(name, on_loaded, tell or _untold)

    def close_up(self, name: str, *, on_loaded: OnLoaded | None = None) -> None:
        """Starts the model again with the user's own file in the place of its parts. Takes `lock`.

        Raises:
            HostError: it cannot be done; the model runs as before.
        """
        with self._changing() as loader:
            loader.close_up(name, on_loaded)

    @contextmanager
    def _changing(self) -> Iterator[Loader]:
        if self.multi_user:
            raise HostError("In multi-user mode adapters are chosen when TextGen is started, with --lora NAME.")
        with self.lock:
            if (loader := self._loader) is None:
                raise HostError("There is no model to load adapters into: load one in the Model tab first.")
            yield loader

    def watch_changes(self, around: textgen_changes.Around) -> None:
        """Around what its own menu and its API do."""
        textgen_changes.watch(around)

    def watch_models(self, told: Callable[[], Any]) -> None:
        """`told` is called when its llama.cpp loader has loaded a model, before anybody asks that."""
        textgen_loads.watch(told)

    def watch_requests(self, desk: Callable[[], Any]) -> None:
        """Requests to its API may ask for a mix of this desk from now on, each for itself alone."""
        textgen_api.follow(self, desk)

    def adapter_menu(self) -> list[Any]:
        """The LoRA list of the Model tab."""
        return textgen_adapters.menu()

    def adapter_menu_updates(self) -> list[Any]:
        """The loaded LoRAs, as that list shows them."""
        return textgen_adapters.menu_updates()

    def trouble(self) -> Trouble | None:
        """Why nothing can be mixed right now, or None. Plain text: names in it are not escaped. Never raises."""
        try:
            return self._trouble()
        except Exception as error:
            log.note(error, "TextGen does not answer")
            return Trouble("TextGen does not answer", f"Its state cannot be read: {type(error).__name__}: {error}")

    def _trouble(self) -> Trouble | None:
        shared = host_module("shared")
        if (loader := self._loader) is None:
            if self.model_name and getattr(shared.args, "idle_timeout", 0) > 0:
                return Trouble("The model was unloaded while idle", self._waking_advice())
            return Trouble("No model is loaded", load_advice(self.multi_user))
        return loader.trouble()

    def _waking_advice(self) -> str:
        """What brings the model back: its chat says that there is none, other than its notebook and its API."""
        wakes = "Press Load in the Model tab (TextGen’s notebook and API load it by themselves)"
        if self.multi_user:
            return f"{wakes}; for its LoRAs, start TextGen anew."
        if host_module("shared").args.loader == "llama.cpp":
            return (
                "TextGen’s notebook and API load it by themselves, with its adapters. So does Load in the Model tab, "
                "with the extra flags that stand there alone: load other adapters again on the Adapters tab."
            )
        return f"{wakes}, then load its LoRAs on the Adapters tab: their faders are where you left them."

    def merged_sources(self) -> list[str]:
        """The adapters that the host has loaded together, though it plays but one: each can have its own faders. In the
        order of loading; empty with one LoRA, and where `load_adapters` chose who plays."""
        return loader.merged_sources() if (loader := self._loader) is not None else []

    def chat_inputs(self) -> list[Any]:
        """The components that the host's own buttons read, in the host's order."""
        shared = host_module("shared")
        return [shared.gradio[name] for name in shared.input_elements]

    def chat_outputs(self) -> list[Any]:
        """The chat's history, and what the host's script redraws the chat from."""
        shared = host_module("shared")
        return [shared.gradio["history"], shared.gradio["display"]]

    def reply_length(self) -> ReplyLength | None:
        """What the Parameters tab says, as the page that was used last has it; None in multi-user mode."""
        if self.multi_user:
            return None
        shared = host_module("shared")

        def now(name: str) -> Any:
            value = shared.persistent_interface_state.get(name)
            return shared.gradio[name].value if value is None else value

        try:
            if now("auto_max_new_tokens"):
                return ReplyLength(int(now("truncation_length")), with_prompt=True)
            return ReplyLength(int(now("max_new_tokens")))
        except (KeyError, TypeError, ValueError):  # no page yet, or an emptied field
            return None

    def ask_again(self, values: Sequence[Any]) -> Request:
        """The chat's last turn, as "Regenerate" would ask it. Takes `lock` for a moment; changes no history.

        Raises:
            HostError: any `trouble()`, no turn yet, a template that refuses, or a prompt that does not fit.
        """
        return self._request(self._last_turn(values))

    def prompt_again(self, values: Sequence[Any]) -> str:
        """The prompt of the chat's last turn.

        Raises:
            HostError: no turn yet, a template that refuses, or a prompt that does not fit.
        """
        return self._last_turn(values).prompt

    def last_reply(self, values: Sequence[Any]) -> str:
        """The chat's last reply, as the model said it; empty if there is none, or only a greeting."""
        history = history_of(host_module("ui").gather_interface_values(*values))
        return str(history["internal"][-1][1]) if has_turn(history) else ""

    def turns(self, values: Sequence[Any]) -> Sequence[tuple[str, str]]:
        """The chat turn by turn; a greeting replies to an empty text."""
        rows = history_of(host_module("ui").gather_interface_values(*values))["internal"]
        return [("" if str(row[0]).startswith(_GREETS) else str(row[0]), str(row[1])) for row in rows]

    def _last_turn(self, values: Sequence[Any]) -> Turn:
        state = host_module("ui").gather_interface_values(*values)
        history = history_of(state)
        if not has_turn(history):
            raise HostError("There is no message to ask again: send one in the Chat tab first, or type a prompt here.")
        return build_turn(state, history)

    def ask(
        self, text: str, values: Sequence[Any], before: Sequence[tuple[str, str]] = (), system: str = ""
    ) -> Request:
        """`text` as the last turn of a new chat, under the chat's template and settings. Takes `lock` for a moment.

        `system` stands where the host's own system message, or the character's context, would.

        Raises:
            HostError: empty text, any `trouble()`, a template that refuses, or a prompt that does not fit.
        """
        if not text.strip():
            raise HostError("Type a prompt first.")
        state = host_module("ui").gather_interface_values(*values)
        if system.strip():
            place = "custom_system_message" if state["mode"] == "instruct" else "context"
            state = {**state, place: system}
        turns = [list(turn) for turn in before]
        history = {"internal": turns, "visible": copy.deepcopy(turns), "metadata": {}}
        return self._request(build_turn(state, history, text))

    def _request(self, turn: Turn) -> Request:
        with self.lock:
            loader = self._loader_or_error()
            seed = drawn_seed(turn.state["seed"])
            token_ids, sampling = loader.call(turn, seed)
        return Request(
            prompt=turn.prompt,
            token_ids=token_ids,
            sampling=sampling,
            stop_strings=turn.stop_strings,
            seed=seed,
            skip_special_tokens=bool(turn.state["skip_special_tokens"]),
            opening=turn.opening,
            state=turn.state,
        )

    def _loader_or_error(self) -> Loader:
        if trouble := self.trouble():
            raise HostError(f"{trouble.title}. {trouble.advice}")
        loader = self._loader
        if loader is None:
            raise HostError("TextGen unloaded its model in this very moment: try again.")
        return loader

    def generate(self, request: Request) -> Iterator[str]:
        """Answers `request` through the host's own generation, streaming; the caller holds `lock`.

        Raises:
            HostError: the host could not generate; the error is its cause. (The host itself would log it and go on.)
        """
        loader, text_generation = self._loader_or_error(), host_module("text_generation")
        if not hasattr(text_generation, "_generate_reply"):
            raise HostError("This version of TextGen generates in a way not known here: compare in one batch instead.")
        # The stopping strings of the request hold the custom ones already, and its limit is known.
        state = {**request.state, "seed": request.seed, "stream": True, "custom_stopping_strings": ""}
        if (limit := request.sampling.max_new_tokens) is not None:
            state |= {"max_new_tokens": limit, "auto_max_new_tokens": False}
        with loader.answering(request.seed):
            self._generating = True
            try:
                yield from text_generation._generate_reply(
                    request.prompt, state, list(request.stop_strings), is_chat=True, for_ui=False
                )
            finally:
                self._generating = False

    def stop(self) -> None:
        """Stops whatever the host generates, as its own Stop button does."""
        host_module("shared").stop_everything = True

    def answer_turns(self, answerer: Answerer | None) -> None:
        """Has `answerer` answer the turns of the page's chat, not the API's; see `textgen_turns`."""
        if answerer is None or self.multi_user:
            textgen_turns.install(None)
            return

        def answers(prompt: str, state: dict[str, Any], stopping_strings: Any) -> Iterator[str]:
            if not self._generating:
                try:
                    request = self._turn_of_the_host(prompt, state, stopping_strings)
                    with closing(answerer(request)) as texts:  # type: ignore[type-var]
                        yield from texts
                    return
                except Exception as error:  # the answerer tells its user itself
                    _LOG.warning("a turn of the chat is answered once: %s", error)
            yield from textgen_turns.own_way(prompt, prompt, state, stopping_strings, is_chat=True)

        textgen_turns.install(answers)

    def _turn_of_the_host(self, prompt: str, state: dict[str, Any], stopping_strings: Any) -> Request:
        """What the host is about to generate, as a request. The host holds `lock`."""
        finish_streams()
        loader = self._loader_or_error()
        kept = {key: value for key, value in state.items() if key != "history"}
        stops = stop_strings(stopping_strings or (), state["custom_stopping_strings"])
        turn = Turn(prompt, kept, stops, thinking_tag(prompt), continues=False)
        seed = drawn_seed(state["seed"])
        token_ids, sampling = loader.call(turn, seed)
        skip = bool(state["skip_special_tokens"])
        return Request(prompt, token_ids, sampling, stops, seed, skip, turn.opening, kept)

    def use_reply(self, text: str, values: Sequence[Any]) -> list[Any]:
        """Makes `text` the newest version of the chat's last reply, stored and shown as "Regenerate" would have.

        Returns the new history and the redrawn chat, for `chat_outputs()`. Saves the chat, except in multi-user mode.

        Raises:
            HostError: there is no reply to replace.
        """
        chat = host_module("chat")
        state = host_module("ui").gather_interface_values(*values)
        history = copy.deepcopy(history_of(state))
        if not has_turn(history):
            raise HostError("There is no reply to replace: send a message in the Chat tab first.")
        add_version(history, *stored_reply(text, state, history))
        chat.save_history(history, state["unique_id"], state["character_menu"], state["mode"])
        state["history"] = history  # outside multi-user mode this is also what a reloaded page starts from
        look = (state[key] for key in ("name1", "name2", "mode", "chat_style", "character_menu"))
        return [history, chat.redraw_html(history, *look)]
