"""On a vLLM server that is named: columns in its batch against one after the other, and a fader until it is heard."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ..lora_ops import Column, Desk, Faders, Mix, Sampling, compare
from ..lora_ops.engines import vllm
from ..lora_ops.engines.vllm.written_mix import write_mix
from ..tools.vllm import KEY, SERVER
from .clock import Series, Way, in_turns
from .report import Goal, Section, Table, duration, ratio
from .workshop import ADAPTER, Workshop

TITLE = "On a vLLM server"
ABOUT = """\
{kind} {version} on {place}, whose model is {model}, with a rank-16 adapter on 210 targets; the server was there
already, and others may have asked it meanwhile. Each column is an adapter of its own there, loaded before it is timed,
of {tokens} greedy tokens that no end token cuts short. A fader is moved after {after} tokens of a reply: it is waited
until faders stand still ({settled:g} s of it), the mix is written and loaded, and all that was said is read again."""

COUNTS = (1, 2, 4, 8)
#: Of the time of eight columns one after the other.
SHARE = 0.31
MOVED_AFTER = 16
#: Tokens of a prompt that the server has not read before.
READ = 513
QUESTION = "<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\n"


def named() -> bool:
    """Whether somebody has said which server is to be measured."""
    return bool(os.environ.get(SERVER))


def measure(shop: Workshop) -> Section:
    """Times batches and one after the other in turns; ratios are to one column."""
    if not named():
        raise RuntimeError(f"name a server that serves the demo's model: {SERVER}=http://… (and its key in {KEY})")
    tokens, counts = shop.pick(64, 4), shop.pick(COUNTS, COUNTS[:2])
    client = vllm.Client(os.environ[SERVER], os.environ.get(KEY))
    shared = shop.scratch / "shared"
    engine = vllm.connect(client.url, {ADAPTER: shop.adapter()}, shared, key=os.environ.get(KEY))
    with closing(engine):
        desk = Desk(engine)
        ids = engine.tokens.encode(QUESTION, add_special_tokens=False)
        columns = _Columns(desk, ids, tokens)
        shop.say(f"{', '.join(map(str, counts))} columns of {tokens} tokens, in turns")
        columns.say(range(max(counts)))  # loads them all
        batches = {(n, True): Way(lambda n=n: columns.say(range(n))) for n in counts}  # type: ignore[misc]
        alone = {(n, False): Way(lambda n=n: columns.each(n)) for n in counts if n > 1}  # type: ignore[misc]
        times = in_turns({**batches, **alone}, shop.pick(3, 1), warm_up=False)
        shop.say("a new mix, and a fader in the middle of a reply")
        loads = _Loads(engine, shop.scratch / "aside")
        ways = {"both": Way(loads.run), "written": Way(loads.write, prepare=loads.clear)}
        reads = _Reads(engine)
        ways |= {f"{count}": Way(partial(reads.run, count), prepare=reads.anew) for count in (1, READ)}
        times |= in_turns(ways, shop.pick(10, 2))  # type: ignore[arg-type]
        move = _Move(desk, engine, ids)
        moved = in_turns({0: Way(move.run, prepare=move.begin, tidy=move.end)}, shop.pick(7, 1), warm_up=False)[0]
        about = ABOUT.format(
            kind=engine.name,
            version=_version(client),
            place="this machine" if "127.0.0.1" in client.url or "localhost" in client.url else "another machine",
            model=engine.model,
            tokens=tokens,
            after=MOVED_AFTER,
            settled=vllm.engine._SETTLED,
        )
    most = max(counts)
    share = times[most, True] / times[most, False]
    goal = Goal(
        f"{most} columns in a vLLM server's batch against one after the other",
        f"at most {SHARE} x",
        f"{ratio(share)} x",
        share.median <= SHARE,
    )
    return Section(TITLE, about, [_in_batches(counts, times), _moves(times, moved)], [goal])


class _Columns:
    """Comparisons of one question."""

    def __init__(self, desk: Desk, ids: Sequence[int], tokens: int) -> None:
        self._desk, self._ids, self._tokens = desk, ids, tokens

    def say(self, gains: Sequence[int]) -> None:
        columns = [Column(f"{at}", Mix({ADAPTER: Faders(master=0.25 + at / 16)})) for at in gains]
        settings = {"max_new_tokens": self._tokens, "do_sample": False, "ignore_eos": True}
        run = compare(self._desk, None, self._ids, columns, seed=7, generation=settings)
        for _ in run:
            pass
        said = [len(column.token_ids) for column in run.result.columns]
        assert said == [self._tokens] * len(said), f"{said} tokens instead of {self._tokens} each"

    def each(self, count: int) -> None:
        """One after the other."""
        for at in range(count):
            self.say([at])


class _Loads:
    """A mix that was never heard is written and loaded, or only written."""

    def __init__(self, engine: Any, aside: Path) -> None:
        self._engine, self._aside, self._at = engine, aside, 0

    def run(self) -> None:
        self._at += 1
        with self._engine.stock.using([Mix({ADAPTER: Faders(master=2 + self._at / 64)})]):
            pass

    def clear(self) -> None:
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir()

    def write(self) -> None:
        write_mix(self._engine.stock.sources, Mix({ADAPTER: Faders(master=0.75)}), self._aside)


class _Reads:
    """A prompt that the server has never read, and one token after it."""

    def __init__(self, engine: Any) -> None:
        self._engine, self._dice = engine, random.Random(7)
        self._ids: list[int] = []

    def anew(self) -> None:
        self._ids = [self._dice.randrange(100, 40_000) for _ in range(READ)]

    def run(self, tokens: int) -> None:
        body = {"model": self._engine.model, "prompt": self._ids[:tokens], "max_tokens": 1, "temperature": 0}
        self._engine.client.post("/v1/completions", body)


class _Move:
    """A master fader moved in the middle of a reply, to where it never stood."""

    def __init__(self, desk: Desk, engine: Any, ids: Sequence[int]) -> None:
        self._desk, self._engine, self._ids, self._at = desk, engine, ids, 0
        self._reply: Iterator[Any] = iter(())
        self._asked = 0
        begin = engine.client.begin

        def counted(path: str, body: Any) -> Any:
            self._asked += path == "/v1/completions"
            return begin(path, body)

        engine.client.begin = counted

    def begin(self) -> None:
        self._desk.reset()
        self._asked = 0
        sampling = Sampling(max_new_tokens=600, do_sample=False, extras={"ignore_eos": True})
        self._reply = self._engine.reply(self._ids, sampling)
        assert len(list(islice(self._reply, MOVED_AFTER))) == MOVED_AFTER

    def run(self) -> None:
        """Until the first token of the request that names the new mix."""
        self._at += 1
        self._desk.apply(Mix({ADAPTER: Faders(master=3 + self._at / 64)}))
        while self._asked < 2:
            next(self._reply)

    def end(self) -> None:
        self._reply.close()  # type: ignore[attr-defined]
        self._desk.reset()


def _version(client: vllm.Client) -> str:
    try:
        return str(client.get("/version")["version"])
    except (vllm.VllmError, KeyError, TypeError):
        return "(it does not tell its version)"


def _in_batches(counts: Sequence[int], times: dict[tuple[int, bool], Series]) -> Table:
    rows = []
    for count in counts:
        batch, alone = times[count, True], times.get((count, False))
        rows.append(
            (
                f"{count}",
                ratio(batch / times[1, True]),
                ratio(batch / alone) if alone else "",
                duration(batch),
                duration(alone) if alone else "",
            )
        )
    head = ("columns", "times one column", "times one after the other", "in its batch", "one after the other")
    return Table(head, rows)


def _moves(times: dict[Any, Series], moved: Series) -> Table:
    read = (times[f"{READ}"] - times["1"]) * (1 / (READ - 1))
    rows = [
        ("a mix that is new, written and loaded", duration(times["both"])),
        ("of that, written", duration(times["written"])),
        ("from the fader to the first token under the new mix", duration(moved)),
        (f"a token of a prompt read, of {READ}", duration(read)),
    ]
    return Table(("what", "time"), rows)
