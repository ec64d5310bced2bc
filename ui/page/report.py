"""What others need to know of a trouble that somebody had: versions, model, adapters, the end of the log.

No prompt and no reply is in it, and nothing of the log where strangers share the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from ... import __version__
from ...lora_ops import log, versions
from ...lora_ops import redaction as discreet
from .orders import Answer, OpenPage, Orders
from .wire import answers, hand_over, wires

if TYPE_CHECKING:
    from ...lora_ops import Adapter, Desk
    from .studio import Studio

#: Kinds of targets, and kinds of why not, that are named.
_MOST_NAMED = 12


def build_report(console: Studio) -> None:
    """Places the foot of the page, in which the report can be copied, where the open Gradio context is."""
    gr.HTML(f'<div id="lora-mixer-report"><span>LoRA Mixer {escape(__version__)}</span></div>')
    order, answer = wires("report", "order", "answer")
    hand_over(answer, "report", "answered")
    answers(console, ORDERS, order, answer)


def _look(page: OpenPage) -> Answer:
    return {"report": report(page.console)}


ORDERS = Orders({"look": _look})


def report(console: Studio) -> str:
    """The report, as text."""
    return discreet.discreet("\n".join(_lines(console)))


def _lines(console: Studio) -> Iterator[str]:
    host, desk = console.host, console.desk()
    yield versions.in_a_line()
    yield f"Host: {host.name}{', shared by strangers' if host.multi_user else ''}"
    yield f"Model: {host.model_name or 'none'}{_kind(host.model)}"
    trouble = console.trouble if desk is None else None
    if trouble is not None:
        yield f"Trouble: {trouble.title}: {trouble.advice}"
    if desk is not None:
        yield from _adapters(console, desk)
    if lines := log.last_lines(host.user_data):
        yield from ("", f"The end of {log.NAME}:", *lines)


def _kind(model: Any) -> str:
    """What sort of model it is, as far as it tells."""
    config = getattr(model, "config", None)
    dtype, device = (str(getattr(model, name, "")).removeprefix("torch.") for name in ("dtype", "device"))
    named = [*(getattr(config, "architectures", None) or [getattr(config, "model_type", "")])[:1], dtype, device]
    if quantized := getattr(model, "quantization_method", None):
        named.append(f"quantized by {getattr(quantized, 'value', quantized)}")
    return f" ({', '.join(filter(None, map(str, named)))})" if any(named) else ""


def _adapters(console: Studio, desk: Desk) -> Iterator[str]:
    for adapter in desk.adapters.values():
        on = "on" if console.panel.mix[adapter.name].on else "off"
        yield f"Adapter: {adapter.name}, {adapter.method}, {_ranks(adapter)}, {on}; targets: {_targets(adapter)}"


def _ranks(adapter: Adapter) -> str:
    ranks = sorted({target.rank for target in adapter.scalable})
    return f"rank {', '.join(map(str, ranks))}" if ranks else "no rank"


def _targets(adapter: Adapter) -> str:
    kinds = ", ".join(adapter.kinds[:_MOST_NAMED]) + (" …" if len(adapter.kinds) > _MOST_NAMED else "")
    fixed = [target for target in adapter.targets if not target.scalable]
    reasons = list(dict.fromkeys(target.reason for target in fixed))[:_MOST_NAMED]
    more = f"; {len(fixed)} without a fader ({'; '.join(reasons)})" if fixed else ""
    return f"{len(adapter.scalable)} ({kinds}){more}"
