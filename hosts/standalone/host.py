"""`StandaloneHost`: the host protocol over our own chat page."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops import log
from ...lora_ops.imported import imported
from ...lora_ops.torch_errors import in_words
from ..adapter_loading import OnLoaded, change, leaving, wanted
from ..protocol import Answerer, HostError, ReplyLength, Request, Trouble
from .history import History
from .load import Loaded, Start, load

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from .prompt import Settings
    from .stream import Partial

_LOG = logging.getLogger(__name__)


class StandaloneHost:
    """A model with its adapters, and the chat page around it.

    The model is loaded by `load`, which is meant for a thread: until it is done, `model` is None and `trouble()` says
    so. The chat page hands over its components with `show_chat`.
    """

    name = "the demo page"

    def __init__(self, start: Start, *, multi_user: bool = False, initial_off: Sequence[str] = ()) -> None:
        self.start = start
        self.multi_user = multi_user
        #: Adapters that are loaded, and that a new desk should start with switched off.
        self.initial_off = list(initial_off)
        self.lock = threading.Lock()
        #: What is going on, in a sentence; empty once the model is there.
        self.progress = f"Loading {start.model_name} …"
        #: Why there is no model and will be none, or an empty string.
        self.failure = ""
        self._loaded: Loaded | None = None
        #: The reply length that the chat's settings were last set to.
        self.longest: int | None = None
        #: Told when there is a model, before anything is generated with it.
        self.on_model: Callable[[], None] = lambda: None
        self._stop = threading.Event()
        self._answerer: Answerer | None = None
        self._inputs: Sequence[Any] = ()
        self._outputs: Sequence[Any] = ()
        self._render: Callable[[History], list[Any]] = lambda _: []
        self._menu: Sequence[Any] = ()
        self._render_menu: Callable[[], Sequence[Any]] = tuple

    # -- the model --

    @property
    def model(self) -> Any | None:
        return self._loaded.model if self._loaded else None

    @property
    def tokenizer(self) -> Any | None:
        return self._loaded.tokenizer if self._loaded else None

    @property
    def engine(self) -> Engine | None:
        if self._loaded is None or imported("peft") is None:  # without it no adapter can be in the model
            return None
        from ...lora_ops.engines.peft.engine import PeftEngine

        return PeftEngine.of(self._loaded.model, self._loaded.tokenizer)

    @property
    def parameters(self) -> int:
        """How many the model has, without the adapters."""
        return self._loaded.parameters if self._loaded else 0

    @property
    def model_name(self) -> str:
        return self.start.model_name

    @property
    def user_data(self) -> Path | None:
        return None if self.multi_user else (self.start.state or self.start.root / "user_data").resolve()

    @property
    def lora_dir(self) -> Path | None:
        folder = self.user_data
        return folder / "loras" if folder else None

    @property
    def model_dir(self) -> Path | None:
        folder = self.user_data
        return folder / "models" if folder else None

    def shelf_folders(self) -> list[Path]:
        """The folder of baked adapters, the demo's, and those that the page was started with."""
        folder = self.lora_dir
        if folder is None:
            return []
        demo = self.start.root.resolve() / "demo" / "adapters"
        started = [adapter.resolve() for adapter in self.start.adapters.values()]
        return [folder, demo, *(adapter for adapter in started if adapter.parent not in (folder, demo))]

    def loaded_adapters(self) -> dict[str, Path | None]:
        """The adapters in the model, with their folders."""
        if self._loaded is None or "peft" not in sys.modules:
            return {}
        from ...lora_ops.engines.peft.loading import loaded_adapters

        return loaded_adapters(self._loaded.model)

    def load_adapters(
        self, names: Sequence[str | Path], *, keep: bool = False, on_loaded: OnLoaded | None = None
    ) -> Mapping[str, str]:
        with self.lock:
            playing = self._changeable()
            plan = wanted(names, keep, self._shelf(), self.loaded_adapters())
            self._loaded = replace(playing, model=change(playing.model, plan.load, plan.keep, upcast=True))
            if on_loaded is not None:
                on_loaded(plan.names)
            self.on_model()
        return plan.names

    def unload_adapters(self, names: Sequence[str] | None = None) -> None:
        with self.lock:
            playing, loaded = self._changeable(), self.loaded_adapters()
            out = leaving(names, self._shelf(), loaded)
            stay = [name for name in loaded if name not in out]
            self._loaded = replace(playing, model=change(playing.model, {}, stay, upcast=True))
            self.on_model()

    def _changeable(self) -> Loaded:
        if self.multi_user:
            raise HostError("Others share this page: adapters are chosen when it is started, with --lora DIR.")
        if self._loaded is None:
            raise HostError(self.failure or f"{self.progress} One moment, then load it again.")
        return self._loaded

    def _shelf(self) -> Mapping[str, Any]:
        from ...lora_ops.shelf.shelf import places

        return places(self.shelf_folders())

    def watch_changes(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        """There are no other ways here than `load_adapters`, which leaves those that stay as they were loaded."""

    def show_adapters(self, components: Sequence[Any], render: Callable[[], Sequence[Any]]) -> None:
        """Take the page's components that name the adapters, and what makes an update for each."""
        self._menu, self._render_menu = components, render

    def adapter_menu(self) -> Sequence[Any]:
        return self._menu

    def adapter_menu_updates(self) -> Sequence[Any]:
        return self._render_menu()

    def load(self) -> None:
        """Load the model and its adapters. What goes wrong ends up in `failure`, and is raised on."""
        try:
            self.use(load(self.start, self._say))
        except Exception as error:
            log.note(error, "the model could not be loaded")
            self.failure = in_words(error)
            raise
        finally:
            self.progress = ""

    def use(self, loaded: Loaded) -> None:
        """Play a model that is loaded already."""
        with self.lock:
            self._loaded = loaded
            self.on_model()
        self.progress = ""

    def trouble(self) -> Trouble | None:
        if self.failure:
            return Trouble("The model could not be loaded", self.failure)
        if self.model is None:
            return Trouble("The model is being loaded", self.progress)
        if not self.loaded_adapters():
            how = "Start" if self.multi_user else "Load one on the Adapters tab, or start"
            return Trouble("No adapter is loaded", f"{how} the page again with --lora DIR.")
        return None

    def merged_sources(self) -> Sequence[str]:
        """Nothing is ever blended here: every adapter plays by itself."""
        return ()

    def _say(self, text: str) -> None:
        self.progress = text

    # -- the chat --

    def show_chat(self, inputs: Sequence[Any], outputs: Sequence[Any], render: Callable[[History], list[Any]]) -> None:
        """Take the chat page's components: those that describe the chat, and those that `render` makes updates for."""
        self._inputs, self._outputs, self._render = inputs, outputs, render

    def chat_inputs(self) -> Sequence[Any]:
        return self._inputs

    def chat_outputs(self) -> Sequence[Any]:
        return self._outputs

    def reply_length(self) -> ReplyLength | None:
        return ReplyLength(self.longest) if self.longest and not self.multi_user else None

    def ask_again(self, values: Sequence[Any]) -> Request:
        history, settings = self.read(values)
        if history.last is None:
            raise HostError("The chat is empty: say something in it first, or type a prompt here.")
        return self.request(history, settings)

    def prompt_again(self, values: Sequence[Any]) -> str:
        return self.ask_again(values).prompt

    def last_reply(self, values: Sequence[Any]) -> str:
        last = self.read(values)[0].last
        return (last.reply if last else None) or ""

    def ask(
        self, text: str, values: Sequence[Any], before: Sequence[tuple[str, str]] = (), system: str = ""
    ) -> Request:
        if not text.strip():
            raise HostError("The prompt is empty: type something to ask.")
        _, settings = self.read(values)
        if system.strip():
            settings = replace(settings, system=system)
        history = History()
        for said, answered in before:
            history = history.say(said).answer(answered)
        return self.request(history.say(text), settings)

    def use_reply(self, text: str, values: Sequence[Any]) -> Sequence[Any]:
        history, _ = self.read(values)
        if history.busy:
            raise HostError("The chat is being answered right now: wait until it is done, or stop it.")
        if history.last is None:
            raise HostError("The chat has no reply to replace: say something in it first.")
        return self._render(history.answer(text))

    def read(self, values: Sequence[Any]) -> tuple[History, Settings]:
        """The chat and its settings, from the values of `chat_inputs()`."""
        from .prompt import Settings

        history, *settings = values
        return history or History(), Settings.of(settings)

    def request(self, history: History, settings: Settings) -> Request:
        """The chat's last turn as a request.

        Raises HostError while there is no model, and when the chat does not fit the model's context.
        """
        from .prompt import build_request

        if self._loaded is None:
            raise HostError(self.failure or f"{self.progress} One moment, then send it again.")
        messages = history.messages(settings.system, last_reply=False)
        return build_request(self._loaded.model, self._loaded.tokenizer, messages, settings)

    # -- generating --

    def generate(self, request: Request) -> Iterator[str]:
        with closing(self.stream(request)) as partials:
            for partial in partials:
                yield partial.text

    def stream(self, request: Request, stop: threading.Event | None = None) -> Generator[Partial, None, None]:
        """`generate`, with the number of tokens; `stop` is another event that ends it. The caller holds `lock`."""
        from .stream import stream

        if self._loaded is None:
            raise HostError("There is no model to ask.")
        self._stop = stop or threading.Event()
        yield from stream(self._loaded.model, self._loaded.tokenizer, request, self._stop)

    def stop(self) -> None:
        self._stop.set()

    def answer_turns(self, answerer: Answerer | None) -> None:
        self._answerer = None if self.multi_user else answerer

    def turn(self, request: Request, stop: threading.Event) -> Generator[Partial, None, None]:
        """Answers a turn of the chat: `stream`, or whoever answers instead. The caller holds `lock`."""
        if self._answerer is not None:
            try:
                yield from self._answered(self._answerer, request, stop)
                return
            except Exception:  # it tells its user itself
                _LOG.warning("a turn of the chat is answered once", exc_info=True)
        if not stop.is_set():
            yield from self.stream(request, stop)

    def _answered(self, answerer: Answerer, request: Request, stop: threading.Event) -> Generator[Partial, None, None]:
        from .stream import Partial

        self._stop = stop
        with closing(answerer(request)) as texts:  # type: ignore[type-var]
            for text in texts:
                yield Partial(text, len(self.tokenizer.encode(text, add_special_tokens=False)))  # type: ignore[union-attr]
                if stop.is_set():
                    return
