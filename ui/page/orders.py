"""How an order of a page reaches Python, and what comes back: every room brings a table of orders by their names.

An order is a function. What it takes of a message are the arguments that it has by name, with their types; of one that
is a dataclass, the fields of that. A message that lacks one, has another kind of it or has more than these is refused
before anything is done. Whatever is refused is answered in one shape: `{"refused": {"at", "why"}}`, the reason and the
field of the page that it belongs beside.
`ui/page/orders.d.ts` has the same tables as types, for the page's script (`order_types.py` writes it).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from ...lora_ops.refusals import shown
from .messages import NotUnderstood, message_of, number_of
from .trouble import FOR_PEOPLE, GARBLED, refused

if TYPE_CHECKING:
    from .studio import Studio

Answer = dict[str, Any]
#: What a message may have besides what its order takes: which order it is, a number for its answer, and the part of
#: the page that it comes from.
_ENVELOPE = ("do", "seq", "key")
#: More problems than this are counted, not read.
_MANY = 1_000
#: In place of a default, where there is none.
_NONE = (inspect.Parameter.empty, MISSING)


class Refused(ValueError):
    """An order that is not followed. `at` names the field of the page that the reason belongs beside."""

    def __init__(self, why: object, at: str = "") -> None:
        super().__init__(str(why))
        self.at = at


@dataclass(frozen=True)
class OpenPage:
    """A page that is open, and says something.

    Attributes:
        console: what it is a page of.
        id: tells it from other pages.
        chat: values of the host's `chat_inputs()`, where its order brings them.
    """

    console: Studio
    id: str = ""
    chat: Sequence[Any] = ()


class Order:
    """A function that a page may call, with what it takes."""

    def __init__(self, do: Callable[..., Any]) -> None:
        self.do = do

    @cached_property
    def takes(self) -> type[BaseModel]:
        """What it takes of a message, as pydantic checks it. Made when it is first asked for: there are many."""
        named: dict[str, Any] = {}
        for name, (kind, usual) in self._arguments.items():
            named |= _fields(kind) if is_dataclass(kind) else {name: (kind, usual)}
        taken: dict[str, Any] = {
            name: (kind, ... if usual in _NONE else usual) for name, (kind, usual) in named.items()
        }
        return create_model("Message", __config__=ConfigDict(extra="forbid", strict=True), **taken)

    @cached_property
    def _arguments(self) -> dict[str, tuple[Any, Any]]:
        """Type and default of each argument that it has by name."""
        hints = get_type_hints(self.do, include_extras=True)
        every = inspect.signature(self.do).parameters.values()
        return {one.name: (hints[one.name], one.default) for one in every if one.kind is one.KEYWORD_ONLY}

    def read(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """What a message says, as this order takes it.

        Raises:
            Refused: what its user typed there cannot be.
            NotUnderstood: it is not what a page of ours would say.
        """
        try:
            message = self.takes.model_validate(said)
        except ValidationError as error:
            raise _why_not(error) from None
        given = {name: getattr(message, name) for name in self.takes.model_fields}
        for name, (kind, _) in self._arguments.items():
            if is_dataclass(kind):
                given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})  # type: ignore[operator]
        return given


class Orders:
    """The orders of a room, by their names.

    Args:
        orders: each is called with the page that gave it, and by name with what its message says; it answers it.
        always: what goes with every answer, whatever was ordered and however that ended. It may take something of
            every message, too.
    """

    def __init__(self, orders: Mapping[str, Callable[..., Any]], always: Callable[..., Answer] | None = None) -> None:
        self.table = {name: Order(do) for name, do in orders.items()}
        self.always = Order(always) if always is not None else None

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def obey(self, page: OpenPage, said: str | Mapping[str, Any]) -> Answer:
        """Does what a page says, and answers it."""
        message: Mapping[str, Any] = {}
        answer: Answer
        try:
            message = message_of(said)
            answer = self.follow(page, message)
        except (*FOR_PEOPLE, *GARBLED) as error:
            answer = {"refused": refused(error)}
        return {"re": number_of(message), **answer, **self._always(page, message)}

    def begin(self, page: OpenPage, said: str | Mapping[str, Any]) -> Generator[Answer, None, None]:
        """Begins something that takes its time, and yields what a page must be told of it.

        Raises:
            Exception: what it ended with.
        """
        yield from self.follow(page, said)

    def follow(self, page: OpenPage, said: str | Mapping[str, Any]) -> Any:
        """What an order answers.

        Raises:
            Exception: it is none, or cannot be followed.
        """
        order, given = self.read(said)
        return order.do(page, **given)

    def read(self, said: str | Mapping[str, Any]) -> tuple[Order, dict[str, Any]]:
        """The order that a message is, and what that takes of it.

        Raises:
            ValueError: it is none; see `Order.read`.
        """
        message = message_of(said)
        name = message.get("do")
        order = self.table.get(name) if isinstance(name, str) else None
        if order is None:
            raise NotUnderstood(f"there is no order {shown(name)}")
        general = () if self.always is None else self.always.takes.model_fields
        own = order.takes.model_fields
        return order, order.read(
            {
                field: value
                for field, value in message.items()
                if field in own or field not in _ENVELOPE and field not in general
            }
        )

    def _always(self, page: OpenPage, message: Mapping[str, Any]) -> Answer:
        if self.always is None:
            return {}
        try:
            given = self.always.read(
                {name: message[name] for name in self.always.takes.model_fields if name in message}
            )
        except ValueError:
            given = {}
        return self.always.do(page, **given)


class Moves(Orders):
    """Orders of which some move faders. Their answer tells where the controls stood before, as Python knows it: a page
    that orders one after the other has not heard yet where the first one put them, and offers a way back."""

    def follow(self, page: OpenPage, said: str | Mapping[str, Any]) -> Any:
        """What an order answers, with `stood` if it has moved anything."""
        before = page.console.panel
        answer = super().follow(page, said)
        return answer if page.console.panel == before else {**answer, "stood": before.to_dict()}


def _fields(kind: Any) -> dict[str, tuple[Any, Any]]:
    """Type and default of each field of a dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: (hints[field.name], field.default) for field in fields(kind)}


def _why_not(error: ValidationError) -> ValueError:
    """What is wrong with a message, without what stands in it: that may be a prompt."""
    if error.error_count() > _MANY:
        return NotUnderstood(f"{error.error_count():,} things in it are wrong")
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    if first["type"] == "value_error":
        return Refused(first["msg"].removeprefix("Value error, "), str(first["loc"][0]))
    places = (".".join(str(part)[:40] for part in one["loc"][:4]) for one in problems[:3])
    return NotUnderstood("; ".join(f"{at}: {one['msg'][:160]}" for at, one in zip(places, problems, strict=False)))
