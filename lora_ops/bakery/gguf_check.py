"""Whether llama.cpp says of a file what it says of the adapters that it was baked of: a server of ours plays both."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from ..desk import Desk
from ..engines.llama_server import connect, split, start, unsplit
from ..lab.column import Column
from ..lab.compare import compare
from ..mix import Faders, Mix

#: Said to both, and how much is said.
_QUESTION = "What should I do on a rainy day? I would begin with"
_TOKENS = 48
#: The name of the new file, beside adapters that have theirs.
_BAKED = "_baked"


def said_alike(path: Path, sources: Mapping[str, Path], mix: Mix, base: Path) -> str:
    """How far a server says of the file what it says of its sources in parts, in words.

    Greedily, in the numbers of the base model. Text that parts late is rounding; a resized file says what it says.

    Args:
        path: the GGUF adapter.
        sources: the adapters' folders or files, by name.
        mix: their gains.
        base: the base model's GGUF file.

    Raises:
        ServerError, LlamaServerError: no server can be started here, or it does not answer.
    """
    with TemporaryDirectory(prefix="lora-mixer-check-") as folder:
        parts = [part for name, one in sources.items() for part in split(one, base, Path(folder) / name, name=name)]
        with start(base, [*parts, unsplit(path, _BAKED)], context=1024, slots=1, threads=_threads()) as server:
            desk = Desk(connect(server.url, server.parts, server.key, alias=server.alias))
            gains = {name: Faders(**{**vars(mix[name]), "rank": None, "energy": None}) for name in sources}
            columns = [
                Column("desk", Mix({**gains, _BAKED: Faders(on=False)})),
                Column("file", Mix({**{name: Faders(on=False) for name in sources}, _BAKED: Faders()})),
            ]
            prompt = desk.engine.tokens.encode(_QUESTION, add_special_tokens=True)  # type: ignore[union-attr] # it has some
            greedy = {"max_new_tokens": _TOKENS, "do_sample": False}
            run = compare(desk, None, prompt, columns, seed=1, generation=greedy)
            for _ in run:
                pass
            desk_said, file_said = (column.token_ids for column in run.result.columns)
    same = next(
        (at for at, (one, other) in enumerate(zip(desk_said, file_said, strict=False)) if one != other),
        min(len(desk_said), len(file_said)),
    )
    if tuple(desk_said) == tuple(file_said):
        return f"a llama-server says the same {same} tokens of the file and of the adapters at these gains"
    return f"a llama-server says the same for {same} of {max(len(desk_said), len(file_said))} tokens, and then parts"


def _threads() -> int:
    """Half of the processor's: threads that wait for each other make a server crawl where others compute."""
    return max(1, (os.cpu_count() or 2) // 2)
