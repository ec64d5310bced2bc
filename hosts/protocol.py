"""What the mixing desk needs from the program it runs in.

A host is where model, tokenizer, lock, chat and folders come from. Everything else here, the desk, the faders, the
comparison, knows a host through this protocol alone. To add a host, write a class with these members and hand it to
`ui.build`.

Component lists are Gradio components; they are typed as `Any` so that nothing has to import Gradio to read this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..lora_ops.engines.engine import Engine
    from ..lora_ops.engines.sampling import Sampling


class Lock(Protocol):
    """A `threading.Lock`, or what behaves like one."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...

    def release(self) -> None: ...

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class HostError(RuntimeError):
    """Something the user asked the host for cannot be done; the message says why, and what to do instead."""


@dataclass(frozen=True)
class Trouble:
    """Why there is nothing to mix right now, in a title and a sentence that says what to do."""

    title: str
    advice: str


@dataclass(frozen=True)
class Request:
    """One question to the model, complete but for the mix it is answered under.

    Attributes:
        prompt: the text as the model sees it, template and all.
        token_ids: the same as token ids.
        sampling: how replies are sampled.
        stop_strings: texts that end a reply, and are cut from it.
        seed: what every column's dice are seeded with; never -1.
        skip_special_tokens: whether special tokens are left out of the text.
        opening: how the reply begins in the prompt already; the model does not say it again, but it belongs to it.
        state: what the host itself needs to answer this request by its own way of generating.
    """

    prompt: str
    token_ids: tuple[int, ...]
    sampling: Sampling
    stop_strings: tuple[str, ...]
    seed: int
    skip_special_tokens: bool = True
    opening: str = ""
    state: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class ReplyLength:
    """How long a reply may get.

    Attributes:
        tokens: at most so many.
        with_prompt: whether the prompt counts among them: then it goes on until the context is full.
    """

    tokens: int
    with_prompt: bool = False


#: Answers a turn of the chat: growing texts of the reply. The host holds `lock` meanwhile.
Answerer = Callable[[Request], Iterator[str]]


