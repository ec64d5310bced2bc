"""Whether llama.cpp says of a file what it says of the adapters that it was baked of: a server of ours plays both."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from ..desk import Desk
from ..engines.llama_server import Part, connect, split, start, unsplit
from ..lab.column import Column
from ..lab.compare import compare
from ..mix import Faders, Mix

#: Said to both, and how much is said.
_QUESTION = "What should I do on a rainy day? I would begin with"
_TOKENS = 16
#: The name of the new file, beside adapters that have theirs.
_BAKED = "_baked"


def said_alike(path: Path, sources: Mapping[str, Path], mix: Mix, base: Path) -> str:
    """How far a server says of the file what it says of its sources in parts, in words. Args as `played_alike` takes
    them, but for the adapters' folders or files, by name.

    Raises:
        ServerError, LlamaServerError: as `played_alike`.
    """
    with TemporaryDirectory(prefix="lora-mixer-check-") as folder:
        parts = [part for name, one in sources.items() for part in split(one, base, Path(folder) / name, name=name)]
        return played_alike(path, parts, mix, base)


def played_alike(path: Path, parts: Sequence[Part], mix: Mix, base: Path) -> str:
    """How far a server says of the file what it says of the parts that it was baked of, in words.

    A text that is said under the mix is judged under the mix, the file alone, and no adapter. A base model of few bits
    answers to the last digit of an adapter by tenths of a nat: what the file adds is compared when it is written.

    Args:
        path: the GGUF adapter.
        parts: the files of the adapters.
        mix: their gains.
        base: the base model's GGUF file.

    Raises:
        ServerError, LlamaServerError: no server can be started here, or it does not answer.
    """
    # Beside the server that a desk plays on, whose graphics card it must not fill.
    options = {"context": 1024, "slots": 1, "threads": _threads(), "gpu_layers": 0}
    with start(base, [*parts, unsplit(path, _BAKED)], **options) as server:  # type: ignore[arg-type]
        desk = Desk(connect(server.url, server.parts, server.key, alias=server.alias))
        names = list(dict.fromkeys(part.adapter for part in parts))
        gains = {name: Faders(**{**vars(mix[name]), "rank": None, "energy": None}) for name in names}
        columns = [
            Column("desk", Mix({**gains, _BAKED: Faders(on=False)})),
            Column("file", Mix({**{name: Faders(on=False) for name in names}, _BAKED: Faders()})),
        ]
        prompt = desk.engine.tokens.encode(_QUESTION, add_special_tokens=True)  # type: ignore[union-attr] # it has some
        desk_mix, file_mix = (column.mix for column in columns)
        greedy = {"max_new_tokens": _TOKENS, "do_sample": False}
        run = compare(desk, None, prompt, columns[:1], seed=1, generation=greedy)
        for _ in run:
            pass
        text = run.result.columns[0].token_ids
        judged = desk.reader(prompt).judge(text, [desk_mix, file_mix, desk.base()], desk_mix)
    wanted, found, base_alone = (one.logprobs for one in judged)
    off, base_off = _apart(wanted, found), _apart(wanted, base_alone)
    return (
        f"a llama-server holds the {len(text)} tokens that it says under the mix as likely under the file alone, but "
        f"for {off:.2g} nats a token at most; without any adapter it is {base_off:.2g}"
    )


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return max((abs(first - second) for first, second in zip(one, other, strict=True)), default=0.0)


def _threads() -> int:
    """Half of the processor's: threads that wait for each other make a server crawl where others compute."""
    return max(1, (os.cpu_count() or 2) // 2)
