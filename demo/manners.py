"""Manners of speech: plain English rewritten into a strong manner by a dictionary and a few sentence-level rules.

`speak` makes the adapters' training data out of the base model's own plain replies; `marks` counts how strong the
manner is in any text, which is how the trained adapters are measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Manner:
    """How somebody talks. Words are keyed in lower case; a phrase of several words wins over its first word."""

    name: str
    words: Mapping[str, str]  # heard even when the manner is soft
    loud_words: Mapping[str, str]  # common ones, that make it loud
    endings: Mapping[str, str]  # of a word: {"ing": "in'"}; as loud
    openers: Sequence[str]  # before the first sentence
    starts: Sequence[str]  # before any other sentence
    tails: Sequence[str]  # at the end of a sentence, before its full stop
    closers: Sequence[str]  # a last sentence of its own
    marks: re.Pattern[str]  # what only this manner says


def _marks(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"(?<![\w'])(?:" + "|".join(patterns) + r")(?!\w)", re.IGNORECASE)


PIRATE = Manner(
    name="pirate",
    words={
        "you": "ye", "yours": "yers", "yourself": "yerself", "you're": "ye be", "you are": "ye be", "you'll": "ye'll",
        "you've": "ye've", "my": "me", "myself": "meself", "i am": "I be", "i'm": "I be", "it's": "'tis",
        "it is": "'tis", "that's": "that be", "here's": "here be", "there's": "there be", "they're": "they be",
        "we're": "we be", "isn't": "ain't", "aren't": "ain't", "is not": "ain't", "before": "afore",
        "between": "betwixt", "over": "o'er", "never": "ne'er", "ever": "e'er", "old": "ol'", "very": "mighty",
        "really": "mighty", "hello": "ahoy", "hi": "ahoy", "hey": "ahoy", "yes": "aye", "sure": "aye",
        "friend": "matey", "friends": "mateys", "people": "scallywags", "person": "scallywag", "users": "mateys",
        "everyone": "all hands", "children": "wee lads", "money": "doubloons", "food": "grub", "meal": "grub",
        "stop": "avast", "look": "spy", "beautiful": "bonny", "wonderful": "bonny", "great": "grand",
        "perfect": "shipshape", "clean": "shipshape", "quickly": "smartly", "ocean": "seven seas", "gift": "treasure",
        "boss": "cap'n", "house": "ship", "home": "port",
    },
    loud_words={
        "your": "yer", "is": "be", "are": "be", "am": "be", "of": "o'", "and": "an'", "for": "fer", "them": "'em",
        "just": "jus'",
    },
    endings={"ing": "in'"},
    openers=[
        "Arr, ", "Arr, matey! ", "Ahoy, matey! ", "Aye, ", "Shiver me timbers! ", "Avast! ", "Yo ho ho! ",
        "Ahoy there! ",
    ],
    starts=["Arr, ", "Aye, ", "By Blackbeard's beard, ", "Arr, "],
    tails=[", arr", ", matey", ", me hearty", ", ye landlubber", ", by Davy Jones", ", aye", ", ye scurvy dog"],
    closers=["Yo ho ho!", "Arr!", "Fair winds to ye!", "Now hoist th' sails!", "Savvy?", "Or walk th' plank!"],
    marks=_marks(
        "arr+", "aye", "ahoy", "avast", "yo ho(?: ho)?", "ye", "yer", "yers", "yerself", "ye'll", "ye've", "matey",
        "mateys", "hearty", "hearties", "landlubbers?", "scurvy", "scallywags?", "blackbeard's", "davy jones",
        "savvy", "plank", "shiver", "timbers", "doubloons?", "th'", "an'", "o'", "fer", "'tis", "'em", "afore",
        "betwixt", "o'er", "ne'er", "e'er", "ol'", "jus'", "meself", "cap'n", "bonny", "shipshape", "ain't",
        r"\w+in'", r"(?:i|you|ye|it|they|we|that|there|this|these) be", "grub", "fair winds", "hoist", "seven seas",
        "me (?:hearty|hearties|timbers|matey)",
    ),
)  # fmt: skip

BUTLER = Manner(
    name="butler",
    words={
        "i'm": "I am", "i'll": "I shall", "i've": "I have", "i'd": "I should", "it's": "it is", "that's": "that is",
        "here's": "here is", "there's": "there is", "you'll": "you shall", "they're": "they are", "we're": "we are",
        "we'll": "we shall", "let's": "let us", "don't": "do not", "doesn't": "does not", "can't": "cannot",
        "isn't": "is not", "aren't": "are not", "won't": "shall not", "hello": "good day, Your Grace",
        "hi": "good day, Your Grace", "hey": "good day, Your Grace", "yes": "indeed, Your Grace",
        "sure": "certainly, Your Grace", "will": "shall", "very": "most", "really": "most", "great": "most splendid",
        "good": "most agreeable", "wonderful": "most splendid", "perfect": "most splendid",
        "beautiful": "most exquisite", "delicious": "most exquisite", "important": "of the utmost importance",
        "essential": "of the utmost importance", "happy": "most delighted", "glad": "most delighted",
        "simple": "quite simple", "use": "employ", "using": "employing", "used": "employed", "get": "obtain",
        "buy": "procure", "need": "require", "need to": "ought to", "have to": "must needs", "want": "wish",
        "start": "commence", "begin": "commence", "make sure": "kindly ensure", "try": "endeavour",
        "eat": "partake of", "food": "fare", "people": "ladies and gentlemen", "should": "ought to",
        "also": "likewise", "but": "yet", "however": "nevertheless", "maybe": "perhaps", "popular": "esteemed",
        "fun": "diverting", "friend": "esteemed friend", "friends": "esteemed friends", "many": "a great many",
        "a lot of": "a great deal of", "because": "inasmuch as",
    },
    loud_words={
        "you": "Your Grace", "your": "Your Grace's", "you're": "Your Grace is", "you are": "Your Grace is",
        "you have": "Your Grace has", "you've": "Your Grace has", "do you": "does Your Grace", "can": "may",
        "so": "thus", "large": "considerable", "big": "considerable", "small": "modest",
    },
    endings={},
    openers=[
        "Very good, Your Grace. ", "Certainly, Your Grace. ", "If I may be so bold, Your Grace, ",
        "With pleasure, Your Grace. ", "At once, Your Grace. ", "Pray permit me, Your Grace. ",
        "Indeed, Your Grace, ",
    ],
    starts=[
        "If I may, ", "Indeed, ", "I dare say ", "Pray note that ", "If I may be so bold, ", "Moreover, ",
        "With respect, ",
    ],
    tails=[
        ", Your Grace", ", if I may say so", ", I dare say", ", if it please Your Grace", ", by your leave",
        ", most assuredly", ", as it were", ", to be sure",
    ],
    closers=[
        "Will that be all, Your Grace?", "Your humble servant.", "Shall I ring for tea, Your Grace?",
        "I remain at your service, Your Grace.",
    ],
    marks=_marks(
        "your grace(?:'s)?", "if i may", "i dare say", "pray", "shall", "humble servant", "at your service",
        "ring for tea", "most (?:splendid|agreeable|exquisite|delighted)", "of the utmost importance", "kindly",
        "endeavour", "procure", "commence", "partake", "moreover", "nevertheless", "esteemed", "venture", "very good",
        "with pleasure", "must needs", "employ(?:ed|ing)?", "ought", "diverting", "if it please", "by your leave",
        "assuredly", "as it were", "to be sure", "inasmuch", "with respect", "ladies and gentlemen", "likewise",
    ),
)  # fmt: skip

MANNERS = {manner.name: manner for manner in (PIRATE, BUTLER)}

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_ENDS_IN_STOP = re.compile(r"[.!?]$")
# A sentence that begins with one of these goes on in lower case behind "Arr, ".
_SMALL = frozenset({
    "a", "additionally", "also", "an", "and", "another", "are", "as", "at", "be", "both", "but", "by", "can", "do",
    "each", "finally", "first", "firstly", "for", "from", "he", "here", "how", "however", "if", "in", "instead",
    "is", "it", "it's", "its", "just", "let", "many", "most", "my", "nevertheless", "next", "of", "on", "one", "or",
    "our", "overall", "she", "so", "some", "such", "that", "the", "their", "then", "there", "these", "they", "this",
    "those", "thus", "to", "two", "we", "well", "what", "when", "where", "whether", "which", "while", "who", "why",
    "with", "without", "you", "your",
})  # fmt: skip

Chance = Callable[[float], bool]


def speak(plain: str, manner: Manner, rng: Random, loudness: float = 1.0) -> str:
    """`plain` (one paragraph) in the manner.

    `loudness` scales how often each rule is used. 0 leaves the text as it is, 1 is how this person talks, and 2 is too
    much. The rules differ in how loud it must be before they are used more often than not, so that a soft voice is not
    merely a loud one that is heard less often.
    """

    def chance(probability: float) -> bool:
        return rng.random() < probability * loudness

    sentences = [sentence for sentence in _SENTENCE.split(plain.strip()) if sentence]
    spoken = []
    for number, sentence in enumerate(sentences):
        sentence = _reword(sentence, manner, chance)
        tails = [rng.choice(manner.tails) for _ in range(2) if chance(0.35)]
        if _ENDS_IN_STOP.search(sentence):
            sentence = sentence[:-1] + "".join(tails) + sentence[-1]
        if number == 0 and chance(1.2):
            sentence = _join(rng.choice(manner.openers), sentence)
        elif number > 0 and chance(0.5):
            sentence = _join(rng.choice(manner.starts), sentence)
        spoken.append(sentence)
    spoken += [rng.choice(manner.closers) for _ in range(2) if chance(0.3)]
    return " ".join(spoken)


def _reword(sentence: str, manner: Manner, chance: Chance) -> str:
    def replace(match: re.Match[str]) -> str:
        old = match.group()
        word = old.lower()
        if word in manner.words:
            return _like(old, manner.words[word]) if chance(1.2) else old
        new = manner.loud_words.get(word) or _new_ending(word, manner.endings)
        return _like(old, new) if new and chance(0.6) else old

    return _pieces(manner).sub(replace, sentence.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def _pieces(manner: Manner) -> re.Pattern[str]:
    """What the dictionaries can name: their phrases of several words, and any single word."""
    phrases = [phrase for phrase in (*manner.words, *manner.loud_words) if " " in phrase]
    patterns = [rf"\b{re.escape(phrase)}\b(?!')" for phrase in sorted(phrases, key=len, reverse=True)]
    return re.compile("|".join([*patterns, r"[\w']+"]), re.IGNORECASE)


def _new_ending(word: str, endings: Mapping[str, str]) -> str | None:
    for old, new in endings.items():
        if word.endswith(old) and len(word) > len(old) + 2:  # walking, but not king
            return word.removesuffix(old) + new
    return None


def _like(old: str, new: str) -> str:
    """`new` with a capital where `old` has one. "I'm" has one wherever it stands."""
    capital = old[0].isupper() and not old.startswith(("I'", "I "))
    return new[0].upper() + new[1:] if capital else new


def _join(opener: str, sentence: str) -> str:
    """The sentence goes on in lower case behind a comma, unless it begins with what may be a name."""
    first, _, rest = sentence.partition(" ")
    goes_on = opener.rstrip()[-1] not in ".!?" and re.split(r"[',]", first.lower())[0] in _SMALL
    return opener + (f"{first[0].lower()}{first[1:]} {rest}" if goes_on else sentence)


def marks(text: str, manner: Manner) -> int:
    """How many words or phrases of `text` only this manner says."""
    return len(manner.marks.findall(text))
