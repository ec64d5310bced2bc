"""A message as a sentence, for people."""

from __future__ import annotations

import re

#: Letters: nobody reads more, and a name in a message may be of any length.
_LONGEST = 4000
#: What is spelled otherwise is the name of something: "vLLM", "bad.jsonl", "target_modules", "rank:".
_PLAIN_WORD = re.compile(r"[a-z]+(?:['’][a-z]+)?[,;.!?]?(?=\s|$)")


def sentence(text: str) -> str:
    """The text with a large letter and an end; a name at its beginning is left as it is spelled. Nothing stays nothing.

    >>> sentence("the disk is full"), sentence("vLLM 0.32 ends"), sentence("bad.jsonl, line 2: no chat"), sentence(" ")
    ('The disk is full.', 'vLLM 0.32 ends.', 'bad.jsonl, line 2: no chat.', '')
    """
    text = text.strip()[:_LONGEST]
    if not text:
        return ""
    front = text[0].upper() if _PLAIN_WORD.match(text) else text[0]
    return front + text[1:] + ("" if text[-1] in ".!?…" else ".")
