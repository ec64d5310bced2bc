"""How text gets from Python to the page's script and back: text boxes that are in the page, but not to be seen.

What a page writes into one is an order of some room (`orders.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.context import Context

from ...hosts.toast import refusal
from .messages import counted, message_of
from .orders import Answer, OpenPage, Orders
from .trouble import FOR_PEOPLE, told

if TYPE_CHECKING:
    from .studio import Studio

#: For events. "multiple": what a page says while Gradio has not closed the event before is not dropped in silence.
QUEUED: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "multiple"}
#: Not in the queue: what must not wait behind a generation.
LIVE: dict[str, Any] = {**QUEUED, "queue": False}


@contextmanager
def at_the_root() -> Iterator[None]:
    """Builds outside of the open tab: Gradio 6 puts nothing of a tab into the page before the tab is opened."""
    block, Context.block = Context.block, Context.root_block
    try:
        yield
    finally:
        Context.block = block


def wire(elem_id: str) -> Any:
    """One such text box."""
    return gr.Textbox(elem_id=elem_id, elem_classes=["lora-mixer-wire"], show_label=False, container=False, max_lines=1)


def wires(part: str, *names: str) -> list[Any]:
    """The boxes of a part of the page, in the order of `names`."""
    with at_the_root():
        return [wire(f"lora-mixer-{part}-{name}") for name in names]


def hand_over(box: Any, part: str, name: str) -> None:
    """Has the page's script get what is written into a box: `window.loraMixer.PART.NAME(text)`."""
    there = f"window.loraMixer && window.loraMixer.{part}"
    box.change(None, [box], None, js=f"(text) => {{ {there} && window.loraMixer.{part}.{name}(text); }}")


def page_of(request: gr.Request) -> str:
    """What tells one open page from another."""
    return request.session_hash or ""


def answers(console: Studio, orders: Orders, box: Any, answer: Any, chat: Sequence[Any] = ()) -> None:
    """Has what a page writes into `box` done at once, and answered in `answer`.

    Not in the queue: an order must not wait behind a generation, Stop least of all.
    """

    def order(text: str, request: gr.Request, *values: Any) -> str:
        return counted(orders.obey(OpenPage(console, page_of(request), values), text))

    box.input(order, [box, *chat], [answer], **LIVE)


def moves_chat(console: Studio, orders: Orders, box: Any, answer: Any) -> None:
    """The same for orders that may change what stands in the host's chat: `{"chat": its new values}` goes there."""
    inputs, outputs = list(console.host.chat_inputs()), list(console.host.chat_outputs())

    def order(text: str, request: gr.Request, *values: Any) -> list[Any]:
        answer = orders.obey(OpenPage(console, page_of(request), values), text)
        moved = answer.pop("chat", None)
        return [counted(answer), *(moved if moved is not None else [gr.skip() for _ in outputs])]

    box.input(order, [box, *inputs], [answer, *outputs], **LIVE)


Begin = Callable[[OpenPage, Mapping[str, Any]], Generator[Answer, None, None]]
Ended = Callable[[OpenPage, Mapping[str, Any], str], Answer]


def follows(console: Studio, begin: Begin, box: Any, news: Any, ended: Ended, chat: Sequence[Any] = ()) -> Any:
    """Has what a page writes into `box` begun, in the queue, and told of in `news` while it takes its time.

    Args:
        console: whose page it is.
        begin: what it begins, a generator of news; see `Orders.begin`.
        box: where the page writes.
        news: where Python does.
        ended: what a page is told of one that did not end well: the message, and why; the host says so as well.
        chat: the host's `chat_inputs()`, where it needs them.

    Returns:
        Gradio's event, for what is to happen after it.
    """

    def start(text: str, request: gr.Request, *values: Any) -> Iterator[str]:
        yield from telling(begin, OpenPage(console, page_of(request), values), text, ended)

    return box.input(start, [box, *chat], [news], **QUEUED)


def telling(begin: Begin, page: OpenPage, text: str, ended: Ended) -> Iterator[str]:
    """What a page is told of something that takes its time, as text.

    Raises:
        gr.Error: it did not end well; the host shows why.
        Exception: it did not end well, and why is not for people.
    """
    message: Mapping[str, Any] = {}
    try:
        message = message_of(text)
        with closing(begin(page, message)) as all_news:
            for one in all_news:
                yield counted(one)
    except Exception as error:
        why = told(error)
        yield counted(ended(page, message, why))
        if isinstance(error, FOR_PEOPLE):
            raise refusal(why) from error
        raise
