"""A llama-server as an engine: every request says what it hears."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...mix import Faders, Mix
from ..requested import Requested
from ..side_by_side import say_together
from .client import Client, LlamaServerError
from .judging import ServerReader, reads_prompts, why_not_read
from .part import Part, adapters_of, parts_at
from .request import settings_of
from .saying import END, Asking, Voiced, ahead_of
from .server_tokens import ServerTokens

if TYPE_CHECKING:
    from ...target import Adapter
    from ..engine import Ability, Cancel, Hear, Hold, Token, Turn, Voice
    from ..sampling import Sampling
    from .request import Scales

#: Seconds between two looks at whether a reply is over.
_GLANCE = 0.5
_OFF = Faders(on=False)


def connect(
    url: str,
    parts: Sequence[Part] | None = None,
    key: str | None = None,
    *,
    alias: str | None = None,
    carried: bool = False,
    patience: float = 600.0,
) -> LlamaServerEngine:
    """The engine of a llama-server that runs, with a fader for each part that it has loaded.

    >>> desk = Desk(connect("http://127.0.0.1:8080", split("loras/pirate", "models/smollm2.gguf", "parts/pirate")))

    Args:
        url: where it listens.
        parts: the files that it was started with; found by the paths that it names if None, which takes a server that
            runs on this machine.
        key: its API key, if it wants one.
        alias: what it calls its model, if it must be that very server.
        carried: whether whoever generates on it puts the engine's `lora` into each request (`why_not("live")`).
        patience: seconds without a word from it after which a reply is given up.

    Raises:
        ValueError: that is no address.
        LlamaServerError: nobody is there, the key is wrong, it knows no adapters, or has others.
    """
    return LlamaServerEngine(Client(url, key, patience), parts, alias, carried)


class _Model:
    """Stands for the model that a server has: others remember it for as long as it is that one."""


class LlamaServerEngine(Requested):
    """Plays mixes on one llama-server. Members as `engines.engine.Engine` tells them.

    The scales of all adapters stand in every request; what the server plays to others is left as it is.

    Args:
        client: the server.
        parts: its adapters' files; found by the paths that it names if None.
        alias: what it calls its model, if it must be that very server.
        carried: whether whoever generates on it puts `lora` into each request.
    """

    name = "llama.cpp"

    def __init__(
        self, client: Client, parts: Sequence[Part] | None = None, alias: str | None = None, carried: bool = False
    ) -> None:
        super().__init__()
        self.client = client
        self.carried = carried
        self.desk: Any = None
        self.adapters: Mapping[str, Adapter] = {}
        self.parameters = 0
        self.parts: tuple[Part, ...] = ()
        #: The base model's file, if it lies on this machine where the server has it.
        self.model_file: Path | None = None
        self.tokens = ServerTokens(client)
        self.context: int | None = None
        self.slots = 1
        self._guesses = False
        self._given, self._alias = parts, alias
        self._known: frozenset[str] = frozenset()
        self._ends: tuple[int, ...] = ()
        self._model: tuple[str, ...] = ()
        self._base = _Model()
        self._paths: tuple[str, ...] = ()
        self._ids: dict[tuple[str, str], int] = {}
        self._starts: dict[tuple[str, str], float] = {}
        #: Adapters of the server's that are none of ours, as whoever started it wants them.
        self._others: dict[int, float] = {}
        #: The scale that each file was started at, by the path that the server names; it is read once.
        self._started: dict[str, float] = {}
        self._silent: frozenset[str] = frozenset()
        self._outdated = False
        self._why_not_read: str | None = None
        self._reads_prompts = False
        self.refresh()

    # What there is

    @property
    def base(self) -> Any:
        """The same object as long as the server has the same model."""
        return self._base

    @property
    def as_loaded(self) -> tuple[str, ...]:
        """What a server was started with is meant to be heard, but for files that it was started with at scale 0."""
        return tuple(name for name in self.adapters if name not in self._silent)

    def unsettled(self) -> bool:
        """Never: a server's adapters come and go with it."""
        return False

    def outdated(self) -> bool:
        """Whether the server was found to have other adapters than before, when it was asked last."""
        return self._outdated

    def refresh(self) -> None:
        """Asks the server what it has.

        Raises:
            LlamaServerError: it does not answer, or lacks a part.
        """
        with self._writing:
            props = self._asked("/props", dict)
            settings = props.get("default_generation_settings") or {}
            model = (str(props.get("model_path")), str(props.get("model_alias")))
            if self._alias is not None and self._alias not in model:
                raise LlamaServerError(f"another llama-server listens at {self.client.url} now: start yours again")
            loras = _listed(self._asked("/lora-adapters", list), self.client)
            self._take(loras)
            path = Path(model[0])
            self.model_file = path.resolve() if path.is_file() else None
            self._known = frozenset(settings.get("params") or ())
            context = settings.get("n_ctx")
            self.context = context if isinstance(context, int) else None
            self.slots = max(1, int(props.get("total_slots") or 1))
            self._guesses = self._guesses_ahead()
            self._ends = self._end_of(props.get("eos_token"))
            self.parameters = self._parameters()
            self.adapters = adapters_of(self.parts, self.parameters)
            if model != self._model:
                self._model, self._base = model, _Model()
            self._outdated, self._why_not_read = False, None

    def _asked(self, path: str, kind: type) -> Any:
        found = self.client.get(path)
        if not isinstance(found, kind):
            raise LlamaServerError(f"what listens at {self.client.url} does not answer {path} as a llama-server does")
        return found

    def _take(self, loras: Sequence[tuple[int, str, float]]) -> None:
        """Matches the parts with what the server has: by path, never by order."""
        parts = tuple(self._given) if self._given is not None else self._found(loras)
        numbers: dict[str, int] = {}
        for id, path, _ in loras:
            numbers[path] = numbers[os.path.realpath(path)] = id
        ids: dict[tuple[str, str], int] = {}
        for part in parts:
            path = str(part.path)
            number = numbers.get(path, numbers.get(os.path.realpath(path)))
            if number is None:
                raise LlamaServerError(
                    f"the llama-server at {self.client.url} has not loaded {part.path.name} of {part.adapter!r}: start "
                    "it with all parts"
                )
            ids[part.adapter, part.target] = number
        self._starts = {(part.adapter, part.target): part.start for part in parts}
        self.parts, self._ids = parts, ids
        self._paths = tuple(path for _, path, _ in loras)
        self._others = {id: scale for id, _, scale in loras if id not in set(ids.values())}

    def _found(self, loras: Sequence[tuple[int, str, float]]) -> tuple[Part, ...]:
        """The parts that the server names. The scale that whoever started it chose for a file is as loaded; a file at
        0, for those to switch on who move scales, is as its maker meant it, and off."""
        parts = parts_at([path for _, path, _ in loras])
        by_path = {os.path.realpath(path): scale for _, path, scale in loras}
        started = {path: self._started.get(path, by_path[path]) for path in by_path}
        self._started = started
        scales = [started[os.path.realpath(part.path)] for part in parts]
        heard = {part.adapter for part, scale in zip(parts, scales, strict=True) if scale}
        self._silent = frozenset(part.adapter for part in parts) - heard
        pairs = zip(parts, scales, strict=True)
        return tuple(replace(part, scaling=part.scaling * (scale or 1.0), start=scale or 1.0) for part, scale in pairs)

    def _end_of(self, text: Any) -> tuple[int, ...]:
        ids = self.tokens.encode(text, add_special_tokens=False) if isinstance(text, str) and text else []
        return tuple(ids) if len(ids) == 1 else ()

    def _guesses_ahead(self) -> bool:
        """Whether it decodes speculatively; a server that was started with --no-slots does not tell."""
        try:
            slots = self.client.get("/slots")
        except LlamaServerError:
            return False
        return isinstance(slots, list) and any(
            isinstance(one, dict) and one.get("speculative") is True for one in slots
        )

    def _parameters(self) -> int:
        try:
            found = self.client.get("/v1/models")["data"][0]["meta"]["n_params"]
        except (LlamaServerError, KeyError, IndexError, TypeError):
            return 0
        return found if isinstance(found, int) else 0

    def move(self, client: Client, parts: Sequence[Part], alias: str | None = None) -> None:
        """Goes on with another server of the same model, which has these parts. Its adapters are looked at anew
        (`outdated`), and what others remember of the model stays true (`base`).

        Raises:
            LlamaServerError: it does not answer, or lacks a part; it goes on with the server that it had.
        """
        with self._writing:
            before = dict(vars(self))
            self.client, self._given, self._alias, self.tokens = client, parts, alias, ServerTokens(client)
            try:
                self.refresh()
            except Exception:
                vars(self).update(before)
                raise
            self._base, self._outdated = before["_base"], True

    # What it can do

    def why_not(self, what: Ability) -> str:
        """Why it cannot do this, in a sentence for people; empty if it can."""
        if what == "scores":
            if self._why_not_read is None:
                scales = self.lora(Mix())
                self._reads_prompts = reads_prompts(self.client, self.tokens, scales)
                self._why_not_read = "" if self._reads_prompts else why_not_read(self.client, self.tokens, scales)
            return self._why_not_read
        if what == "live":
            return (
                "" if self.carried else "a llama-server plays a mix to requests that name it: others hear it as started"
            )
        if what == "rows":
            return "" if self.slots > 1 else "this llama-server has one slot: start it with --parallel 4"
        return _WHY_NOT.get(what, "")

    def differs(self, what: Ability) -> str:
        """How it does this otherwise than a model in this process, in a sentence for people; empty if it does not."""
        if what == "rows" and self._guesses:
            return f"{_DIFFERS[what]}; {_GUESSES}"
        return "" if what == "scores" and self._reads_prompts else _DIFFERS.get(what, "")

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Any mixes run side by side where the server has slots."""
        self.check_no_rows()
        return self.why_not("rows") if len(mixes) > 1 else ""

    # Playing

    def play(self, mix: Mix) -> None:
        """What `lora` and `reply` go by from now on."""
        with self._writing:
            self._rest = mix

    def lora(self, mix: Mix | None = None) -> Scales:
        """The scales of everything that the server has loaded, as a request names them; without a mix: as now."""
        mix = self._rest if mix is None else mix
        scales = dict(self._others)
        for adapter in self.adapters.values():
            faders = _OFF if adapter.name in self._silent - mix.adapters.keys() else mix[adapter.name].at(0)
            for target, gain in zip(adapter.targets, faders.gains(adapter.targets), strict=True):
                place = adapter.name, target.name
                scales[self._ids[place]] = gain * self._starts[place]
        return [{"id": id, "scale": scale} for id, scale in sorted(scales.items())]

    def lora_at(self, token: int) -> Scales:
        """The scales from a generated token on; 0 is the first. While a single row is in use: that row's, for the
        thread that uses it; whoever else is answered at the same time hears the faders."""
        with self._writing:
            row = len(self._plays) == 1 and self._rows_of == threading.get_ident()
            mix = self._plays[0] if row else self._rest
        return self.lora(mix.at(token))

    @property
    def _heard(self) -> Mix:
        """What a reply of `reply` hears: nobody else generates while a row is in use."""
        with self._writing:
            return self._plays[0] if len(self._plays) == 1 else self._rest

    # Generating and reading

    def ends(self, sampling: Sampling) -> list[int]:
        """The ids that end a reply, and the one that stands for any other that the server ended it with."""
        given = sampling.extras.get("eos_token_id")
        more = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
        return [*(int(id) for id in more), *self._ends, END]

    def say(self, prompt: Sequence[int], voices: Sequence[Voice], sampling: Sampling, hear: Hear, turn: Turn) -> None:
        """Has every voice go on from a prompt, as many side by side as the server has slots.

        Raises:
            ValueError: a setting that the server does not have.
            LlamaServerError: the server is gone, refuses, or has other adapters than it had.
        """
        settings = settings_of(sampling, self._known, self.context)
        self._check_same()

        def ask(voice: Voice) -> Voiced:
            asking = Asking(self.client, prompt, settings, voice.seed, sampling.max_new_tokens, self.lora)
            return Voiced(asking, voice.mix)

        say_together(voices, ask, hear, self.slots)

    def reply(
        self, prompt: Sequence[int], sampling: Sampling, seed: int = 0, stop: threading.Event | None = None
    ) -> Iterator[Token]:
        """A reply under the mix of this moment: a fader that is moved meanwhile is obeyed from the next token on.
        While a single row is in use it is under that row's mix, whatever is moved.

        The request is asked again with what was said so far then (`differs("mid_reply")`). The last token is `END`
        where the model ended the reply. Closing it ends the reply, and so does `stop`, even while nothing is said yet.

        Raises:
            ValueError, LlamaServerError: as with `say`.
        """
        settings = settings_of(sampling, self._known, self.context)
        self._check_same()
        asking = Asking(self.client, prompt, settings, seed, sampling.max_new_tokens, self.lora)
        over = threading.Event()
        if stop is not None:
            threading.Thread(target=_call_off, args=(asking, stop, over), name="llama-server stop", daemon=True).start()
        try:
            yield from asking.tokens(
                lambda token: self._heard.at(token),
                lambda token: ahead_of(self._heard, sampling.max_new_tokens)(token),
            )
        finally:
            over.set()
            asking.call_off()

    def reader(self, prompt: Sequence[int], cancelled: Cancel, held: Hold, keep: bool) -> ServerReader:
        """Judges texts after a prompt, mix by mix."""
        if why_not := self.why_not("scores"):
            raise ValueError(why_not)
        self._check_same()
        return ServerReader(
            self.client, self.tokens, prompt, self.context, self.lora, cancelled, held, self._reads_prompts
        )

    def _check_same(self) -> None:
        """Refuses a server that was started anew with other adapters: its numbers would be for others' files."""
        loras = _listed(self._asked("/lora-adapters", list), self.client)
        if tuple(path for _, path, _ in loras) != self._paths:
            self._outdated = True
            raise LlamaServerError(
                f"the llama-server at {self.client.url} has other adapters than it had: look again, or start it with "
                "all parts"
            )


