"""A vLLM or SGLang server as an engine: a mix is an adapter of its own there, and columns share one batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...mix import Mix
from ..requested import Requested
from ..side_by_side import say_together
from ..standing import Standing
from .client import SGLANG, Client, RankTooHigh, VllmError, dialect_of, listed, server_info
from .judging import ServerReader, reading
from .request import settings_of
from .saying import END, Asking, say_under
from .served_model import AnotherModel, ServedModel, check_all
from .source import CannotServe, Source
from .stock import Stock
from .tokens import ServerTokens
from .written_mix import is_silent

if TYPE_CHECKING:
    from ...target import Adapter
    from ..engine import Ability, Cancel, Hear, Hold, Token, Turn, Voice
    from ..sampling import Sampling

#: Seconds for which faders stand still before what they say is written and loaded.
_SETTLED = 0.2


def connect(
    url: str,
    adapters: Mapping[str, Path | str],
    shared: Path | str,
    seen_as: str | None = None,
    *,
    key: str | None = None,
    base: Path | str | None = None,
    at_once: int = 8,
    most_rank: int | None = None,
    patience: float = 600.0,
) -> VllmEngine:
    """The engine of a vLLM or SGLang server that runs, with a fader for each target of some adapters.

    >>> desk = Desk(connect("http://127.0.0.1:8000", {"pirate": "loras/pirate"}, "/shared/mixes"))

    The server is asked to load adapters that this writes into the shared folder, and to unload these alone.

    Args:
        url: where it listens.
        adapters: PEFT folders, by the names that the desk gives them.
        shared: a folder that the server sees too.
        seen_as: where the server finds that, if not under the same path.
        key: its API key, if it wants one.
        base: the folder of the model that it serves, to check adapters against; the one that it names, where that can
            be read from here.
        at_once: how many mixes it plays in one batch (its --max-loras).
        most_rank: the largest rank to be served: what a mix has beyond its strongest components is left out.
        patience: seconds without a word from it after which a reply is given up.

    Raises:
        ValueError: that is no address, or there is no adapter.
        CannotServe: an adapter that the server has no form for, or one for another model.
        AdapterFileError: an adapter that is damaged.
        VllmError: nobody is there, the key is wrong, or it takes no adapters.
        OSError: nothing can be written into the shared folder.
    """
    if not adapters:
        raise ValueError("name at least one adapter's folder")
    sources = [Source.read(name, Path(folder).expanduser()) for name, folder in adapters.items()]
    client = Client(url, key, patience)
    return VllmEngine(client, sources, Path(shared), seen_as, base, at_once, most_rank)


class _Model:
    """Stands for the model that a server has: others remember it for as long as it is that one."""


class VllmEngine(Requested):
    """Plays mixes on one server. Members as `engines.engine.Engine` tells them."""

    def __init__(
        self,
        client: Client,
        sources: Sequence[Source],
        shared: Path,
        seen_as: str | None = None,
        base: Path | str | None = None,
        at_once: int = 8,
        most_rank: int | None = None,
    ) -> None:
        super().__init__()
        self.client = client
        self.dialect = dialect_of(client)
        self.name = self.dialect.name
        self.desk: Any = None
        self.parameters = 0
        self.adapters: Mapping[str, Adapter] = {source.name: source.adapter for source in sources}
        self._served = ServedModel.of(listed(client), client, self.dialect)
        self.model, self.context = self._served.name, self._served.context
        self.tokens = ServerTokens(client, self.model, self.dialect)
        self._base_folder = base if base is not None else self._served.root
        sizes = check_all(sources, self._base_folder)
        self._own_dice = self.dialect is SGLANG and not server_info(client).get("enable_deterministic_inference")
        self.stock = Stock(client, self.dialect, self.model, sources, shared, seen_as, most_rank, sizes=sizes)
        self._base = _Model()
        self._at_once = at_once
        #: How far what `reply` goes by is on its way to the server.
        self.standing = Standing(Mix())
        self._outdated = False
        self._soon: threading.Timer | None = None

    @property
    def base(self) -> Any:
        """The same object as long as the server has the same model."""
        return self._base

    @property
    def as_loaded(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.adapters)

    @property
    def folders(self) -> dict[str, Path]:
        """What mixes are made of, by adapter.

        Raises:
            CannotServe: there is something else now than when it was read.
        """
        for source in self.stock.sources:
            source.check_as_read()
        return {source.name: source.files.folder for source in self.stock.sources}

    def unsettled(self) -> bool:
        """Never: its adapters are those that it was given."""
        return False

    def outdated(self) -> bool:
        """Whether it was given other adapters (`hold`) since it last looked."""
        return self._outdated

    def hold(self, adapters: Mapping[str, Path | str]) -> None:
        """Plays these adapters from now on, and no others (`outdated`).

        Raises:
            CannotServe: the server has no form for one of them, or it is for another model; all is as it was.
            AdapterFileError: one is damaged.
            RuntimeError: rows are in use.
        """
        sources = [Source.read(name, Path(folder).expanduser()) for name, folder in adapters.items()]
        check_all(sources, self._base_folder)
        with self.alone():
            self.stock.make_of(sources)
            self.adapters = {source.name: source.adapter for source in sources}
            self._outdated = True
            self._send(_SETTLED)  # the same faders are another mix now

    def serve_at_most(self, rank: int | None) -> None:
        """Has mixes of a larger rank served with their strongest components alone; None serves all of them whole."""
        with self._writing:
            self.stock.serve_at_most(rank)
            self._send(0.0)

    def refresh(self) -> None:
        """Asks the server what it has: what it has forgotten is loaded again when it is played.

        Raises:
            VllmError: it does not answer, or has another model than before.
        """
        self._look()
        self._outdated = False

    def _look(self) -> None:
        self.stock.forget_lost(self._check_same)

    def _check_same(self, models: Sequence[Mapping[str, Any]]) -> None:
        if (model := ServedModel.of(models, self.client, self.dialect)) != self._served:
            raise AnotherModel(
                f"{self.client.name} has another model than before ({model}, and not {self._served}): connect again"
            )

    def close(self) -> None:
        """Unloads what is ours, and removes it from the shared folder."""
        if self._soon is not None:
            self._soon.cancel()
        self.stock.close()

    # What it can do

    def why_not(self, what: Ability) -> str:
        """Why it cannot do this, in a sentence for people; empty if it can."""
        reason = _WHY_NOT.get(what, "")
        return reason.replace("a vLLM server", "an SGLang server") if self.dialect is SGLANG else reason

    def differs(self, what: Ability) -> str:
        """How it does this otherwise than a model in this process, in a sentence for people; empty if it does not."""
        if self.dialect is SGLANG and what == "scores":
            return ""
        return _OWN_DICE if what == "rows" and self._own_dice else _DIFFERS.get(what, "")

    def why_not_rows(self, mixes: Sequence[Mix]) -> str:
        """Any mixes share a batch, but for those with fades."""
        self.check_no_rows()
        return _WHY_NOT["fades"] if any(mix.faded for mix in mixes) else ""

    # Playing

    def play(self, mix: Mix) -> None:
        """What `reply` goes by from now on: written and loaded as soon as the faders stand still.

        Raises:
            ValueError: a fader fades.
        """
        if mix.faded:
            raise ValueError(_WHY_NOT["fades"])
        with self._writing:
            if mix == self._rest and self._soon is not None:
                return
            self._rest = mix
            self._send(_SETTLED)

    def _send(self, after: float) -> None:
        """Has what stands now written and loaded after so many seconds, unless it moves on before."""
        if self._soon is not None:
            self._soon.cancel()
        self.standing = Standing(self._rest)
        self._soon = threading.Timer(after, self._prepare, (self._rest,))
        self._soon.daemon = True
        self._soon.start()

    def _prepare(self, mix: Mix) -> None:
        """The next reply need not wait; what goes wrong `standing` tells, and whoever asks for it hears it too."""
        with suppress(VllmError, CannotServe, OSError), self._playing(mix):
            pass

    @contextmanager
    def _playing(self, mix: Mix) -> Iterator[str]:
        """What requests call a mix that somebody hears; what became of it is kept."""
        began, before = time.monotonic(), self.stock.written(mix)
        with ExitStack() as held:
            try:
                (model,) = held.enter_context(self.stock.using([mix]))
            except (VllmError, CannotServe, OSError) as error:
                self._stands(Standing(mix).refused(error, error.most if isinstance(error, RankTooHigh) else None))
                raise
            if not self.standing.plays(mix):
                took, there = time.monotonic() - began if before is None else 0.0, self.stock.written(mix)
                heard = there if there is not None and not is_silent(self.stock.sources, mix) else None
                rank, left_out = (heard.rank, heard.left_out) if heard is not None else (None, 0.0)
                self._stands(Standing(mix).arrived(took, rank, left_out))
            yield model

    def _stands(self, standing: Standing) -> None:
        with self._writing:
            if self._heard == standing.mix:  # else faders were moved on meanwhile
                self.standing = standing

    @property
    def _heard(self) -> Mix:
        """What a reply of `reply` hears: nobody else generates while a single row is in use."""
        with self._writing:
            return self._plays[0] if len(self._plays) == 1 else self._rest

    # Generating and reading

    def ends(self, sampling: Sampling) -> list[int]:
        """The ids that end a reply, and the one that stands for any other that the server ended it with."""
        given = sampling.extras.get("eos_token_id")
        more = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
        return [*(int(id) for id in more), END]

    def say(self, prompt: Sequence[int], voices: Sequence[Voice], sampling: Sampling, hear: Hear, turn: Turn) -> None:
        """Has every voice go on from a prompt, in the server's own batch.

        Raises:
            ValueError: a setting that the server does not have, or a prompt that its context does not hold.
            VllmError: the server is gone, or refuses.
        """
        settings, most = settings_of(sampling, self.dialect), self._most(prompt, sampling)
        if self._own_dice and len(voices) > 1 and settings.get("temperature") != 0:
            raise ValueError(f"what differs would come from the dice: {_OWN_DICE}")
        self._look()
        mixes = list(dict.fromkeys(_hashable(voice.mix) for voice in voices))
        by_text = {_hashable(voice.mix): voice.mix for voice in voices}
        for at in range(0, len(mixes), self._at_once):
            # As many as the server plays in one batch; those of other mixes wait, and are told nothing meanwhile.
            wave = mixes[at : at + self._at_once]
            with self.stock.using([by_text[text] for text in wave]) as names:
                models = dict(zip(wave, names, strict=True))
                rows = [row for row, voice in enumerate(voices) if _hashable(voice.mix) in models]

                def ask(voice: Voice, models: Mapping[str, str] = models) -> Asking:
                    return Asking(self.client, models[_hashable(voice.mix)], prompt, settings, voice.seed, most)

                def told(tokens: Mapping[int, Token], rows: Sequence[int] = rows) -> list[bool]:
                    over = hear({rows[row]: token for row, token in tokens.items()})
                    return [over[row] for row in rows]

                say_together([voices[row] for row in rows], ask, told, len(rows))

    def reply(
        self, prompt: Sequence[int], sampling: Sampling, seed: int = 0, stop: threading.Event | None = None
    ) -> Iterator[Token]:
        """A reply under the mix of this moment: a fader that is moved meanwhile is obeyed as soon as the server has
        the new mix. Where it does not take that, the reply goes on as it began, and `standing` says why.

        The request is asked again with what was said so far then (`differs("mid_reply")`). The last token is `END`
        where the model ended the reply. Closing it ends the reply, and so does `stop`, even while nothing is said yet.
        While a single row is in use it is under that row's mix, whatever is moved.

        Raises:
            ValueError, VllmError: as with `say`.
        """
        settings, most = settings_of(sampling, self.dialect), self._most(prompt, sampling)
        self._look()
        playing = [Mix()]

        @contextmanager
        def ask(said: Sequence[int]) -> Iterator[Asking]:
            playing[0] = mix = self._heard
            with self._playing(mix) as model:
                body = [*prompt, *said]
                yield Asking(self.client, model, body, settings, seed + len(said), most - len(said))

        def moved() -> bool:
            mix = self._heard
            return mix != playing[0] and self.standing.plays(mix)

        yield from say_under(ask, moved, most, stop)

    def reader(self, prompt: Sequence[int], cancelled: Cancel, held: Hold, keep: bool) -> ServerReader:
        """Judges texts after a prompt, mix by mix."""
        self._look()
        read = reading(self.client, self.dialect, self.model)
        return ServerReader(read, prompt, self.context or 2**31, self.stock.using, cancelled, held)

    def _most(self, prompt: Sequence[int], sampling: Sampling) -> int:
        """How many tokens a reply may have: the server itself would stop at 16."""
        room = (self.context or 2**20) - len(prompt)
        if room < 1:
            raise ValueError(
                f"the prompt has {len(prompt):,} tokens, and the context holds {self.context:,}: shorten it"
            )
        return room if sampling.max_new_tokens is None else min(room, sampling.max_new_tokens)


def _hashable(mix: Mix) -> str:
    return repr(mix.to_dict())


_WHY_NOT: Mapping[str, str] = {
    "live": "a vLLM server plays a mix to requests that name it: others hear what they ask for",
    "fades": "a vLLM server plays an adapter as it was loaded: gains that change over a reply would need one for each "
    "token",
    "divergence": "a vLLM server tells how likely a text is, not the whole distributions that a distance is taken of",
    "weights": "the weights are in the server: work on the adapter's folder instead (lora-mixer bake, inspect)",
    "impact": "impact needs the model in this process: load it with transformers",
    "learn": "learning needs the model in this process: learn with transformers or lora-mixer learn, and save the mix "
    "as a profile, which plays here too",
}
_OWN_DICE = (
    "this SGLang server rolls dice of its own, whatever seed it is given: start it with "
    "--enable-deterministic-inference, or compare at temperature 0"
)
_DIFFERS: Mapping[str, str] = {
    "live": "a mix is an adapter of its own on the server: it is written and loaded once the faders stand still for "
    f"{_SETTLED:g} s, and what is said after that hears it",
    "mid_reply": "once the new mix is loaded the server reads all that was said so far again under it, where PEFT goes "
    "on from what it had read under the old one",
    "rows": "columns share the server's batch: on a GPU the last digits of a number may hang on what else is in it",
    # `add_lora_logits` of lora/punica_wrapper/punica_cpu.py takes all of a prompt's tokens, and the batch's adapters.
    "scores": "vLLM 0.32 on a processor (not on a GPU) ends when it is asked how likely a text is while it answers "
    "somebody else: there, measure when nobody else uses it",
}
