"""An error becomes a sentence on the page, here and nowhere else; where it came from goes into the log."""

from __future__ import annotations

from ...lora_ops import log
from ...lora_ops.torch_errors import in_words
from ..lab.replies import sentence


def told(error: BaseException) -> str:
    """What a page is told of an error: a sentence, for people."""
    log.note(error, above=1)
    return sentence(in_words(error))


def reason(error: BaseException) -> str:
    """The same in the middle of a sentence."""
    log.note(error, above=1)
    return in_words(error)
