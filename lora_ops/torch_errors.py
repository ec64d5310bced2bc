"""What torch, CUDA and transformers say when numbers do not fit, in words for people. Nothing here imports them."""

from __future__ import annotations

import re
from collections.abc import Callable

#: Characters of a name in a message: nobody reads more.
_LONGEST_NAME = 200
_ELSEWHERE = "an adapter was made for a model of another size, or the model's files do not belong together"


def in_words(error: BaseException) -> str:
    """What an error says, for people; the name of its kind if it says nothing.

    >>> in_words(RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x576 and 64x8)"))[:64]
    'a layer got numbers that do not fit it (4x576 and 64x8 cannot be'
    """
    text = str(error).strip()
    for pattern, words in _TOLD:
        if (match := pattern.search(text)) is not None:
            return text[: match.start()] + words(match)
    if not text and isinstance(error, MemoryError):
        return _too_full("")
    return text or type(error).__name__


def _sizes(match: re.Match[str]) -> str:
    others = match[0].count("size mismatch for") - 1
    more = f", and so it is with {others:,} more" if others > 0 else ""
    return (
        f"the weights do not fit this model: {match['name'][:_LONGEST_NAME]} is {_by(match['file'])} in the file and "
        f"{_by(match['model'])} in the model{more}. They were made for a model of another size"
    )


def _by(sizes: str) -> str:
    return " × ".join(size.strip() for size in sizes.split(",")) if sizes.strip() else "a single number"


def _memory(match: re.Match[str]) -> str:
    if (told := re.search(r"[Tt]ried to allocate ([\d.]+ ?[KMGT]?i?B)", match[0])) is not None:
        return _too_full(f" ({told[1]} more were needed)")
    if (told := re.search(r"tried to allocate (\d{1,18}) bytes", match[0])) is not None:
        return _too_full(f" ({int(told[1]) / 2**20:,.0f} MiB more were needed)")
    return _too_full("")


def _too_full(how_much: str) -> str:
    return (
        f"there is not enough memory for this{how_much}: compare fewer columns at once, ask for shorter replies, or "
        "unload an adapter that is not used"
    )


def _devices(match: re.Match[str]) -> str:
    named = dict.fromkeys(re.findall(r"\b(?:cuda|mps|xpu)(?::\d+)?|\bcpu\b", match[0]))
    on = f" ({' and '.join(named)})" if named else ""
    return f"parts of the model lie on different devices{on} and cannot work together: load the model again"


#: What is said, and what that is told as. All that follows in the message goes with it.
_TOLD: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            r"(?:Error\(s\) in loading state_dict for \w+:\s*)?size mismatch for (?P<name>\S+): copying a param with "
            r"shape torch\.Size\(\[(?P<file>[\d, ]*)\]\) from checkpoint, the shape in current model is "
            r"torch\.Size\(\[(?P<model>[\d, ]*)\]\)[\s\S]*"
        ),
        _sizes,
    ),
    (
        re.compile(r"mat1 and mat2 shapes cannot be multiplied \((\w+) and (\w+)\)[\s\S]*"),
        lambda match: (
            f"a layer got numbers that do not fit it ({match[1]} and {match[2]} cannot be multiplied): {_ELSEWHERE}"
        ),
    ),
    (
        re.compile(r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)[\s\S]*"),
        lambda match: (
            f"two layers do not fit each other ({match[1]} numbers on one side, {match[2]} on the other): {_ELSEWHERE}"
        ),
    ),
    (
        re.compile(
            r"(?:CUDA error: |CUDA |MPS backend |XPU |HIP )?(?:out of memory)[\s\S]*"
            r"|\[enforce fail at [^\]]{0,300}\][^\n]{0,2000}(?:can't allocate|not enough) memory[\s\S]*"
            r"|(?:\b\w{1,60}: )?(?:can't allocate|not enough) memory[\s\S]*"
            r"|CUDA error: CUBLAS_STATUS_ALLOC_FAILED[\s\S]*"
        ),
        _memory,
    ),
    (re.compile(r"Expected all tensors to be on the same device[\s\S]*"), _devices),
    (
        re.compile(r"probability tensor contains either `?inf`?, `?nan`? or element < 0[\s\S]*"),
        lambda match: (
            "what the model says is no number any more: a gain is too high for it. Turn the faders down, or reset them"
        ),
    ),
    (
        re.compile(r"\"\w+\" not implemented for '(\w+)'[\s\S]*"),
        lambda match: (
            f"this processor cannot compute with the model's kind of numbers ({match[1]}): load the model as float32 "
            "or bfloat16"
        ),
    ),
    (
        re.compile(r"^index out of range in self$"),
        lambda match: "a token is not in the model's vocabulary: tokenizer and model do not belong together",
    ),
    (
        re.compile(r"CUDA error: [\s\S]*"),
        lambda match: "the GPU does not work for this program any more (a CUDA error): start the program again",
    ),
)
