"""The prompt of a row as tokens: as it was asked or, in an experiment that was read back, made of its text again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hosts.protocol import HostError
from . import keeping

if TYPE_CHECKING:
    import torch

    from ..lora_ops import Desk
    from .console import Console
    from .sheet import Sheet


def prompt_ids(console: Console, desk: Desk, sheet: Sheet, row: int) -> torch.Tensor:
    """The prompt of a row as token ids, shape (1, tokens), on the model's device.

    Raises:
        HostError: the experiment was made with something else than what is loaded now; it says with what.
    """
    import torch

    asked = sheet.rows[row]
    ids = asked.input_ids
    if not ids:
        check_loaded(console, sheet)
        ids = read_again(console.host.tokenizer, asked.prompt)
    if not ids:
        raise HostError("The prompt of this experiment is not known: compare again.")
    return torch.tensor([ids], device=next(desk.model.parameters()).device)


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
    for then, now in zip(record.adapters, keeping.hashed(console, record.adapters), strict=True):
        if then.hash and now.hash and then.hash != now.hash:
            raise HostError(f"The adapter {then.name} has changed since this experiment was made: compare again.")


def read_again(tokenizer: Any, prompt: str) -> tuple[int, ...]:
    """A prompt, template and all, as the model was given it.

    Hosts have the tokenizer put a token in front, unless the template has put it there already.
    """
    ids = tuple(tokenizer(prompt)["input_ids"])
    begin = tokenizer.bos_token_id
    return ids[1:] if begin is not None and ids[:2] == (begin, begin) else ids
