"""Asks all columns what a page wants to know, and tells the page as the replies grow."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ...hosts.protocol import HostError, Request
from ..page import trouble
from ..page.messages import Typed
from . import column_mixes
from .asked import Asked
from .columns import LEAST
from .grow_replies import begin, grow, sampling_of
from .prompts import chats
from .replies import shorten
from .sheet import RUNNING, Line, Row, Sheet, Teller

if TYPE_CHECKING:
    from ...hosts.protocol import Host
    from ..page.studio import Studio

Source = Literal["chat", "text", "many"]
FROM_CHAT: Source = "chat"
TYPED: Source = "text"
MANY: Source = "many"
MOST_SEEDS = 20
MOST_LENGTH = 1_000_000
#: A page that redraws more often than this does not read any smoother.
_SECONDS_BETWEEN_NEWS = 0.1
#: So much longer for every further reply that grows, up to a limit. Whatever is in it, news takes some 25 ms of a
#: processor, most of it Gradio's script and the browser's drawing: where the model runs on that processor too, it
#: waits. And nobody reads eight replies as closely as two.
_SECONDS_A_REPLY, _MOST_SECONDS_BETWEEN_NEWS = 0.03, 0.4
SAME_DICE = "Without sampling every seed says the same."


@dataclass(frozen=True)
class Wish:
    """What a page wants to ask.

    Attributes:
        source: the chat's last turn, a text, or several prompts.
        text: the text, or the prompts.
        seeds: how many seeds each question is asked under: the chat's own and those that follow it.
        batched: False for one column after the other.
        length: how many tokens a reply may have at most, if the chat's settings allow more; None leaves it to them.
    """

    source: Source = FROM_CHAT
    text: str = ""
    seeds: int = 1
    batched: bool = True
    length: int | None = None

    @classmethod
    def of(cls, source: Source, text: str, seeds: Typed, batched: bool = True, length: Typed = None) -> Wish:
        """The wish with its numbers as they were typed.

        Raises:
            ValueError: they are none, or there cannot be as many.
        """
        count = _whole(seeds, "how many seeds?")
        most = None if length in (None, "") else _whole(length, "how long may a reply get?")
        if not 1 <= count <= MOST_SEEDS:
            raise ValueError(f"there can be 1 to {MOST_SEEDS} seeds, not {count}")
        if most is not None and not 1 <= most <= MOST_LENGTH:
            raise ValueError(f"a reply can have 1 to {MOST_LENGTH:,} tokens, not {most}")
        return cls(source, text, count, batched, most)


def _whole(number: Any, question: str) -> int:
    try:
        if int(number) == float(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{question} It must be a whole number")


def ask(console: Studio, page: str, wish: Wish, values: Sequence[Any]) -> Generator[dict[str, Any], None, None]:
    """Asks, and yields news for the page that wished it; the page shows the new experiment from then on.

    Args:
        console: whose columns are asked.
        page: which page it is.
        wish: what is asked.
        values: of the host's `chat_inputs()`.

    Raises:
        HostError, ValueError, RuntimeError: for people; what was said until then stays on the page.
    """
    yield {"line": Line("Waiting for the model …", running=True).to_dict()}
    desk = console.desk()
    if desk is None:
        raise HostError("There is no adapter to compare.")
    columns = tuple(column_mixes.columns(console.lab.setup, desk, console.panel))
    asked = questions(console.host, wish, values)
    sampling = sampling_of(asked)
    seeds = [asked[0].request.seed + at for at in range(wish.seeds)]
    sheet = Sheet(
        columns=columns,
        rows=tuple(Row(one, seed, at) for at, one in enumerate(asked) for seed in seeds),
        filled=console.lab.setup.filled,
        to_chat=asked[0].request.prompt if wish.source == FROM_CHAT else None,
        limit=sampling.max_new_tokens,
        line=Line("Waiting for the model …", running=True),
        record=console.experiments.begun(desk, columns, sampling.to_dict(), console.lab.setup.filled),
    )
    if wish.seeds > 1 and sampling.do_sample is False:
        sheet.notes.append(SAME_DICE)
    run = begin(console.host, desk, sheet, asked, seeds, wish.batched)
    teller = Teller(sheet)
    console.lab.show(page, sheet)
    yield {"sheet": sheet.head(), **teller.news()}
    try:
        told = 0.0
        with closing(grow(console.comparison, sheet, run)) as changes:
            for _ in changes:
                if time.monotonic() - told >= between_news(sheet):
                    told = time.monotonic()
                    yield teller.news()
                    if len(sheet.results) < len(sheet.rows):
                        console.experiments.keep(sheet)
    except Exception as error:  # but not that the page was closed: then it says what came of it until then
        sheet.line = Line(trouble.told(error))
        raise
    finally:
        # Before the page hears that it is over: what it asks for then (to measure, to vote) belongs to what is kept.
        console.experiments.keep(sheet)
    yield teller.news()


def between_news(sheet: Sheet) -> float:
    """Seconds from one news to the next: the more replies grow, the more."""
    growing = sum(cell.state == RUNNING for row in sheet.cells for cell in row)
    longer = _SECONDS_BETWEEN_NEWS + _SECONDS_A_REPLY * max(growing - LEAST, 0)
    return min(longer, _MOST_SECONDS_BETWEEN_NEWS)


def questions(host: Host, wish: Wish, values: Sequence[Any]) -> list[Asked]:
    """What is asked, made ready by the host, none of it with a longer reply than is wished.

    Raises:
        HostError, ValueError: there is nothing to ask, or it does not fit; of several prompts it is said which.
    """
    if wish.source == FROM_CHAT:
        return [Asked.of("The chat's last turn", _limited(host.ask_again(values), wish.length))]
    if wish.source == TYPED:
        return [Asked.of(shorten(wish.text), _limited(host.ask(wish.text, values), wish.length))]
    return _several(host, wish, values)


def _limited(request: Request, length: int | None) -> Request:
    limits = [limit for limit in (length, request.sampling.max_new_tokens) if limit is not None]
    return replace(request, sampling=replace(request.sampling, max_new_tokens=min(limits))) if limits else request


def _several(host: Host, wish: Wish, values: Sequence[Any]) -> list[Asked]:
    asked = []
    for at, chat in enumerate(chats(wish.text), 1):
        label = shorten(chat.text)
        try:
            request = host.ask(chat.text, values, chat.before, chat.system)
        except HostError as error:
            raise HostError(f"Prompt {at} (“{shorten(chat.text, 40)}”): {error}") from error
        asked.append(Asked.of(label, _limited(request, wish.length), chat.messages))
    return asked
