"""One reply on PEFT and on llama.cpp, parts against one file; a fader in mid-reply; columns that take turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

import torch

from ..demo.base_model import gguf_file
from ..lora_ops import Column, Desk, Faders, Mix, Sampling, compare
from ..lora_ops.engines import llama_server
from ..lora_ops.engines.llama_server import LlamaServerEngine, Part
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop, prompt

TITLE = "On llama.cpp"
ABOUT = """\
One greedy reply on the demo's model with a rank-16 adapter on 210 targets: PEFT in this process, and a llama-server of
the package xllamacpp on the same machine, on which the model has 4 bits a weight, as it comes. As many threads as torch
has. A fader is moved in the middle of a reply, and the next token is waited for, which is under the new mix: all that
was said is read again. Columns take turns in the server."""

FLOAT32, BFLOAT16 = "PEFT, float32", "PEFT, bfloat16"
NONE, ONE, PARTS = "llama.cpp, no adapter", "llama.cpp, the adapter in one file", "llama.cpp, the adapter in 210 parts"
#: How fast 210 parts are to be, one file being 1.
GOAL = 0.95
SLOTS, CONTEXT, MOVED_AFTER = 4, 512, 32
COLUMNS = (1, 2, 4, 8)


def measure(shop: Workshop) -> Section:
    """Times replies in turns; ratios are to one file."""
    tokens = shop.pick(64, 8)
    model, tokenizer = shop.model()
    ids = tuple(prompt(tokenizer)[0].tolist())
    shop.say("an adapter in parts, and as one file")
    parts = llama_server.split(shop.adapter(), gguf_file(), shop.scratch / "parts", name=ADAPTER)
    whole = llama_server.whole(shop.adapter(), gguf_file(), shop.scratch / "whole.gguf", name=ADAPTER)
    with ExitStack() as servers:
        desks = {
            name: Desk(servers.enter_context(_Served(files)).engine)
            for name, files in ((NONE, ()), (ONE, [llama_server.unsplit(whole, ADAPTER)]), (PARTS, parts))
        }
        here = {FLOAT32: (model, torch.float32), BFLOAT16: (shop.model()[0].to(torch.bfloat16), torch.bfloat16)}
        desks = {name: Desk(one) for name, (one, _) in here.items()} | desks
        replies = {name: _Reply(desk, tokenizer, ids, tokens) for name, desk in desks.items()}
        shop.say("one reply on each engine, in turns")
        times = in_turns({name: Way(reply.say) for name, reply in replies.items()}, shop.pick(7, 1))
        # One may end earlier than another: what counts is the time for a token.
        times = {name: series * (1 / replies[name].said) for name, series in times.items()}
        shop.say("a fader in the middle of a reply, and columns")
        move = _Move(desks[PARTS], ids)
        moved = in_turns({0: Way(move.run, prepare=move.begin, tidy=move.end)}, shop.pick(15, 2))[0]
        columns = in_turns(
            {count: Way(lambda n=count: _columns(desks[PARTS], ids, n, tokens)) for count in COLUMNS},  # type: ignore[misc]
            shop.pick(3, 1),
            warm_up=False,
        )
    return Section(TITLE, ABOUT, _tables(times, moved, columns), _goals(times))


class _Served:
    """A server of these files for as long as the block lasts, and its engine."""

    def __init__(self, parts: Sequence[Part]) -> None:
        threads = torch.get_num_threads()
        self._server = llama_server.start(gguf_file(), parts, context=CONTEXT, slots=SLOTS, threads=threads)
        self.engine: LlamaServerEngine = llama_server.connect(
            self._server.url, parts, self._server.key, alias=self._server.alias
        )

    def __enter__(self) -> _Served:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


class _Reply:
    """One reply on a desk, with the adapter as loaded; `said` is how many tokens it has."""

    def __init__(self, desk: Desk, tokenizer: Any, ids: Sequence[int], tokens: int) -> None:
        self._desk, self._ids, self._tokens, self.said = desk, ids, tokens, 0
        self._tokenizer = tokenizer if desk.engine.tokens is None else None

    def say(self) -> None:
        self.said = len(_said(self._desk, self._tokenizer, self._ids, [Mix()], self._tokens)[0])
        assert self.said


def _said(desk: Desk, tokenizer: Any, ids: Sequence[int], mixes: Sequence[Mix], tokens: int) -> list[tuple[int, ...]]:
    columns = [Column(f"{at}", mix) for at, mix in enumerate(mixes)]
    settings = {"max_new_tokens": tokens, "do_sample": False}
    run = compare(desk, tokenizer, ids, columns, seed=7, generation=settings)
    for _ in run:
        pass
    return [column.token_ids for column in run.result.columns]


def _columns(desk: Desk, ids: Sequence[int], count: int, tokens: int) -> None:
    _said(desk, None, ids, [Mix({ADAPTER: Faders(master=0.5 + at / 16)}) for at in range(count)], tokens)


class _Move:
    """A master fader moved after so many tokens of a reply."""

    def __init__(self, desk: Desk, ids: Sequence[int]) -> None:
        self._desk, self._ids = desk, ids
        self._reply: Iterator[Any] = iter(())

    def begin(self) -> None:
        engine = self._desk.engine
        assert isinstance(engine, LlamaServerEngine)
        self._desk.reset()
        sampling = Sampling(max_new_tokens=4 * MOVED_AFTER, do_sample=False, extras={"ignore_eos": True})
        self._reply = engine.reply(self._ids, sampling)
        assert len(list(islice(self._reply, MOVED_AFTER))) == MOVED_AFTER

    def run(self) -> None:
        self._desk.apply(Mix({ADAPTER: Faders(master=0.5)}))
        next(self._reply)

    def end(self) -> None:
        self._reply.close()  # type: ignore[attr-defined]
        self._desk.reset()


def _tables(times: dict[str, Series], moved: Series, columns: dict[int, Series]) -> list[Table]:
    replies = [
        (name, f"{1 / series.median:.1f}", ratio(times[ONE] / series), duration(series))
        for name, series in times.items()
    ]
    asked = [(f"{count}", ratio(series / columns[1]), duration(series)) for count, series in columns.items()]
    return [
        Table(("one reply", "tokens/s", "as fast as one file, times", "time for a token"), replies),
        Table(("from the fader to the first token under the new mix", "time"), [("210 parts", duration(moved))]),
        Table(("columns on 210 parts", "times one column", "time"), asked),
    ]


def _goals(times: dict[str, Series]) -> list[Goal]:
    against = times[ONE] / times[PARTS]
    return [
        Goal(
            "llama.cpp: 210 parts against one file",
            f"{GOAL} x as fast",
            f"{ratio(against)} x",
            round(against.median, 2) >= GOAL,
        )
    ]
