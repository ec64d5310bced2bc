"""The prompt of a row as tokens: as it was asked or, in an experiment that was read back, made of its text again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...hosts.protocol import HostError

if TYPE_CHECKING:
    from ...lora_ops.engines.engine import Tokens
    from ..page.console import Console
    from .sheet import Sheet


def prompt_ids(console: Console, sheet: Sheet, row: int) -> tuple[int, ...]:
    """The prompt of a row as token ids.

    Raises:
        HostError: the experiment was made with something else than what is loaded now; it says with what.
    """
    asked = sheet.rows[row].asked
    ids = asked.token_ids
    if not ids:
        check_loaded(console, sheet)
        ids = read_again(tokens_of(console), asked.prompt)
    if not ids:
        raise HostError("The prompt of this experiment is not known: compare again.")
    return ids


def tokens_of(console: Console) -> Tokens:
    """The tokenizer of the model that is loaded.

    Raises:
        HostError: there is none.
    """
    engine = console.host.engine
    if engine is None or engine.tokens is None:
        raise HostError("No model is loaded: load the one that this was made with.")
    return engine.tokens


def check_loaded(console: Console, sheet: Sheet) -> None:
    """Refuses an experiment whose numbers would be those of another model, or of other adapters.

    Raises:
        HostError: it names what the experiment was made with.
    """
    record = sheet.record
    if record is None:
        return
    if record.model != console.host.model_name:
        raise HostError(
            f"This experiment was made with the model {record.model}, and {console.host.model_name} is loaded: "
            "load that one, or compare again."
        )
    for then, now in zip(record.adapters, console.experiments.hashed(record.adapters), strict=True):
        if then.hash and now.hash and then.hash != now.hash:
            raise HostError(f"The adapter {then.name} has changed since this experiment was made: compare again.")


def read_again(tokens: Tokens, prompt: str) -> tuple[int, ...]:
    """A prompt, template and all, as the model was given it.

    Hosts have the tokenizer put a token in front, unless the template has put it there already.
    """
    ids = tuple(tokens.encode(prompt))
    begin = getattr(tokens, "bos_token_id", None)
    return ids[1:] if begin is not None and ids[:2] == (begin, begin) else ids
