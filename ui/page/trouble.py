"""An error becomes a sentence on the page, here and nowhere else; where it came from goes into the log."""

from __future__ import annotations

from ...hosts.protocol import HostError
from ...lora_ops import log, torch_errors
from ...lora_ops.optional_packages import lacking
from ...lora_ops.sentence import sentence

#: Errors that are told as they are; of any other its user can only be told that it happened.
#: A package that is missing is among them: builds of a host without torch have the same page.
FOR_PEOPLE = (HostError, ValueError, RuntimeError, OSError, ModuleNotFoundError)
#: What comes of a message that names what there is not, or that the page's script would not write.
GARBLED = (LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
#: What is told of an error that says nothing.
_NOTHING = "This did not work."


def told(error: BaseException) -> str:
    """What a page is told of an error: a sentence, for people."""
    log.note(error, above=1)
    return sentence(in_words(error)) or _NOTHING


def reason(error: BaseException) -> str:
    """The same in the middle of a sentence."""
    log.note(error, above=1)
    return in_words(error)


def refused(error: BaseException) -> dict[str, str]:
    """How an order is answered that was not followed: why, and beside which field of the page that belongs."""
    log.note(error, above=1)
    if isinstance(error, GARBLED):
        return {"at": "", "why": f"The page said something that nobody understands: {repr(error)[:200]}"}
    return {"at": getattr(error, "at", ""), "why": sentence(in_words(error)) or _NOTHING}


def in_words(error: BaseException) -> str:
    """What an error says, for people."""
    return lacking(error) or torch_errors.in_words(error)