def _call_off(asking: Asking, stop: threading.Event, over: threading.Event) -> None:
    while not over.is_set():
        if stop.wait(_GLANCE):
            asking.call_off()
            return


_WHY_NOT: Mapping[str, str] = {
    "divergence": "a llama-server tells how likely a text is, not the whole distributions that a distance is taken of",
    "impact": "impact needs the model in this process: load it with transformers (TextGen’s Transformers loader, which "
    "its portable builds lack)",
    "learn": "a llama-server says nothing about how a text's likelihood changes with a gain: learn with the "
    "Transformers loader or lora-mixer learn, and save the mix as a profile, which plays here too",
    "load": "a llama-server takes adapters when it starts: start it again with others",
    "rank": "a llama-server plays all components of a file: bake it at a smaller rank or share of the energy, and load "
    "that",
}
_GUESSES = (
    "it guesses tokens ahead (speculative decoding) and rounds otherwise there, so a reply may part from that of a "
    "server which does not; a draft model does not hear the adapters: the louder they are, the fewer guesses hold"
)
_DIFFERS: Mapping[str, str] = {
    "mid_reply": "llama.cpp reads all that was said so far again under the new mix, where PEFT goes on from what it "
    "had read under the old one",
    "fades": "wherever a gain changes llama.cpp reads prompt and reply again under the new one: slopes take long, and "
    "what was said before is heard under the new gain",
    "rows": "columns take turns in the llama-server: N of them cost about N times one",
    "scores": "a text is read one token at a time, as if it were said",
}


def _listed(told: Sequence[Any], client: Client) -> list[tuple[int, str, float]]:
    try:
        return [(int(one["id"]), str(one["path"]), float(one["scale"])) for one in told]
    except (KeyError, TypeError, ValueError):
        raise LlamaServerError(f"the llama-server at {client.url} does not tell what adapters it has") from None