class Host(Protocol):
    """A program with a model and a chat in it."""

    #: How the host is called in messages: "TextGen".
    name: str

    @property
    def multi_user(self) -> bool:
        """Whether strangers share this page: then nothing is written to disk."""

    @property
    def initial_off(self) -> Sequence[str]:
        """Adapters that the faders start with switched off; asked once."""

    @property
    def model(self) -> Any | None:
        """The live model, as an object of the host's own: to see whether there is one."""

    @property
    def engine(self) -> Engine | None:
        """What plays that model, tokenizer and all: the same object as long as it is the same model. It need not have
        looked at it. None where nothing could play a mix yet."""

    @property
    def model_name(self) -> str:
        """The model's name for people."""

    @property
    def lock(self) -> Lock:
        """The lock that whoever generates holds."""

    @property
    def user_data(self) -> Path | None:
        """The folder of our own among what the host keeps for its user (profiles, notes, votes), or None: keep nothing.

        It need not exist yet. None whenever `multi_user`.
        """

    @property
    def lora_dir(self) -> Path | None:
        """The folder that the host finds adapters in, where a new one belongs; None when there is none to write to.

        It need not exist yet. None whenever `multi_user`.
        """

    @property
    def model_dir(self) -> Path | None:
        """The folder that the host finds models in, where a merged one belongs; None when there is none to write to.

        It need not exist yet. None whenever `multi_user`.
        """

    def shelf_folders(self) -> Sequence[Path]:
        """What makes up the shelf: folders of adapters (`lora_dir` first), and adapters' own folders from elsewhere.

        Empty whenever `multi_user`.
        """

    def loaded_adapters(self) -> Mapping[str, Path | None]:
        """The adapters in the live model by their PEFT names, with the folder each came from where that is known.

        Read from the model itself, in the order of loading; a blend that the host made of them is not among them.
        """

    def load_adapters(
        self,
        names: Sequence[str | Path],
        *,
        keep: bool = False,
        on_loaded: Callable[[Mapping[str, str]], None] | None = None,
        tell: Callable[[str, float | None], None] | None = None,
    ) -> Mapping[str, str]:
        """Loads adapters from the shelf, each as an adapter of its own, all of them playing, whatever their ranks.

        Takes `lock`. What is loaded already stays as it is. Afterwards the host's own menu names the same adapters.

        Args:
            names: of shelf entries ("pirate", "pirate/checkpoint-100"), or their folders.
            keep: whether the adapters that were there stay beside them; without it they are unloaded.
            on_loaded: told under the lock, before anything is generated with them: where their first gains are set.
            tell: told what is going on, in a sentence, and which part of it is done, from 0 to 1; None where that is
                not counted. What it raises while something is counted ends the loading, with the model as it was.

        Returns:
            The PEFT name of each adapter asked for, by what was asked; `on_loaded` gets the same.

        Raises:
            HostError: no model, an adapter that is not there, is damaged or does not fit; the model is as it was.
        """

    def unload_adapters(self, names: Sequence[str] | None = None) -> None:
        """Takes adapters out of the model, by their PEFT or shelf names; all of them when no names are given.

        Takes `lock`. With the last one gone the model is the base model again, which says exactly what it said before.

        Raises:
            HostError: one of them is not loaded; nothing was unloaded.
        """

    def watch_changes(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        """Whenever the host changes its adapters by ways of its own, it does so inside of `around()`."""

    def adapter_menu(self) -> Sequence[Any]:
        """The host's own components that name the loaded adapters, for `adapter_menu_updates`; they may be none."""

    def adapter_menu_updates(self) -> Sequence[Any]:
        """What brings them up to date after adapters were loaded or unloaded: one update for each."""

    def trouble(self) -> Trouble | None:
        """Why nothing can be mixed (no model, a loader without torch, no adapter), or None when all is well."""

    def merged_sources(self) -> Sequence[str]:
        """The adapters that are loaded while the host plays a blend of them, or but one; empty if it plays them all."""

    def chat_inputs(self) -> Sequence[Any]:
        """The components whose values describe the chat as it stands; their values are what `values` is below."""

    def chat_outputs(self) -> Sequence[Any]:
        """The components that `use_reply` updates."""

    def reply_length(self) -> ReplyLength | None:
        """How long a reply may get as the chat is set at the moment; None where nobody but its page knows."""

    def ask_again(self, values: Sequence[Any]) -> Request:
        """The chat's last turn, asked again.

        Raises:
            HostError: there is no turn yet, or the prompt does not fit the context.
        """

    def prompt_again(self, values: Sequence[Any]) -> str:
        """The prompt of the chat's last turn, to see whether it is still the one that was answered. Takes no lock.

        Raises:
            HostError: there is no turn.
        """

    def last_reply(self, values: Sequence[Any]) -> str:
        """What the chat's last turn was answered, as the model said it; empty if there is none. Takes no lock."""

    def ask(
        self, text: str, values: Sequence[Any], before: Sequence[tuple[str, str]] = (), system: str = ""
    ) -> Request:
        """`text` as the last turn of a new chat, under the chat's own template and sampling settings.

        Args:
            text: what the user says.
            values: of `chat_inputs()`.
            before: the turns before it, each what the user said and what was answered.
            system: the system message of this chat; where it is blank, the one that the chat on the page has.

        Raises:
            HostError: the text is empty, or does not fit the context.
        """

    def generate(self, request: Request) -> Iterator[str]:
        """Answers `request` by the host's own way of generating; yields the growing reply. The caller holds `lock`.

        It gets no longer than the `max_new_tokens` of the request's `sampling`.
        """

    def stop(self) -> None:
        """Stops what `generate` is at."""

    def use_reply(self, text: str, values: Sequence[Any]) -> Sequence[Any]:
        """Puts `text` in the place of the chat's last reply, as another version where the host keeps versions.

        Returns one update for each of `chat_outputs()`.

        Raises:
            HostError: there is no reply to replace.
        """

    def answer_turns(self, answerer: Answerer | None) -> None:
        """From the next turn on `answerer` answers the chat, until None is given here; never in multi-user mode.

        Only the turns of the page's own chat, new ones and those asked again; the host's stopping strings, settings
        and its way of being stopped hold for it as ever. When the host is to stop, it closes the iterator. Whatever
        the answerer raises, the host then answers that turn by its own way.
        """


@runtime_checkable
class OpensUp(Protocol):
    """A host in which an adapter may stand in one file with one fader, and can be given a fader for each target."""

    def whole_adapters(self) -> Mapping[str, bool]:
        """Such adapters by their names in the model, and whether they were opened up."""

    def open_up(
        self,
        name: str,
        *,
        on_loaded: Callable[[Mapping[str, str]], None] | None = None,
        tell: Callable[[str, float | None], None] | None = None,
    ) -> None:
        """Gives one of them a fader for each target. Takes `lock`.

        Args:
            name: of the adapter, which keeps it.
            on_loaded, tell: as with `load_adapters`.

        Raises:
            HostError: it cannot be done; the model is as it was.
        """

    def close_up(self, name: str, *, on_loaded: Callable[[Mapping[str, str]], None] | None = None) -> None:
        """The way back: one file with one fader, as it was. Takes `lock`.

        Raises:
            HostError: it cannot be done; the model is as it was.
        """
