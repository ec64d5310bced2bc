"""Where one text leaves another: by its words, for the eye, and by its tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby

# Chinese and Japanese write no blanks between words: there each character counts as one.
_CHARACTER = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CHARACTER}]|[^\W{_CHARACTER}]+(?:['’][^\W{_CHARACTER}]+)*|[^\w\s]")
#: From this many pairs of words on, words that come up all the time are no longer used to find what belongs together.
_MANY = 4_000_000


@dataclass(frozen=True)
class Piece:
    """A part of a text, and whether the reference says it otherwise."""

    text: str
    changed: bool


def words(text: str, reference: str) -> list[Piece]:
    """The text in pieces, those words marked that are not the reference's; together the pieces are the text.

    Words and punctuation count, blanks and line ends alone do not. What the reference says and the text leaves out
    is not shown.

    >>> [(piece.text, piece.changed) for piece in words("Ahoy, old friend", "Hello, old friend")]
    [('Ahoy', True), (', old friend', False)]
    """
    found = list(_WORD.finditer(text))
    changed = _changed([word.group() for word in found], _WORD.findall(reference))
    pieces: list[Piece] = []
    at = 0
    for is_changed, group in groupby(range(len(found)), changed.__getitem__):
        run = list(group)
        start, end = found[run[0]].start(), found[run[-1]].end()
        # Blanks around what differs are nobody's difference.
        if is_changed:
            pieces += [Piece(text[at:start], False), Piece(text[start:end], True)]
        else:
            pieces.append(Piece(text[at:end], False))
        at = end
    pieces.append(Piece(text[at:], False))
    return _joined(pieces)


def first_difference(token_ids: Sequence[int], reference_ids: Sequence[int]) -> int | None:
    """The index of the first token that is not the reference's, or None when they say the same.

    Where one ends and the other goes on, it is the length of the shorter.

    >>> first_difference([5, 6, 7], [5, 6, 8, 9]), first_difference([5], [5, 6]), first_difference([5], [5])
    (2, 1, None)
    """
    for at, (one, other) in enumerate(zip(token_ids, reference_ids, strict=False)):
        if one != other:
            return at
    return None if len(token_ids) == len(reference_ids) else min(len(token_ids), len(reference_ids))


def _changed(words: list[str], reference: list[str]) -> list[bool]:
    """Which of these words the reference has not, in this place."""
    changed = [True] * len(words)
    matcher = SequenceMatcher(None, reference, words, autojunk=len(words) * len(reference) > _MANY)
    for block in matcher.get_matching_blocks():
        changed[block.b : block.b + block.size] = [False] * block.size
    return changed


def _joined(pieces: list[Piece]) -> list[Piece]:
    """Neighbours of one sort as one piece, without empty ones."""
    groups = groupby((piece for piece in pieces if piece.text), key=lambda piece: piece.changed)
    return [Piece("".join(piece.text for piece in group), changed) for changed, group in groups]
