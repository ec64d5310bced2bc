"""`StandaloneHost`: the host protocol over our own chat page."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...lora_ops import log
from ...lora_ops.torch_errors import in_words
from ..adapter_loading import OnLoaded, leaving, wanted
from ..protocol import Answerer, HostError, ReplyLength, Request, Trouble
from .growing import Partial
from .history import History
from .llama import LlamaPlayer
from .load import Start, demo_on_llama, load
from .player import Curable

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Engine
    from .player import Player
    from .prompt import Settings

#: What the button at the head of the page says that has the demo's model play on the other engine.
ON_LLAMA, HERE = "Play on llama.cpp", "Play in this process"

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
        self._loaded: Player | None = None
        #: Held by whoever has the model played by another player, or changes its adapters.
        self._changes = threading.Lock()
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
    def player(self) -> Player | None:
        """What plays the model; None while it is loading."""
        return self._loaded

    @property
    def engine(self) -> Engine | None:
        return self._loaded.engine if self._loaded else None

    @property
    def model_name(self) -> str:
        return (self._loaded.model_name if self._loaded else "") or self.start.model_name

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
        return self._loaded.adapters() if self._loaded else {}

    def load_adapters(
        self, names: Sequence[str | Path], *, keep: bool = False, on_loaded: OnLoaded | None = None
    ) -> Mapping[str, str]:
        with self._changes, self.lock:
            playing = self._changeable()
            plan = wanted(names, keep, self._shelf(), playing.adapters())
            self._loaded = playing.changed(plan.load, plan.keep)
            if on_loaded is not None:
                on_loaded(plan.names)
            self.on_model()
        return plan.names

    def unload_adapters(self, names: Sequence[str] | None = None) -> None:
        with self._changes, self.lock:
            playing = self._changeable()
            loaded = playing.adapters()
            out = leaving(names, self._shelf(), loaded)
            self._loaded = playing.changed({}, [name for name in loaded if name not in out])
            self.on_model()

    def _changeable(self) -> Player:
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

    def use(self, loaded: Player) -> None:
        """Play a model that is loaded already."""
        with self.lock:
            self._loaded = loaded
            self.on_model()
        self.progress = ""

    # -- where it plays --

    @property
    def offer(self) -> str:
        """What the button at the head of the page says, which has another player play the model; empty for none."""
        playing = self._loaded
        if playing is None:
            return ""
        if isinstance(playing, Curable) and playing.cure:
            return playing.cure
        if self.multi_user or not self.start.is_of_demo:
            return ""
        return HERE if isinstance(playing, LlamaPlayer) else ON_LLAMA

    def accept(self) -> None:
        """Does what `offer` says; `progress` tells how far it is. Takes seconds.

        Raises:
            HostError: it cannot be done, or was done already; all plays as before.
        """
        if not self._changes.acquire(blocking=False):
            raise HostError("Something else is being done with the model at the moment: wait for it.")
        try:
            playing, offer = self._loaded, self.offer
            if playing is None or not offer:
                raise HostError("There is nothing to be done about what plays the model.")
            if isinstance(playing, Curable) and playing.cure:
                with self.lock:
                    playing.revive(self._say)
                    self.on_model()
            else:
                self._change_place(playing, to_llama=offer == ON_LLAMA)
        finally:
            self.progress = ""
            self._changes.release()

    def _change_place(self, playing: Player, to_llama: bool) -> None:
        """The demo's model on the other engine, with the adapters that are in it: where the faders stand is kept."""
        there = playing.adapters()
        adapters = {name: folder for name, folder in there.items() if folder is not None}
        if lost := next((name for name in there if name not in adapters), None):
            raise HostError(f"Nobody knows any more where {lost} came from: unload it first.")
        if to_llama:
            after = demo_on_llama(self.start, adapters, self._say)
        else:
            after = load(replace(self.start, adapters=adapters), self._say)
        self._say("Waiting for the reply that is under way …")
        with self.lock:
            self._loaded = after
            self.on_model()
        playing.close()

    def close(self) -> None:
        """Ends what was started for the page."""
        self.stop()
        if self._loaded is not None:
            self._loaded.close()

    def trouble(self) -> Trouble | None:
        if self.failure:
            return Trouble("The model could not be loaded", self.failure)
        if self.model is None:
            return Trouble("The model is being loaded", self.progress)
        if self._loaded is not None and (trouble := self._loaded.trouble()) is not None:
            return trouble
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

    def request(self, history: History, settings: Settings, opening: str = "") -> Request:
        """The chat's last turn as a request; the reply goes on from `opening`.

        Raises HostError while there is no model, and when the chat does not fit the model's context.
        """
        if self._loaded is None:
            raise HostError(self.failure or f"{self.progress} One moment, then send it again.")
        return self._loaded.request(history.messages(settings.system, last_reply=False), settings, opening)

    # -- generating --

    def generate(self, request: Request) -> Iterator[str]:
        with closing(self.stream(request)) as partials:
            for partial in partials:
                yield partial.text

    def stream(self, request: Request, stop: threading.Event | None = None) -> Generator[Partial, None, None]:
        """`generate`, with the number of tokens; `stop` is another event that ends it. The caller holds `lock`."""
        if self._loaded is None:
            raise HostError("There is no model to ask.")
        self._stop = stop or threading.Event()
        yield from self._loaded.stream(request, self._stop)

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
        self._stop = stop
        with closing(answerer(request)) as texts:  # type: ignore[type-var]
            for text in texts:
                yield Partial(text, self._loaded.count(text) if self._loaded else 0)
                if stop.is_set():
                    return
